"""How well the last bar of a loop leads into its first; and how high a model's tunes are in each key.

    python benchmarks/music.py loops --model models/band [--tunes 30]
    python benchmarks/music.py keys --model models/band --data tunes/ [--tunes 30]

`loops` draws so many tunes of 8 bars with `--loop` and as many without, and asks the model for the first bar after the
last, in nats a step. Beside these: the first bar of another tune that was drawn in its place; and the same of the bars
within the tunes, each after the one before.

`keys` compares the median pitch of the training tunes of each key with that of so many tunes drawn in that key, of the
default length. Keys that fewer than 10 tunes have are left out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.data.guide import along
from rhapsode.data.sources import open_sources
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.describe import key_name
from rhapsode.modalities.music.keys import home
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import Key, Tune, ordered

BARS, PARTICLES, TUNES, FEWEST = 8, 32, 30, 10


def opened(options: argparse.Namespace) -> tuple[Model, TuneCodec]:
    model = Model.load(options.model)
    codec = model.record_codec
    if not isinstance(codec, TuneCodec):
        raise SystemExit(f"{options.model} is no model of tunes")
    return model, codec


def joined(tune: Tune, other: Tune) -> Tune:
    """A tune with the first bar of another behind its end."""
    notes = other.notes[other.notes["start"] < tune.bar].copy()
    notes["length"] = np.minimum(notes["length"], tune.bar - notes["start"])
    notes["start"] += tune.length
    chords = (replace(each, tick=each.tick + tune.length) for each in other.chords if each.tick < tune.bar)
    found = ordered(np.concatenate([tune.notes, notes]))
    return replace(tune, length=tune.length + tune.bar, notes=found, chords=(*tune.chords, *chords))


def nats(model: Model, tune: Tune) -> np.ndarray:
    """Of each step of a tune that is one bar longer than a loop."""
    steps = model.record_codec.encode(tune)
    silent = replace(tune, notes=tune.notes[:0], chords=(), length=tune.length - tune.bar)
    guide = model.record_codec.guide(Outline(silent, loop=True))
    given = None if guide is None or not model.codec.covariates else along(guide, steps)
    return carried(model, steps, covariates=given)


def run(options: argparse.Namespace) -> dict[str, Any]:
    model, codec = opened(options)
    report: dict[str, Any] = {}
    for name, loop in (("looped", True), ("not looped", False)):
        outline = replace(codec.outline(BARS), loop=loop)
        tunes = [
            model.generate(outline=outline, seed=seed, particles=PARTICLES if loop else 1)[0].record
            for seed in range(options.tunes or TUNES)
        ]
        own, other, within = list[float](), list[float](), list[float]()
        for n, tune in enumerate(tunes):
            begun = len(codec.encode(tune, whole=False))
            for found, first in ((own, tune), (other, tunes[n - 1])):
                each = nats(model, joined(tune, first))
                found.append(float(each[begun:].mean()))
            within.append(float(each[:begun].mean()))
        report[name] = {
            "first bar after the last": round(float(np.mean(own)), 3),
            "that of another tune": round(float(np.mean(other)), 3),
            "within the tune": round(float(np.mean(within)), 3),
        }
        print(name, report[name], flush=True)
    return report


def keys(options: argparse.Namespace) -> dict[str, Any]:
    model, codec = opened(options)
    heights = defaultdict[tuple[int, int], list[float]](list)
    for file in open_sources([options.data], accepts=codec.recognises).files:
        for tune in codec.read(file.path, None, file.name):
            key = home(tune)
            if not codec.refusal(tune):
                heights[key.sharps, key.mode].append(float(np.median(melody(tune)["pitch"])))
    report = {}
    for (sharps, mode), known in sorted(heights.items(), key=lambda item: -len(item[1])):
        if len(known) < FEWEST:
            continue
        outline = codec.outline()
        outline = replace(outline, tune=replace(outline.tune, keys=(Key(0, sharps, mode),)))
        drawn = model.generate(outline=outline, samples=options.tunes or TUNES, seed=1)
        report[key_name(Key(0, sharps, mode))] = {
            "tunes": len(known),
            "training": round(float(np.mean(known)), 1),
            "drawn": round(float(np.mean([np.median(melody(one.record)["pitch"]) for one in drawn])), 1),
            "refused as a primer": sum(bool(codec.refusal(one.record)) for one in drawn),
        }
        print(key_name(Key(0, sharps, mode)), report[key_name(Key(0, sharps, mode))], flush=True)
    return report
