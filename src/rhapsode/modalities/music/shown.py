"""What a page needs of a tune, beside its notes, to show and play it; the pages of `web` know it of their model."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from rhapsode.modalities.music.copies import MelodyIndex
from rhapsode.modalities.music.drums import NAMES
from rhapsode.modalities.music.facts import facts
from rhapsode.modalities.music.page import sounds
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import held


def shown(tune: Tune, index: MelodyIndex | None = None) -> dict[str, Any]:
    """Values for the page, by name.

    sounds: of its parts, and of its chords if it has some, see `page.sounds`. chords: what is played for each, from its
    tick until the next; nothing for symbols that are not understood. bars: ticks at which they begin, as requests
    count them. facts: in words. drums: names of those that are struck, by pitch.
    copies: what of its melody stands in a training tune, see `MelodyIndex.copies`, with the numbers of its notes;
    longest: how many of how many notes in a row are copied. Both are left out where there is no index.
    """
    drums = {n for n, part in enumerate(tune.parts) if part.drums}
    struck = {int(note["pitch"]) for note in tune.notes if int(note["part"]) in drums}
    found: dict[str, Any] = {
        "sounds": sounds(tune),
        "chords": [
            sorted(held(replace(tune, chords=(replace(chord, tick=0),), length=1))["pitch"].tolist())
            for chord in tune.chords
        ],
        "bars": tune.bars(),
        "facts": facts(tune),
        "drums": {pitch: NAMES[pitch] for pitch in sorted(struck) if pitch in NAMES},
    }
    if index is not None:
        runs = index.copies(tune)
        longest = index.longest(tune)
        found["copies"] = [asdict(run) for run in runs]
        found["longest"] = [longest.notes, longest.of]
    return found
