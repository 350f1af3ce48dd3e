"""A page of HTML that shows and plays a tune (`.html`). It is only written."""

from __future__ import annotations

from rhapsode.files.formats import Format
from rhapsode.modalities.music.formats.midi import dumps
from rhapsode.modalities.music.page import page
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import accompanied


def _page(tune: Tune) -> bytes:
    return page(tune, midi=dumps(accompanied(tune)))


FORMAT = Format[Tune](writes={".html": _page})
