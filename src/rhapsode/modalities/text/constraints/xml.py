"""XML: well-formed content, or a document if it begins as one (XML 1.0, Namespaces in XML 1.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from rhapsode.modalities.text.constraints._walk import Refused, Walk, deeper, unexpected

Namespaces: TypeAlias = Mapping[str, str]
Open: TypeAlias = "tuple[str, Namespaces, Open] | None"
"""The elements that are open, the innermost first: name, namespaces, and the others."""

LETTERS = (
    r"A-Z_a-z\xC0-\xD6\xD8-\xF6\xF8-\u0131\u014A-\u017E\u0180-\u01C3\u01CD-\u01F0\u0250-\u02A8\u03A3-\u03CE\u040E-\u044F"
    r"\u045E-\u0481\u0490-\u04C4\u0531-\u0556\u0561-\u0586\u05D0-\u05EA\u0621-\u063A\u0905-\u0939\u0E01-\u0E2E"
    r"\u1E00-\u1E9B\u1EA0-\u1EF9\u3041-\u3094\u30A1-\u30FA\u4E00-\u9FA5\uAC00-\uD7A3"
)
"""What may begin a name: the letters on which the editions of XML agree, without the smallest blocks."""
START = re.compile(f"[{LETTERS}]")
NAME = re.compile(f"[{LETTERS}0-9.\xb7-]*")
SPACE = " \t\r\n"
SPACES = re.compile(r"[ \t\r\n]*")
PLAIN = re.compile(r"[^<&\]]*")
VALUES = {'"': re.compile(r'[^<&"]*'), "'": re.compile(r"[^<&']*")}
ENTITY = re.compile(r"amp|lt|gt|quot|apos|#[0-9]{1,8}|#x[0-9a-fA-F]{1,7}")
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
DECLARATION = re.compile(
    r"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    r"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"(?i:utf-8)"|'(?i:utf-8)'))?"""
    r"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>"""
)
WORD = rf"[{LETTERS}][{LETTERS}0-9.\xb7-]*"
PUBLIC = r"""(?:"[ \r\na-zA-Z0-9'()+,./:=?;!*#@$_%-]*"|'[ \r\na-zA-Z0-9()+,./:=?;!*#@$_%-]*')"""
DOCTYPE = re.compile(
    rf"""<!DOCTYPE[ \t\r\n]+{WORD}(?::{WORD})?(?:[ \t\r\n]+(?:SYSTEM|PUBLIC[ \t\r\n]+{PUBLIC})"""
    r"""[ \t\r\n]+(?:"[^"]*"|'[^']*'))?[ \t\r\n]*>"""
)
BANGS = ("<!--", "<![CDATA[", "<!DOCTYPE")
XML = "http://www.w3.org/XML/1998/namespace"
XMLNS = "http://www.w3.org/2000/xmlns/"
URI = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
"""What names a namespace (RFC 3986); libxml2 refuses others."""
LONGEST = 2000
"""Of a declaration, in characters."""


class Xml(Walk):
    """Elements and text, as they may stand within an element. Where the text begins with `<?xml` or a document type, it
    is a document: one element, and prefixes must be declared. A document type has no inner part, and the only entities
    are the five that XML knows."""

    name = "xml"
    breaks = re.compile(rb"[ \n>]")
    _illegal = ILLEGAL

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode = Xml._text
        self._open: Open = None
        self._depth = 0
        self._document: bool | None = None  # None: so far it may be either
        self._begun = False  # anything was read
        self._typed = self._root = False  # the document type, the outermost element were there
        self._token = ""
        self._tag = ""
        self._attribute = ""
        self._attributes: tuple[tuple[str, str], ...] = ()
        self._quote = ""
        self._value = ""

    def _whole(self) -> bool:
        return self._mode in (Xml._text, Xml._brackets) and self._open is None and (self._root or not self._document)

    def _rests(self) -> bool:
        return self._mode is Xml._text and self._last in " \n>"

    def _end(self) -> str | None:
        mode, start = self._mode, ""
        if mode in (Xml._inside, Xml._spaced) and self._fault() is None:
            start = "/>"
        elif mode is Xml._slash and self._fault() is None:
            start = ">"
        elif mode is Xml._quoted and self._attribute.split(":")[0] != "xmlns":
            if self._fault() is not None:
                return None
            start = self._quote + "/>"
        elif mode is Xml._closing_name and self._open is not None:
            name = self._open[0]
            return name[len(self._token) :] + ">" + self._tags(self._open[2])
        elif mode is Xml._closed and self._open is not None:
            return ">" + self._tags(self._open[2])
        elif mode is Xml._comment:
            start = "-->"[self._count :]
        elif mode is Xml._cdata:
            start = "]]>"[self._count :]
        elif mode is Xml._instruction:
            start = "?>"[self._count :]
        elif mode not in (Xml._text, Xml._brackets):
            return None
        if self._open is None and self._document and not (self._root or mode in (Xml._inside, Xml._spaced, Xml._slash)):
            return None if mode is not Xml._quoted else start
        return start + self._tags(self._open)

    @staticmethod
    def _tags(rest: Open) -> str:
        parts = []
        while rest is not None:
            parts.append(f"</{rest[0]}>")
            rest = rest[2]
        return "".join(parts)

    def _content(self, at: int, what: str) -> None:
        """An element or a text begins here."""
        if self._open is None:
            if self._document is None:
                self._document = False
            elif self._document and (self._root or what != "an element"):
                raise Refused(at, f"{what} cannot stand outside the one element of a document")

    # Text.

    def _text(self, text: str, i: int) -> int:
        if not self._begun:
            self._begun = True
            if text[i] == "\ufeff":
                self._begun = False
                return i + 1
            if text[i] == "<":
                self._mode, self._token = Xml._less, "<"  # a declaration may follow
                return i + 1
        if self._open is None and self._document is not False:
            i = SPACES.match(text, i).end()  # type: ignore[union-attr]  # it matches everywhere
            if i == len(text):
                return i
            if text[i] != "<":
                self._content(i, "text")
        i = PLAIN.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] == "<":
            self._mode, self._token = Xml._less, ""
        elif text[i] == "&":
            self._mode, self._token = Xml._entity, ""
            self._quote = ""
        else:
            self._mode, self._count = Xml._brackets, 1
        return i + 1

    def _brackets(self, text: str, i: int) -> int:
        if text[i] == "]":
            self._count += 1
            return i + 1
        if text[i] == ">" and self._count > 1:
            raise Refused(i, "]]> may not stand in a text; write ]]&gt;")
        self._mode = Xml._text
        return i

    def _entity(self, text: str, i: int) -> int:
        """Behind an ampersand, of a text or of a value in `_quote`."""
        c = text[i]
        if c != ";":
            token = self._token + c
            known = any(name.startswith(token) for name in ENTITIES)
            if not (known or (token[0] == "#" and re.fullmatch(r"#([0-9]{0,8}|x[0-9a-fA-F]{0,7})", token))):
                raise Refused(i, f"&{token} begins none of the entities that XML knows, &amp; &lt; &gt; &quot; &apos;")
            self._token = token
            return i + 1
        if not ENTITY.fullmatch(self._token):
            unexpected(text, i, "the rest of an entity")
        if self._token[0] == "#":
            number = int(self._token[2:], 16) if self._token[1] == "x" else int(self._token[1:])
            if number > 0x10FFFF or 0xD800 <= number < 0xE000 or ILLEGAL.match(chr(number)):
                raise Refused(i, f"&{self._token}; is no character of XML")
            character = chr(number)
        else:
            character = ENTITIES[self._token]
        self._mode = Xml._quoted if self._quote else Xml._text
        if self._quote and self._attribute.startswith("xmlns"):
            self._value += character
        return i + 1

    # Behind `<`.

    def _less(self, text: str, i: int) -> int:
        c, first = text[i], self._token == "<"
        if c == "/":
            if self._open is None:
                raise Refused(i, "an end tag, but no element is open")
            self._mode, self._token = Xml._closing_name, ""
        elif c == "!":
            self._mode, self._token = Xml._bang, "<!"
        elif c == "?":
            self._mode, self._token, self._attribute = Xml._target, "", "first" if first else ""
        elif START.match(c):
            self._content(i, "an element")
            self._mode, self._tag, self._attributes = Xml._opening_name, "", ()
            return i
        else:
            unexpected(text, i, "a name (write &lt; for the character <)")
        return i + 1

    def _bang(self, text: str, i: int) -> int:
        self._token += text[i]
        if not any(bang.startswith(self._token) for bang in BANGS):
            raise Refused(i, f"{self._token} begins neither a comment nor a CDATA section")
        if self._token == "<!--":
            self._mode, self._count = Xml._comment, 0
        elif self._token == "<![CDATA[":
            self._content(i, "a CDATA section")
            self._mode, self._count = Xml._cdata, 0
        elif self._token == "<!D" and (self._document is False or self._typed or self._root or self._open is not None):
            raise Refused(i, "a document type stands only once, before the outermost element")
        elif self._token == "<!DOCTYPE":
            self._document = self._typed = True
            self._mode, self._quote = Xml._doctype, ""
        return i + 1

    def _comment(self, text: str, i: int) -> int:
        if self._count == 2:
            if text[i] != ">":
                raise Refused(i, "-- may not stand in a comment")
            self._mode = Xml._text
        elif text[i] == "-":
            self._count += 1
        else:
            end = text.find("-", i)
            self._count = 0
            return len(text) if end < 0 else end
        return i + 1

    def _cdata(self, text: str, i: int) -> int:
        return self._section(text, i, "]", 2, Xml._text)

    def _target(self, text: str, i: int) -> int:
        """The name of a processing instruction."""
        if not self._token and not START.match(text[i]):
            unexpected(text, i, "the name of an instruction")
        end = NAME.match(text, i).end()  # type: ignore[union-attr]
        self._token += text[i:end]
        if end == len(text):
            return end
        if self._token.lower() == "xml":
            if not self._attribute or self._token != "xml":
                raise Refused(end, "<?xml stands only at the very beginning")
            if text[end] not in SPACE:
                unexpected(text, end, "white space")
            self._document = True
            self._mode, self._token = Xml._declaration, "<?xml"
            return end
        if text[end] not in " \t\r\n?":
            unexpected(text, end, "white space or ?>")
        self._mode, self._count = Xml._instruction, 0
        if text[end] == "?":
            self._mode = Xml._ended
            return end + 1
        return end

    def _ended(self, text: str, i: int) -> int:
        if text[i] != ">":
            unexpected(text, i, ">")
        self._mode = Xml._text
        return i + 1

    def _instruction(self, text: str, i: int) -> int:
        return self._section(text, i, "?", 1, Xml._text)

    def _declaration(self, text: str, i: int) -> int:
        end = min(text.find(">", i) + 1 or len(text), i + LONGEST - len(self._token))
        self._token += text[i:end]
        if text[end - 1] == ">":
            if not DECLARATION.fullmatch(self._token):
                raise Refused(end - 1, 'this is not <?xml version="1.0" encoding="UTF-8"?>')
            self._mode = Xml._text
        elif len(self._token) >= LONGEST:
            raise Refused(end - 1, "the XML declaration does not end")
        return end

    def _doctype(self, text: str, i: int) -> int:
        c = text[i]
        self._token += c
        if self._quote:
            self._quote = "" if c == self._quote else self._quote
        elif c in "\"'":
            self._quote = c
        elif c in "[<":
            raise Refused(i, "a document type with an inner part is not supported")
        elif c == ">":
            if not DOCTYPE.fullmatch(self._token):
                raise Refused(i, "this document type is not well-formed")
            self._mode = Xml._text
        if len(self._token) > LONGEST:
            raise Refused(i, "the document type does not end")
        return i + 1

    # Tags.

    def _name(self, text: str, i: int, name: str) -> tuple[int, str]:
        """Goes on with a name that has at most one colon, with a part on each side. Raises `Refused`."""
        while i < len(text):
            if (not name or name[-1] == ":") and not START.match(text[i]):
                unexpected(text, i, "a name")
            end = NAME.match(text, i).end()  # type: ignore[union-attr]
            name += text[i:end]
            i = end
            if i < len(text) and text[i] == ":" and ":" not in name:
                name, i = name + ":", i + 1
            else:
                break
        return i, name

    def _opening_name(self, text: str, i: int) -> int:
        i, self._tag = self._name(text, i, self._tag)
        if i < len(text):
            if self._tag.startswith("xmlns:"):
                raise Refused(i, "the prefix xmlns declares prefixes, and is not for elements")
            self._mode = Xml._inside
        return i

    def _inside(self, text: str, i: int) -> int:
        """In a tag, directly behind its name or a value."""
        c = text[i]
        if c in SPACE:
            self._mode = Xml._spaced
        elif c == "/":
            self._mode = Xml._slash
        elif c == ">":
            self._start(i)
            self._mode = Xml._text
        else:
            unexpected(text, i, "white space or the end of the tag")
        return i + 1

    def _spaced(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] in "/>":
            self._mode = Xml._inside
            return i
        if not START.match(text[i]):
            unexpected(text, i, "an attribute or the end of the tag")
        self._mode, self._attribute, self._value = Xml._attribute_name, "", ""
        return i

    def _attribute_name(self, text: str, i: int) -> int:
        i, self._attribute = self._name(text, i, self._attribute)
        if i < len(text):
            if any(self._attribute == name for name, _ in self._attributes):
                raise Refused(i, f"the attribute {self._attribute} stands twice")
            self._mode = Xml._equals
        return i

    def _equals(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i < len(text):
            if text[i] != "=":
                unexpected(text, i, "=")
            self._mode = Xml._before
            i += 1
        return i

    def _before(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i < len(text):
            if text[i] not in "\"'":
                unexpected(text, i, "a value in quotes")
            self._mode, self._quote = Xml._quoted, text[i]
            i += 1
        return i

    def _quoted(self, text: str, i: int) -> int:
        end = VALUES[self._quote].match(text, i).end()  # type: ignore[union-attr]
        if self._attribute.startswith("xmlns"):
            self._value += text[i:end]
        if end == len(text):
            return end
        if text[end] == "<":
            raise Refused(end, "< may not stand in a value; write &lt;")
        if text[end] == "&":
            self._mode, self._token = Xml._entity, ""
        else:
            self._attributes += ((self._attribute, self._value),)
            self._declared(end)
            self._mode = Xml._inside
        return end + 1

    def _declared(self, at: int) -> None:
        """A value is complete. If it declares a namespace, check that it may."""
        prefix, _, name = self._attribute.partition(":")
        if prefix != "xmlns":
            return
        uri = self._value
        wrong = name and not uri
        wrong = wrong or name == "xmlns" or uri == XMLNS or (name == "xml") != (uri == XML) or not URI.fullmatch(uri)
        if wrong:
            raise Refused(at, f"{self._attribute} may not be {uri!r}")

    def _slash(self, text: str, i: int) -> int:
        if text[i] != ">":
            unexpected(text, i, ">")
        self._start(i)
        self._pop()
        return i + 1

    def _scope(self) -> Namespaces:
        """The prefixes that are declared in the tag that is being read."""
        outer: Namespaces = self._open[1] if self._open is not None else MappingProxyType({"xml": XML})
        new = {name[6:]: uri for name, uri in self._attributes if name.startswith("xmlns:")}
        return MappingProxyType({**outer, **new}) if new else outer

    def _fault(self) -> str | None:
        """What is wrong with the prefixes of the tag that is being read."""
        prefixed = ":" in self._tag or any(":" in name for name, _ in self._attributes)
        if not prefixed and not (self._mode is Xml._quoted and ":" in self._attribute):
            return None
        scope, seen = self._scope(), set()
        names = [name for name, _ in self._attributes]
        if self._mode is Xml._quoted:
            names.append(self._attribute)
        for name in [self._tag, *names]:
            prefix, colon, local = name.partition(":")
            if not colon or prefix == "xmlns":
                continue
            if prefix not in scope and self._document:
                return f"the prefix {prefix} is not declared"
            expanded = scope.get(prefix, ":" + prefix), local
            if name is not self._tag and expanded in seen:
                return f"the attribute {name} stands twice"
            if name is not self._tag:
                seen.add(expanded)
        return None

    def _start(self, at: int) -> None:
        """A start tag is complete."""
        if fault := self._fault():
            raise Refused(at, fault)
        self._depth = deeper(at, self._depth)
        self._open = (self._tag, self._scope(), self._open)

    def _pop(self) -> None:
        assert self._open is not None
        self._open, self._mode = self._open[2], Xml._text
        self._depth -= 1
        self._root = self._root or self._open is None

    def _closing_name(self, text: str, i: int) -> int:
        assert self._open is not None
        name, done = self._open[0], len(self._token)
        rest = name[done:]
        part = text[i : i + len(rest)]
        if not rest.startswith(part):
            same = next(k for k, (a, b) in enumerate(zip(rest, part, strict=False)) if a != b)
            raise Refused(i + same, f"</{name}> must stand here, which ends what is open")
        self._token += part
        if len(part) == len(rest):
            self._mode = Xml._closed
        return i + len(part)

    def _closed(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i < len(text):
            if text[i] != ">":
                unexpected(text, i, f"the end of </{self._token}>")
            self._pop()
            i += 1
        return i
