"""Escapes such as `\\n` in the texts that options take: a shell passes them on as they were typed."""

from __future__ import annotations

import re

from rhapsode.errors import UserError

KNOWN = r"\n, \t, \r, \\, \xHH (a byte) and \uHHHH (a character)"
"""All escapes, for help and messages."""
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.?)")


def unescaped(text: str, option: str) -> str:
    r"""`text` of a command line's `option`, each escape replaced by what it stands for.

    A byte from \x80 on becomes the lone surrogate that stands for it in arguments of a command line, so that
    `reader.as_bytes` gives the byte. Raises `UserError` for an escape that is not one of `KNOWN`.
    """

    def replaced(match: re.Match[str]) -> str:
        escape = match[1]
        if escape in _SIMPLE:
            return _SIMPLE[escape]
        code = int(escape[1:], 16) if len(escape) > 1 else -1
        if code < 0 or 0xD800 <= code < 0xE000:
            why = "is half of a surrogate pair" if code > 0 else "is no escape"
            raise UserError(f"{option}: {match[0]} {why}. Escapes are {KNOWN}; a backslash itself is \\\\.")
        return chr(code + 0xDC00) if escape[0] == "x" and code >= 0x80 else chr(code)

    return _ESCAPE.sub(replaced, text)
