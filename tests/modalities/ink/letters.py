"""Handwriting made by rule, whose base line, x-height and slant are therefore known."""

import numpy as np

from rhapsode.modalities.ink.drawing import Drawing, from_strokes


def arc(x, y, rx, ry, start, stop, count=14):
    """Part of an ellipse, angles in quarter turns from the right, counted up and to the left. y up."""
    angle = np.linspace(start, stop, count) * np.pi / 2
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def bar(*corners, count=8):
    parts = [np.linspace(a, b, count) for a, b in zip(corners[:-1], corners[1:], strict=True)]
    return np.concatenate(parts)


BOWL = arc(0.4, 0.5, 0.4, 0.5, 0.4, 4.4, 30)
ARCH = np.concatenate([bar((0, 1), (0, 0), (0, 0.55)), arc(0.35, 0.6, 0.35, 0.4, 2, 0), bar((0.7, 0.6), (0.7, 0))])
LETTERS = {
    "a": [BOWL, bar((0.8, 1), (0.8, 0))],
    "d": [BOWL, bar((0.8, 2), (0.8, 0))],
    "e": [np.concatenate([bar((0.05, 0.5), (0.75, 0.5)), arc(0.4, 0.5, 0.38, 0.5, 0, 3.5, 24)])],
    "g": [BOWL, np.concatenate([bar((0.8, 1), (0.8, -0.6)), arc(0.4, -0.6, 0.4, 0.4, 0, -1.8)])],
    "h": [np.concatenate([bar((0, 2), (0, 0), (0, 0.55)), arc(0.35, 0.6, 0.35, 0.4, 2, 0), bar((0.7, 0.6), (0.7, 0))])],
    "i": [bar((0.1, 1), (0.1, 0)), np.array([[0.1, 1.5]])],
    "l": [bar((0.1, 2), (0.1, 0))],
    "m": [ARCH, np.concatenate([arc(1.05, 0.6, 0.35, 0.4, 2, 0), bar((1.4, 0.6), (1.4, 0))])],
    "n": [ARCH],
    "o": [BOWL],
    "p": [bar((0, 1), (0, -1)), arc(0.4, 0.5, 0.4, 0.5, 2, -2, 30)],
    "s": [np.concatenate([arc(0.35, 0.75, 0.3, 0.25, 0.5, 3, 14), arc(0.35, 0.25, 0.3, 0.25, 1, -1.6, 14)])],
    "t": [bar((0.3, 1.8), (0.3, 0)), bar((0, 1), (0.6, 1))],
    "u": [
        np.concatenate([bar((0, 1), (0, 0.4)), arc(0.35, 0.4, 0.35, 0.4, 2, 4), bar((0.7, 0.4), (0.7, 1), (0.7, 0))])
    ],
}


def write(text, *, size=1.0, slant=0.0, slope=0.0, at=(0.0, 0.0), rough=0.0, seed=0) -> Drawing:
    """A line of writing with an x-height of `size`, whose base line begins at `at`; y down."""
    random = np.random.default_rng(seed)
    strokes, x = [], 0.0
    for character in text:
        if character == " ":
            x += 1.0
            continue
        for stroke in LETTERS[character]:
            points = stroke + (x, 0)
            points = points + rough * random.normal(size=2) * (1, 0.5)
            points = points * (1, -1) * size
            points[:, 0] -= slant * points[:, 1]
            points[:, 1] += slope * points[:, 0]
            strokes.append(points + at)
        x += max(stroke[:, 0].max() for stroke in LETTERS[character]) + 0.3
    return from_strokes(strokes, text)
