"""Scores as pictures, engraved by Verovio: in a process of its own, for some damaged scores end the process."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from xml.etree import ElementTree

from rhapsode.errors import UserError
from rhapsode.files import apart

WIDTH = 2100
"""Of the page, in Verovio's units: a tenth of a mm."""
TALLEST = 60_000
"""The longest page that Verovio makes."""


def engrave(musicxml: bytes, *, width: int = WIDTH) -> bytes:
    """The score as one SVG page, as high as needed, in black on nothing. width: of the page, in tenths of a mm.

    Needs Verovio (`pip install verovio`). Raises `UserError`, also if it cannot read the score.
    """
    if find_spec("verovio") is None:
        raise UserError("pictures of scores are made by Verovio, which is not installed: pip install verovio")
    if not 200 <= width <= 10_000:
        raise UserError(f"a score {width} tenths of a mm wide cannot be engraved: give 200 to 10000.")
    try:
        kind = ElementTree.fromstring(musicxml).tag
        musicxml.decode("utf-8-sig")
    except (ElementTree.ParseError, UnicodeDecodeError, LookupError) as error:
        raise UserError(f"this is not MusicXML: {error}.") from None
    if kind not in ("score-partwise", "score-timewise"):
        raise UserError(f"this is not MusicXML, whose first element is score-partwise; here it is {kind}.")
    return apart.asked(__name__, musicxml, str(width), what="this score")


def _engraved(musicxml: bytes) -> bytes:
    """In this process. Raises `UserError`."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "inputFrom": "xml",
            "pageWidth": int(sys.argv[1]),
            "pageHeight": TALLEST,
            "adjustPageHeight": True,
            "breaks": "auto",
            "footer": "none",
            "svgViewBox": True,
            "xmlIdSeed": 1,  # without it, each picture has other names in it
        }
    )
    if not toolkit.loadData(musicxml.decode("utf-8-sig")):
        raise UserError("Verovio cannot read this score.")
    if (pages := toolkit.getPageCount()) != 1:
        raise UserError(f"this score needs {pages} pages of {TALLEST // 10_000} m. Engrave a shorter part of it.")
    return str(toolkit.renderToSVG(1)).encode()


if __name__ == "__main__":
    sys.exit(apart.answered(_engraved))
