"""The text of HTML, without its tags: tag soup of any kind, in one pass."""

from __future__ import annotations

import html
import re

PARAGRAPHS = re.compile(
    "address|article|aside|blockquote|body|caption|center|dl|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|main|"
    "nav|ol|p|section|table|tbody|tfoot|thead|title|ul"
)
LINES = re.compile("dd|div|dt|li|option|summary|tr")
CELLS = ("td", "th")
SKIPPED = re.compile("script|style|template|noscript|svg|head|iframe|object")
"""Elements whose contents are no text that is read. (That of a page's head is its title, which the page repeats.)"""
NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9:-]{0,40})")
SPACE = re.compile(r"[ \t\n\r\f\v]+")
QUOTED = 4
"""How many `>` within quotes are looked behind, to find the end of a tag."""


def text_of(source: str) -> str:
    """The text: paragraphs with an empty line between them, and a tab between cells of a row."""
    flow = _Flow()
    at, preformatted, length = 0, 0, len(source)
    unclosed = set[str]()
    while at < length:
        begin = source.find("<", at)
        begin = length if begin < 0 else begin
        if begin > at:
            flow.add(html.unescape(source[at:begin]), preformatted > 0)
        if begin == length:
            break
        if source.startswith("<!--", begin):
            end = source.find("-->", begin + 4)
            at = length if end < 0 else end + 3
            continue
        tag = NAME.match(source, begin)
        if tag is None and source[begin + 1 : begin + 2] not in ("!", "?"):
            flow.add("<", preformatted > 0)
            at = begin + 1
            continue
        at = _end(source, begin)
        if tag is None:
            continue
        name, closing = tag[1].lower().rpartition(":")[2], source[begin + 1] == "/"
        if not closing and SKIPPED.fullmatch(name) and source[at - 2 : at - 1] != "/":
            found = re.compile(f"</{name}", re.IGNORECASE).search(source, at) if name not in unclosed else None
            if found is not None:
                at = _end(source, found.start())
            elif name != "head":
                break
            else:
                unclosed.add(name)
        elif name == "pre":
            preformatted = max(0, preformatted + (-1 if closing else 1))
            flow.rest(2)
        elif PARAGRAPHS.fullmatch(name):
            flow.rest(2)
        elif name == "br":
            flow.line()
        elif LINES.fullmatch(name):
            flow.rest(1)
        elif name in CELLS and not closing:
            flow.cell()
    return flow.text()


def _end(source: str, begin: int) -> int:
    """The place behind a tag. A `>` in quotes does not end it."""
    at = begin
    for _ in range(QUOTED):
        end = source.find(">", at)
        if end < 0:
            return len(source)
        tag = source[begin : min(end, begin + 2000)]
        if tag.count('"') % 2 == 0 or source[end - 1] == '"':
            return end + 1
        at = end + 1
    return source.find(">", begin) + 1


class _Flow:
    """Text that flows into lines and paragraphs, in which white space counts once."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0
        self._space = False

    def add(self, text: str, exact: bool = False) -> None:
        if exact:
            if text:
                self._begin()
                self._pieces.append(text)
            return
        text = SPACE.sub(" ", text)
        if not text.strip(" "):
            self._space = self._space or bool(text)
            return
        space = self._space or text[0] == " "
        self._begin(space)
        self._pieces.append(text.strip(" "))
        self._space = text[-1] == " "

    def _begin(self, space: bool = False) -> None:
        if self._pieces and self._breaks:
            self._pieces.append("\n" * self._breaks)
        elif self._pieces and space and self._pieces[-1][-1:] not in ("\n", "\t"):
            self._pieces.append(" ")
        self._breaks, self._space = 0, False

    def rest(self, lines: int) -> None:
        """What follows begins a new line (1) or a new paragraph (2)."""
        self._breaks = max(self._breaks, lines)

    def line(self) -> None:
        """What follows begins a new line; two in a row are an empty line."""
        self._breaks = min(2, self._breaks + 1)

    def cell(self) -> None:
        if self._pieces and not self._breaks:
            self._pieces.append("\t")
        self._space = False

    def text(self) -> str:
        return "".join(self._pieces).strip("\n") + "\n" if self._pieces else ""
