"""Word documents (.docx)."""

from __future__ import annotations

from functools import partial

from rhapsode.files.formats import Format
from rhapsode.modalities.text.formats._office import packed, read

FORMAT = Format(title="Word", packed=partial(packed, "word"), read=read)
