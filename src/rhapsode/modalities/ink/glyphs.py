"""Single-stroke Hershey fonts as paths that a hand would take.

A. V. Hershey's digitised letters (US National Bureau of Standards, 1967), from the package `Hershey-Fonts`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from string import ascii_letters

import numpy as np

from rhapsode.errors import choice

BASE = 9
"""In the fonts' units, y down: where the base line lies."""
NEAR = 1.3
"""In the fonts' units: strokes this near each other touch."""
DAB = np.array([[0.2, -0.7], [-0.2, 0.7]])
"""What the pen leaves for a dot, in the fonts' units."""


@dataclass(frozen=True)
class Font:
    """x_height: in the font's units. slant: its own. joined: whether small letters run into each other."""

    x_height: float
    slant: float
    joined: bool


FONTS = {
    "scripts": Font(9.0, 1 / 3, True),
    "futural": Font(14.0, 0.0, False),
    "rowmans": Font(14.0, 0.0, False),
}

# Left side, right side, strokes. The fonts draw these with doubled lines, as pictures of printed ones, or too wide.
MARKS: dict[str, tuple[int, int, list[list[tuple[float, float]]]]] = {
    ",": (-5, 5, [[(0.5, 7.5), (0.8, 9), (-1.5, 12.5)]]),
    ";": (-5, 5, [[(0.2, -1.7), (-0.2, -0.3)], [(0.5, 7.5), (0.8, 9), (-1.5, 12.5)]]),
    "'": (-4, 4, [[(0.5, -12), (-0.5, -7)]]),
    "`": (-4, 4, [[(-1.5, -12), (1, -8)]]),
    '"': (-6, 6, [[(-2, -12), (-2.7, -7)], [(2.5, -12), (1.8, -7)]]),
    "-": (-8, 8, [[(-5, 1), (5, 0.5)]]),
    "+": (-9, 9, [[(0, -6), (0, 7)], [(-6.5, 0.5), (6.5, 0.5)]]),
    "=": (-9, 9, [[(-6, -2), (6, -2)], [(-6, 3), (6, 3)]]),
    "[": (-6, 6, [[(3, -14), (-2, -14), (-2, 12), (3, 12)]]),
    "]": (-6, 6, [[(-3, -14), (2, -14), (2, 12), (-3, 12)]]),
    "{": (-6, 6, [[(3, -14), (0.7, -12.5), (0.5, -4), (-2.5, -1), (0.5, 2), (0.7, 10.5), (3, 12)]]),
    "}": (-6, 6, [[(-3, -14), (-0.7, -12.5), (-0.5, -4), (2.5, -1), (-0.5, 2), (-0.7, 10.5), (-3, 12)]]),
    "~": (-10, 10, [[(-7, 1.5), (-4, -1), (0, 0), (4, 1), (7, -1.5)]]),
    "^": (-8, 8, [[(-5, -5), (0, -12), (5, -5)]]),
    "_": (-8, 8, [[(-8, 12), (8, 12)]]),
}
# Strokes of what combines with a letter, in x-heights, around the middle of the letter and above its top.
ACCENTS: dict[str, list[list[tuple[float, float]]]] = {
    "\u0300": [[(-0.2, -0.75), (0.15, -0.4)]],
    "\u0301": [[(0.25, -0.75), (-0.1, -0.4)]],
    "\u0302": [[(-0.3, -0.4), (0.0, -0.75), (0.3, -0.4)]],
    "\u0303": [[(-0.35, -0.5), (-0.12, -0.65), (0.12, -0.5), (0.35, -0.65)]],
    "\u0308": [[(-0.25, -0.6), (-0.25, -0.45)], [(0.25, -0.6), (0.25, -0.45)]],
    "\u030a": [[(0.0, -0.4), (0.15, -0.55), (0.0, -0.72), (-0.15, -0.55), (0.0, -0.4)]],
    "\u030c": [[(-0.3, -0.75), (0.0, -0.4), (0.3, -0.75)]],
}
ACCENTED = {
    found: (letter, accent)
    for letter in ascii_letters
    for accent in ACCENTS
    if len(found := unicodedata.normalize("NFC", letter + accent)) == 1
}
"""Letters with an accent → the letter, and the accent."""
# Bowls are drawn before the stems that they lean on.
BOWL_FIRST = "adgq"


@dataclass(frozen=True, eq=False)
class Glyph:
    """A character without slant. x from its left side, y down from the base line, in x-heights.

    strokes: each [n, 2]. advance: from its left to its right side.
    enters:  the first stroke can go on from the letter before it; leaves: the letter after it can go on from here.
    lead:    [n, 2], the way from the letter before to where the first stroke begins.
    """

    strokes: tuple[np.ndarray, ...]
    advance: float
    enters: bool = False
    leaves: bool = False
    lead: np.ndarray | None = None


@cache
def glyphs(letters: str, capitals: str, figures: str) -> dict[str, Glyph]:
    """All printable ASCII but the space: small letters, capitals, and figures with all marks, each from a font; and
    `ACCENTED` letters.

    Raises `UserError` for a font that is not in `FONTS`.
    """
    for name in (letters, capitals, figures):
        if name not in FONTS:
            raise choice("font of a hand", name, FONTS)
    font = FONTS[letters]
    high = 1 / font.x_height
    found = {}
    for code in range(33, 127):
        character = chr(code)
        small, capital = character.islower(), character.isupper()
        name = letters if small else capitals if capital else figures
        # Figures are narrower and lower than capitals in handwriting, above all among low letters.
        scale = (high, high) if small or capital else (0.8 * high, (1.0 if high < 0.1 else 0.9) * high)
        found[character] = _glyph(character, name, np.array(scale), small and font.joined)
    return found | {each: _accented(found[plain], accent, plain) for each, (plain, accent) in ACCENTED.items()}


def _accented(glyph: Glyph, accent: str, plain: str) -> Glyph:
    """A letter with an accent, which is drawn last, in place of a dot."""
    strokes = glyph.strokes[:1] if plain in "ij" else glyph.strokes
    body = np.concatenate(strokes)
    top = float(body[:, 1].min())
    middle = float(body[body[:, 1] <= 0.6 * top, 0].mean())
    marks = tuple(np.array(stroke) + (middle, top) for stroke in ACCENTS[accent])
    return replace(glyph, strokes=strokes + marks, leaves=False)


@cache
def _font(name: str) -> dict[str, tuple[float, float, list[np.ndarray]]]:
    """Left side, right side and strokes of each character, in the font's units."""
    from HersheyFonts import HersheyFonts

    fonts = HersheyFonts()
    fonts.load_default_font(name)
    return {
        character: (
            float(glyph.left_offset),
            float(glyph.left_offset + glyph.char_width),
            [np.array(stroke, np.float64) for stroke in glyph.strokes],
        )
        for character, glyph in fonts.all_glyphs.items()
    }


def _glyph(character: str, name: str, scale: np.ndarray, joined: bool) -> Glyph:
    font = FONTS[name]
    left, right, strokes = _font(name)[character]
    slant = font.slant
    if character in MARKS:
        left, right, drawn = MARKS[character]
        strokes, slant = [np.array(stroke, np.float64) for stroke in drawn], 0.0
    if not joined and character in BOWL_FIRST:
        strokes = strokes[::-1]
    dots = [_dot(stroke) for stroke in strokes]
    strokes = _chained([stroke for stroke, dot in zip(strokes, dots, strict=True) if dot is None])
    strokes += [dot for dot in dots if dot is not None]

    def upright(stroke: np.ndarray) -> np.ndarray:
        x, y = stroke[:, 0] - left, stroke[:, 1] - BASE
        # Sheared about half the height of an x, so that the places where letters meet stay at their sides.
        points: np.ndarray = np.stack([x + slant * (y + 5), y], axis=1) * scale
        return points

    placed = tuple(upright(stroke) for stroke in strokes)
    lead = None
    first = strokes[0]
    if joined and first[0, 0] > left + 2:
        lead = placed[0][1 : int(first[:8, 0].argmin()) + 1][::-1]
    return Glyph(placed, float((right - left) * scale[0]), joined, joined and len(strokes) == 1, lead)


def _dot(stroke: np.ndarray) -> np.ndarray | None:
    """A dab where the font draws a small ring; None for anything else."""
    if np.array_equal(stroke[0], stroke[-1]) and np.ptp(stroke, axis=0).max() <= 2:
        dab: np.ndarray = (stroke.min(axis=0) + stroke.max(axis=0)) / 2 + DAB
        return dab
    return None


def _chained(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """The same lines in fewer strokes: the pen stays down where the next one begins, or can be reached along a line."""
    chained = strokes[:1]
    for stroke in strokes[1:]:
        last = chained[-1]
        if _meet(stroke[-1], last[0]):
            chained[-1] = np.concatenate([stroke, last[1:]])
        elif _meet(stroke[-1], last[-1]):
            chained[-1] = np.concatenate([last, stroke[-2::-1]])
        elif _meet(stroke[0], last[-1]):
            chained[-1] = np.concatenate([last, stroke[1:]])
        elif _along(last[-1], stroke[0], (last, stroke)):
            chained[-1] = np.concatenate([last, stroke])
        else:
            chained.append(stroke)
    return chained


def _meet(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.hypot(*(a - b)) < NEAR)


def _along(start: np.ndarray, stop: np.ndarray, lines: tuple[np.ndarray, ...]) -> bool:
    """Whether the straight way from `start` to `stop` lies on `lines`."""
    way = start + np.linspace(0, 1, 12)[:, None] * (stop - start)
    near = np.full(len(way), np.inf)
    for line in lines:
        for a, b in pairwise(line):
            span = b - a
            share = np.clip((way - a) @ span / max(span @ span, 1e-9), 0, 1)
            near = np.minimum(near, np.linalg.norm(way - a - share[:, None] * span, axis=1))
    return bool(near.max() < NEAR)
