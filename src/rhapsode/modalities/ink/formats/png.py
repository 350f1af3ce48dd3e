"""PNG (`.png`): a picture of a page. It is only written."""

from __future__ import annotations

from rhapsode.files.formats import Format
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.picture import png

FORMAT = Format[Drawing](writes={".png": png})
