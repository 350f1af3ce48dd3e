"""What a page needs of a codec of tunes, beyond the codec's own JSON, to compose what is usual in the training data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.facts import facts
from rhapsode.modalities.music.keys import distance
from rhapsode.modalities.music.page import sounds
from rhapsode.modalities.music.tune import Chord, Tune
from rhapsode.modalities.music.voicing import held

CODECS = ("chorale", "melody", "performance", "pianoroll")
"""Those that have a page: see `web/codecs.js`."""


def shipped(codec: TuneCodec) -> dict[str, Any]:
    """
    bars: of a tune; bar: steps' frames in one. metre, key, tempo, parts, facts: of all tunes that the page composes.
    compound, mode, place, density: as guides give them with each step.
    by: semitones from the key in which the model draws to that of the tune.
    harmonies: of each chord that is drawn, what is written for it in the tune's key, its root as it is drawn, and what
    is played. sounds: see `page.sounds`; the last is that of chords.

    Raises `UserError` for a codec that has no page.
    """
    if codec.name not in CODECS:
        raise UserError(
            f"a model with codec {codec.name} cannot be a page yet; models with {', '.join(CODECS)} can. Export it as "
            ".onnx, or a tune of it as a page: rhapsode compose MODEL -o tune.html."
        )
    outline = codec.outline()
    tune, usual = outline.tune, codec.usual
    metre, key = tune.metres[0], tune.keys[0]
    drawn: Tune = codec.decode(np.zeros((0, *codec.steps.shape), codec.steps.dtype), outline=outline)
    by = -distance(tune, usual.shifts) if codec.keyed else 0
    symbols = codec.repertoire.harmonies if codec.harmonic else ()  # type: ignore[attr-defined]
    chorded = replace(drawn, chords=(Chord(0, "C"),)) if symbols else drawn
    return {
        "bars": codec.bars,
        "bar": usual.bar(codec.grid),
        "metre": [metre.beats, metre.unit],
        "key": [key.sharps, key.mode],
        "tempo": tune.tempos[0].quarters,
        "parts": [{"name": part.name, "program": part.program} for part in drawn.parts],
        "facts": facts(drawn),
        "compound": metre.beats % 3 == 0 and metre.unit >= 8,
        "mode": key.mode,
        "place": usual.place(tune).tolist() if codec.keyed else [],
        "density": float(np.float32(codec.repertoire.density)) if codec.paced else 0.0,  # type: ignore[attr-defined]
        "by": by,
        "harmonies": [_harmony(symbol, by, key.sharps) for symbol in symbols],
        "sounds": sounds(chorded),
    }


def _harmony(symbol: str, by: int, sharps: int) -> dict[str, Any]:
    written = chords.transposed(symbol, by, sharps)
    played = held(Tune(np.zeros(0), 1, 1, chords=(Chord(0, written),)))
    return {"symbol": written, "root": chords.parse(symbol).root, "pitches": played["pitch"].tolist()}
