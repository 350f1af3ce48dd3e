"""JSON: one or more texts of RFC 8259 with white space between them, so also lines of JSON."""

from __future__ import annotations

import re
from typing import TypeAlias

from rhapsode.modalities.text.constraints._walk import Refused, Walk, deeper, unexpected

Open: TypeAlias = "tuple[str, Open] | None"
"""The brackets that are open, the innermost first: `[` or `{`, and the others."""

SPACE = " \t\n\r"
SPACES = re.compile(r"[ \t\n\r]*")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
DIGITS = re.compile(r"[0-9]*")
LITERALS = {"t": "rue", "f": "alse", "n": "ull"}
ENDING = '"[]{} \t\r\n0123456789el'
"""Characters behind which a text can be settled."""
ENDS = {"[": "]", "{": "}"}
NUMBER = {
    "-": {"0": "0", "1-9": "int"},
    "0": {".": ".", "e": "e"},
    "int": {"0": "int", "1-9": "int", ".": ".", "e": "e"},
    ".": {"0": "fraction", "1-9": "fraction"},
    "fraction": {"0": "fraction", "1-9": "fraction", "e": "e"},
    "e": {"0": "exponent", "1-9": "exponent", "+": "sign"},
    "sign": {"0": "exponent", "1-9": "exponent"},
    "exponent": {"0": "exponent", "1-9": "exponent"},
}
"""Part of a number → class of the next character → part."""
CLASSES = {"0": "0", ".": ".", "e": "e", "E": "e", "+": "+", "-": "+"} | dict.fromkeys("123456789", "1-9")
COMPLETE = ("0", "int", "fraction", "exponent")
"""Parts behind which a number may end."""
DIGITS_AT_MOST = 4000
"""Python's own parser refuses a number of more than 4300 digits."""


class Json(Walk):
    """Strict: no NaN, no half of a surrogate pair, no comma behind the last item. An empty text is incomplete."""

    name = "json"
    breaks = re.compile(rb'["\[\]{} \t\r\n0-9el]')

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode = Json._value
        self._open: Open = None
        self._depth = 0
        self._any = False  # whether a text is complete
        self._first = True  # in a list or an object: nothing has been read yet
        self._key = False  # the string that is read, or was, is a key
        self._token = ""  # of a number its part, of a literal or an escape what is read or wanted
        self._length = 0  # of a number, in digits
        self._high = False  # behind the first half of a surrogate pair

    def _whole(self) -> bool:
        if self._open is not None:
            return False
        if self._mode is Json._number:
            return self._token in COMPLETE
        return self._mode is Json._after or (self._mode is Json._value and self._any)

    def _rests(self) -> bool:
        if self._mode is Json._string:
            return self._last == " " and not self._high
        return self._last in ENDING and (
            self._whole() or self._mode is Json._after or (self._first and self._mode in (Json._value, Json._name))
        )

    def _end(self) -> str | None:
        if self._mode is Json._string and not self._key and not self._high:
            start = '"'
        elif self._mode is Json._literal:
            start = self._token
        elif (
            self._mode is Json._after
            or (self._mode is Json._number and self._token in COMPLETE)
            or (self._first and self._open is not None and self._mode in (Json._value, Json._name))
        ):
            start = ""
        else:
            return None
        parts, rest = [start], self._open
        while rest is not None:
            parts.append(ENDS[rest[0]])
            rest = rest[1]
        return "".join(parts)

    def _push(self, bracket: str, at: int) -> None:
        self._depth = deeper(at, self._depth)
        self._open, self._first = (bracket, self._open), True
        self._mode = Json._value if bracket == "[" else Json._name

    def _pop(self) -> None:
        assert self._open is not None
        self._open, self._mode = self._open[1], Json._after
        self._depth -= 1
        self._done()

    def _done(self) -> None:
        """A value is complete."""
        self._mode, self._first = Json._after, False
        self._any = self._any or self._open is None

    def _value(self, text: str, i: int) -> int:
        """Before a value."""
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]  # it matches everywhere
        if i == len(text):
            return i
        c = text[i]
        if c == '"':
            self._mode, self._key = Json._string, False
        elif c in "[{":
            self._push(c, i)
        elif c in LITERALS:
            self._mode, self._token = Json._literal, LITERALS[c]
        elif c in "-0123456789":
            self._mode, self._token = Json._number, c if c in "-0" else "int"
            self._length = 1
        elif c == "]" and self._first and self._open is not None and self._open[0] == "[":
            self._pop()
        else:
            unexpected(text, i, "a value")
        return i + 1

    def _name(self, text: str, i: int) -> int:
        """Before a key."""
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] == '"':
            self._mode, self._key = Json._string, True
        elif text[i] == "}" and self._first:
            self._pop()
        else:
            unexpected(text, i, "a key in quotes")
        return i + 1

    def _colon(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] != ":":
            unexpected(text, i, "a colon")
        self._mode, self._first = Json._value, False
        return i + 1

    def _after(self, text: str, i: int) -> int:
        """Behind a value."""
        if self._open is None:
            if text[i] not in SPACE:
                unexpected(text, i, "white space before the next value")
            self._mode = Json._value
            return i + 1
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        end = ENDS[self._open[0]]
        if text[i] == ",":
            self._mode = Json._value if end == "]" else Json._name
        elif text[i] == end:
            self._pop()
        else:
            unexpected(text, i, f"a comma or {end}")
        return i + 1

    def _string(self, text: str, i: int) -> int:
        end = PLAIN.match(text, i).end()  # type: ignore[union-attr]
        if self._high and (end > i or text[i] != "\\"):
            raise Refused(i, "the second half of a surrogate pair is missing")
        if end == len(text):
            return end
        c = text[end]
        if c == "\\":
            self._mode, self._token = Json._escape, ""
        elif c == '"':
            if self._key:
                self._mode = Json._colon
            else:
                self._done()
        else:
            raise Refused(end, f"the character U+{ord(c):04X} must be written as an escape in a string")
        return end + 1

    def _escape(self, text: str, i: int) -> int:
        """Behind a backslash."""
        c = text[i]
        if not self._token:
            if c not in ("u" if self._high else '"\\/bfnrtu'):
                unexpected(text, i, "the rest of a surrogate pair" if self._high else "an escape")
            self._token = "u" if c == "u" else ""
            if c != "u":
                self._mode = Json._string
            return i + 1
        if c not in "0123456789abcdefABCDEF":
            unexpected(text, i, "a hexadecimal digit")
        self._token += c.lower()
        low = self._token[1] == "d" and self._token[2:3] and self._token[2] in "cdef"
        if self._high and not (self._token == "ud" or low):
            raise Refused(i, "the second half of a surrogate pair is missing")
        if not self._high and low:
            raise Refused(i, "this is the second half of a surrogate pair, without the first")
        if len(self._token) == 5:
            self._high = not self._high and self._token[1] == "d" and self._token[2] in "89ab"
            self._mode = Json._string
        return i + 1

    def _number(self, text: str, i: int) -> int:
        part = NUMBER[self._token].get(CLASSES.get(text[i], ""))
        if part is None:
            if self._token not in COMPLETE:
                unexpected(text, i, "a digit")
            self._done()
            return i
        self._token = part
        if part not in COMPLETE:
            return i + 1
        end = DIGITS.match(text, i + 1).end() if part != "0" else i + 1  # type: ignore[union-attr]
        self._length += end - i
        if self._length > DIGITS_AT_MOST:
            raise Refused(end - self._length + DIGITS_AT_MOST, f"a number of more than {DIGITS_AT_MOST} digits")
        return end

    def _literal(self, text: str, i: int) -> int:
        if text[i] != self._token[0]:
            unexpected(text, i, repr(self._token[0]))
        self._token = self._token[1:]
        if not self._token:
            self._done()
        return i + 1
