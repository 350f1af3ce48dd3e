"""Music for several instruments, made by rule: does a model keep the rules?

    python benchmarks/music.py bands [--minutes 4]

Learnt are, each by a model of its own (codec `remi`), 60 patterns of drums, eight bars each: the snare plays on two and
four, the back beat; kick and hats are one of some ways; each fourth bar has a fill. And 100 tunes of 16 bars in all
keys: such drums, a bass on the roots of four chords that come round and round, the chords, and a melody of the key's
scale. Then 30 patterns of 8 bars and 20 tunes of 16 are drawn, from nothing at temperature 1, and counted:

    back_beat   bars whose snares are on two and four, and nowhere else
    triads      bars whose chords are one major or minor triad
    roots       notes of the bass that are that triad's root
    in_key      notes of the melody that are of the scale of the key
    bars        how many bars there are; the number asked for, if all is well

each beside the same of what was learnt.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from rhapsode.inference.model import Model
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.tune import Key, Metre, Part, Tempo, Tune, notes, separate
from rhapsode.training.run import train

Q, STEP = 24, 6
"""Ticks of a quarter, and of a sixteenth."""
BAR = 16
"""Sixteenths."""
BEATS, BANDS = (60, 8), (100, 16)
"""How many there are, and their bars."""
DRAWN = (30, 20)
KICKS = ((0, 8), (0, 6, 8), (0, 7, 10), (0, 3, 8, 11), (0, 8, 10), (0, 2, 8))
FILL = ((13, 48), (14, 45), (15, 41))
CHORDS = {0: (0, 4, 7), 3: (5, 9, 12), 4: (7, 11, 14), 5: (9, 12, 16)}
"""By degree of the scale, from 0: semitones above the tonic."""
ROUNDS = ((0, 5, 3, 4), (0, 3, 4, 0), (5, 3, 0, 4), (0, 4, 5, 3))
RHYTHMS = ((4, 4, 4, 4), (2, 2, 4, 8), (6, 2, 4, 4), (4, 2, 2, 8))
BASSES = ((0, 4, 8, 12), (0, 6, 8, 14), (0, 8))
SCALE = (0, 2, 4, 5, 7, 9, 11)
FLUTE, PIANO, BASS = 73, 0, 33
Row = tuple[int, int, int, int, int]


def drums(random: Random, bars: int, fill: int, part: int) -> list[Row]:
    """Each bar numbered `fill` - 1 of so many has a fill."""
    kicks, hats, opened = random.choice(KICKS), random.choice((2, 2, 4, 1)), random.random() < 0.4
    rows = []
    for bar in range(bars):
        strokes = [(at, 38, random.randint(100, 115)) for at in (4, 12)]
        strokes += [(at, 36, random.randint(95, 120)) for at in kicks]
        for at in range(0, BAR, hats):
            strokes.append((at, 46 if opened and at == 14 else 42, random.randint(60, 70) + 20 * (at % 4 == 0)))
        if bar % fill == fill - 1:
            strokes += [(at, pitch, 100) for at, pitch in FILL]
        rows += [((bar * BAR + at) * STEP, STEP, pitch, loud, part) for at, pitch, loud in strokes]
    return rows


def tune(rows: list[Row], bars: int, parts: tuple[Part, ...], tempo: int, keys: tuple[Key, ...] = ()) -> Tune:
    end = bars * BAR * STEP
    found = separate(notes(rows))
    found["length"] = np.minimum(found["length"], end - found["start"])
    return Tune(found, Q, end, parts, (Metre(0, 4, 4),), keys, (Tempo(0, tempo),))


def beat(number: int) -> Tune:
    random = Random(number)
    tempo = random.choice((90, 100, 110, 120))
    return tune(drums(random, BEATS[1], 4, 0), BEATS[1], (Part("drums", drums=True),), tempo)


def band(number: int) -> Tune:
    random = Random(1000 + number)
    key, chords, rows = random.randint(-5, 6), random.choice(ROUNDS), list[Row]()
    basses = [random.choice(BASSES) for _ in range(2)]
    rhythms = [random.choice(RHYTHMS) for _ in range(2)]
    degree = 7
    for bar in range(BANDS[1]):
        begin, chord = bar * BAR * STEP, CHORDS[chords[bar % 4]]
        for at in basses[bar % 2]:
            rows.append((begin + at * STEP, 3 * STEP, 36 + key + chord[0], random.randint(85, 100), 2))
        rows += [(begin, 15 * STEP, 60 + key + pitch % 12, 60, 1) for pitch in chord]
        at = 0
        for n, length in enumerate(rhythms[bar % 2]):
            if n:
                degree = min(max(degree + random.choice((-2, -1, -1, 0, 1, 1, 2)), 0), 14)
            else:
                fitting = [each for each in range(15) if SCALE[each % 7] in {pitch % 12 for pitch in chord}]
                degree = min(fitting, key=lambda each: abs(each - degree) + random.random())
            pitch = 60 + key + SCALE[degree % 7] + 12 * (degree // 7)
            rows.append((begin + at * STEP, length * STEP - 1, pitch, random.randint(90, 110), 0))
            at += length
    rows += drums(random, BANDS[1], 8, 3)
    parts = (Part("melody", FLUTE), Part("chords", PIANO), Part("bass", BASS), Part("drums", drums=True))
    return tune(rows, BANDS[1], parts, random.randrange(90, 140, 2), (Key(0, (7 * key + 5) % 12 - 5),))


def kept(tunes: Iterable[Tune]) -> dict[str, Any]:
    """How well tunes keep the rules: shares, as the head of this file names them; None where there is nothing."""
    good, every, bars = Counter[str](), Counter[str](), Counter[int]()
    for one in tunes:
        bars[one.bar_count] += 1
        parts = {"drums" if part.drums else part.program: n for n, part in enumerate(one.parts)}
        scale = {(7 * one.keys[0].sharps + step) % 12 for step in SCALE} if one.keys else set()
        for begin, end in zip(one.bars(), [*one.bars()[1:], one.length], strict=True):
            inside = one.notes[(one.notes["start"] >= begin) & (one.notes["start"] < end)]
            played = {name: inside[inside["part"] == n] for name, n in parts.items()}
            if "drums" in played:
                snares = played["drums"]["start"][played["drums"]["pitch"] == 38] - begin
                count(good, every, "back_beat", [sorted({*snares.tolist()}) == [one.ticks, 3 * one.ticks]])
            if PIANO not in played:
                continue
            classes = {*(played[PIANO]["pitch"] % 12).tolist()}
            roots = [n for n in range(12) for third in (3, 4) if classes == {n, (n + third) % 12, (n + 7) % 12}]
            count(good, every, "triads", [bool(roots)])
            if roots and BASS in played:
                count(good, every, "roots", (played[BASS]["pitch"] % 12 == roots[0]).tolist())
            if FLUTE in played:
                count(good, every, "in_key", [pitch % 12 in scale for pitch in played[FLUTE]["pitch"].tolist()])
    return {name: round(good[name] / every[name], 3) for name in every} | {"bars": dict(bars)}


def count(good: Counter[str], every: Counter[str], name: str, found: Sequence[bool]) -> None:
    good[name] += sum(found)
    every[name] += len(found)


def bands(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    report: dict[str, Any] = {"minutes": options.minutes}
    for name, make, (tunes, bars), drawn in (("beats", beat, BEATS, DRAWN[0]), ("bands", band, BANDS, DRAWN[1])):
        folder = scratch / name
        folder.mkdir()
        made = [make(number) for number in range(tunes)]
        for number, one in enumerate(made):
            (folder / f"{number:03}.mid").write_bytes(midi.dumps(one))
        train([folder], scratch / f"{name}-model", minutes=options.minutes, seed=0)
        model = Model.load(scratch / f"{name}-model")
        found = model.generate(outline=model.record_codec.outline(bars), samples=drawn, seed=0)  # type: ignore[call-arg]
        report[name] = {
            "codec": model.codec.name,
            "parameters": model.network.parameters,
            "learnt from": kept(made),
            "drawn": kept(one.record for one in found),
        }
        print(name, report[name], flush=True)
    return report


def run(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        return bands(options, Path(scratch))
