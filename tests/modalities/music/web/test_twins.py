"""What the page computes around the network is what the command computes, to the last byte of the MIDI file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.drums import NAMES
from rhapsode.modalities.music.formats.midi import dumps
from rhapsode.modalities.music.roll import BLACK, LINES, NIGHT, WORDS, element
from rhapsode.modalities.music.rollplan import COLOURS, LEFT, plan
from rhapsode.modalities.music.shipped import shipped
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Metre, Part, Tempo, Tune, ordered, separate
from rhapsode.modalities.music.voicing import accompanied
from tests.modalities.music.bands import band, beat
from tests.modalities.music.score import lead, quartet
from tests.node import PACKAGE, run

WEB = "modalities/music/web"
SEEDS = range(3)

CODECS: dict[str, tuple[str, dict[str, Any], Callable[[int], Tune]]] = {
    "rolls": ("pianoroll", {"echoes": 4}, lambda n: list(corpus(4, 0, choruses=1))[n % 4]),
    "benchmark rolls": ("pianoroll", {"holds": 0, "echoes": 0}, quartet),
    "performances": ("performance", {}, lead),
    "melodies": ("melody", {}, lead),
    "melodies in thirds": ("melody", {"thirds": 1, "form": 0, "grid": 4}, lead),
    "notation": ("abc", {}, lead),
    "chorales": ("chorale", {}, quartet),
    "bands": ("remi", {"velocities": 8}, band),
    "beats": ("remi", {"grid": 4}, beat),
}


def made(name: str) -> TuneCodec:
    codec, options, tune = CODECS[name]
    if codec == "remi":
        pytest.importorskip("miditok")
    tunes = [tune(n) for n in range(6)]
    found: TuneCodec = registry.get("codec", codec).fit(lambda: iter(tunes), **options)
    return found


def drawn(codec: TuneCodec, seed: int, bars: int) -> tuple[list[Any], list[Any]]:
    """Steps at random, of those that are allowed, and what the guide says before each."""
    rng = np.random.default_rng(seed)
    guide, kind = codec.guide(codec.outline(bars)), cast(Any, codec.steps)
    steps, told = [], []
    for _ in range(min(guide.most() or 0, 300)):
        mask = guide.mask()
        assert mask is not None
        for _ in range(64):
            if codec.head == "nade":
                may = mask.reshape(-1, 2)[:, 1] & (rng.random(len(mask) // 2) < 0.1)
                step = may.astype(np.uint8)
                for group in range(1, kind.groups):
                    step[group * kind.places :] &= 1 - step[: kind.places]
            elif codec.head == "chain":
                step = np.array([rng.choice(np.flatnonzero(mask[part])) for part in kind.slices])
            else:
                step = rng.choice(np.flatnonzero(mask))
            if canonical := guide.canonical(step):
                break
        told.append([guide.covariates().tolist(), mask.astype(int).tolist(), guide.most(), canonical])
        steps.append(step.tolist())
        guide.read(step)
        if codec.ends(step):
            break
    return steps, told


@pytest.mark.parametrize("name", CODECS)
def test_guides_and_files(name: str) -> None:
    codec = made(name)
    bars = [codec.bars, 3, 9]
    every = [drawn(codec, seed, bars[seed]) for seed in SEEDS]
    body = """
        const modules = ["codecs.js", "../player/tune.js", "../player/midi.js"].map(use);
        const [{ codecOf }, { accompanied }, { midi }] = await Promise.all(modules);
        const codec = codecOf(data.codec, data.usual);
        return data.every.map((steps, n) => {
          const guide = codec.guide(data.bars[n]);
          const told = steps.map((step) => {
            const said = [[...guide.covariates()], [...guide.mask()], guide.most(), guide.canonical(step)];
            guide.read(step);
            return said;
          });
          return [told, [...midi(accompanied(codec.decode(steps)))], steps.map((step) => codec.ends(step))];
        });
    """
    json = {"name": codec.name, **codec.to_json()}
    data = {"codec": json, "usual": shipped(codec), "bars": bars, "every": [steps for steps, _ in every]}
    for (steps, told), count, (said, file, ends) in zip(every, bars, run(WEB, body, data), strict=True):
        for n, (one, other) in enumerate(zip(said, told, strict=True)):
            assert one == other, f"step {n}"
        array = np.array(steps, codec.steps.dtype).reshape(-1, *codec.steps.shape)
        tune = codec.decode(array, outline=codec.outline(count))
        assert bytes(file) == dumps(accompanied(tune))
        assert ends == [codec.ends(step) for step in array]


def as_json(tune: Tune) -> dict[str, Any]:
    return {
        "notes": tune.notes.tolist(),
        "ticks": tune.ticks,
        "length": tune.length,
        "parts": [{"name": part.name, "program": part.program, "drums": part.drums} for part in tune.parts],
        "metres": [[metre.tick, metre.beats, metre.unit] for metre in tune.metres],
        "keys": [[key.tick, key.sharps, key.mode] for key in tune.keys],
        "tempos": [[tempo.tick, tempo.quarters] for tempo in tune.tempos],
        "chords": [[chord.tick, chord.symbol, []] for chord in tune.chords],
    }


def test_midi() -> None:
    rng = np.random.default_rng(0)
    tunes = []
    for number in range(12):
        parts = rng.integers(1, 20)
        rows = [
            (
                rng.integers(0, 300),
                rng.integers(1, 200),
                rng.integers(40, 60),
                rng.integers(1, 127),
                rng.integers(parts),
            )
            for _ in range(60)
        ]
        named = tuple(Part("näme" * (n % 2), int(rng.integers(128)), n == number) for n in range(parts))
        chords = (Chord(0, "Am7"), Chord(100, ""), Chord(200, "B♭")) if number % 2 else ()
        keys, tempos = (Key(0, number - 6, 9 * (number % 2)),), (Tempo(0, 60.0 + 7.3 * number),)
        found = separate(np.array(rows, NOTE))
        tunes.append(Tune(ordered(found), 24, 900, named, (Metre(0, 6, 8),), keys, tempos, chords))
    body = """
        const [{ separate }, { midi }] = await Promise.all(["../player/tune.js", "../player/midi.js"].map(use));
        return data.map((tune) => [separate(tune.notes), [...midi(tune)]]);
    """
    data = list(map(as_json, tunes))
    for tune, (notes, file) in zip(tunes, run(WEB, body, data), strict=True):
        assert notes == [list(note) for note in tune.notes.tolist()]
        assert bytes(file) == dumps(tune)


def lead_sheet() -> Tune:
    rows = [(n * 7, 5, 55 + n * 5 % 31, 60 + n, 0) for n in range(40)]
    chords = (Chord(0, "C7"), Chord(30, "Dm7b5/F"), Chord(40, ""), Chord(200, "G"))
    return Tune(np.array(rows, NOTE), 24, 290, metres=(Metre(0, 3, 4),), tempos=(Tempo(0, 96.0),), chords=chords)


@pytest.mark.parametrize(
    "tune",
    [
        lead_sheet(),
        quartet(1),
        replace(quartet(1), notes=np.zeros(0, NOTE)),
        band(1),
        beat(2),
    ],
)
def test_rolls(tune: Tune) -> None:
    body = """
        const { roll } = await use("../player/roll.js");
        const { keys, body, scale } = roll(data.tune, data.drums, { marked: new Set(data.marked) });
        return [keys, body, scale];
    """
    marked = np.arange(len(tune)) % 3 == 1
    data = {"tune": as_json(tune), "drums": NAMES, "marked": np.flatnonzero(marked).tolist()}
    keys, notes, scale = run(WEB, body, data)
    picture = plan([tune], [marked], bars=None, heading=False)
    assert scale == picture.scale
    for found, wanted in ((keys, element(picture, 0, LEFT - 1)), (notes, element(picture, LEFT, picture.width))):
        for one, other in zip(marks(found), marks(wanted), strict=True):
            assert one[0] == other[0]
            assert np.allclose(one[1], other[1], atol=0.011)


def marks(svg: str) -> list[tuple[str, list[float]]]:
    """The elements in order of their text: each without its numbers, and these."""
    found = re.findall(r"<(?:rect|line|text)[^>]*>(?:[^<]*</text>)?", svg)
    number = re.compile(r"(?<![\w#])-?\d+(?:\.\d+)?")
    return sorted((number.sub("0", each), [float(one) for one in number.findall(each)]) for each in found)


def test_the_colours_by_night_are_those_of_the_roll() -> None:
    css = (PACKAGE / WEB / "../player/roll.css").read_text()
    words = [dark for name, ((_, dark), _, _) in WORDS.items() if name not in ("title", "fact")]
    for colour in [*NIGHT, BLACK[1], *(dark for (_, dark), _ in LINES.values()), *words]:
        assert colour in css
    for n, colour in enumerate(COLOURS):
        assert f".p{n} {{ color: {colour}; }}" in css


def test_every_codec_has_a_twin() -> None:
    assert {name for name, *_ in CODECS.values()} == {
        each.name for each in registry.every("codec") if issubclass(each, TuneCodec)
    }
