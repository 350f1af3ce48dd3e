"""A tune that was drawn, written to a file and read back, has the log-probability with which it was drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.guide import along
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.tune import Chord, Key, Metre, Tune, rescaled
from rhapsode.modalities.music.voicing import accompanied, unaccompanied
from rhapsode.modalities.music.write import save
from tests.modalities.music.bands import band
from tests.modalities.music.score import Q, lead, quartet, untrained

FORMATS = (".jsonl", ".mid", ".abc", ".musicxml")
HOLD = {"performance": FORMATS[:2], "remi": FORMATS[:2]}
"""The formats that hold all that steps say: notation has no loudness."""
KEYS = ((0, 0), (-4, 0), (6, 0), (-1, 9), (5, 9))
"""Sharps and mode; MIDI knows major and minor."""
MADE = {"chorale": quartet, "remi": band}
NAMES = ["melody", "abc", "chorale", "performance", "pianoroll", "remi"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    found = {}
    for name in NAMES:
        tunes = [MADE.get(name, lead)(n) for n in range(6)]
        codec = registry.get("codec", name).fit(lambda tunes=tunes: iter(tunes))
        found[name] = untrained(codec, tmp_path_factory.mktemp(name))
    return found


def nats(model: Model, tune: Tune, density: float | None = None) -> float:
    """Of a tune, as a model that is told this density (notes a quarter) reads it."""
    steps = model.record_codec.encode(tune)
    guide = model.record_codec.guide(Outline(tune, density=density))
    given = along(guide, steps) if model.codec.covariates else None
    return math.fsum(carried(model, steps, covariates=given))


@pytest.mark.parametrize("name", NAMES)
def test_generation_is_scoring(models: dict[str, Model], name: str, tmp_path: Path) -> None:
    model = models[name]
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    dense = codec.repertoire.density if codec.paced else None  # type: ignore[attr-defined]
    for seed, (sharps, mode) in enumerate(KEYS):
        outline = codec.outline(3)
        if codec.keyed:
            outline = replace(outline, tune=replace(outline.tune, keys=(Key(0, sharps, mode),)))
        [drawn] = model.generate(outline=outline, seed=seed, sampling=Sampling(temperature=0.9))
        expected = -math.fsum(drawn.log_probs)
        for suffix in HOLD.get(name, FORMATS):
            file = tmp_path / f"{seed}{suffix}"
            save(drawn.record, file)
            [tune] = read(file)
            assert codec.refusal(tune) == "" and tune.length * codec.grid == drawn.record.length * tune.ticks
            steps = codec.encode(tune)
            assert np.array_equal(steps, np.asarray(drawn.steps)), suffix
            told = None if dense is None else 2**dense
            assert nats(model, tune, told) == expected
            [scored] = model.score_records([tune])
            if not codec.paced:
                assert scored.nats == expected
            else:  # a tune that is scored says how dense it is
                assert scored.nats / scored.steps == pytest.approx(expected / len(steps), abs=0.2)
            if name != "performance":
                codec.guide(Outline(tune, bars=frozenset()))


def test_steps_are_those_that_encoding_writes(models: dict[str, Model]) -> None:
    """Along an outline with chords and kept bars, too: no note is held on by two steps where one would do."""
    for name in NAMES:
        model = models[name]
        codec = model.record_codec
        for n in range(3):
            tune = MADE.get(name, lead)(n)
            outlines = [Outline(replace(tune, notes=tune.notes[:0])), Outline(tune, in_key=True)]
            outlines += [] if name == "performance" else [Outline(tune, bars=frozenset({1, 3}))]
            for outline in outlines:
                [drawn] = model.generate(outline=outline, seed=n)
                assert np.array_equal(codec.encode(drawn.record), drawn.steps)


def test_a_lead_sheet_comes_back_from_midi() -> None:
    tune = replace(lead(1), chords=(Chord(0, "D"), Chord(Q, ""), Chord(4 * Q, "F#m7b5/E"), Chord(6 * Q, "Bb")))
    [again] = read_midi(midi.dumps(accompanied(tune)))
    assert again.chords == tune.chords and len(again.parts) == 1 and np.array_equal(again.notes, tune.notes)
    assert again.length == tune.length
    both = accompanied(tune)
    assert unaccompanied(both).parts == tune.parts and unaccompanied(tune) is tune
    # One that someone has changed is kept as what it is.
    changed = replace(both, notes=both.notes.copy())
    changed.notes["length"][both.notes["part"] == 1] -= 1
    [kept] = read_midi(midi.dumps(changed))
    assert len(kept.parts) == 2 and kept.chords == tune.chords


def test_silence_at_the_end_comes_back_from_midi() -> None:
    tune = replace(lead(1), length=7 * 3 * Q, metres=(Metre(0, 3, 4),))
    assert [each.length for each in read_midi(midi.dumps(tune))] == [tune.length]
    far = replace(tune, length=tune.length + 100 * Q)  # no one means that
    assert [each.length for each in read_midi(midi.dumps(far))] == [lead(1).length]


def test_a_midi_file_ends_with_its_last_bar() -> None:
    for ticks in (4, 480):
        for length in (12 * Q, 15 * Q):
            data = midi.dumps(accompanied(rescaled(replace(lead(1), length=length), ticks)))
            assert max(map(end_of, data.split(b"MTrk")[1:])) == length * ticks // Q


def end_of(track: bytes) -> int:
    """The tick of a MIDI track's end: its bytes, from the four of its length on."""
    at, now, status = 4, 0, 0
    while at < len(track):
        passed, more = 0, 128
        while more:
            passed, more, at = passed << 7 | track[at] & 127, track[at] & 128, at + 1
        now += passed
        if track[at] & 128:
            status, at = track[at], at + 1
        at += 2 + track[at + 1] if status == 0xFF else 1 if status >> 4 in (0xC, 0xD) else 2
    return now


def read_midi(data: bytes) -> list[Tune]:
    from tests.modalities.music.tunes import read as found

    return found(midi, data)[0]
