"""Writing to files: the suffix says in which format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rhapsode.files.place import place
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import Layout
from rhapsode.modalities.ink.read import FORMATS

SUFFIXES = FORMATS.suffixes
options_of = FORMATS.options
PAGES = tuple(suffix for suffix in SUFFIXES if "sheet" in options_of(suffix))
"""Suffixes of files of one page."""
LINES = tuple(suffix for suffix in SUFFIXES if suffix not in PAGES)
"""Suffixes of files that hold drawings as such, without pages."""


def encode(what: Drawing | Layout, suffix: str, **options: Any) -> bytes:
    """The contents of a file with this suffix; `options` are those of the function that writes it.

    A layout of several pages needs the option `sheet` (from 0), but for `LINES`, which take all of it: each line of
    writing is a drawing of its own, in mm from its page's upper left. What `ink.read` makes of an `.svg` or of
    `LINES` is the drawing as it was, in its own units.
    Raises `UserError` for a suffix not in `SUFFIXES`, and for options that the format does not have.
    """
    return FORMATS.encode(what, suffix, **options)


def save(what: Drawing | Layout, path: str | os.PathLike[str], **options: Any) -> list[Path]:
    """Write a file in the format that its suffix says; returns the files written. Options as for `encode`.

    Each of several pages gets a file of its own with its number: `page.svg` becomes `page-1.svg`, `page-2.svg`, since
    plotters stop there for paper. Nothing is written if one of them cannot be made. Raises `UserError`.
    """
    path = Path(path)
    if isinstance(what, Layout) and len(what.sheets) > 1 and path.suffix.lower() in PAGES and "sheet" not in options:
        digits = len(str(len(what.sheets)))
        files = {
            path.with_name(f"{path.stem}-{sheet + 1:0{digits}}{path.suffix}"): encode(
                what, path.suffix, sheet=sheet, **options
            )
            for sheet in range(len(what.sheets))
        }
    else:
        files = {path: encode(what, path.suffix, **options)}
    for file, contents in files.items():
        place(file, contents)
    return list(files)
