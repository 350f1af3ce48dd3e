"""Files of pen strokes → drawings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rhapsode.files.flip import flipped
from rhapsode.files.formats import Formats
from rhapsode.files.source import Source, tells
from rhapsode.modalities.ink.drawing import Drawing

NUMBERS = re.compile(
    rb"\[\s*+(?:-?[0-9][-+.0-9eE]*+[\s,]*+){2,}\]"
    rb'|"(?:[xytp]|d[xyt]|time|pressure)"\s*+:\s*+-?[0-9][-+.0-9eE]*+[\s,}]*+',
    re.IGNORECASE,
)
"""In JSON: a list of them, or a coordinate with its name."""
MOSTLY = 0.5
"""A file is one of numbers if so much of it is of these, at least."""


def _upright(drawings: Iterator[Drawing], name: str) -> Iterator[Drawing]:
    """Those of a file of this name, upside down if that is asked for."""
    if not flipped(name):
        return drawings
    return (replace(drawing, points=drawing.points * [1.0, -1.0] + 0.0) for drawing in drawings)


FORMATS = Formats[Drawing]("ink", "a file of drawings", _upright)
recognised, parts, read = FORMATS.recognised, FORMATS.parts, FORMATS.read


def unfamiliar(path: Path) -> bool:
    """Whether it is JSON of little but numbers or coordinates, as drawings are; false for what cannot be read."""
    return tells(path, _numbers)


def _numbers(source: Source) -> bool:
    head = source.head().removeprefix(b"\xef\xbb\xbf")
    size = sum(len(match.group()) for match in NUMBERS.finditer(head))
    return head.lstrip().startswith((b"[", b"{")) and size > MOSTLY * len(head)
