"""WAV (`.wav`): how a tune sounds, by our synthesiser or with the sounds of a SoundFont. It is only written."""

from __future__ import annotations

import os

from rhapsode.files.formats import Format
from rhapsode.modalities.music import soundfont, synth
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import is_lead_sheet


def _wav(tune: Tune, *, font: str | os.PathLike[str] | None = None, loop: bool = False) -> bytes:
    """loop: it goes round, see `synth.render`."""
    if font is None:
        return synth.wav(tune, chords=is_lead_sheet(tune), loop=loop)
    return soundfont.wav(tune, font, chords=is_lead_sheet(tune), loop=loop)


FORMAT = Format[Tune](writes={".wav": _wav})
