"""What units hold over a text, and which of them mark a part of it."""

from __future__ import annotations

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.inference.inside import activity, marking, part_of
from rhapsode.inference.model import Model
from tests.conftest import MakeModel

TEXT = "Sing, goddess, &the anger of Achilles, son.\nMany a brave soul. "


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("what", ["cells", "outputs"])
@pytest.mark.parametrize("layer", [0, 1])
def test_the_states_behind_each_symbol(tiny_model: MakeModel, arithmetic: str, what: str, layer: int) -> None:
    model = tiny_model(arithmetic=arithmetic, reset="line", layers=2)
    symbols = model.text_codec.encode(TEXT.encode() * 9)
    values = np.concatenate(list(activity(model, symbols, layer, what)))
    assert values.shape == (len(symbols), 12) and values.dtype == np.float32
    for count in (1, 20, TEXT.index("\n") + 1, 300, len(TEXT) * 9):
        state = model.state((TEXT * 9)[:count])[layer]
        assert (values[count - 1] == state["c" if what == "cells" else "h"]).all()
    if arithmetic == "integers":
        units = 2048 if what == "cells" else 127
        assert np.abs(values * units - np.round(values * units)).max() < 1e-3


def test_cells_that_are_not_there(tiny_model: MakeModel) -> None:
    gru, lstm = tiny_model(cell="gru"), tiny_model()
    assert part_of(gru, 0, None) == ("outputs", 12) and part_of(lstm, 0, None) == ("cells", 12)
    assert part_of(tiny_model(cell="slstm"), 0, "cells") == ("cells", 12)
    with pytest.raises(UserError, match="look at its outputs"):
        part_of(gru, 0, "cells")
    with pytest.raises(UserError, match="from 0 to 0"):
        part_of(lstm, 1, None)
    with pytest.raises(UserError, match="cells or outputs"):
        part_of(lstm, 0, "gates")


def quoting(model: Model, unit: int) -> Model:
    """The same model, but one cell becomes high with an ampersand, and falls with the full stop."""
    codec, width = model.text_codec, model.network.cells[0].width
    weights = {name: value.copy() for name, value in model.weights.items()}
    marks = {mark: int(codec.encode(mark.encode())[0]) for mark in "&."}
    embedding = weights["embedding"]
    embedding[:, :2] = 0
    embedding[marks["&"], 0] = embedding[marks["."], 1] = 1
    rows = [gate * width + unit for gate in range(4)]  # input, forget, cell, output gate
    for name in ("layer0.input", "layer0.recurrent", "layer0.bias"):
        weights[name][rows] = 0
    into = weights["layer0.input"]
    into[rows[0], 0], weights["layer0.bias"][rows[0]] = 16, -8  # open at an ampersand only
    into[rows[1], 1], weights["layer0.bias"][rows[1]] = -16, 8  # what is held is lost at a full stop
    into[rows[2], 0] = 4
    return Model(model.config, weights)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_a_cell_that_was_planted_is_found(tiny_model: MakeModel, arithmetic: str) -> None:
    model = quoting(tiny_model(arithmetic="float32"), unit=7)
    if arithmetic == "integers":
        model = model.quantised()
    values = np.concatenate(list(activity(model, model.text_codec.encode(TEXT.encode()))))
    begin, end = TEXT.index("&"), TEXT.index(".")
    best, *others = marking(values, begin, end, 5)
    assert best.unit == 7 and best.correlation > 0.9 and best.lowest > best.highest
    assert best.inside > 0.7 and best.outside < 0.1
    assert [one.correlation for one in others] == sorted((one.correlation for one in others), reverse=True)
    assert all(one.correlation < 0.8 for one in others) and len(others) <= 4


def test_the_measure() -> None:
    values = np.zeros((10, 5), np.float32)
    values[3:6, 0] = 1
    values[3:6, 1] = -1
    values[3:6, 2], values[:, 3] = 1000, 7
    values[::2, 4] = 1
    values[[0, 1, 2, 6, 7, 8, 9], 2] = np.linspace(-1, 1, 7)
    found = marking(values, 3, 6, 9)
    assert [one.unit for one in found] == [0, 2]  # 3 never changes, 1 and 4 are lower inside
    assert found[0].correlation == pytest.approx(1) and found[1].correlation < 1
    within = np.arange(10) // 3 == 1
    assert found[1].correlation == pytest.approx(np.corrcoef(values[:, 2], within)[0, 1])
    assert (found[1].lowest, found[1].highest, found[1].inside) == (1000, 1, 1000)
    assert [one.unit for one in marking(values, 3, 6, 1)] == [0]
    for begin, end in ((0, 10), (5, 5), (6, 5), (-1, 3), (3, 11)):
        with pytest.raises(UserError, match="is not a part of the text"):
            marking(values, begin, end, 1)
