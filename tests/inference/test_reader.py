"""Readers are joined as they are taken apart: a row goes on with the same bits, whatever stands beside it."""

from __future__ import annotations

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.inference.loops import reader_of
from rhapsode.inference.model import Model
from rhapsode.inference.reader import Reader
from tests.conftest import TEXT, MakeModel

CELLS = sorted(cell.name for cell in registry.every("cell"))


def walked(model: Model, steps: np.ndarray, text: np.ndarray) -> list[Reader]:
    """Alone: the places behind each of the steps."""
    reader = reader_of(model, text)
    places = [reader.copy()]
    for step in steps:
        reader.read(step[None])
        places.append(reader.copy())
    return places


def same(reader: Reader, row: int, alone: Reader) -> bool:
    return (
        np.array_equal(reader.parameters[row], alone.parameters[0])
        and np.array_equal(reader.seen(row), alone.seen(0))
        and all(np.array_equal(part[row : row + 1], own) for part, own in zip(reader._state, alone._state, strict=True))
    )


def goes_on(model: Model, sequences: list[np.ndarray], texts: list[np.ndarray]) -> None:
    """Rows join at other places, some leave, others come back; and each goes on as it does alone."""
    places = [walked(model, steps, text) for steps, text in zip(sequences, texts, strict=True)]
    at = [3 * n for n in range(len(places))]
    first, *others = (one[begin] for one, begin in zip(places, at, strict=True))
    reader, rows = first.joined(others), list(range(len(places)))
    for turn in range(12):
        reader.read(np.array([sequences[n][at[n]] for n in rows]))
        for place, n in enumerate(rows):
            at[n] += 1
            assert same(reader, place, places[n][at[n]])
        if turn == 4:
            gone, rows = reader.take([1]), [rows[n] for n in (2, 0)]
            reader = reader.take([2, 0])
        elif turn == 8:
            reader, rows = gone.joined([reader]), [1, *rows]


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("reset", ["never", "every:7", "paragraph"])
@pytest.mark.parametrize("framing", [("stream", 0), ("one-to-one", 0), ("one-to-many", 3)])
def test_joined(tiny_model: MakeModel, arithmetic: str, reset: str, framing: tuple[str, int]) -> None:
    model = tiny_model(arithmetic=arithmetic, reset=reset, framing=framing[0], length=framing[1], layers=2)
    symbols = model.text_codec.encode(TEXT.encode())
    goes_on(model, [symbols[20 * n : 20 * n + 40] for n in range(3)], [np.zeros(0, np.int64)] * 3)


@pytest.mark.parametrize("cell", CELLS)
def test_cells(tiny_model: MakeModel, cell: str) -> None:
    model = tiny_model(cell=cell, width=16)
    symbols = model.text_codec.encode(TEXT.encode())
    goes_on(model, [symbols[20 * n : 20 * n + 40] for n in range(3)], [np.zeros(0, np.int64)] * 3)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("feedback", [False, True])
def test_texts_of_several_lengths(tiny_model: MakeModel, arithmetic: str, feedback: bool) -> None:
    model = tiny_model(codec="strokes", arithmetic=arithmetic, attention={"feedback": feedback, "components": 3})
    random = np.random.default_rng(0)
    steps = [random.standard_normal((40, *model.codec.steps.shape)).astype(np.float32) for _ in range(3)]
    for one in steps:
        one[:, 2:] = one[:, 2:] > 0
    goes_on(model, steps, [np.arange(length) % model.text.size for length in (5, 33, 12)])  # type: ignore[union-attr]


def test_of_another_model(tiny_model: MakeModel) -> None:
    with pytest.raises(ValueError, match="one model"):
        reader_of(tiny_model()).joined([reader_of(tiny_model(seed=1))])
