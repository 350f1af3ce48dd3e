"""Small tunes for codecs, and models of them that were not trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig, merged
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes
from rhapsode.nn.network import Network
from tests.conftest import random_weights

Q = 24
"""Ticks of a quarter."""
SCALE = (0, 2, 4, 5, 7, 9, 11)
BARS = 4


def lead(number: int = 0) -> Tune:
    """A melody in D, four bars of 3/4 with two chords each; notes are held over chords and bar lines."""
    random = np.random.default_rng(number)
    lengths = [Q, Q, Q // 2, Q // 2, 2 * Q, 2 * Q, 2 * Q, Q // 2, Q // 2, Q, Q]
    rows, at = [], 0
    for length in lengths:
        step = int(random.integers(0, 10))
        rows.append((at, length, 62 + SCALE[step % 7] + 12 * (step // 7), 70 + 3 * (at % 7), 0))
        at += length
    names = ["D", "G", "A7", "Bm"]
    changes = [Chord(half * 3 * Q // 2, names[(half * 3 + number) % 4]) for half in range(2 * BARS)]
    return Tune(
        notes(rows),
        Q,
        BARS * 3 * Q,
        (Part("lead"),),
        (Metre(0, 3, 4),),
        (Key(0, 2),),
        (Tempo(0, 100.0),),
        tuple(changes),
        name=f"lead {number}",
    )


def quartet(number: int = 0) -> Tune:
    """Four voices in C, four bars of 4/4; they hold notes over bar lines."""
    random = np.random.default_rng(number)
    rows = []
    for part, low in enumerate((65, 60, 53, 41)):
        at = 0
        for quarters in (1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1):
            rows.append(
                (at, quarters * Q, low + SCALE[int(random.integers(0, 7))] - low % 12 + 12 * (low % 12 > 0), 80, part)
            )
            at += quarters * Q
    return Tune(
        notes(rows),
        Q,
        BARS * 4 * Q,
        tuple(Part(name) for name in ("S", "A", "T", "B")),
        (Metre(0, 4, 4),),
        (Key(0, 0),),
        (Tempo(0, 100.0),),
        name=f"quartet {number}",
    )


def small(codec: TuneCodec) -> NetworkConfig:
    """The codec's network, as small as may be."""
    hidden = {"hidden": 4} if codec.head in ("nade", "chain") else {}
    return NetworkConfig(**merged(codec.network, {"width": 8, "head": hidden}))


def untrained(codec: TuneCodec, folder: Path) -> Model:
    """A model of random weights."""
    network = small(codec)
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document")
    weights = random_weights(Network(network, codec.steps, None, codec.covariates), 0, 2.0)
    checkpoint.save(folder / checkpoint.MODEL, config.model_dump(), weights)
    return Model.load(folder)


def sung(tune: Tune, frames: int, part: int = 0) -> list[int]:
    """What pitch a part has in each frame, 0 for none."""
    found = [0] * frames
    for start, length, pitch in tune.notes[tune.notes["part"] == part][["start", "length", "pitch"]].tolist():
        found[start : start + length] = [pitch] * length
    return found
