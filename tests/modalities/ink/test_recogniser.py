"""Reading handwriting: frames, probabilities, files, and that it can be learnt."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.error_rate import character_error_rate, edit_distance
from rhapsode.modalities.ink import recogniser_training as recognise
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.recogniser import (
    FAR,
    FAULT,
    FEATURES,
    FILE,
    LONGEST,
    UP,
    Recogniser,
    RecogniserConfig,
    framed,
    frames,
    padded,
)
from rhapsode.report import Report
from rhapsode.training import loop

GLYPHS: dict[str, list[list[tuple[float, float]]]] = {
    "v": [[(0, 0), (0.3, 1), (0.6, 0)]],
    "l": [[(0.1, -1), (0.1, 1), (0.4, 1)]],
    "o": [[(0.3 + 0.3 * math.sin(t / 3), 0.5 - 0.5 * math.cos(t / 3)) for t in range(20)]],
    "t": [[(0.3, -0.8), (0.3, 1)], [(0, 0), (0.6, 0)]],
    "i": [[(0.1, 0), (0.1, 1)], [(0.1, -0.5)]],
    "z": [[(0, 0), (0.6, 0), (0, 1), (0.6, 1)]],
}


def written(text: str, rng: np.random.Generator) -> Drawing:
    """`text` in letters of arcs and lines, by an unsteady hand."""
    strokes = []
    for n, character in enumerate(text):
        for stroke in GLYPHS[character]:
            points = np.array(stroke) + (0.9 * n, 0)
            strokes.append(points + 0.04 * rng.standard_normal(points.shape))
    return from_strokes(strokes, text)


def words(count: int, seed: int) -> list[Drawing]:
    rng = np.random.default_rng(seed)
    return [written("".join(rng.choice(list(GLYPHS), rng.integers(1, 6))), rng) for _ in range(count)]


@pytest.fixture(scope="module")
def untrained() -> Recogniser:
    """Random weights, with which everything matters."""
    rng = np.random.default_rng(5)
    config = RecogniserConfig(alphabet="".join(GLYPHS), layers=2, width=12)
    weights = {n: rng.standard_normal(s) * 1.5 * s[-1] ** -0.5 for n, s in config.network().shapes.items()}
    weights["output.weight"] *= 4
    return Recogniser(config, {name: w.astype(np.float32) for name, w in weights.items()})


@pytest.fixture
def path(tmp_path: Path, untrained: Recogniser) -> Path:
    untrained.save(tmp_path / "reader.safetensors")
    return tmp_path / "reader.safetensors"


def logits(recogniser: Recogniser, cut: list[np.ndarray]) -> torch.Tensor:
    """What torch computes, [T, B, symbols]."""
    weights = {name: torch.tensor(w) for name, w in recogniser.weights.items()}
    return recognise.run(recogniser.network, weights, torch.from_numpy(padded(cut)))


# --- frames ---


def test_frames_know_no_place_size_or_sampling() -> None:
    drawing = words(1, seed=3)[0]
    base = frames(drawing)
    assert base.dtype == np.float32 and base.shape[1] == FEATURES
    moved = Drawing(drawing.points * 1e-3 + (7, -5), drawing.ends)
    np.testing.assert_allclose(frames(moved), base, atol=1e-4)
    finer = [
        np.stack([np.interp(np.arange(0, len(s) - 0.99, 0.25), np.arange(len(s)), axis) for axis in s.T], axis=1)
        for s in drawing.strokes()
    ]
    np.testing.assert_allclose(frames(from_strokes(finer)), base, atol=1e-4)


def test_frames_of_lines_and_dots() -> None:
    line = np.array([[0.0, 0], [0, 2]])
    cut = frames(from_strokes([line, [5, 1] * np.ones((1, 2)), line + (9, 0)]))
    up = cut[:, UP]
    (first, second) = np.flatnonzero(up)
    assert second == first + 2 and not cut[first + 1, : UP - 1].any()  # the dot: a frame of no moves
    assert (cut[first, 0:6:2] > 0).all() and (cut[first, 1:6:2] < 0).all()  # right and up to it
    np.testing.assert_allclose(cut[:first, 1:6:2], 1, atol=0.2)  # down, at the usual pace
    assert np.all(np.diff(cut[:first, UP - 1]) > 0)


@pytest.mark.parametrize(
    "points", [[[3, 3]], [[3, 3], [3, 3]], [[0, 0], [1, 0]], [[1e99, 0], [-1e99, 5]], [[0, 0], [5e-324, 0]]]
)
def test_frames_of_next_to_nothing(points: list[list[float]]) -> None:
    for ends in (np.ones(len(points), bool), np.zeros(len(points), bool)):
        cut = frames(Drawing(np.array(points, float), ends))
        assert len(cut) and np.isfinite(cut).all() and (np.abs(cut) <= FAR).all()


def test_frames_are_not_too_many() -> None:
    points = np.array([[0.0, 0], [1, 0]] * 40_000)
    assert len(frames(from_strokes([points]))) <= LONGEST + 1


def test_frames_of_what_are_no_numbers(untrained: Recogniser) -> None:
    with pytest.raises(UserError, match="point 1"):
        untrained.read([Drawing(np.array([[0, 0], [math.nan, 1]]), np.array([False, True]))])


def test_frames_with_marks_show_where_a_late_dot_stands() -> None:
    x = np.arange(0, 20, 0.125)
    word = np.stack([x, np.abs((x % 1) - 0.5) * 2], axis=1)
    near, far = (from_strokes([word, np.array([[at, -0.5], [at + 0.01, -0.4]])]) for at in (3.5, 4.5))
    np.testing.assert_allclose(frames(near), frames(far), atol=0.01)  # the way there is as far as ways go
    assert np.abs(frames(near, marks=True) - frames(far, marks=True)).max() > 1
    cut, frame = framed(near, marks=True)
    assert len(frame) == len(near) and frame.min() == 0 and frame.max() == len(cut) - 1
    under, dot = frame[int(3.5 / 0.125)], frame[len(word)]
    assert 0 < abs(dot - under) < 4 and frame[len(word) - 1] == len(cut) - 1
    np.testing.assert_array_equal(framed(near)[0], frames(near))
    plain = words(3, seed=1)[0]
    assert (np.diff(framed(plain)[1]) >= 0).all()


# --- the network ---


def test_onnx_is_torch(untrained: Recogniser) -> None:
    cut = [frames(drawing) for drawing in words(7, seed=1)]
    assert len({len(own) for own in cut}) > 3
    there = logits(untrained, cut).numpy()
    here, _ = untrained.engine.run(padded(cut), ())
    for row, own in enumerate(cut):
        np.testing.assert_allclose(here[: len(own), row], there[: len(own), row], atol=2e-5)


def test_alone_as_in_a_batch(untrained: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = [*words(9, seed=2), from_strokes([])]
    together = untrained.read(drawings)
    nats = untrained.nats(drawings, together)
    assert together[-1] == "" and len(set(together)) > 3
    assert [untrained.read([drawing])[0] for drawing in drawings] == together
    alone = [untrained.nats([drawing], [text])[0] for drawing, text in zip(drawings, together, strict=True)]
    np.testing.assert_allclose(alone, nats, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr("rhapsode.modalities.ink.recogniser.BATCH", 50)
    assert untrained.read(drawings) == together


def test_nats_are_torchs(untrained: Recogniser) -> None:
    drawings = words(8, seed=4)
    texts = ["", "v", "vv", "oo", "litz", "ttt", "vlotiz", "zz"]
    cut = [frames(drawing) for drawing in drawings]
    symbols = [torch.tensor([untrained.config.alphabet.index(c) for c in text], dtype=torch.int64) for text in texts]
    expected = functional.ctc_loss(
        logits(untrained, cut).double().log_softmax(-1),
        torch.cat(symbols),
        torch.tensor([len(own) for own in cut]),
        torch.tensor([len(text) for text in texts]),
        untrained.config.blank,
        reduction="none",
    )
    np.testing.assert_allclose(untrained.nats(drawings, texts), expected, rtol=1e-4)


def test_faults_are_read_and_make_a_text_unlikely(untrained: Recogniser) -> None:
    config = untrained.config.model_copy(update={"marks": True})
    rng = np.random.default_rng(0)
    weights = {n: rng.standard_normal(s).astype(np.float32) * 0.3 for n, s in config.network().shapes.items()}
    assert weights["output.bias"].shape == (len(GLYPHS) + 2,)
    drawings = words(3, seed=4)
    texts = [drawing.text or "" for drawing in drawings]
    nats = Recogniser(config, weights).nats(drawings, texts)
    weights["output.bias"][-1] = 30
    sees_nothing_else = Recogniser(config, weights)
    assert sees_nothing_else.read(drawings) == [FAULT] * 3
    assert (sees_nothing_else.nats(drawings, texts) > nats + 20).all()


def test_nats_are_of_a_distribution(untrained: Recogniser) -> None:
    dots = from_strokes([np.zeros((1, 2)), np.ones((1, 2))])  # three frames: at most three characters
    alphabet = untrained.config.alphabet
    texts = [""]
    for _ in range(3):
        texts += [text + c for text in texts for c in alphabet if text + c not in texts]
    probabilities = np.exp(-untrained.nats([dots] * len(texts), texts))
    assert len(texts) == sum(len(alphabet) ** n for n in range(4))
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[texts.index("vvv")] == 0  # it would need blanks between


def test_nats_of_the_impossible(untrained: Recogniser) -> None:
    drawings = [from_strokes([]), from_strokes([]), words(1, seed=0)[0]]
    assert untrained.nats(drawings, ["", "v", "o" * 500]).tolist() == [0, math.inf, math.inf]
    with pytest.raises(UserError, match="never seen 'Q'"):
        untrained.nats(drawings[:1], ["Q"])
    with pytest.raises(ValueError, match="3 drawings, 1 texts"):
        untrained.nats(drawings, [""])
    assert untrained.read([]) == []


# --- files ---


def test_there_and_back(untrained: Recogniser, path: Path) -> None:
    again = Recogniser.load(path)
    assert again.config == untrained.config
    drawings = words(3, seed=6)
    assert again.read(drawings) == untrained.read(drawings)


def test_damaged_files(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    for n in (0, 7, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:n])
        with pytest.raises(UserError):
            Recogniser.load(path)
    for n in (5, 60, len(data) - 9):
        path.write_bytes(data[:n] + bytes([data[n] ^ 1]) + data[n + 1 :])
        with pytest.raises(UserError):
            Recogniser.load(path)
    for other in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="cannot read"):
            Recogniser.load(other)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"kind": "model"}, "holds no recogniser"),
        ({"width": 1 << 40}, "width"),
        ({"width": 65536}, "shape"),
        ({"layers": 3}, "shape"),
        ({"alphabet": "vlotizab"}, "shape"),
        ({"alphabet": "vlotiv"}, "stands there twice"),
        ({"alphabet": ""}, "alphabet"),
        ({"code": "rm -rf"}, "code"),
    ],
)
def test_forged_configurations(untrained: Recogniser, path: Path, change: dict[str, Any], match: str) -> None:
    checkpoint.save(path, json.loads(untrained.config.model_dump_json()) | change, untrained.weights)
    with pytest.raises(UserError, match=match):
        Recogniser.load(path)


def test_weights_that_are_no_numbers(untrained: Recogniser, path: Path) -> None:
    bias = untrained.weights["output.bias"]
    for wrong in (bias * np.float32(math.nan), bias.astype(np.int64)):
        checkpoint.save(path, untrained.config.model_dump(), {**untrained.weights, "output.bias": wrong})
        with pytest.raises(UserError, match="finite float32"):
            Recogniser.load(path)


# --- learning ---


class Heard(Report):
    def __init__(self) -> None:
        self.rates: list[float] = []
        self.notes: list[str] = []

    def progress(self, done: float, **values: Any) -> None:
        if "valid_cer" in values:
            self.rates.append(values["valid_cer"])

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """And minutes are those of this process: other work changes nothing."""
    monkeypatch.setattr(recognise, "WARMUP", 10)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=time.process_time))


def test_it_learns_to_read(tmp_path: Path, few_rows: None) -> None:
    valid = words(60, seed=8)
    report = Heard()
    output = tmp_path / "reader.safetensors"
    found = recognise.train_recogniser(
        words(400, seed=7), output, minutes=0.1, seed=1, valid=valid, report=report, layers=1, width=48
    )
    texts = [drawing.text or "" for drawing in valid]
    again = Recogniser.load(output)
    assert again.config == found.config and set(again.config.alphabet) == set(GLYPHS)
    rate = character_error_rate(zip(texts, again.read(valid), strict=True))
    assert rate.rate == again.config.facts["valid_cer"] in report.rates and again.config.marks
    assert rate.rate < 0.1, rate
    assert again.config.facts["valid_noticed"] > 0.6
    right = again.nats(valid, texts)
    wrong = again.nats(valid, [text[::-1] + "v" for text in texts])
    assert (right < wrong).mean() > 0.95


def test_it_goes_on_from_another_one(tmp_path: Path, few_rows: None, untrained: Recogniser) -> None:
    config = untrained.config.model_copy(update={"alphabet": "litovzx", "marks": True})
    fresh = {name: weight.numpy() for name, weight in config.network().initialise(torch.Generator()).items()}
    grown = Recogniser(config, recognise.grown(config, fresh, untrained))
    drawings = words(4, seed=3)
    texts = [drawing.text or "" for drawing in drawings]
    before = logits(untrained, [frames(one) for one in drawings])
    after = logits(grown, [frames(one) for one in drawings])
    order = ["litovzx".index(c) for c in untrained.config.alphabet] + [7]
    torch.testing.assert_close(after[..., order], before)
    assert np.isfinite(grown.nats(drawings, texts)).all()
    found = recognise.train_recogniser(drawings, tmp_path / "r", minutes=0.001, base=untrained, width=99)
    assert found.config.width == untrained.config.width and found.config.marks
    assert set(found.config.alphabet) == set(untrained.config.alphabet)


def test_without_validation_the_last_weights_are_kept(tmp_path: Path, few_rows: None) -> None:
    report = Heard()
    drawings = [*words(20, seed=7), from_strokes([np.zeros((2, 2))]), from_strokes([], "v")]
    found = recognise.train_recogniser(drawings, tmp_path / "r", minutes=0.005, seed=1, report=report, width=8)
    assert Recogniser.load(tmp_path / "r").config.facts == found.config.facts
    assert found.config.facts["updates"] > 0 and "valid_cer" not in found.config.facts
    assert report.notes == ["training: 2 of 22 drawings without ink or text are left out"]


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    train: Callable[..., Recogniser] = recognise.train_recogniser
    with pytest.raises(UserError, match="training: none of 1 drawings"):
        train([from_strokes([], "v")], tmp_path / "r", minutes=1)
    with pytest.raises(UserError, match="validation: none of 0 drawings"):
        train(words(2, seed=1), tmp_path / "r", minutes=1, valid=[])


def test_a_recogniser_is_not_overwritten_unasked(
    tmp_path: Path, few_rows: None, tiny_model: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    drawings, output = words(4, seed=7), tmp_path / "r"
    recognise.train_recogniser(drawings, output, minutes=0.001, width=8)
    before = output.read_bytes()
    with pytest.raises(UserError, match="has learnt to read. Replace it with --overwrite"):
        recognise.train_recogniser(drawings, output, minutes=0.001, width=9)
    assert output.read_bytes() == before
    assert recognise.train_recogniser(drawings, output, minutes=0.001, width=9, overwrite=True).config.width == 9

    model = shutil.copytree(tiny_model(codec="strokes", reset="document").path.parent, tmp_path / "m")
    (model / FILE).write_bytes(before)
    assert main(["recognise", "nowhere.jsonl", "-o", str(model)]) == 2, "before anything is read"
    assert "Replace it with --overwrite" in capsys.readouterr().err
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(f"{dumps(drawing)}\n" for drawing in words(30, seed=1)))
    more = ["--overwrite", "--minutes", "0.01", "--width", "8", "--json", "-q"]
    assert main(["recognise", str(lines), "-o", str(model), *more]) == 0
    told = capsys.readouterr()
    assert told.err == "" and json.loads(told.out)["valid_cer"] >= 0
    assert Recogniser.load(model / FILE).config.width == 8
    bare = str(shutil.copytree(model, tmp_path / "bare", ignore=shutil.ignore_patterns(FILE)))
    for options, message in (
        (["--from", bare], "has no recogniser to go on from"),
        (["--from", str(model), "--width", "8"], "--width is that of the recogniser"),
    ):
        assert main(["recognise", str(lines), "-o", bare, *options]) == 2
        assert message in capsys.readouterr().err
    assert main(["recognise", str(lines), "-o", bare, "--from", str(model), *more[1:3], "-q"]) == 0
    assert Recogniser.load(Path(bare) / FILE).config.width == 8


def test_lost_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "varied", lambda drawing, rng: drawing)
    gone = np.full((9, FEATURES), np.nan, np.float32)
    monkeypatch.setattr(recognise, "framed", lambda drawing, size, marks: (gone, np.zeros(99, np.int64)))
    with pytest.raises(UserError, match="lost its numbers"):
        recognise.train_recogniser(words(2, seed=1), tmp_path / "r", minutes=1, width=4)


# --- legibility ---


def test_edit_distance() -> None:
    pairs = [("", ""), ("a", ""), ("", "ab"), ("kitten", "sitting"), ("flaw", "lawn"), ("ab", "ba"), ("same", "same")]
    assert [edit_distance(a, b) for a, b in pairs] == [0, 1, 2, 3, 2, 2, 0]
    assert [edit_distance(b, a) for a, b in pairs] == [0, 1, 2, 3, 2, 2, 0]


def test_character_error_rate() -> None:
    rate = character_error_rate([("abcd", "abcd"), ("abcd", None), ("ab", "xab"), ("", "")])
    assert (rate.rate, rate.edits, rate.characters) == (0.5, 5, 10)
    assert 0 <= rate.low < rate.rate < rate.high
    same = [("abc", "abd")] * 50
    flat = character_error_rate(same)
    assert flat.low == flat.rate == flat.high == pytest.approx(1 / 3)
    mixed = [("abc", "abc"), ("abc", "xyz")] * 50
    assert character_error_rate(mixed, seed=1) == character_error_rate(mixed, seed=1)
    found = character_error_rate(mixed)
    assert 0.35 < found.low < 0.45 and 0.55 < found.high < 0.65  # 0.5 ± 1.96 × 0.05
    with pytest.raises(ValueError, match="characters"):
        character_error_rate([("", "a")])
