"""PowerPoint presentations (.pptx): the text of the slides."""

from __future__ import annotations

from functools import partial

from rhapsode.files.formats import Format
from rhapsode.modalities.text.formats._office import packed, read

FORMAT = Format(title="PowerPoint", packed=partial(packed, "ppt"), read=read)
