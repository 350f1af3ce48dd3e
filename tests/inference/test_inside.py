"""What units hold over a text, and which of them mark a part of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.inference.inside import activity, marking, part_of, saturation
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
    with pytest.raises(UserError, match="cells, outputs or gates"):
        part_of(lstm, 0, "weights")
    with pytest.raises(UserError, match="gates are input, forget, output"):
        part_of(lstm, 0, "gates")
    with pytest.raises(UserError, match="gates are reset, update"):
        part_of(gru, 0, "gates", "forget")
    with pytest.raises(UserError, match="has no gates"):
        part_of(tiny_model(cell="rnn"), 0, "gates", "forget")
    with pytest.raises(UserError, match="only for gates"):
        part_of(lstm, 0, "cells", "forget")


def of_torch(model: Model, symbols: np.ndarray, layer: int) -> np.ndarray:
    """The gates [T, G, H], from what each step of the network makes of the state: by torch, one step at a time."""
    torch = pytest.importorskip("torch")
    network, cell = model.network, model.network.cells[layer]
    weights = {name: torch.from_numpy(one.copy()) for name, one in model.weights.items()}
    own = {name.partition(".")[2]: one for name, one in weights.items() if name.startswith(f"layer{layer}.")}
    seen = list[Any]()
    run = type(cell).run

    def watched(self: Any, weights: Any, x: Any, state: Any, reset: Any) -> Any:
        if self is cell:
            seen.append((x[0], state))
        return run(self, weights, x, state, reset)

    state, found = network.zeros(1, weights["output.bias"]), list[Any]()
    reader = model.reader()
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(type(cell), "run", watched)
        _, state = network.run(weights, torch.tensor([[model.codec.steps.start]]), state)
        for symbol in symbols.tolist():
            begins = reader._rows[0].read(symbol)
            if begins:
                state = network.zeros(1, weights["output.bias"])
            _, state = network.run(weights, torch.tensor([[model.codec.steps.start if begins else symbol]]), state)
            x, before = seen[-1]
            found.append(gates_of(cell, own, x, before))
    return torch.stack(found).numpy()  # type: ignore[no-any-return]


def gates_of(cell: Any, weights: dict[str, Any], x: Any, state: Any) -> Any:
    """As the cells' papers have them, [G, H]."""
    import torch
    from torch.nn.functional import linear

    h, width = state[0], cell.width
    if cell.name == "gru":
        both = slice(0, 2 * width)
        sums = linear(x, weights["input"], weights["bias"])[:, both] + linear(h, weights["recurrent"])[:, both]
        return torch.sigmoid(sums).view(2, width)
    if cell.name in ("lstm", "peephole"):
        i, f, g, o = (linear(x, weights["input"], weights["bias"]) + linear(h, weights["recurrent"])).view(4, width)
        peep = weights.get("peephole", torch.zeros(3, width))
        before = state[1][0]
        i, f = torch.sigmoid(i + peep[0] * before), torch.sigmoid(f + peep[1] * before)
        return torch.stack([i, f, torch.sigmoid(o + peep[2] * (f * before + i * g.tanh()))])
    kept = cell.forward(cell.into(weights, x[None])[0], state, weights, lambda name, a: linear(a, weights[name]))[1]
    place = {"layernorm": 0, "mlstm": 2}[cell.name]
    i, f, _, o = kept[place].view(4, width)
    return torch.stack([i, f, o])


@pytest.mark.parametrize("reset", ["never", "line"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "layernorm", "mlstm"])
def test_gates_are_those_of_torch(tiny_model: MakeModel, cell: str, reset: str) -> None:
    model = tiny_model(arithmetic="float32", cell=cell, layers=2, skip=True, reset=reset)
    symbols = model.text_codec.encode(TEXT.encode())
    for layer in (0, 1):
        expected = of_torch(model, symbols, layer)
        for n, gate in enumerate(model.network.cells[layer].gates):
            found = np.concatenate(list(activity(model, symbols, layer, "gates", gate)))
            assert np.abs(found - expected[:, n]).max() < 2e-5


@pytest.mark.parametrize("cell", ["lstm", "peephole"])
@pytest.mark.parametrize("framing", ["stream", "many-to-one"])
def test_gates_in_whole_numbers_make_the_states(tiny_model: MakeModel, cell: str, framing: str) -> None:
    """c' = f c + i g and h' = o tanh(c') hold exactly: |c' - f c| is at most i, and h' is known of o."""
    options = {"framing": framing, "length": 7 if framing != "stream" else 0}
    model = tiny_model(arithmetic="integers", cell=cell, layers=2, reset="line", **options)
    symbols = model.text_codec.encode(TEXT.encode() * 5)
    for layer in (0, 1):
        i, f, o = (
            np.concatenate(list(activity(model, symbols, layer, "gates", gate)))
            for gate in ("input", "forget", "output")
        )
        c, h = (np.concatenate(list(activity(model, symbols, layer, what))) for what in ("cells", "outputs"))
        assert i.min() >= 0 and i.max() <= 1 and (f * 32768 == np.round(f * 32768)).all()
        assert np.abs(o * np.tanh(c) - h).max() < 0.006  # half of 1/127, and the table's steps
        if framing == "stream":
            before = np.concatenate([np.zeros((1, 12)), c[:-1]])
            going = np.array([char != "\n" for char in (TEXT * 5)])
            going[0] = False  # before the first stands the state behind the start
            assert (np.abs(c - f * before) <= i + 2e-3)[going].all()


def test_sums_of_other_cells_are_shared_with_their_graph(tiny_model: MakeModel) -> None:
    for cell in ("mogrifier", "slstm"):
        model = tiny_model(arithmetic="float32", cell=cell)
        symbols = model.text_codec.encode(TEXT.encode())
        o, f, i = (
            np.concatenate(list(activity(model, symbols, 0, "gates", gate))) for gate in ("output", "forget", "input")
        )
        c, h = (np.concatenate(list(activity(model, symbols, 0, what))) for what in ("cells", "outputs"))
        assert all(one.min() >= 0 and one.max() <= 1 for one in (i, f, o))
        if cell == "mogrifier":
            assert np.abs(o * np.tanh(c) - h).max() < 1e-5
            assert (np.abs(c[1:] - f[1:] * c[:-1]) <= i[1:] + 1e-5).all()
        else:
            assert (np.abs(h) <= o + 1e-5).all()
            assert (np.abs(c[1:] - f[1:] * c[:-1]) <= i[1:] + 1e-5).all()


def test_how_often_gates_are_open() -> None:
    opened, closed = saturation(np.array([[0.95, 0.5, 0.0], [0.91, 0.05, 0.09], [0.9, 0.2, 0.1], [0.1, 0.99, 0]]))
    assert opened.tolist() == [0.5, 0.25, 0] and closed.tolist() == [0, 0.25, 0.75]
    assert saturation(np.zeros((0, 2)))[0].tolist() == [0, 0]


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
