"""Writing as a picture: PNG, and dots for a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.ink.curve import distinct, flatten
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.metrics import check, metrics
from rhapsode.modalities.ink.page import Layout, sheet_of
from rhapsode.modalities.ink.svg import COLOURS, MODES, RULE_COLOUR, breadths, nib_of

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

FINE = 4
"""Each pixel is drawn as this many in height and width, and averaged."""
PIXELS = 40_000_000
"""Larger pictures are refused."""
BRAILLE = 0x2800
BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Of a braille character's dots."""
LEGIBLE = 6
"""Dots of x-height that handwriting needs to be read."""


def png(
    what: Drawing | Layout,
    *,
    sheet: int | None = None,
    mode: str = "ink",
    dpi: float = 200.0,
    nib: float | None = None,
    colour: str | None = None,
    paper: str = "white",
) -> bytes:
    """A PNG of one page (counted from 0), or of a drawing on a page cut to it.

    mode: as of `svg`. dpi: pixels per inch. nib: mm, the (average) breadth of a line; an eighth of the x-height by
    default.
    The same input gives the same file with the same version of Pillow. Raises `UserError`.
    """
    from PIL import Image, ImageDraw

    if mode not in MODES:
        raise choice("mode of drawing", mode, MODES)
    page = sheet_of(what, sheet)
    nib = nib_of(page, nib)
    ink = _rgb(colour or COLOURS[mode])
    if not 1 <= dpi <= 10_000:
        raise UserError(f"{dpi:g} dpi is out of range: 100 for a screen, 300 for print.")
    scale = dpi / 25.4
    width, height = max(round(page.page.width * scale), 1), max(round(page.page.height * scale), 1)
    if width * height > PIXELS:
        raise UserError(
            f"{width:,} × {height:,} pixels are more than the {PIXELS:,} allowed. Give fewer dpi or a smaller page."
        )
    picture = Image.new("RGB", (width, height), _rgb(paper))
    fine = scale * FINE
    if page.rules:
        mask = Image.new("L", (width * FINE, height * FINE))
        left, right = page.page.margins[3] * fine, (page.page.width - page.page.margins[1]) * fine
        for y in page.rules:
            ImageDraw.Draw(mask).rectangle((left, (y - 0.1) * fine, right, (y + 0.1) * fine), fill=255)
        picture.paste(_rgb(RULE_COLOUR), mask=mask.reduce(FINE))
    if strokes := list(page.strokes()):
        mask = Image.new("L", (width * FINE, height * FINE))
        draw = ImageDraw.Draw(mask)
        for stroke, broad in zip(strokes, breadths(strokes, nib, mode), strict=True):
            _ink(draw, stroke.points * fine, broad * fine)
        picture.paste(ink, mask=mask.reduce(FINE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, dpi=(dpi, dpi))
    return buffer.getvalue()


def preview(what: Drawing | Layout, columns: int = 80, x_height: int | None = None) -> str:
    """Writing as braille characters, at most `columns` in a line; longer lines are broken where there is room.

    x_height: dots from the base line to the top of an `x`, of which a character has 4. By default, 6 for writing whose
    text is known and for pages; other drawings are made as wide as the terminal, and at most as high.
    Raises `UserError`.
    """
    if not 4 <= columns <= 10_000 or x_height is not None and not 1 <= x_height <= 1000:
        raise UserError(f"a preview in {columns} columns, with an x-height of {x_height} dots: too few or too many.")
    if isinstance(what, Layout):
        lines = [line.drawing for sheet in what.sheets for line in sheet.lines]
        dots = [_dots(line, (x_height or LEGIBLE) / what.page.x_height) for line in lines]
    else:
        check(what)
        left, top, right, bottom = what.bounds
        if (x_height or what.text is not None) and bottom > top:
            scale = (x_height or LEGIBLE) / metrics(what).x_height
        else:
            scale = (2 * columns - 1) / max(right - left, bottom - top, 1e-100)
        dots = [_dots(what, scale)]
    return "".join(_braille(part) for line in dots for part in _parts(line, 2 * columns))


def _ink(draw: ImageDraw, points: np.ndarray, broad: np.ndarray) -> None:
    """Draw one stroke: round at every point of a fine polyline, with straight sides between."""
    kept = distinct(np.rint(points * 8))
    path, broad = flatten(points[kept], broad[kept], 0.25)
    for (x, y), radius in zip(path.tolist(), (broad / 2).tolist(), strict=True):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    step = np.diff(path, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], 1) / np.maximum(np.linalg.norm(step, axis=1), 1e-9)[:, None] / 2
    one, two = normal * broad[:-1, None], normal * broad[1:, None]
    for corners in np.stack([path[:-1] + one, path[1:] + two, path[1:] - two, path[:-1] - one], 1).reshape(-1, 8):
        draw.polygon(corners.tolist(), fill=255)


def _dots(drawing: Drawing, scale: float) -> np.ndarray:
    """A picture [height, width] of bools, cut to the drawing."""
    left, top, right, bottom = drawing.bounds
    size = max(right - left, bottom - top) * scale
    if not size <= 100_000:
        raise UserError(f"{drawing.name or 'the drawing'} would be {size:,.0f} dots long. Give a smaller x-height.")
    if not len(drawing):
        return np.zeros((4, 2), bool)
    shape = np.rint(np.array([bottom - top, right - left]) * scale).astype(int) + 1
    picture = np.zeros(shape, bool)
    for stroke in drawing.strokes():
        points = (stroke - (left, top)) * scale
        points = points[distinct(points)]
        path = flatten(points, np.zeros(len(points)), 0.1)[0]
        ahead = np.diff(path, axis=0)
        counts = np.ceil(np.abs(ahead).max(axis=1, initial=0) * 2).astype(int) + 1
        which = np.repeat(np.arange(len(ahead)), counts)
        t = (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[which]
        filled = np.concatenate([path[which] + ahead[which] * t[:, None], path[-1:]])
        x, y = np.rint(np.clip(filled, 0, (shape[1] - 1, shape[0] - 1))).astype(int).T
        picture[y, x] = True
    return picture


def _parts(picture: np.ndarray, width: int) -> list[np.ndarray]:
    """A picture cut into parts of at most `width` dots: in its last half at the last broad gap."""
    parts = []
    while picture.shape[1] > width:
        empty = ~picture[:, width // 2 : width + 1].any(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(int), [0]])))
        starts, stops = edges[::2], edges[1::2]
        if len(starts):
            size = stops - starts
            last = int(np.flatnonzero(size >= 0.6 * size.max())[-1])
            parts.append(picture[:, : width // 2 + starts[last]])
            picture = picture[:, width // 2 + stops[last] :]
        else:
            parts.append(picture[:, :width])
            picture = picture[:, width:]
    return [*parts, picture]


def _braille(picture: np.ndarray) -> str:
    rows, columns = -(-picture.shape[0] // 4), -(-picture.shape[1] // 2)
    padded = np.zeros((rows * 4, columns * 2), int)
    padded[: picture.shape[0], : picture.shape[1]] = picture
    codes = BRAILLE + np.einsum("rycx,yx->rc", padded.reshape(rows, 4, columns, 2), BITS)
    lines = ["".join(map(chr, row)).rstrip(chr(BRAILLE)) for row in codes.tolist()]
    return "\n".join(lines) + "\n"


def _rgb(colour: str) -> tuple[int, ...]:
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise UserError(f"{colour!r} is no colour. Give a name or a number: navy, #1a2456.") from None
