"""`/api/write`: what the command writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("uvicorn")

from rhapsode.cli import main  # noqa: E402
from rhapsode.inference.model import Model  # noqa: E402
from rhapsode.modalities.ink.drawing import Drawing  # noqa: E402
from rhapsode.modalities.ink.formats.own import dumps  # noqa: E402
from rhapsode.modalities.ink.read import read  # noqa: E402
from tests.conftest import MakeModel, written  # noqa: E402
from tests.serving.asking import about, events, post  # noqa: E402
from tests.serving.conftest import serving  # noqa: E402

HAND = "demo:handwriting"
PATH = "/api/write"


@pytest.fixture(scope="module")
def hand() -> Iterator[str]:
    """The address of a server with the hand that comes with the package."""
    with serving({"hand": Model.load(HAND)}) as (address, _):
        yield address


@pytest.fixture(scope="module")
def example() -> Drawing:
    """A drawing with a text, in the hand."""
    found: Drawing = Model.load(HAND).generate("some", seed=5)[0].record
    return found


def strokes(drawing: Drawing) -> list[list[list[float]]]:
    return [stroke.tolist() for stroke in drawing.strokes()]


def command(tmp_path: Path, suffix: str, text: str, *options: str) -> bytes:
    out = tmp_path / f"out{suffix}"
    assert main(["write", HAND, text, "--seed", "7", "-o", str(out), *options]) == 0
    return out.read_bytes()


@pytest.mark.parametrize(
    ("form", "fields", "options"),
    [
        ("svg", {"bias": 1, "animated": True, "colour": "navy"}, ["--bias", "1", "--animated", "--colour", "navy"]),
        ("png", {"tries": 1, "dpi": 50}, ["--tries", "1", "--dpi", "50"]),
        ("gcode", {"lift": "servo", "tries": 1}, ["--lift", "servo", "--tries", "1"]),
        ("jsonl", {"n": 2, "length": 20}, ["--samples", "2", "--length", "20"]),
        ("svg", {"page": "a6", "ruled": True, "tries": 1}, ["--page", "a6", "--ruled", "--tries", "1"]),
    ],
)
def test_the_file_of_the_command(
    hand: str, tmp_path: Path, form: str, fields: dict[str, Any], options: list[str]
) -> None:
    reply = post(hand, PATH, text="on a", seed=7, format=form, **fields)
    assert reply.status == 200, reply.data
    assert reply.data == command(tmp_path, f".{form}", "on a", *options)
    assert (
        reply.headers["x-rhapsode-seed"] == "7"
        and "json" in form
        or not reply.headers["content-type"].startswith("application/json")
    )


def test_numbers(hand: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = post(hand, PATH, text="it\nis", seed=3, n=2, tries=1).json
    assert main(["write", HAND, "it\nis", "--seed", "3", "--samples", "2", "--tries", "1", "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert found["seed"] == expected["seed"] == 3 and found["object"] == "write" and found["model"] == "hand"
    for one, other in zip(found["samples"], expected["samples"], strict=True):
        assert {name: one[name] for name in other} == other
        drawn = [number for stroke in one["order"] for number in stroke]
        assert sorted(drawn) == list(range(sum(map(len, one["strokes"]))))
        assert one["lines"] == ["it", "is"] and [len(line[0]) for line in one["attention"]] == [3, 3]
        assert sum(map(len, one["attention"])) == len(one["log_probs"])
    again = post(hand, PATH, text="it").json
    assert again["seed"] != post(hand, PATH, text="it").json["seed"]


def test_style_and_what_was_begun(hand: str, tmp_path: Path, example: Drawing) -> None:
    named = tmp_path / "some.jsonl"
    named.write_text(dumps(Drawing(example.points, example.ends, "some")) + "\n")
    manner = {"strokes": strokes(example), "text": "some"}
    reply = post(hand, PATH, text="me", seed=7, format="jsonl", tries=1, style=manner)
    assert reply.data == command(tmp_path, ".jsonl", "me", "--style", str(named), "--tries", "1")

    begun = {"strokes": strokes(example)[:1], "thin": True}
    points = len(begun["strokes"][0])
    named.write_text(dumps(Drawing(example.points[:points], example.ends[:points], thin=True)) + "\n")
    reply = post(hand, PATH, text="some", seed=7, format="jsonl", n=3, begin=begun)
    assert reply.status == 200, reply.data
    assert reply.data == command(tmp_path, ".jsonl", "some", "--begin", str(named), "--samples", "3", "--overwrite")
    (tmp_path / "three.jsonl").write_bytes(reply.data)
    endings = list(read(tmp_path / "three.jsonl"))
    assert len(endings) == 3 and len({len(one) for one in endings} | {str(one.points[-1]) for one in endings}) > 2
    kept = example.points[:points] - example.points[0]
    for one in endings:
        assert one.text == "some" and len(one) > points
        assert np.abs(one.points[:points] - kept).max() < 1e-3, "what was begun stays"
    opened = post(hand, PATH, text="some", seed=7, format="jsonl", begin={**begun, "open": True})
    assert opened.status == 200 and opened.data != reply.data.splitlines(keepends=True)[0]


def test_as_it_is_drawn(hand: str) -> None:
    *parts, whole = events(post(hand, PATH, text="is it", seed=2, stream=True, tries=1))
    [sample] = whole["samples"]
    assert parts and all(part["object"] == "write.part" and part["text"] == "is it" for part in parts)
    flat = [point for stroke in sample["strokes"] for point in stroke]
    order = np.argsort([number for stroke in sample["order"] for number in stroke])
    drawn = [point for part in parts for point in part["points"]]
    assert np.array(drawn) == pytest.approx(np.array(flat)[order])
    assert whole == {
        **post(hand, PATH, text="is it", seed=2, tries=1).json,
        "id": whole["id"],
        "created": whole["created"],
    }
    failed = post(hand, PATH, text="\u4e2d", stream=True)
    assert failed.status == 400 and "never seen" in failed.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to write"),
        ({"text": "a\u4e2d"}, "never seen"),
        ({"text": "a", "format": "doc"}, "format"),
        ({"text": "a", "format": "/etc/passwd"}, "format"),
        ({"text": "a", "format": "svg", "n": 2}, "holds one drawing"),
        ({"text": "a", "format": "svg", "lift": "z"}, "lift is for .gcode"),
        ({"text": "a", "animated": True}, "animated is for .svg"),
        ({"text": "a", "page": "a4"}, "pages are files"),
        ({"text": "a", "format": "svg", "page": "a0"}, "not known"),
        ({"text": "a", "style": "/etc/passwd"}, "style"),
        ({"text": "a", "style": {"strokes": [[[0, 0], [1, 1]]]}}, "its text is not known"),
        ({"text": "a", "style": {"strokes": [[[0, 0]]], "text": "b"}}, "at least 2"),
        ({"text": "a", "style": {"strokes": [[[0, 1e300], [1, 1]]], "text": "b"}}, "less than or equal"),
        (
            {"text": "a", "begin": {"strokes": [[[0, 0], [1, 1]]]}, "format": "svg", "page": "a4"},
            "begin is for one line",
        ),
        ({"text": "a" * 3000}, "2000"),
        ({"text": "a", "tries": 1000}, "tries"),
        ({"text": "a", "temperature": 1}, "temperature"),
    ],
)
def test_mistakes(hand: str, fields: dict[str, Any], message: str) -> None:
    reply = post(hand, PATH, **fields)
    assert reply.status == 400 and message in reply.message, reply.data
    assert "--" not in reply.message


def test_drawings_without_texts(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes", attention=None)
    [drawing] = written(["ab"])
    begun = {"strokes": strokes(drawing)[:1], "thin": True}
    with serving({"pens": model, "book": tiny_model()}) as (address, _):
        found = post(address, PATH, length=9, n=2, seed=1, begin=begun).json["samples"]
        assert len(found) == 2 and found[0]["strokes"] != found[1]["strokes"] and "attention" not in found[0]
        assert found[0]["strokes"][0][: len(begun["strokes"][0])] == pytest.approx(
            np.array(begun["strokes"][0]) - begun["strokes"][0][0], abs=1e-3
        )
        wrong = post(address, PATH, model="book", text="a")
        assert wrong.status == 400 and "ask it at /v1/completions" in wrong.message
        for path in ("/v1/completions", "/tokenize", "/api/read"):
            wrong = post(address, path, model="pens", prompt="a")
            assert wrong.status == 400 and "ask it at /api/write" in wrong.message
            assert wrong.json["error"]["code"] == "unsupported_endpoint"
        assert post(address, PATH, model="none", text="a").status == 404
        assert post(address, "/tokenize", prompt="a").status == 200, "there is one model of text"


def test_what_is_said_of_a_model(hand: str) -> None:
    found = about(hand, "hand")
    assert (found["modality"], found["endpoint"]) == ("handwriting", PATH) and found["longest"] > 5
    assert {*"abc"} <= {*found["texts"]} and "svg" in found["formats"]


def test_numbers_and_files_at_once(hand: str, tmp_path: Path) -> None:
    """Of each sample; and of each page."""
    fields = {"text": "on a", "seed": 7, "tries": 1}
    found = post(hand, PATH, **fields, files=["svg", "gcode"], n=2, nib=0.5, lift="servo").json["samples"]
    first = base64.b64decode(found[0]["files"]["svg"])
    assert first == command(tmp_path, ".svg", "on a", "--tries", "1", "--nib", "0.5")
    assert found[1]["files"]["svg"] != found[0]["files"]["svg"] and len(found[1]["strokes"]) > 0
    assert b"M3 S90" in base64.b64decode(found[1]["files"]["gcode"])
    [paged] = post(hand, PATH, **{**fields, "text": "on a\fon"}, files=["svg"], page="a6").json["samples"]
    single = post(hand, PATH, **{**fields, "text": "on a\fon"}, format="svg", page="a6", sheet=2).data
    assert len(paged["pages"]) == 2 and base64.b64decode(paged["pages"][1]["svg"]) == single
    for wrong in (
        {"files": ["svg"], "format": "svg"},
        {"files": ["svg", "png"], "lift": "z"},
        {"files": ["svg"], "dpi": 50},
        {"files": ["jsonl"]},
        {"page": "a6"},
    ):
        assert post(hand, PATH, **fields, **wrong).status == 400, wrong
