"""SVG (`.svg`): the lines in it as strokes, each subpath one.

Paths, polylines, polygons, lines, rectangles, circles and ellipses are read, transforms carried out, what `use` names
put in its place, and curves become points. What is not seen as a line is left out: what is hidden or only defined
(defs, symbols, clip paths, ...), areas that are filled and have no stroke, words and images. Something without any word
on fill and stroke is a line.

What is written says a `data-text` or an `aria-label` on the outermost element, a `kvg:element` (KanjiVG), or the title
or desc. An element below it with `data-text` is a drawing of its own; in the one file that all of KanjiVG comes in,
each `kanji` is. In Rhapsode's own pictures (`ink.svg`) only the lines of writing are drawings, their points
are the pen's, and they come in the units that they had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.ink.drawing import Drawing, from_runs
from rhapsode.modalities.ink.formats._checks import drawing
from rhapsode.modalities.ink.formats._paths import IDENTITY, Matrix, Paths, curves, ends, flattened, moved, transform
from rhapsode.modalities.ink.formats._shapes import SHAPES, frame, length, shape
from rhapsode.modalities.ink.formats._styles import Look, Styles
from rhapsode.modalities.ink.svg import svg

HIDDEN = ("defs", "clipPath", "symbol", "marker", "mask", "pattern", "filter", "font", "foreignObject", "metadata")
AREAS = "areas without a stroke"
UNDRAWN = {"text": "typed words", "image": "images"}
"""What is left out and told."""
UNTITLED = "Handwriting"
"""The title that Rhapsode's own pictures have where no text is known."""
RUN = re.compile(r"([0-9]{1,9}):([0-9]{1,9})")
NESTED = 32
"""What `use` names may use others, so deep."""
REPEATED, FREE = 8, 1 << 18
"""What is used may be so many times as large as the file itself, all together, or so many characters of attributes."""


@dataclass
class SvgDrawing:
    """A drawing. unit: of Rhapsode's own, how many of the file's units one of its own is; 0 for others. thin: what
    these say of that and of their order, see `Drawing`."""

    text: str | None
    paths: Paths = field(default_factory=Paths)
    unit: float = 0.0
    thin: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """An element that is still to be drawn. to: number of the drawing; inside: what `use` has led here."""

    node: Node
    matrix: Matrix
    look: Look
    to: int
    inside: tuple[Node, ...] = ()


def recognises(head: bytes) -> bool:
    return root(head) in ("svg", "kanjivg")


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    top = parse(source)
    found = []
    for picture in top.all("kanji") if top.name == "kanjivg" else [top]:
        found += _drawn(picture, source.name, refused)
    for count, ink in enumerate(found, 1):
        name = f"{source.name}#{count}" if len(found) > 1 else source.name
        strokes = [each / ink.unit for each in ends(ink.paths)] if ink.unit else flattened(ink.paths)
        made = drawing(strokes, ink.text, name)
        runs = [[int(first), int(stop)] for first, stop in RUN.findall(ink.thin)]
        # Who has changed the picture has changed the number of its points, too: then the order is that of the file.
        yield replace(made, thin=bool(ink.thin), order=from_runs(runs, len(made)))


def _drawn(top: Node, name: str, refused: Refusals) -> list[SvgDrawing]:
    """The drawings of a picture, at least one. Raises `UserError`."""
    found = [SvgDrawing(_text(top))]
    left_out: dict[str, str] = {}  # what → where it stands first
    styles = Styles(top)
    uses = _Uses(top, name)
    waiting = [Place(top, IDENTITY, Look(), 0)]
    while waiting:
        at = waiting.pop()
        node, where = at.node, f"{name}, line {at.node.line}"
        look = styles.look(node, at.look)
        used = bool(at.inside) and at.inside[-1] is node
        if look is None or (node.name in HIDDEN and not (used and node.name == "symbol")):
            continue
        uses.pay(at, where)
        matrix, to = at.matrix, at.to
        if "transform" in node.attributes:
            matrix = transform(node.attributes["transform"], matrix, where)
        if node.name == "svg" and node is not top and not used:
            size = length(node, "width", where), length(node, "height", where)
            matrix = moved(frame(node, *size, where), matrix, where)
        if node is not top and not {"data-text", "data-rhapsode-unit"}.isdisjoint(node.attributes):
            to = len(found)
            found.append(_ink(node, where))
        if node.name == "use":
            target = uses.target(replace(at, matrix=matrix, look=look, to=to), where)
            waiting += target
            if not target:
                left_out.setdefault("what `use` names and the file does not have", where)
        elif node.name in SHAPES:
            if look.line:
                found[to].paths.take(shape(node, where), matrix)
            elif look.area:
                left_out.setdefault(AREAS, where)
        elif found[to].unit and "data-rhapsode-stroke" in node.attributes:
            found[to].paths.take(curves(node.attributes["data-rhapsode-stroke"], where), matrix)
        elif node.name in UNDRAWN:
            left_out.setdefault(UNDRAWN[node.name], where)
        else:
            waiting += [Place(child, matrix, look, to, at.inside) for child in reversed(node.children)]
    shown = [ink for ink in found if ink.paths.points]
    if AREAS in left_out and not shown:
        raise UserError(
            f"{name}: it has filled areas and no line that a pen could draw. Give the lines a stroke: pictures of "
            "letters as outlines are none of handwriting."
        )
    if own := [ink for ink in shown if ink.unit]:
        return own
    for what, where in left_out.items():
        refused.leave_out(what, where)
    return shown or found[:1]


class _Uses:
    """What `use` elements name. It is drawn anew at each of them, so a small file could be a huge picture."""

    def __init__(self, top: Node, name: str) -> None:
        self._ids: dict[str, Node] = {}
        size = 0
        for node in top.walk():
            size += _size(node)
            if "id" in node.attributes:
                self._ids.setdefault(node.attributes["id"], node)
        self._left = max(REPEATED * size, FREE)
        self._name = name

    def pay(self, at: Place, where: str) -> None:
        """Raises `UserError` where more is drawn by `use` than may be."""
        if not at.inside:
            return
        self._left -= _size(at.node)
        if self._left < 0:
            raise UserError(
                f"{where}: what its `use` elements repeat is more than {REPEATED} times the file itself. If you trust "
                "it, let a drawing program replace the clones by copies (in Inkscape: Edit > Clone > Unlink)."
            )

    def target(self, at: Place, where: str) -> list[Place]:
        """What a `use` element at a place names, if it is in the file. Raises `UserError`."""
        node = at.node
        name = next((node.attributes[key] for key in ("href", "xlink:href") if key in node.attributes), "")
        found = self._ids.get(name.strip().removeprefix("#")) if "#" in name else None
        if found is None:
            return []
        if any(found is each for each in at.inside) or len(at.inside) >= NESTED:
            raise UserError(f"{where}: what it uses, {name}, uses itself, or others more than {NESTED} deep.")
        place = (1.0, 0.0, 0.0, 1.0, length(node, "x", where), length(node, "y", where))
        matrix = moved(place, at.matrix, where)
        if found.name in ("symbol", "svg"):
            width, height = (
                length(node, side, where) or length(found, side, f"{self._name}, line {found.line}")
                for side in ("width", "height")
            )
            matrix = moved(frame(found, width, height, where), matrix, where)
        return [Place(found, matrix, at.look, at.to, (*at.inside, found))]


def _size(node: Node) -> int:
    """About how much work an element is: characters of its attributes."""
    return 16 + sum(map(len, node.attributes.values()))


def _ink(node: Node, where: str) -> SvgDrawing:
    own = node.attributes
    unit = number(own.get("data-rhapsode-unit", "0"), f"{where}, data-rhapsode-unit")
    if unit < 0:
        raise UserError(f"{where}: data-rhapsode-unit must be more than 0.")
    return SvgDrawing(own.get("data-text"), unit=unit, thin=own.get("data-rhapsode-thin", "") if unit else "")


def _text(top: Node) -> str | None:
    for attribute in ("data-text", "aria-label"):
        if top.attributes.get(attribute):
            return top.attributes[attribute]
    parts = (node.attributes["kvg:element"] for node in top.walk() if "kvg:element" in node.attributes)
    if whole := next(parts, ""):  # the first holds all others, which are its parts
        return whole
    words = {child.name: child.text.strip() for child in reversed(top.children) if child.name in ("title", "desc")}
    title, desc = words.get("title", ""), words.get("desc", "")
    if title == UNTITLED and not desc:
        return None
    # A title may be only the beginning of a long text.
    return (desc if desc.startswith(title.removesuffix("…")) else title) or None


FORMAT = Format("SVG", recognises, read=read, writes={".svg": svg})
