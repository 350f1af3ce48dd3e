"""Jazz over changes: melodies learnt by heart, and then played over other chords.

    python benchmarks/music.py franklin [--seeds 5] [--updates 1500]
    RHAPSODE_DATA=folder python benchmarks/music.py franklin --leadsheets

After Franklin, "Jazz melody generation using recurrent networks and reinforcement learning" (2005): notes are pitch and
length over a chord; a net that knows some melodies by heart is given other chords, and what it plays shows whether it
has learnt which notes go with which chord. She compared pitches as one of so many with pitches in circles of thirds
(`music.codecs._pitches`). Here one LSTM predicts both pitch and length (hers were two), the chord is fixed by the
tune, and the head lets pitch know the chord, and length know both.

Learnt are 40 choruses made by rule (`music.blues`), each over the bars of a blues in an order of its own, or
with `--leadsheets` the lead sheets of twelve-bar blues in music/leadsheets_blues of that folder. Then

    by heart    each is given its first two bars, and at temperature 0 plays on: the part of all further notes (pitch,
                length, place) that are the tune's own, and how many tunes are whole
    changes     20 harmonies of 12 bars, each bar a chord of the training tunes, drawn at random: in an order that was
                never heard; played from nothing at temperature 1. Notes of the chord, and notes outside of the
                chord's scale (`music.chords.scale`), beside the same of the training tunes as they are, and of
                the training tunes' notes under chords that are drawn like that (what a player has who does not listen)
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.model import Model
from rhapsode.modalities.music import wishes
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.codecs.melody import Melody
from rhapsode.modalities.music.formats.own import dumps
from rhapsode.modalities.music.keys import natural
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.measures import Terms, measured, total
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.tune import Tune
from rhapsode.report import Report
from rhapsode.training.run import train

HARMONIES, BARS = 20, 12
GIVEN = 2
"""Bars of a tune that is played by heart."""
PLAN = {"batch_size": 16, "sequence_length": 48, "threads": 1, "most": 1}


def franklin(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    tunes = (
        leadsheets()
        if options.leadsheets
        else [replace(tune, notes=melody(tune)) for tune in corpus(options.tunes or 40, 0, 1, shuffled=True)]
    )
    tunes = [natural(tune, 24) for tune in tunes]
    source = scratch / "tunes.tune.jsonl"
    source.write_text("".join(f"{dumps(tune)}\n" for tune in tunes))
    changes = [random_changes(tunes, n) for n in range(HARMONIES)]
    report: dict[str, Any] = {
        "tunes": len(tunes),
        "updates": options.updates,
        "as they are": fit(tunes),
        "under other chords": fit(
            wishes.harmonised(replace(tune, chords=()), changes[n % HARMONIES]) for n, tune in enumerate(tunes)
        ),
    }
    for thirds in (0, 1):
        rows = report["circles of thirds" if thirds else "one of so many"] = []
        for seed in range(options.seeds):
            rows.append(one(source, tunes, changes, thirds, seed, options, scratch))
            print(thirds, rows[-1], flush=True)
    return report


def leadsheets() -> list[Tune]:
    root = os.environ.get("RHAPSODE_DATA")
    if not root:
        raise SystemExit("set RHAPSODE_DATA to the folder that has music/")
    files = sorted((Path(root) / "music" / "leadsheets_blues").rglob("*.ls"))
    return [tune for file in files for tune in read(file)]


def random_changes(tunes: list[Tune], seed: int) -> list[list[str]]:
    """A chord for each bar, of those that the tunes have, no two neighbours alike."""
    known = sorted({chord.symbol for tune in tunes for chord in tune.chords} - {""})
    random, found = np.random.default_rng(seed), list[str]()
    for _ in range(BARS):
        others = [each for each in known if each not in found[-1:]]
        found.append(others[random.integers(len(others))])
    return [[each] for each in found]


def fit(tunes: Iterable[Tune]) -> dict[str, Any]:
    """Shares of the notes of melodies."""
    found = total(measured(tune, Terms(True, False, None)) for tune in tunes)
    return {name: round(found.rate(name) or 0.0, 4) for name in ("chord_tones", "out_of_scale")}


def one(
    source: Path,
    tunes: list[Tune],
    changes: list[list[list[str]]],
    thirds: int,
    seed: int,
    options: argparse.Namespace,
    scratch: Path,
) -> dict[str, Any]:
    home = scratch / f"{thirds}-{seed}"
    result = train(
        [source],
        home,
        valid=[source],  # it is to know them by heart
        updates=options.updates,
        codec="melody",
        codec_options={"thirds": thirds, "form": options.form},
        network={"width": 128},
        dropout={"between": 0.0},
        plan={**PLAN, "seed": seed},
        precision="fp32",
        device="cpu",
        report=Report(),
    )
    model = Model.load(home)
    codec: Melody = model.record_codec  # type: ignore[assignment]
    right = notes = whole = 0
    for tune in tunes:
        own = _notes(tune)
        end = GIVEN * tune.bar
        start = replace(tune, length=end, notes=tune.notes[tune.notes["start"] < end])
        start.notes["length"] = np.minimum(start.notes["length"], end - start.notes["start"])
        played = model.generate(style=start, outline=Outline(tune), seed=0, sampling=Sampling(temperature=0))[0]
        steps = np.concatenate([codec.encode(start, whole=False), played.steps])
        # A note that the cut divided is one again.
        found = _notes(codec.decode(steps, outline=Outline(tune)))
        wanted = {note for note in own if note[0] >= end}
        right += len(wanted & found)
        notes += len(wanted)
        whole += wanted == {note for note in found if note[0] >= end}
    usual = codec.usual.tune(BARS, codec.grid)
    new = []
    for number, chords in enumerate(changes):
        outline = Outline(wishes.harmonised(usual, chords))
        new.append(model.generate(outline=outline, seed=number)[0].record)
    return {
        "seed": seed,
        "seconds": round(result.seconds, 1),
        "nats": round(result.valid_nats, 3),
        "notes by heart": round(right / notes, 4),
        "whole tunes": f"{whole} of {len(tunes)}",
        **fit(new),
    }


def _notes(tune: Tune) -> set[tuple[int, int, int]]:
    return {(int(note["start"]), int(note["length"]), int(note["pitch"])) for note in melody(tune)}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--form", type=int, default=0, help="franklin: 1 to give the place in the form with each note")
    parser.add_argument("--tunes", type=int, help="how many; franklin: 40, made by rule; compare: 200 of each sort")
    parser.add_argument("--leadsheets", action="store_true", help="franklin: of the folder RHAPSODE_DATA")


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        return franklin(options, Path(scratch))
