"""`/api/compose`: what the command composes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from rhapsode import registry  # noqa: E402
from rhapsode.cli import main  # noqa: E402
from rhapsode.inference.model import Model  # noqa: E402
from rhapsode.modalities.music.formats.own import dumps  # noqa: E402
from rhapsode.modalities.music.write import save  # noqa: E402
from tests.modalities.music.score import lead, quartet, untrained  # noqa: E402
from tests.serving.asking import about, events, post  # noqa: E402
from tests.serving.conftest import serving  # noqa: E402

PATH = "/api/compose"
CODECS = ("melody", "chorale", "abc", "performance")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    found = {}
    for name in CODECS:
        tunes = [quartet(n) if name == "chorale" else lead(n) for n in range(6)]
        codec = registry.get("codec", name).fit(lambda tunes=tunes: iter(tunes))
        found[name] = untrained(codec, tmp_path_factory.mktemp(name))
    return found


@pytest.fixture(scope="module")
def address(models: dict[str, Model]) -> Iterator[str]:
    with serving(models) as (found, _):
        yield found


@pytest.fixture
def compose(models: dict[str, Model], tmp_path: Path) -> Any:
    """What the command writes."""

    def made(model: str, suffix: str, *options: str) -> bytes:
        path = models[model].path
        assert path
        out = tmp_path / f"tune{suffix}"
        assert main(["compose", str(path.parent), "--seed", "4", "-o", str(out), "--overwrite", *options]) == 0
        return out.read_bytes()

    return made


@pytest.mark.parametrize(
    ("model", "form", "fields", "options"),
    [
        ("melody", "mid", {"bars": 4, "tempo": 90}, ["--bars", "4", "--tempo", "90"]),
        ("melody", "musicxml", {"bars": 4, "chords": "Dm7 G7 | C"}, ["--bars", "4", "--chords", "Dm7 G7 | C"]),
        ("melody", "mid", {"bars": 2, "loop": True, "transpose": "3"}, ["--bars", "2", "--loop", "--transpose", "3"]),
        ("chorale", "abc", {"bars": 2, "temperature": 0.5}, ["--bars", "2", "--temperature", "0.5"]),
        ("abc", "abc", {"bars": 4, "key": "Dm", "typical": 0.9}, ["--bars", "4", "--key", "Dm", "--typical", "0.9"]),
        ("performance", "wav", {"length": 20, "program": "flute"}, ["--length", "20", "--program", "flute"]),
    ],
)
def test_the_file_of_the_command(
    address: str, compose: Any, model: str, form: str, fields: dict[str, Any], options: list[str]
) -> None:
    if form == "mid":
        pytest.importorskip("symusic")
    reply = post(address, PATH, model=model, seed=4, format=form, **fields)
    assert reply.status == 200, reply.data
    assert reply.data == compose(model, f".{form}", *options)


def test_around_what_is_kept(address: str, compose: Any, tmp_path: Path) -> None:
    kept = lead(3)
    named = tmp_path / "kept.abc"
    save(kept, named)
    expected = compose("melody", ".abc", "--fill", str(named), "--fill-bars", "2-3")
    fill = {"abc": named.read_text()}
    reply = post(address, PATH, model="melody", seed=4, format="abc", fill=fill, fill_bars="2-3")
    assert reply.status == 200 and reply.data == expected, reply.data
    named = tmp_path / "kept.jsonl"
    named.write_text(dumps(kept) + "\n")
    expected = compose("melody", ".abc", "--primer", str(named), "--bars", "12", "--no-echo")
    primer = {"tune": json.loads(dumps(kept))}
    reply = post(address, PATH, model="melody", seed=4, format="abc", primer=primer, bars=12, no_echo=True)
    assert reply.status == 200 and reply.data == expected, reply.data
    named = tmp_path / "kept.musicxml"
    save(kept, named)
    expected = compose("melody", ".abc", "--primer", str(named))
    reply = post(address, PATH, model="melody", seed=4, format="abc", primer={"musicxml": named.read_text()})
    assert reply.data == expected


def test_numbers(address: str, models: dict[str, Model], capsys: pytest.CaptureFixture[str]) -> None:
    found = post(address, PATH, model="chorale", seed=4, bars=2, n=2).json
    path = models["chorale"].path
    assert path
    command = ["compose", str(path.parent), "--seed", "4", "--bars", "2", "--samples", "2"]
    assert main([*command, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    for one, other in zip(found["samples"], expected["samples"], strict=True):
        assert {name: one[name] for name in other} == other
    assert main(command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for one, line in zip(found["samples"], lines, strict=True):
        assert one["tune"]["notes"] == line["notes"] and one["tune"]["metres"] == line["metres"]


@pytest.mark.parametrize("model", CODECS)
def test_as_it_is_drawn(address: str, model: str) -> None:
    fields: dict[str, Any] = {"model": model, "seed": 1, "length": 80}
    *parts, whole = events(post(address, PATH, stream=True, **fields))
    assert whole["samples"] == post(address, PATH, **fields).json["samples"]
    notes = [tuple(note) for part in parts for note in part["notes"]]
    [sample] = whole["samples"]
    assert len(set(notes)) == len(notes) and {note[:3] for note in notes} <= {
        tuple(note)[:3] for note in sample["tune"]["notes"]
    }
    assert len(notes) >= len(sample["tune"]["notes"]) // 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Several models answer here"),
        ({"model": "melody", "fill": "/etc/passwd"}, "fill"),
        ({"model": "melody", "soundfont": "/etc/passwd"}, "soundfont"),
        ({"model": "melody", "fill": {"abc": "X:1", "midi": ""}}, "give one of"),
        ({"model": "melody", "fill": {"midi": "%"}}, "not base64"),
        ({"model": "melody", "fill": {"midi": base64.b64encode(b"MThd" + b"\0" * 40).decode()}}, "fill.midi"),
        ({"model": "melody", "fill": {"abc": "no tune"}}, "fill.abc"),
        ({"model": "melody", "primer": {"musicxml": "<!DOCTYPE a SYSTEM '/etc/passwd'><a/>"}}, "primer.musicxml"),
        (
            {"model": "melody", "primer": {"tune": {"ticks": 1, "length": 1, "notes": [[0, 9, 60, 80, 0]]}}},
            "primer.tune",
        ),
        ({"model": "melody", "bars": 100_000}, "bars"),
        ({"model": "melody", "bars": 2, "length": 3}, "bars and length were given"),
        ({"model": "melody", "loop": True, "n": 9}, "8 tunes are the most"),
        ({"model": "melody", "fill": {"abc": "X:1\nM:1/8\nL:1/8\nK:C\n" + "c|" * 600}}, "600 bars"),
        ({"model": "melody", "key": "H"}, "key"),
        ({"model": "melody", "max_copy": 3}, "is not beside it"),
        ({"model": "melody", "n": 2, "format": "mid"}, "holds one tune"),
        ({"model": "melody", "format": "abc", "loudness": "pp"}, "loudness"),
        ({"model": "melody", "files": ["abc"], "loudness": "pp"}, "loudness"),
        ({"model": "melody", "format": "abc", "files": ["svg"]}, "files: an answer as JSON"),
        ({"model": "performance", "loop": True}, "loop: codec performance"),
        ({"model": "melody", "fill_bars": "1"}, "fill_bars and fill_parts say"),
        ({"model": "melody", "tune": {"abc": "X:1\nK:C\nc|"}, "bars": 2}, "bars: with tune, nothing is drawn"),
        ({"model": "melody", "tune": {"abc": "X:1\nK:C\nc|"}, "n": 2}, "n: with tune, nothing is drawn"),
        ({"model": "melody", "tune": {"abc": "X:1\nK:C\nc|"}, "transpose": "200"}, "transpose: 200 semitones"),
    ],
)
def test_mistakes(address: str, models: dict[str, Model], fields: dict[str, Any], message: str) -> None:
    reply = post(address, PATH, **fields)
    assert reply.status == 400 and message in reply.message, reply.data
    assert "--" not in reply.message and str(models["melody"].path) not in reply.message


def test_what_is_said_of_a_model(address: str) -> None:
    assert about(address, "melody")["endpoint"] == PATH and "chords" in about(address, "melody")["heeds"]
    assert about(address, "chorale")["voices"] == 4 and "loop" not in about(address, "performance")["heeds"]
    assert "max_copy" not in about(address, "melody")["heeds"]  # its training index is not there
    fills = {name: about(address, name)["fills"] for name in CODECS}
    assert fills["chorale"] == ["fill_bars", "fill_parts"] and fills["performance"] == []
    assert fills["melody"] == fills["abc"] == ["fill_bars"]
    assert about(address, "melody")["usual"] == {"metre": [3, 4], "key": "D major", "tempo": 100}


def test_a_tune_in_another_form(address: str, compose: Any) -> None:
    """Nothing is drawn: a file of a tune that was drawn before is that of the command."""
    numbers = post(address, PATH, model="melody", seed=4, bars=3, shown=True).json
    [sample] = numbers["samples"]
    for form in ("abc", "musicxml", "wav"):
        reply = post(address, PATH, model="melody", tune={"tune": sample["tune"]}, format=form)
        assert reply.status == 200 and reply.data == compose("melody", f".{form}", "--bars", "3")
    for form in ("svg", "html"):  # in which the command writes the name of its file
        drawn = post(address, PATH, model="melody", seed=4, bars=3, format=form)
        reply = post(address, PATH, model="melody", tune={"tune": sample["tune"]}, format=form)
        assert reply.status == 200 and reply.data == drawn.data and reply.data.count(b'class="note ') > 5
    both = post(address, PATH, model="melody", seed=4, bars=3, files=["abc", "svg"]).json["samples"][0]["files"]
    assert list(both) == ["abc", "svg"] and base64.b64decode(both["abc"]) == compose("melody", ".abc", "--bars", "3")
    again = post(address, PATH, model="melody", tune={"tune": sample["tune"]}, shown=True).json
    assert again["samples"] == [{"tune": sample["tune"], "shown": sample["shown"]}] and again["seed"] is None
    shown = sample["shown"]
    assert shown["bars"] == [0, 72, 144] and shown["facts"] == ["D major", "3/4", "♩ = 100"]
    assert [each["name"] for each in shown["sounds"]] == ["melody", "Chords"] and "copies" not in shown
    assert [bool(each) for each in shown["chords"]] == [bool(symbol) for _, symbol in sample["tune"]["chords"]]
    moved = post(address, PATH, model="melody", tune={"tune": sample["tune"]}, transpose="2", tempo=60, shown=True).json
    [other] = moved["samples"]
    pitches = [[note[2] for note in one["tune"]["notes"]] for one in (sample, other)]
    assert pitches[1] == [pitch + 2 for pitch in pitches[0]] and other["shown"]["facts"] == ["E major", "3/4", "♩ = 60"]
    odd = {**sample["tune"], "chords": [[0, "H7"], [36, "C"]]}
    [one] = post(address, PATH, model="melody", tune={"tune": odd}, shown=True).json["samples"]
    assert one["shown"]["chords"] == [[], [36, 55, 60, 64]]
    book = "X:1\nK:C\nCDEF|\n\nX:2\nK:C\nc|\n"
    told = post(address, PATH, model="melody", tune={"abc": book}).json
    assert told["notes"] == ["tune: there are several tunes; this is the first"]
