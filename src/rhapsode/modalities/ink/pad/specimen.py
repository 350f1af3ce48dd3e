"""Specimens of handwriting for the page: all as large and as broad as each other, so that they can be compared."""

from __future__ import annotations

from dataclasses import replace

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import LARGEST, Layout, Page, Sheet, fit, lay_out
from rhapsode.modalities.ink.svg import svg
from rhapsode.modalities.ink.verified import draw
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.writing import write

BIAS, SEED = 0.5, 1
TRIES = 4
PAGE = Page(100.0, LARGEST, (2.0, 4.0, 2.0, 4.0), x_height=2.5, line_height=8.5)
"""As broad as a phone shows well, and higher than any text needs: it is cut."""


def specimen(model: Model, text: str) -> str:
    """`text` in the model's hand, as SVG. Raises `UserError`."""

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        return draw(
            model, words, None, tries=TRIES, sampling=Sampling(bias=BIAS), style=style, seed=SEED, number=number
        )[0]

    return svg(_cut(write(model, text, PAGE, draw=drawn).layout), mode="ink")


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
