"""Scores as pictures, engraved by Verovio."""

from __future__ import annotations

from xml.etree import ElementTree

from rhapsode.errors import UserError

WIDTH = 2100
"""Of the page, in Verovio's units: a tenth of a mm."""
TALLEST = 60_000
"""The longest page that Verovio makes."""


def engrave(musicxml: bytes, *, width: int = WIDTH) -> bytes:
    """The score as one SVG page, as high as needed, in black on nothing. width: of the page, in tenths of a mm.

    Needs Verovio (`pip install verovio`). Raises `UserError`, also if it cannot read the score.
    """
    try:
        import verovio
    except ImportError:
        raise UserError("pictures of scores are made by Verovio, which is not installed: pip install verovio") from None
    if not 200 <= width <= 10_000:
        raise UserError(f"a score {width} tenths of a mm wide cannot be engraved: give 200 to 10000.")
    try:
        kind = ElementTree.fromstring(musicxml).tag
        text = musicxml.decode("utf-8-sig")
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"this is not MusicXML: {error}.") from None
    if kind not in ("score-partwise", "score-timewise"):
        raise UserError(f"this is not MusicXML, whose first element is score-partwise; here it is {kind}.")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "inputFrom": "xml",
            "pageWidth": width,
            "pageHeight": TALLEST,
            "adjustPageHeight": True,
            "breaks": "auto",
            "footer": "none",
            "svgViewBox": True,
            "xmlIdSeed": 1,  # without it, each picture has other names in it
        }
    )
    if not toolkit.loadData(text):
        raise UserError("Verovio cannot read this score.")
    if (pages := toolkit.getPageCount()) != 1:
        raise UserError(f"this score needs {pages} pages of {TALLEST // 10_000} m. Engrave a shorter part of it.")
    return str(toolkit.renderToSVG(1)).encode()
