"""Models of music: piano rolls, what training presents, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.music.codecs.pianoroll import PianoRoll
from rhapsode.modalities.music.formats import midi, own
from rhapsode.modalities.music.tune import Metre, Part, Tempo, Tune, notes
from rhapsode.steps.sets import Sets


def scale(root: int, length: int = 32) -> Tune:
    """Eighth notes up a scale over a held fifth, again and again: 3/4, 90 quarters a minute."""
    steps = [0, 2, 4, 5, 7, 9, 11, 12]
    rows = [(12 * n, 12, root + 12 + steps[n % 8], 80, 0) for n in range(length)]
    rows += [(96 * n, 96, root + at, 70, 1) for n in range(length // 8) for at in (0, 7)]
    return Tune(
        notes(rows), 24, 12 * length, (Part(), Part("bass")), (Metre(0, 3, 4),), (), (Tempo(0, 90.0),), name=f"{root}"
    )


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tunes") / "scales.tune.jsonl"
    path.write_text("".join(f"{own.dumps(scale(40 + n % 12))}\n" for n in range(48)))
    return path


@pytest.mark.parametrize("holds", [0, 1])
def test_a_roll_is_the_tune(holds: int) -> None:
    tune = scale(40)
    codec = PianoRoll.fit(lambda: iter([tune]), grid=4, holds=holds, shift=3, echoes=1)
    assert codec.steps == Sets(64 - 40 + 1 + 6, 1 + holds, 3)
    assert codec.lookback == (16,)  # the scale comes again after two quarters
    steps = codec.encode(tune)
    assert steps.shape == (64, codec.steps.size) and steps.dtype == np.uint8
    again = codec.decode(steps)
    assert (again.ticks, again.length, again.metres, again.tempos) == (4, 64, (Metre(0, 3, 4),), (Tempo(0, 90.0),))
    found = {(n["start"] * 6, n["length"] * 6, n["pitch"]) for n in again.notes}
    wanted = {(n["start"], n["length"], n["pitch"]) for n in tune.notes}
    if holds:
        assert found == wanted
    else:  # the held fifth is struck four times, which only `holds` can tell
        assert (0, 384, 40) in found and {row for row in found if row[2] > 50} == {r for r in wanted if r[2] > 50}
    assert np.array_equal(codec.encode(again), steps)


def test_what_is_held_without_a_beginning_begins() -> None:
    codec = PianoRoll.fit(lambda: iter([scale(40)]), shift=0)
    steps = np.zeros((4, codec.steps.size), np.uint8)
    steps[1:3, codec.steps.places + 2] = 1
    assert [tuple(row)[:3] for row in codec.decode(steps).notes.tolist()] == [(1, 2, 42)]


def test_refusals() -> None:
    codec = PianoRoll.fit(lambda: iter([scale(40)]), shift=2)
    assert codec.refusal(scale(40)) == codec.refusal(scale(42)) == ""
    assert "range" in codec.refusal(scale(43))
    drums = Tune(scale(40).notes, 24, 384, (Part(drums=True), Part(drums=True)))
    assert codec.refusal(drums) == "without notes"
    with pytest.raises(UserError, match="no notes"):
        PianoRoll.fit(lambda: iter([drums]))
    data = codec_to_json(codec)
    assert codec_to_json(codec_from_json(data)) == data
    for name, wrong in {"grid": 0, "places": 200, "metre": [3, 5], "holds": 1, "tempo": "fast"}.items():
        with pytest.raises(UserError, match="damaged"):
            codec_from_json({**data, name: wrong})


def test_training_presents_tunes_in_other_keys() -> None:
    kind = Sets(12, 2, 3)
    values = np.zeros((1, 24), np.uint8)
    values[0, [5, 17]] = 1
    seen = set()
    for epoch in range(60):
        shown = kind.augmented(values, np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(1, epoch))
        at = np.flatnonzero(shown[0]).tolist()
        assert len(at) == 2 and at[1] == at[0] + 12  # both groups alike
        seen.add(at[0] - 5)
    assert seen == set(range(-3, 4))
    assert np.array_equal(kind.augmented(values, *np.zeros((2, 1), np.int64), np.full(1, -1)), values)
    edge = np.eye(1, 24, 0, dtype=np.uint8)
    shown = [kind.augmented(edge, *np.zeros((2, 1), np.int64), np.full(1, epoch)) for epoch in range(40)]
    assert all(one[0, 12:].sum() == 0 and one.sum() <= 1 for one in shown)


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_from_the_command_line(tunes: Path, tmp_path: Path, head: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "band")
    config = tmp_path / "small.toml"
    config.write_text(
        f'[network]\nhead = "{head}"\nwidth = 32\n{"hidden = 16" * (head == "nade")}\n'
        "[plan]\nbatch_size = 4\nsequence_length = 16\nthreads = 1\n"
    )
    train = ["train", str(tunes), "-o", folder, "--updates", "150", "--config", str(config), "--device", "cpu"]
    assert (
        main([*train, "--codec", "melody"]) == 2
        and f"head {head} is not for steps that are tuples" in capsys.readouterr().err
    )
    assert main(train) == 0
    capsys.readouterr()
    base = ["compose", folder, "--seed", "1", "--bars", "4", "--temperature", "1.2"]
    for suffix in ("mid", "abc", "musicxml", "wav", "svg", "html", "jsonl"):
        assert main([*base, "-o", str(tmp_path / f"a.{suffix}")]) == 0
        assert (tmp_path / f"a.{suffix}").stat().st_size > 100
    [tune] = PianoRoll.read(tmp_path / "a.jsonl")
    assert tune.length == 4 * 3 * 4 and tune.metres == (Metre(0, 3, 4),)  # four bars of 3/4, frames of a sixteenth
    primer = tmp_path / "primer.mid"
    primer.write_bytes(midi.dumps(scale(45, 8)))
    assert main([*base, "--primer", str(primer), "-o", str(tmp_path / "b.jsonl")]) == 0
    [longer] = PianoRoll.read(tmp_path / "b.jsonl")
    assert longer.length == 48
    codec = Model.load(folder).record_codec
    [given] = PianoRoll.read(primer)
    assert np.array_equal(codec.encode(longer)[:16], codec.encode(given))
    assert main([*base, "--primer", str(primer), "--no-echo", "--samples", "2", "-o", str(tmp_path / "c.mid")]) == 0
    assert (tmp_path / "c-1.mid").exists() and (tmp_path / "c-2.mid").exists()
    (tmp_path / "c-1.mid").unlink()
    (tmp_path / "c-2.mid").write_text("mine")
    capsys.readouterr()
    for name, more in (("a.abc", []), ("c.mid", ["--samples", "2"])):
        assert main([*base, *more, "-o", str(tmp_path / name)]) == 2
        assert "is there already. Replace it with --overwrite" in capsys.readouterr().err
    assert not (tmp_path / "c-1.mid").exists() and (tmp_path / "c-2.mid").read_text() == "mine"
    assert main([*base, "--samples", "2", "-o", str(tmp_path / "c.mid"), "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().err == "" and (tmp_path / "c-2.mid").read_bytes()[:4] == b"MThd"
    assert main(["score", folder, str(tunes), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["records"] == 48 and scored["steps"] == 48 * 64 and "nats_raw" not in scored
    assert main(["inspect", str(tunes)]) == 0
    assert "48" in capsys.readouterr().out
    assert main([*base, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["samples"][0]["steps"]) == 48
    assert 1 <= found["held_out"]["tunes"] < 24 and found["held_out"]["share"] == [1.0, 1.0]  # all are one scale
    assert found["samples"][0]["copied"]["of"] > 0
    assert main([*base, "--samples", "2", "-o", str(tmp_path / "d.mid")]) == 0
    said = capsys.readouterr().err
    assert said.count("copied  ") == 2 and "held-out tunes: half up to 32 and 100 %" in said
    assert main(["inspect", str(primer), "--against", folder, "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)["tunes"]
    assert (one["copied"]["notes"], one["copied"]["bar"], one["copied"]["share"]) == (8, 1, 1.0)
    assert one["copied"]["name"].isdigit()
    assert main(["inspect", str(tunes), "--against", folder]) == 0
    said = capsys.readouterr().out
    assert said.count("copied  32 of 32 notes in a row (bar 1)") == 48 and "48 tunes here: half up to 32" in said


def test_files_of_tunes_are_compared(tunes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "p.png"
    assert main(["inspect", str(tunes), "--beside", str(tunes), "--picture", str(picture)]) == 0
    assert "48 generated, 48 held-out" in capsys.readouterr().out and picture.read_bytes().startswith(b"\x89PNG")
    assert main(["inspect", str(tunes), "--beside", str(tunes), "--picture", str(picture)]) == 2
    assert "p.png is there already" in capsys.readouterr().err
    rolls = tmp_path / "rolls.json"
    rolls.write_text(json.dumps({part: [[[60], [62]]] * n for n, part in enumerate(("train", "valid", "test"), 1)}))
    assert main(["inspect", str(tunes), "--beside", str(rolls), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tunes"] == {"generated": 48, "held-out": 5}
    for options, message in (
        (["--picture", "p.png"], "--beside FILE is needed"),
        (["--beside", str(tmp_path)], "is not a file"),
        (["--beside", str(tunes), "--picture", "p.gif"], "--picture p.gif"),
        (["--beside", str(picture)], "not a file of tunes"),
    ):
        assert main(["inspect", str(tunes), *options]) == 2
        assert message in capsys.readouterr().err


def test_mistakes(
    tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codec = PianoRoll.fit(lambda: iter([scale(40)]))
    model = tmp_path / "m"
    from rhapsode.config import FramingConfig, ModelConfig
    from rhapsode.nn.network import Network
    from tests.conftest import random_weights
    from tests.modalities.music.score import small

    network = small(codec)
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document")
    weights = random_weights(Network(network, codec.steps, covariates=codec.covariates), 0, 1.0)
    checkpoint.save(model / checkpoint.MODEL, config.model_dump(), weights)
    primer = tmp_path / "low.mid"
    wide = scale(20)
    wide.notes["pitch"][-1] = 100  # no octave has room for that
    primer.write_bytes(midi.dumps(wide))
    for arguments, message in [
        (["a text"], "unexpected extra argument(s) (a text)"),
        (["-o", "x.ogg"], "must end in ."),
        (["--bars", "2", "--length", "3"], "one of them must go"),
        (["--primer", str(primer)], "beyond the range"),
        (["--primer", str(tunes), "--bars", "1"], "Ask for more"),
        (["--bias", "1"], "No such option: --bias"),
        (["--max-copy", "3", "--fill", str(tunes)], "does not go with --fill"),
        (["--density", "2"], "--density: codec pianoroll is not told of it"),
        (["--fill", str(tunes), "--fill-bars", "1", "--density", "2"], "--density: codec pianoroll"),
        (["--key", "D"], "--key: what codec pianoroll draws is not moved into a key"),
        (["--transpose", "H"], "it must be a tonic and perhaps a mode"),
        (["--transpose", "99"], "at most 60"),
        (["--stop", "x"], "No such option: --stop"),
        (["--max-copy", "3"], "index.safetensors is not beside it"),
        (["--primer", str(tunes) + "#99"], "has no tune '99'"),
        (["--soundfont", str(tunes), "-o", str(tmp_path / "x.wav"), "--seed", "1"], "this is no SoundFont"),
        (["--soundfont", "none.sf2", "-o", str(tmp_path / "x.wav"), "--seed", "1"], "none.sf2: cannot be read"),
    ]:
        if "--soundfont" in arguments:  # looked at before anything is drawn
            monkeypatch.setattr(Model, "generate", lambda *_, **__: pytest.fail("it was drawn"))
        assert main(["compose", str(model), *arguments]) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")
    assert main(["inspect", str(primer), "--against", str(model)]) == 2
    assert "is not beside it" in capsys.readouterr().err.replace("\n", " ")
    assert main(["inspect", str(model), "--against", str(model)]) == 2
    assert "--against is for music, but" in capsys.readouterr().err.replace("\n", " ")
