"""Warnings of models that play one note, and none of those that are well."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from rhapsode.report import Report
from rhapsode.steps.sequence import Steps
from rhapsode.training import collapse, trainer
from rhapsode.training.collapse import Collapse
from rhapsode.training.run import train

SMALL = {
    "network": {"width": 24, "embedding": 8},
    "plan": {"batch_size": 4, "sequence_length": 16, "precision": "fp32"},
}

SURE, STUCK = "left to itsel", "what the mode"


def of(values: np.ndarray, units: tuple[int, ...] = (0,), density: bool = False) -> Collapse:
    return Collapse(Steps(values, np.array(units)), density)


def warned(collapse: Collapse, steps: np.ndarray, nats: float, valid: float, looks: int = 3) -> list[list[str]]:
    """What is said at each of some looks at the same sample, by the first words."""
    found = collapse.measure([steps], [np.full(len(steps), -nats)])
    return [[each[:13] for each in collapse.warnings(found, len(steps), valid)] for _ in range(looks)]


def test_numbers() -> None:
    values = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], np.uint8)
    # Of four changes from step to step, that at a unit's beginning does not count.
    found = of(values, (0, 3)).measure([values, values[:1]], [np.full(5, -2.0), np.array([-8.0])])
    assert found == {"sampled_nats": 3.0, "sampled_repeats": 0.75, "valid_repeats": pytest.approx(2 / 3)}
    moves = of(np.zeros((9, 3), np.float32), density=True).measure([np.zeros((4, 3), np.float32)], [np.full(4, 1.5)])
    assert moves == {"sampled_nats": -1.5}
    assert of(values).measure([values[:0]], [np.zeros(0)]) == {}
    assert of(values[:1]).measure([values], [np.zeros(5)]) == {"sampled_nats": 0.0}


def test_each_is_told_once_and_not_at_the_first_look() -> None:
    chance = np.random.default_rng(0)
    data = chance.integers(4, size=5000)
    one_note = np.zeros(200, np.int64)
    assert warned(of(data), one_note, 0.01, 1.4) == [[], [SURE, STUCK], []]
    assert warned(of(data), data[:200], 0.01, 1.4) == [[], [SURE], []]
    assert warned(of(data), one_note, 1.4, 1.4) == [[], [STUCK], []]
    assert warned(of(data), data[:200], 1.2, 1.4) == [[], [], []]


def test_what_is_as_the_data_is_well() -> None:
    constant, rare = np.zeros(5000, np.int64), (np.arange(5000) % 50 == 0).astype(np.int64)
    assert not any(warned(of(constant), constant[:200], 0.0, 0.0))
    assert not any(warned(of(rare), constant[:200], 0.01, 0.1))  # too few changes were to be expected
    assert not any(warned(of(np.arange(5000)), constant[:50], 0.0, 5.0))  # too little was drawn to be sure
    density = of(np.zeros((9, 3), np.float32), density=True)
    still = np.zeros((200, 3), np.float32)
    assert not any(warned(density, still, -2.0, -1.0)) and any(warned(density, still, -3.5, -1.0))


@pytest.mark.parametrize("healthy", [True, False])
def test_training_tells_of_a_model_that_knows_one_note(
    healthy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trainer, "LENGTH", collapse.LENGTH)  # of other tests, it is less: see conftest
    chance = random.Random(1)
    words = ["sing", "muse", "the", "wrath", "of", "a", "man", "and", "sea", "ship"]
    text, constant = tmp_path / "text.txt", tmp_path / "constant.txt"
    text.write_text("\n".join(" ".join(chance.choices(words, k=6)) for _ in range(400)))
    constant.write_text("a" * 5000)
    report, warnings = Report(), []
    report.warn = warnings.append  # type: ignore[method-assign]
    source = text if healthy else constant
    train([source], tmp_path / "m", valid=[text], codec="bytes", updates=120, report=report, **SMALL)  # type: ignore[arg-type]
    rows = [json.loads(line) for line in (tmp_path / "m/metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "valid" in row]
    assert len(looks) == 16 and all(row["valid_repeats"] < 0.05 for row in looks)
    told = [each[:13] for each in warnings]
    last = looks[-1]
    if healthy:
        assert SURE not in told and STUCK not in told
        assert last["sampled_nats"] > 0.5 * last["valid"] and last["sampled_repeats"] < 0.2
    else:
        assert told.count(SURE) == told.count(STUCK) == 1
        assert last["sampled_nats"] < 0.5 * last["valid"] and last["sampled_repeats"] > 0.8
