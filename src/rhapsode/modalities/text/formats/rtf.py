"""RTF: rich text of many word processors."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.text.formats._paragraphs import joined

TOKEN = re.compile(
    r"\\(?:(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|'(?P<hex>[0-9A-Fa-f]{2})|(?P<sign>[^A-Za-z]))"
    r"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
SKIPPED = re.compile(
    "fonttbl|colortbl|stylesheet|info|pict|object|header[lrf]?|footer[lrf]?|filetbl|listtable|listoverridetable|rsidtbl|"
    "generator|themedata|datastore|latentstyles|xmlnstbl|fldinst|bkmkstart|bkmkend|mmathPr|annotation|atnid|atnauthor|"
    "revtbl|bin"
)
"""Groups without text of the document."""
SIGNS = {
    **dict.fromkeys(("par", "sect", "page", "row", "column"), "\n\n"),
    **{"line": "\n", "tab": "\t", "cell": "\t", "emdash": "—", "endash": "–", "bullet": "•", "emspace": " "},
    **{"lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "enspace": " ", "nestcell": "\t"},
}
ESCAPED = {"~": "\xa0", "_": "-", "-": "", "\n": "\n\n", "\r": "\n\n", "\\": "\\", "{": "{", "}": "}"}


class _Group(NamedTuple):
    skipped: bool = False
    fallback: int = 1  # characters that stand for one of Unicode, for readers without it


def read(source: Source, refused: Refusals) -> Iterator[str]:
    text = source.data().decode("latin-1")
    if not text.startswith("{\\rtf"):
        raise UserError(f"{source.name}: no RTF.")
    yield joined(re.split(r"\n{2,}", _text(text)))


def _text(source: str) -> str:
    codec, group, groups = "cp1252", _Group(), list[_Group]()
    pieces: list[str] = []
    held = bytearray()  # bytes of the code page, of which several may be one character
    swallow = 0

    def flush() -> None:
        if held:
            pieces.append(bytes(held).decode(codec, "replace"))
            held.clear()

    for token in TOKEN.finditer(source):
        word, number, code, sign, brace, text = token.group("word", "number", "hex", "sign", "brace", "text")
        if code or text:
            data = bytes([int(code, 16)]) if code else text.encode("latin-1")
            cut = min(swallow, len(data))
            swallow -= cut
            if not group.skipped:
                held += data[cut:]
            continue
        if brace == "{":
            flush()
            groups.append(group)
        elif brace == "}":
            flush()
            group = groups.pop() if groups else _Group()
            swallow = 0
        elif sign == "*":
            group = group._replace(skipped=True)
        elif word == "ansicpg" and number:
            codec = _codec(number)
        elif word == "uc" and number:
            group = group._replace(fallback=min(9, abs(int(number))))
        elif word and SKIPPED.fullmatch(word):
            group = group._replace(skipped=True)
        elif not group.skipped and word == "u" and number:
            flush()
            pieces.append(chr(int(number) % 0x10000))
            swallow = group.fallback
        elif not group.skipped and (made := SIGNS.get(word) if word else ESCAPED.get(sign)):
            flush()
            pieces.append(made)
    flush()
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins surrogates


def _codec(number: str) -> str:
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return "cp1252"


FORMAT = Format(title="RTF", recognises=lambda head: head.startswith(b"{\\rtf"), read=read)
