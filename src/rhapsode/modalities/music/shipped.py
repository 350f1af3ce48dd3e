"""What a page needs of a codec of tunes, beyond the codec's own JSON, to compose what is usual in the training data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.modalities.music import chords
from rhapsode.modalities.music.codecs._remi_guide import KIT
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.drums import NAMES
from rhapsode.modalities.music.facts import facts
from rhapsode.modalities.music.instruments import DRUMS, name_of
from rhapsode.modalities.music.keys import distance
from rhapsode.modalities.music.page import sounds
from rhapsode.modalities.music.tune import Chord, Part, Tune
from rhapsode.modalities.music.voicing import held


def shipped(codec: TuneCodec) -> dict[str, Any]:
    """Values for the page's codec, by name.

    bars: of a tune; bar: steps' frames in one. metre, key, tempo, parts, facts: of all tunes that the page composes.
    compound, mode, place, density: as guides give them with each step.
    by: semitones from the key in which the model draws to that of the tune.
    harmonies: of each chord that is drawn, what is written for it in the tune's key, its root as it is drawn, and what
    is played. sounds: see `page.sounds`; the last is that of chords. band: instruments that are told apart, by their
    order in a tune, each with the number of its sound. drums: their names.
    """
    outline = codec.outline()
    tune, usual = outline.tune, codec.usual
    metre, key = tune.metres[0], tune.keys[0]
    drawn: Tune = codec.decode(np.zeros((0, *codec.steps.shape), codec.steps.dtype), outline=outline)
    by = -distance(tune, usual.shifts) if codec.keyed else 0
    symbols = codec.repertoire.harmonies if codec.harmonic else ()  # type: ignore[attr-defined]
    band = [Part(name_of(each), max(each, 0), each == DRUMS) for each in codec.programs]
    heard = replace(drawn, parts=tuple(band) or drawn.parts, chords=(Chord(0, "C"),) if symbols else ())
    return {
        "bars": codec.bars,
        "bar": usual.bar(codec.grid),
        "metre": [metre.beats, metre.unit],
        "key": [key.sharps, key.mode],
        "tempo": tune.tempos[0].quarters,
        "parts": list(map(_part, drawn.parts)),
        "facts": facts(replace(drawn, tempos=())),
        "compound": metre.beats % 3 == 0 and metre.unit >= 8,
        "mode": key.mode,
        "place": usual.place(tune).tolist() if codec.keyed else [],
        "density": float(np.float32(codec.repertoire.density)) if codec.paced else 0.0,  # type: ignore[attr-defined]
        "by": by,
        "harmonies": [_harmony(symbol, by, key.sharps) for symbol in symbols],
        "sounds": sounds(heard),
        "band": {_rank(part): {**_part(part), "sound": n} for n, part in enumerate(band)},
        "drums": NAMES if DRUMS in codec.programs else {},
    }


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "program": part.program, "drums": part.drums}


def _rank(part: Part) -> int:
    return KIT if part.drums else part.program


def _harmony(symbol: str, by: int, sharps: int) -> dict[str, Any]:
    written = chords.transposed(symbol, by, sharps)
    played = held(Tune(np.zeros(0), 1, 1, chords=(Chord(0, written),)))
    return {"symbol": written, "root": chords.parse(symbol).root, "pitches": played["pitch"].tolist()}
