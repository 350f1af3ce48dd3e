"""HTML: tags that nest and end, as the HTML standard has them (its syntax, section 13.1, and its parser, 13.2)."""

from __future__ import annotations

import re
from html.entities import html5
from typing import TypeAlias

from rhapsode.data.constraint import Verdict
from rhapsode.modalities.text.constraints._walk import Refused, Walk, deeper, names, unexpected

Open: TypeAlias = "tuple[str, int, Open] | None"
"""The elements that are open, the innermost first: name, what it or those around it are (flags), and the others."""

VOID = names("area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
OPTIONAL = names("html head body p li dt dd rt rp rb rtc optgroup option colgroup caption thead tbody tfoot tr td th")
"""Elements whose end tag may be left out where the one around them ends."""
RAW = names("script style textarea title xmp iframe noembed noframes")
"""Elements with text in which tags mean nothing."""
ENDS_P = names(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr li dt dd listing main menu nav ol p pre search section summary table "
    "ul"
)
"""Elements that end a paragraph as they begin."""
ROWS, CELLS = frozenset(("tbody", "thead", "tfoot")), frozenset(("td", "th"))
TABLE = frozenset(("table", "tr", "colgroup", *ROWS))
"""Elements of tables in which no text stands."""
ENDED_BY = {
    "li": frozenset(("li",)),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    "option": frozenset(("option",)),
    "optgroup": frozenset(("option", "optgroup")),
    "rt": frozenset(("rt", "rp", "rb")),
    "rp": frozenset(("rt", "rp", "rb")),
    "td": CELLS,
    "th": CELLS,
    "tr": frozenset(("tr", "caption", "colgroup", *CELLS)),
    "body": frozenset(("head",)),
    "caption": frozenset(("caption", "colgroup")),
    "colgroup": frozenset(("caption", "colgroup")),
    "col": frozenset(("caption",)),
} | {rows: frozenset(("tr", "caption", "colgroup", *ROWS, *CELLS)) for rows in ROWS}
"""Element that begins → elements that end there."""
STANDS_IN = {
    "td": frozenset(("tr",)),
    "th": frozenset(("tr",)),
    "tr": frozenset(("table", *ROWS)),
    "tbody": frozenset(("table",)),
    "thead": frozenset(("table",)),
    "tfoot": frozenset(("table",)),
    "caption": frozenset(("table",)),
    "colgroup": frozenset(("table",)),
    "col": frozenset(("colgroup", "table")),
    "head": frozenset(("html",)),
    "body": frozenset(("html",)),
    "html": frozenset(),
}
ANYWHERE = frozenset(["script", "style", "template"])
IN_HEAD = names("title base basefont bgsound link meta script style template noscript noframes")
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
P, LI, DT, A, FORM, BUTTON, SVG, MATH = (1 << k for k in range(8))
FOREIGN = SVG | MATH
FLAGS = {"p": P, "li": LI, "dt": DT, "dd": DT, "a": A, "form": FORM, "button": BUTTON, "svg": SVG, "math": MATH}
NOT_TWICE = {"a": A, "form": FORM, "button": BUTTON}
SCOPE = names("applet caption html table td th marquee object template")
"""Elements in which paragraphs, lists, links and buttons begin anew."""
INLINE = names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr output q s samp "
    "small span strike strong sub sup time tt u var address div p"
)
"""Elements through which an item of a list is still open."""
HTML_INSIDE = {SVG: names("foreignobject desc title"), MATH: names("mi mo mn ms mtext")}
"""Elements of SVG and MathML that hold HTML."""
BREAKS_OUT = names(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"
)
"""Elements at which browsers take SVG and MathML for ended."""
FORMATTING = names("a b big code em font i nobr s small strike strong tt u")
"""Elements whose end tags end nothing else."""
INNER = names("option optgroup rb rp rt rtc")
"""Elements that any other end tag may end, too; see `_reach`."""
BLOCKS = ENDS_P | (OPTIONAL - INNER) | SCOPE | names("button select")
BEGUN, IN_THE_HEAD, HEAD_ENDED, IN_THE_BODY, BODY_ENDED, ENDED = range(1, 7)
"""How far a page is; 0: it has not begun."""
PAGE = {"html": BEGUN, "head": IN_THE_HEAD, "body": IN_THE_BODY, "frameset": IN_THE_BODY}
PAGE_ENDS = {"head": HEAD_ENDED, "body": BODY_ENDED, "html": ENDED}
"""The elements of which a page consists, whose tags may all be left out."""
KNOWN = (VOID | OPTIONAL | RAW | ENDS_P | SCOPE | INLINE) | names(
    "audio button canvas datalist legend map math menuitem meter noscript picture plaintext portal progress ruby "
    "select slot strike svg template video blink content frameset multicol nextid noindex rp shadow spacer"
)
"""Elements of HTML, old ones too. Others need a hyphen in their names: they are those of a page (custom elements)."""

SPACE = " \t\n\r\f"
SPACES = re.compile(r"[ \t\n\r\f]*")
PLAIN = re.compile(r"[^<&]*")
TAG = re.compile(r"[A-Za-z0-9:._-]*")
ATTRIBUTE = re.compile(r"""[^ \t\n\r\f"'<>/=]*""")
VALUES = {'"': re.compile(r'[^&"]*'), "'": re.compile(r"[^&']*"), "": re.compile(r"""[^ \t\n\r\f"'<>=`&]*""")}
REFERENCE = re.compile(r"#(?:[0-9]+|[xX][0-9a-fA-F]+)")
NO_CHARACTER = re.compile("[\0-\x08\x0b\r\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef]")
DOCTYPE = re.compile(
    r"""<!doctype\s+html(?:\s+(?:public|system)(?:\s+"[^">]*"|\s+'[^'>]*'){0,2})?\s*>""", re.ASCII | re.IGNORECASE
)
LONGEST = 2000
LONGEST_ENTITY = max(map(len, html5))


class Html(Walk):
    """What is opened is closed, and nested, but for the end tags that may be left out. As browsers read it, `<li>` ends
    the item before, `<div>` a paragraph. A page, a part of one, or several. What browsers mend is refused."""

    name = "html"
    breaks = re.compile(rb"[ \n>]")
    _illegal = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode = Html._text
        self._open: Open = None
        self._depth = 0
        self._token = ""
        self._tag = ""
        self._attributes: tuple[str, ...] = ()
        self._attribute = ""
        self._quote: str | None = None  # of the value that is read; "" where there is none; None in a text
        self._fresh = False  # directly behind <!--; in a script, anywhere behind
        self._stage = 0  # of the page

    def _flags(self) -> int:
        return 0 if self._open is None else self._open[1]

    def _top(self) -> str:
        return "" if self._open is None else self._open[0]

    def _ends(self) -> str:
        """The end tags that may not be left out."""
        parts, rest = "", self._open
        optional, level = "", 0  # what may be left out, if the next one ends it, too
        while rest is not None:
            end = f"</{rest[0]}>"
            if rest[0] in OPTIONAL:
                optional, level = optional + end, max(level, _level(rest[0]))
            else:
                parts += (optional if level > _reach(rest[0]) else "") + end
                optional, level = "", 0
            rest = rest[2]
        return parts

    def _whole(self) -> bool:
        if not (self._mode is Html._text or self._plain_ampersand()):
            return False
        rest = self._open
        while rest is not None and rest[0] in OPTIONAL:
            rest = rest[2]
        return rest is None

    def _plain_ampersand(self) -> bool:
        """Whether what is behind an ampersand in a text is no entity, as in AT&T."""
        return (
            self._mode is Html._entity and self._quote is None and self._token[:1] != "#" and self._token not in html5
        )

    def _rests(self) -> bool:
        return (self._mode is Html._text and self._last in " \n>") or (self._mode is Html._raw and self._last == "\n")

    def _end(self) -> str | None:
        mode = self._mode
        if mode is Html._text or self._plain_ampersand():
            return self._ends()
        if mode in (Html._inside, Html._spaced, Html._value):
            if mode is Html._value and not self._quote and self._last == "=":
                return None
            start = (self._quote or "") + ">" if mode is Html._value else ">"
            other = self.copy()
            return None if other.read(start.encode()) is Verdict.IMPOSSIBLE else start + other._ends()
        if mode is Html._slash:
            return ">" + self._ends()
        if mode is Html._raw:
            return self._ends()
        if mode is Html._raw_less:
            assert self._open is not None
            end = f"</{self._top()}>"
            return self._ends()[len(self._token) if end.startswith(self._token) else 0 :]
        if mode is Html._comment:
            return "-->"[min(self._count, 2) :] + self._ends() if self._count < 3 else None
        if mode is Html._cdata:
            return "]]>"[self._count :] + self._ends()
        return None

    def _begins(self, name: str, at: int) -> None:
        """An element begins in a page, or a text (no name). Raises `Refused` if it comes too late there."""
        if self._open is not None and self._open[0] not in PAGE:
            return
        stage, head = self._stage, name in IN_HEAD
        if name in PAGE:
            fits = stage < PAGE[name] or (name == "html" and stage == ENDED)
            self._stage = PAGE[name]
        else:
            fits = stage <= IN_THE_BODY and not (stage == HEAD_ENDED and head and name != "noscript")
            self._stage = IN_THE_HEAD if head and stage <= IN_THE_HEAD else IN_THE_BODY
        if not fits:
            behind = ("", "<html>", "the head", "</head>", "the beginning of the body", "</body>", "</html>")[stage]
            raise Refused(at, f"{f'<{name}>' if name else 'text'} may not stand behind {behind}")

    # Text.

    def _text(self, text: str, i: int) -> int:
        if self._open is not None and (self._open[0] in TABLE or self._open[0] == "head") and text[i] != "<":
            i = SPACES.match(text, i).end()  # type: ignore[union-attr]  # it matches everywhere
            if i == len(text):
                return i
            if text[i] != "<":
                if self._open[0] != "head":
                    raise Refused(i, f"text may not stand directly in <{self._open[0]}>")
                self._pop()
        if self._stage != IN_THE_BODY and text[i] != "<":
            i = SPACES.match(text, i).end()  # type: ignore[union-attr]
            if i == len(text):
                return i
            if text[i] != "<":
                self._begins("", i)
        i = PLAIN.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        self._token, self._quote = "", None
        self._mode = Html._less if text[i] == "<" else Html._entity
        return i + 1

    def _entity(self, text: str, i: int) -> int:
        """Behind an ampersand. One that begins no entity is text."""
        back = Html._text if self._quote is None else Html._value
        c = text[i]
        if not self._token and c == "#":
            self._token = "#"
            return i + 1
        if self._token == "#" and c in "xX":
            self._token = "#x"
            return i + 1
        if c.isascii() and c.isalnum() and len(self._token) <= LONGEST_ENTITY:
            self._token += c
            if self._token[0] == "#" and (len(self._token) > 9 or not REFERENCE.fullmatch(self._token)):
                raise Refused(i, f"&{self._token} is the number of no character")
            return i + 1
        if self._token[:1] == "#":
            if c != ";" or len(self._token) < 2 or not REFERENCE.fullmatch(self._token):
                unexpected(text, i, "the rest of a number and a semicolon")
            hexadecimal = self._token[1] in "xX"
            number = int(self._token[2:], 16) if hexadecimal else int(self._token[1:])
            wrong = number > 0x10FFFF or 0xD800 <= number < 0xE000 or number & 0xFFFE == 0xFFFE
            if wrong or NO_CHARACTER.match(chr(number)):
                raise Refused(i, f"&{self._token}; is no character")
        elif c == ";" and self._token and len(self._token) <= LONGEST_ENTITY and self._token + ";" not in html5:
            raise Refused(i, f"&{self._token}; is no entity of HTML")
        elif c != ";" or not self._token:
            self._mode = back
            return i
        self._mode = back
        return i + 1

    # Behind `<`.

    def _less(self, text: str, i: int) -> int:
        c = text[i]
        if c == "/":
            self._mode, self._token = Html._closing_name, ""
        elif c == "!":
            self._mode, self._token = Html._bang, "<!"
        elif c.isascii() and c.isalpha():
            self._mode, self._tag = Html._opening_name, ""
            return i
        elif c == "?" and self._open is None and self._stage in (0, ENDED):
            self._mode = Html._bogus  # <?xml ...?>, which browsers take for a comment
        else:
            unexpected(text, i, "the name of a tag (write &lt; for the character <)")
        return i + 1

    def _bogus(self, text: str, i: int) -> int:
        end = text.find(">", i)
        if end < 0:
            return len(text)
        self._mode = Html._text
        return end + 1

    def _bang(self, text: str, i: int) -> int:
        self._token += text[i]
        low = self._token.lower()
        cdata = self._flags() & FOREIGN and "<![cdata[".startswith(low)
        if not ("<!--".startswith(low) or "<!doctype".startswith(low) or cdata):
            raise Refused(i, f"{self._token} begins no comment")
        if low == "<!--":
            self._mode, self._count, self._fresh = Html._comment, 0, True
        elif low == "<![cdata[":
            self._mode, self._count = Html._cdata, 0
        elif low == "<!d" and (self._open is not None or self._stage not in (0, ENDED)):
            raise Refused(i, "a document type stands only at the beginning")
        elif low == "<!doctype":
            self._mode, self._quote, self._stage = Html._doctype, "", 0
        return i + 1

    def _comment(self, text: str, i: int) -> int:
        c = text[i]
        if c == "-":
            self._count = min(self._count + 1, 2)
            self._fresh = self._fresh and self._count < 2
        elif c == ">" and (self._count == 2 or self._fresh):
            if self._fresh:
                raise Refused(i, "this comment would end as it begins")
            self._mode = Html._text
        elif c == ">" and self._count == 3:
            raise Refused(i, "a comment ends with -->, not with --!>")
        elif c == "!" and self._count == 2:
            self._count = 3
        else:
            self._count, self._fresh = 0, False
            end = text.find("-", i)
            return len(text) if end < 0 else max(end, i + 1)
        return i + 1

    def _cdata(self, text: str, i: int) -> int:
        return self._section(text, i, "]", 2, Html._text)

    def _doctype(self, text: str, i: int) -> int:
        c = text[i]
        self._token += c
        if self._quote:
            self._quote = "" if c == self._quote else self._quote
        elif c in "\"'":
            self._quote = c
        elif c == ">":
            if not DOCTYPE.fullmatch(self._token):
                raise Refused(i, "this is not <!doctype html>")
            self._mode = Html._text
        if len(self._token) > LONGEST:
            raise Refused(i, "the document type does not end")
        return i + 1

    # Start tags.

    def _opening_name(self, text: str, i: int) -> int:
        end = TAG.match(text, i).end()  # type: ignore[union-attr]
        self._tag += text[i:end].lower()
        if end < len(text):
            self._admit(end)
            self._mode, self._attributes = Html._inside, ()
        return end

    def _admit(self, at: int) -> None:
        """The name of a start tag is complete: end what it ends. Raises `Refused` if it may not stand here."""
        name = self._tag
        if self._flags() & FOREIGN:
            if name in BREAKS_OUT:
                raise Refused(at, f"<{name}> of HTML may not stand directly in SVG or MathML")
            return
        if name not in KNOWN and "-" not in name and ":" not in name:
            raise Refused(at, f"<{name}> is no element of HTML")
        if self._top() == "head" and name not in IN_HEAD:
            self._pop()
        if ended := ENDED_BY.get(name):
            rest, last = self._open, None
            while rest is not None and rest[0] in OPTIONAL:
                if rest[0] in ended:
                    last = rest
                elif rest[0] not in ("p", "option"):
                    break
                rest = rest[2]
            if last is not None:
                while self._open is not last:
                    self._pop()
                self._pop()
        if name in ENDS_P and self._flags() & P:
            if self._top() != "p":
                raise Refused(at, f"<{name}> ends the paragraph <p>, but <{self._top()}> is open in it")
            self._pop()
        top = self._top()
        if top and name in STANDS_IN and top not in STANDS_IN[name] and (top != "template" or name in PAGE):
            raise Refused(at, f"<{name}> may not stand directly in <{top}>")
        if top in TABLE and name not in ANYWHERE and top not in STANDS_IN.get(name, ()):
            raise Refused(at, f"<{name}> may not stand directly in <{top}>")
        twice = NOT_TWICE.get(name, 0) & self._flags()
        twice |= bool((name == "li" and self._flags() & LI) or (name in ("dt", "dd") and self._flags() & DT))
        if twice or (name in HEADINGS and top in HEADINGS):
            raise Refused(at, f"<{name}> stands in another one, where <{top}> is open")
        self._begins(name, at)

    def _inside(self, text: str, i: int) -> int:
        """In a tag, directly behind its name or a value."""
        c = text[i]
        if c in SPACE:
            self._mode = Html._spaced
        elif c == "/":
            self._mode = Html._slash
            if self._tag not in VOID and not (self._flags() & FOREIGN or self._tag in ("svg", "math")):
                raise Refused(i, f"<{self._tag}> needs an end tag: /> does not end it")
        elif c == ">":
            self._start(i)
        else:
            unexpected(text, i, "white space or the end of the tag")
        return i + 1

    def _spaced(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] in "/>":
            self._mode = Html._inside
            return i
        if text[i] in "\"'<=":
            unexpected(text, i, "an attribute or the end of the tag")
        self._mode, self._attribute = Html._attribute_name, ""
        return i

    def _attribute_name(self, text: str, i: int) -> int:
        end = ATTRIBUTE.match(text, i).end()  # type: ignore[union-attr]
        self._attribute += text[i:end].lower()
        if end == len(text):
            return end
        if text[end] in "\"'<":
            unexpected(text, end, "= or the end of the name")
        if self._attribute in self._attributes:
            raise Refused(end, f"the attribute {self._attribute} stands twice")
        self._attributes += (self._attribute,)
        self._mode = Html._equals
        return end

    def _equals(self, text: str, i: int) -> int:
        """Behind the name of an attribute."""
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] != "=":
            self._mode = Html._spaced
            return i
        self._mode = Html._before
        return i + 1

    def _before(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] in "><=`":
            unexpected(text, i, "a value")
        self._mode, self._quote = Html._value, text[i] if text[i] in "\"'" else ""
        return i + 1 if self._quote else i

    def _value(self, text: str, i: int) -> int:
        assert self._quote is not None
        end = VALUES[self._quote].match(text, i).end()  # type: ignore[union-attr]
        if end == len(text):
            return end
        c = text[end]
        if c == "&":
            self._mode, self._token = Html._entity, ""
        elif self._quote:
            self._mode = Html._inside
        elif c in SPACE or c == ">":
            self._mode = Html._inside
            return end
        else:
            unexpected(text, end, "a value in quotes")
        return end + 1

    def _slash(self, text: str, i: int) -> int:
        if text[i] != ">":
            unexpected(text, i, ">")
        self._mode = Html._text
        return i + 1

    def _start(self, at: int) -> None:
        """A start tag is complete."""
        self._mode = Html._text
        name, outer = self._tag, self._flags()
        if name in VOID and not outer & FOREIGN:
            return
        if outer & FOREIGN:
            flags = 0 if name in HTML_INSIDE[outer & FOREIGN] else outer
        else:
            flags = 0 if name in SCOPE else outer
            if name not in INLINE:
                flags &= ~(LI | DT)
            if name == "button":
                flags &= ~P
            flags |= FLAGS.get(name, 0)
        self._depth = deeper(at, self._depth)
        self._open = (name, flags, self._open)
        if name in RAW and not outer & FOREIGN:
            self._mode, self._fresh = Html._raw, False

    def _pop(self) -> None:
        assert self._open is not None
        self._open = self._open[2]
        self._depth -= 1

    # End tags.

    def _endable(self) -> list[str]:
        """The names of the elements that an end tag may end here."""
        found, rest, level = [], self._open, 0
        while rest is not None:
            if level <= _reach(rest[0]):
                found.append(rest[0])
            if rest[0] not in OPTIONAL:
                return found
            level = max(level, _level(rest[0]))
            rest = rest[2]
        top = self._top()
        return found + [
            name for name, stage in PAGE_ENDS.items() if self._stage < stage and (name != "head" or not top)
        ]

    def _closing_name(self, text: str, i: int) -> int:
        c = text[i]
        endable = self._endable()
        if TAG.match(c).end():  # type: ignore[union-attr]
            self._token += c.lower()
            if not any(name.startswith(self._token) for name in endable):
                wanted = "no element is open" if self._open is None else f"</{self._top()}> must stand here"
                raise Refused(i, f"</{self._token} ends nothing that is open: {wanted}")
            return i + 1
        if self._token not in endable:
            unexpected(text, i, "the rest of the name")
        self._mode = Html._closed
        return i

    def _closed(self, text: str, i: int) -> int:
        i = SPACES.match(text, i).end()  # type: ignore[union-attr]
        if i == len(text):
            return i
        if text[i] != ">":
            unexpected(text, i, ">")
        while self._open is not None and self._open[0] not in (self._token, "html"):
            self._pop()
        if self._top() == self._token:
            self._pop()
        if self._flags() & FOREIGN == 0:
            self._stage = PAGE_ENDS.get(self._token, self._stage)
        self._mode = Html._text
        return i + 1

    # Scripts, styles and the like.

    def _raw(self, text: str, i: int) -> int:
        end = text.find("<", i)
        if end < 0:
            return len(text)
        self._mode, self._token = Html._raw_less, "<"
        return end + 1

    def _raw_less(self, text: str, i: int) -> int:
        """Behind a < that may begin the end tag. (In a script, <script behind <!-- would want an end tag more.)"""
        c, end = text[i].lower(), f"</{self._top()}"
        if self._token == end and c in "/ \t\n\r\f>":
            if c == "/":
                unexpected(text, i, ">")
            self._mode, self._token = Html._closed, self._top()
            return i
        wanted = (end, "<!--", "<script") if self._top() == "script" else (end,)
        if not any(each.startswith(self._token + c) for each in wanted):
            self._mode = Html._raw
            return i
        self._token += c
        if self._token == "<!--":
            self._fresh = True
        elif self._token == "<script" and self._fresh:
            raise Refused(i, "<script may not stand behind <!-- in a script")
        return i + 1


def _level(name: str) -> int:
    """How much ends an element whose end tag is left out: 1: any end tag; 2: that of a block or a part of a table."""
    return 1 if name in INNER else 2


def _reach(name: str) -> int:
    """Up to which level an end tag ends elements in its own."""
    return 0 if name in FORMATTING else 2 if name in BLOCKS else 1
