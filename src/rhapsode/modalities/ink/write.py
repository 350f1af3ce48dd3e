"""Writing to files: the suffix says in which format."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError, choice
from rhapsode.files.place import place
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.metrics import check
from rhapsode.modalities.ink.page import Layout
from rhapsode.modalities.ink.picture import png
from rhapsode.modalities.ink.plotter import gcode, hpgl
from rhapsode.modalities.ink.svg import svg

PAGES: dict[str, Callable[..., str | bytes]] = {
    ".svg": svg,
    ".png": png,
    ".gcode": gcode,
    ".nc": gcode,
    ".hpgl": hpgl,
    ".plt": hpgl,
}
"""What makes a file of one page."""
LINES = (".json", ".jsonl")
"""What holds drawings as such, in Rhapsode's own format: one, or one in a line."""
SUFFIXES = (*PAGES, *LINES)


def encode(what: Drawing | Layout, suffix: str, **options: Any) -> bytes:
    """The contents of a file with this suffix; `options` are those of the function in `PAGES`.

    A layout of several pages needs the option `sheet` (from 0), but for `LINES`, which take all of it: each line of
    writing is a drawing of its own, in mm from its page's upper left. What `ink.read` makes of an `.svg` or of
    `LINES` is the drawing as it was, in its own units.
    Raises `UserError` for a suffix not in `SUFFIXES`, and for options that the format does not have.
    """
    kind = suffix.lower()
    if kind not in SUFFIXES:
        raise choice("kind of file", suffix, SUFFIXES)
    allowed = options_of(kind)
    for name in options:
        if name not in allowed:
            raise choice(f"option for {kind} files", name, allowed or ["none"])
    if kind in LINES:
        return _lines(what, kind)
    contents = PAGES[kind](what, **options)
    return contents.encode(errors="replace") if isinstance(contents, str) else contents


def options_of(kind: str) -> list[str]:
    """What `encode` knows for files with this suffix, in small letters."""
    return [] if kind in LINES else [*inspect.signature(PAGES[kind]).parameters][1:]


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


def _lines(what: Drawing | Layout, kind: str) -> bytes:
    if isinstance(what, Drawing):
        drawings = [(what, 1.0)]
    else:
        drawings = [(line.drawing, line.unit) for sheet in what.sheets for line in sheet.lines]
    if kind == ".json" and len(drawings) != 1:
        raise UserError(f"a .json file holds one drawing, and there are {len(drawings)}: write them to a .jsonl file.")
    for drawing, _ in drawings:
        check(drawing)
    return "".join(f"{dumps(drawing, unit)}\n" for drawing, unit in drawings).encode()
