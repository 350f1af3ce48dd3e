"""Specimens of handwriting for the page: all as large and as broad as each other, so that they can be compared."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from typing import Any

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError, choice
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import LARGEST, Layout, Page, Sheet, fit, lay_out
from rhapsode.modalities.ink.plotter import LIFTS
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.modalities.ink.svg import svg
from rhapsode.modalities.ink.verified import draw
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.write import encode
from rhapsode.modalities.ink.writing import write

LONGEST = 2000
"""Characters of a text, at most: a page waits for it."""
BIASES = 0.0, 2.0
TRIES = 4
PAGE = Page(100.0, LARGEST, (2.0, 4.0, 2.0, 4.0), x_height=2.5, line_height=8.5)
"""As broad as a phone shows well, and higher than any text needs: it is cut."""
LINES = 200
"""Of a text, at most."""
PAPERS = ("", "a4", "a4-landscape", "a5", "a5-landscape", "a6", "letter", "card")
"""What can be written on; the first is `PAGE`."""
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "svg": (".svg", {"mode": "ink"}),
    "png": (".png", {"dpi": 300.0}),
    "lines": (".svg", {"mode": "plotter"}),
    **{lift: (".gcode", {"lift": lift}) for lift in LIFTS},
    "hpgl": (".hpgl", {}),
}
"""What can be saved: name, suffix, options."""


def specimen(model: Model, text: str, bias: float, seed: int, paper: str = "") -> tuple[Layout, str]:
    """`text` in the model's hand, on one of `PAPERS`; and what is to be told of characters that it does not know.

    Raises `UserError`."""
    if not text.strip() or len(text) > LONGEST or len(text.splitlines()) > LINES:
        raise UserError(f"write something, of at most {LONGEST:,} characters and {LINES} lines.")
    if not BIASES[0] <= bias <= BIASES[1]:
        raise UserError(f"neatness goes from {BIASES[0]:g} to {BIASES[1]:g}.")
    if paper not in PAPERS:
        raise choice("paper", paper, PAPERS)

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        return draw(
            model, words, None, tries=TRIES, sampling=Sampling(bias=bias), style=style, seed=seed, number=number
        )[0]

    known = spelled(text, model.record_codec.alphabet, "nearest")
    layout = write(model, known.text, Page.named(paper) if paper else PAGE, draw=drawn).layout
    return layout if paper else _cut(layout), known.told


def pictures(layout: Layout) -> list[str]:
    """Each page as SVG."""
    return [svg(layout, sheet=sheet, mode="ink") for sheet in range(len(layout.sheets))]


def saved(layout: Layout, kind: str) -> tuple[str, bytes]:
    """A file of one of the kinds in `FILES`, by name; of several pages, an archive of files. Raises `UserError`."""
    if kind not in FILES:
        raise choice("kind of file", kind, FILES)
    suffix, options = FILES[kind]
    made = [encode(layout, suffix, sheet=sheet, **options) for sheet in range(len(layout.sheets))]
    if len(made) == 1:
        return f"words{suffix}", made[0]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, contents in enumerate(made):
            archive.writestr(f"words-{number + 1}{suffix}", contents)
    return "words.zip", packed.getvalue()


def own_line(drawing: Drawing) -> str:
    """A recorded line, as SVG; without its pressure, which models do not write. Raises `UserError`."""
    plain = replace(drawing, pressure=None, seconds=None)
    try:
        layout = _cut(lay_out([Paragraph((plain,))], PAGE))
    except UserError:  # too long for the page, or nothing but dashes
        layout = fit(plain, PAGE.x_height)
    return svg(layout, mode="ink")


def _cut(layout: Layout) -> Layout:
    """The first page, without what is empty above and below."""
    sheet = layout.sheets[0]
    drawn = [line for line in sheet.lines if len(line.drawing)]
    up = min((line.drawing.bounds[1] for line in drawn), default=0.0) - layout.page.margins[0]
    low = max((line.drawing.bounds[3] for line in drawn), default=layout.page.line_height) + layout.page.margins[2]
    page = replace(layout.page, height=max(low - up, layout.page.line_height + sum(layout.page.margins[::2])))
    lines = (
        replace(line, drawing=replace(line.drawing, points=line.drawing.points - (0, up)), baseline=line.baseline - up)
        for line in sheet.lines
    )
    return Layout(page, (Sheet(page, tuple(lines), ()),))
