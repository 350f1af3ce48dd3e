"""HPGL (`.hpgl`, `.plt`): what a plotter does. It is only written."""

from __future__ import annotations

from rhapsode.files.formats import Format
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.plotter import hpgl

FORMAT = Format[Drawing](writes={".hpgl": hpgl, ".plt": hpgl})
