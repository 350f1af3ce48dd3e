"""The training log: what is in metrics.jsonl is what TensorBoard shows."""

from __future__ import annotations

import json
import shutil
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rhapsode.errors import UserError
from rhapsode.report import Report
from rhapsode.training.log import BOARD, LOG, PICTURE, Log, draw
from rhapsode.training.run import train
from tests.conftest import Stop

SONG = "the sea sings, the ship sails.\n" * 100
SMALL: dict[str, Any] = {"network": {"width": 12, "embedding": 4}, "plan": {"batch_size": 4, "sequence_length": 16}}


def shown(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """Tag → (step, value) of all that TensorBoard finds in a model's folder."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder / BOARD), {reading.TENSORS: 0})
    found.Reload()
    scalars = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    texts = {
        tag: [(e.step, e.tensor_proto.string_val[0]) for e in found.Tensors(tag)] for tag in found.Tags()["tensors"]
    }
    return scalars | texts


def test_a_resumed_log_drops_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    old = Log(tmp_path, board=True)
    old.add(update=1, train=9.0)
    old.close()
    log = Log(tmp_path, board=True)  # begun anew: nothing of the old one is left
    log.add(update=2, seconds=0.1, train=3.0)
    log.add(update=2, seconds=0.1, train=3.0, valid=2.0, valid_bits_per_char=2.5, done=0.5)
    log.sample(2, "one\n\n<b>two</b>")
    size = log.size
    log.add(update=3, train=2.5)
    log.add(update=9, train=2.25)
    log.close()
    again = Log(tmp_path, size, board=True)
    again.add(update=4, train=1.5)
    again.close()
    assert [r["update"] for r in again.read()] == [2, 2, 4]
    assert shown(tmp_path) == {
        "nats_per_step/train": [(2, 3.0), (4, 1.5)],
        "nats_per_step/valid": [(2, 2.0)],
        "bits_per_char/valid": [(2, 2.5)],
        "sample/text_summary": [(2, b"    one\n    \n    <b>two</b>")],
    }


def test_the_curve_is_drawn_anew(tmp_path: Path) -> None:
    log, seen = Log(tmp_path), list[bytes]()
    for update in range(3):
        log.add(update=update, seconds=float(update), train=3.0 - update / 2, **({"valid": 2.5} if update else {}))
        draw(log, tmp_path / PICTURE, "step")
        seen.append((tmp_path / PICTURE).read_bytes())
    log.close()
    assert len(set(seen)) == 3
    assert {Image.open(BytesIO(one)).size for one in seen} == {(910, 520)}


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text(SONG)
    return path


def test_training_shows_its_losses_and_samples(text: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train([text], tmp_path / "m", updates=20, tensorboard=True, **SMALL)
    found = shown(tmp_path / "m")
    records = [json.loads(line) for line in (tmp_path / "m" / LOG).read_text().splitlines()]
    assert found["nats_per_step/train"] == [
        (r["update"], pytest.approx(r["train"])) for r in records if "valid" not in r
    ]
    valid = [r for r in records if "valid" in r]
    assert found["nats_per_step/valid"] == [(r["update"], pytest.approx(r["valid"])) for r in valid]
    assert [step for step, _ in found["sample/text_summary"]] == [r["update"] for r in valid[:-1]]
    # plain ASCII: a step is a character
    assert found["bits_per_char/valid"][-1][1] == pytest.approx(valid[-1]["valid"] / 0.693147, rel=1e-4)


def test_without_tensorboard(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'rhapsode\[tensorboard\]'"):
        train([text], tmp_path / "m", updates=1, tensorboard=True)
    assert not (tmp_path / "m").exists()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was stopped."""
    folder = tmp_path_factory.mktemp("log")
    (folder / "text.txt").write_text(SONG)
    train([folder / "text.txt"], folder / "m", updates=30, report=Stop(0.4), **SMALL)
    return folder / "m"


@pytest.mark.parametrize("harm", ["cut", "digit", "no record", "no JSON", "no text", "key", "missing"])
def test_a_damaged_log_is_said_and_stops_nothing(stopped: Path, tmp_path: Path, harm: str) -> None:
    path = shutil.copytree(stopped, tmp_path / "m") / LOG
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    digit = whole.index(b'"train": ') + 9
    harmed = {
        "key": whole.replace(b'"seconds"', b'"secondt"', 1),
        "cut": whole[:-9],
        "digit": whole[:digit] + bytes([whole[digit] ^ 1]) + whole[digit + 1 :],
        "no record": lines[0] + b"[]\n" + b"".join(lines[2:]),
        "no JSON": whole[:2] + b"=" + whole[3:],
        "no text": whole[:3] + b"\xff" + whole[4:],
        "missing": b"",
    }[harm]
    lost = {"digit": 0, "key": 0, "missing": len(lines)}.get(harm, 1)
    path.write_bytes(harmed)
    report = Report()
    warnings: list[str] = []
    report.warn = warnings.append  # type: ignore[method-assign]
    assert train([], tmp_path / "m", resume=True, report=report).finished
    assert warnings[0].startswith(f"{path} is damaged: {len(lines) - lost} lines of it can be read.")
    after = path.read_bytes().splitlines()
    assert len(after) > len(lines) - lost and all("train" in json.loads(line) for line in after)
    assert (tmp_path / "m/loss.png").exists()
