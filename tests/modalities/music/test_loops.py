"""Loops: exactly so many bars, no note over the end, a last bar that leads into the first, sound that goes round."""

from __future__ import annotations

import io
import math
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.data.guide import along
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model
from rhapsode.modalities.music import synth
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.formats import own
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.read import read
from rhapsode.modalities.music.tune import Chord, Metre, Tune, notes, ordered
from rhapsode.modalities.music.write import save
from tests.modalities.music.score import Q, lead, quartet, sung, untrained

LOOPING = ("melody", "abc", "chorale", "pianoroll")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    found = {}
    for name in (*LOOPING, "performance"):
        tunes = [quartet(n) if name == "chorale" else lead(n) for n in range(6)]
        codec = registry.get("codec", name).fit(lambda tunes=tunes: iter(tunes))
        found[name] = untrained(codec, tmp_path_factory.mktemp(name))
    return found


def outline(model: Model, bars: int, loop: bool = True) -> Outline:
    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    return replace(codec.outline(bars), loop=loop)


def seam(model: Model, tune: Tune) -> float:
    """Nats a step of a tune's first bar, if it comes again after the last."""
    codec = model.record_codec
    first = tune.notes[tune.notes["start"] < tune.bar].copy()
    first["length"] = np.minimum(first["length"], tune.bar - first["start"])
    first["start"] += tune.length
    chords = tuple(replace(each, tick=each.tick + tune.length) for each in tune.chords if each.tick < tune.bar)
    found = ordered(np.concatenate([tune.notes, first]))
    both = replace(tune, length=tune.length + tune.bar, notes=found, chords=(*tune.chords, *chords))
    steps = codec.encode(both)
    silent = replace(tune, notes=tune.notes[:0], chords=())
    guide = codec.guide(Outline(silent, loop=True))
    given = along(guide, steps) if model.codec.covariates else None
    each = carried(model, steps, covariates=given)
    begun = len(codec.encode(tune, whole=False))
    return math.fsum(each[begun:]) / (len(steps) - begun)


@pytest.mark.parametrize("name", LOOPING)
@pytest.mark.parametrize("bars", [1, 3])
def test_the_first_bar_comes_after_the_last(models: dict[str, Model], name: str, bars: int) -> None:
    model = models[name]
    codec = model.record_codec
    given = [outline(model, bars)]
    if name in ("melody", "abc"):
        bar = given[0].tune.bar
        given.append(replace(given[0], tune=replace(given[0].tune, chords=(Chord(0, "D"), Chord(bar // 2, "G")))))
    for one in given:
        for sample in model.generate(outline=one, seed=2, samples=2, particles=4):
            bar = sample.record.bar
            assert sample.record.length == bars * bar
            assert (sample.record.notes["start"] + sample.record.notes["length"]).max() <= bars * bar
            whole = codec.decode(sample.steps)
            assert whole.length == (bars + 1) * bar
            for part in range(len(whole.parts)):
                heard = sung(whole, whole.length, part)
                assert heard[bars * bar :] == heard[:bar]
            begins = [set(whole.notes["start"].tolist()) & {*range(at, at + bar)} for at in (0, bars * bar)]
            assert {each + bars * bar for each in begins[0]} == begins[1]


# An untrained model of tokens knows no grammar, which outweighs all else there.
@pytest.mark.parametrize("name", ["melody", "chorale", "pianoroll"])
def test_the_seam_is_likelier_than_by_chance(models: dict[str, Model], name: str) -> None:
    model = models[name]
    looped, ended = (
        [seam(model, model.generate(outline=outline(model, 2, loop), seed=n, particles=k)[0].record) for n in range(5)]
        for loop, k in ((True, 8), (False, 1))
    )
    assert np.mean(looped) < np.mean(ended) - 0.1


def test_a_loop_goes_on_from_a_primer(models: dict[str, Model], tmp_path: Path) -> None:
    file, out = tmp_path / "primer.jsonl", tmp_path / "loop.jsonl"
    begun = replace(lead(1), length=3 * Q, notes=lead(1).notes[:3], chords=lead(1).chords[:2])
    file.write_text(own.dumps(begun) + "\n")
    path = str(models["melody"].path)
    assert main(["compose", path, "--loop", "--bars", "4", "--primer", str(file), "--seed", "1", "-o", str(out)]) == 0
    [tune] = read(out)
    assert tune.bar_count == 4 and np.array_equal(tune.notes["pitch"][:3], begun.notes["pitch"])


def test_files_are_exactly_as_long(models: dict[str, Model], tmp_path: Path) -> None:
    path = str(models["melody"].path)
    for suffix in ("wav", "mid", "abc"):
        out = tmp_path / f"loop.{suffix}"
        assert main(["compose", path, "--loop", "--bars", "2", "--seed", "3", "-o", str(out)]) == 0
        if suffix != "wav":
            [tune] = read(out)
            assert tune.length == 6 * tune.ticks
    with wave.open(str(tmp_path / "loop.wav")) as file:
        assert file.getnframes() == round(tune.seconds * file.getframerate())


def test_what_sounds_after_the_end_sounds_at_the_beginning() -> None:
    rows = [(0, 6, 60, 90, 0), (12, 12, 67, 90, 0)]
    once = Tune(notes(rows), 12, 24)
    more = [(start + 24 * n, *rest) for n in range(4) for start, *rest in rows]
    again = Tune(notes(more), 12, 96)  # type: ignore[arg-type]
    loop, rate = synth.render(once, 8000, loop=True), 8000
    assert len(loop) == round(once.seconds * rate)
    round_ = synth.render(again, rate)[3 * len(loop) : 4 * len(loop)]
    assert np.corrcoef(loop.ravel(), round_.ravel())[0, 1] > 0.999
    assert np.abs(loop).max() == pytest.approx(synth.PEAK, rel=1e-3)
    with wave.open(io.BytesIO(synth.wav(once, rate, loop=True))) as file:
        assert file.getnframes() == len(loop)


def test_what_cannot_be_a_loop(models: dict[str, Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(own.dumps(lead(1)) + "\n")
    for name, options, message in (
        ("performance", [], "knows no bars"),
        ("melody", ["--no-echo"], "does not go with --no-echo"),
        ("melody", ["--fill", str(file), "--fill-bars", "1"], "does not go with --fill"),
    ):
        assert main(["compose", str(models[name].path), "--loop", *options]) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("name", ["melody", "abc"])
def test_a_loop_begins_with_a_note(models: dict[str, Model], name: str) -> None:
    for loop in (True, False):
        drawn = models[name].generate(outline=outline(models[name], 2, loop), samples=30, seed=3)
        begins = {int(one.record.notes["start"].min(initial=99)) for one in drawn}
        assert (begins == {0}) == loop


def test_a_loop_in_notation_has_full_bars_alone(tmp_path: Path) -> None:
    late = Tune(notes([(3 * Q, Q, 60, 80, 0), (4 * Q, 4 * Q, 62, 80, 0)]), Q, 8 * Q, metres=(Metre(0, 4, 4),))
    for loop in (True, False):
        save(late, tmp_path / "a.abc", loop=loop)
        assert ("z6 C2|D8|]" in (tmp_path / "a.abc").read_text()) == loop
        save(late, tmp_path / "a.musicxml", loop=loop)
        assert ("implicit" in (tmp_path / "a.musicxml").read_text()) != loop
        for name in ("a.abc", "a.musicxml"):
            (found,) = read(tmp_path / name)
            assert found.notes["start"].tolist() == [3 * found.ticks, 4 * found.ticks]
            assert found.length == 8 * found.ticks
