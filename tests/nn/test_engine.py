"""Every cell, in several networks: torch and the engine agree, and so do windows and single steps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.engine import OnnxEngine
from rhapsode.nn.network import Network
from rhapsode.steps.text import Text
from tests.conftest import random_weights

torch = pytest.importorskip("torch")

V, T, B = 23, 20, 5
CELLS = registry.names("cell")
NETWORKS: list[dict[str, Any]] = [
    {},
    {"layers": 2},
    {"layers": 3, "skip": True},
    {"layers": 3, "residual": True},
    {"layers": 2, "skip": True, "residual": True, "embedding": 0},
    {"embedding": 0},
    {"embedding": 16, "tied": True, "layers": 2},
    {"width": 1, "embedding": 1},
    {"width": 67, "layers": 2},  # not a multiple of any vector's width
    *(
        {"head": {"name": "mixture", "mixtures": 3}, "attention": {"name": attention, **own}, "skip": False, **more}
        for attention in registry.names("attention")
        for own, more in (
            ({"feedback": True}, {"layers": 1, "width": 12}),
            ({}, {"layers": 2}),
            ({}, {"layers": 3, "skip": True}),
            ({"feedback": True}, {"layers": 2, "skip": True, "width": 37}),
        )
    ),
    {"head": "mixture", "layers": 2},
]
ENDS: list[dict[str, Any]] = [
    {"head": "bernoulli"},
    {"head": {"name": "nade", "hidden": 5}, "layers": 2, "skip": True},
    {"head": "product"},
    {"head": {"name": "chain", "hidden": 5}, "layers": 2, "skip": True},
    {"layers": 2, "skip": True, "given": 3},
    {"head": "product", "given": 2},
]
"""Heads and covariates: no concern of cells, so with two of them, whose graphs compute a window and one step."""

FORMS = [
    pytest.param(cell, options, id=f"{options}-{cell}")
    for options, cell in [*itertools.product(NETWORKS, CELLS), *itertools.product(ENDS, ("lstm", "rnn"))]
    if (cell, options.get("width")) != ("layernorm", 1)  # it is refused: nothing to normalise over
]
pytestmark = pytest.mark.parametrize(("cell", "options"), FORMS)


class Pair:
    """One network with its weights, for torch and as an engine; inputs, and texts where there is an attention."""

    def __init__(self, cell: str, options: dict[str, Any], threads: int | None = None) -> None:
        options = dict(options)
        self.given = options.pop("given", 0)
        config = NetworkConfig(cell=cell, **{"width": 16, "embedding": 6, **options})
        kind = registry.get("head", config.head.name).kind.example(V)
        self.network = Network(config, kind, Text(11) if config.attention else None, self.given)
        weights = random_weights(self.network, seed=1)
        if config.attention:  # random windows would leave their texts at once
            weights["attention.bias"][2 * self.network.attention.state[0] :] = -2
            weights["attention.weight"] /= 2
        self.engine = OnnxEngine(self.network.graph(weights), threads)
        self.weights = {name: torch.from_numpy(value) for name, value in weights.items()}
        self.like = self.weights["output.bias"]
        self.inputs = self.some_inputs(2, T, B)

    def some_inputs(self, seed: int, steps: int, rows: int) -> np.ndarray:
        """[steps, rows, *shape of a step]; symbols have `start` among them."""
        kind, rng = self.network.steps, np.random.default_rng(seed)
        found = kind.inputs(kind.random(rng, (steps, rows)))
        found[rng.random((steps, rows)) < 0.1] = kind.start
        return found

    def text(self, rows: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Texts of all lengths, those of the rows with these numbers."""
        if self.network.attention is None:
            return None
        lengths = np.arange(2, 2 + 40)[rows]
        text = np.random.default_rng(6).integers(0, 11, (42, 40))[: lengths.max(), rows]
        text[np.arange(len(text))[:, None] >= lengths] = 0
        return text, lengths

    def known(self, inputs: np.ndarray) -> np.ndarray | None:
        """What is given with each step: numbers that are a function of the steps."""
        if not self.given:
            return None
        about = inputs.reshape(*inputs.shape[:2], -1).sum(axis=-1)[..., None]
        return np.sin(about + np.arange(self.given)).astype(np.float32)

    def engine_run(self, inputs: np.ndarray, state: Any, rows: Any = None) -> tuple[np.ndarray, Any]:
        """Engine.run with the texts of the rows with these numbers, by default the first ones."""
        texts = self.text(np.arange(inputs.shape[1]) if rows is None else rows)
        return self.engine.run(inputs, state, texts, self.known(inputs))

    def run(self, inputs: np.ndarray, state: Any = None, reset: np.ndarray | None = None) -> tuple[np.ndarray, Any]:
        """Network.run: parameters [T, B, P] and the new state, as arrays."""
        steps, rows = inputs.shape[:2]
        before = self.network.zeros(rows, self.like) if state is None else map(torch.from_numpy, state)
        shut = None if reset is None else torch.from_numpy(reset)
        texts = self.text(np.arange(rows))
        memory = None
        if texts is not None:
            ends = torch.from_numpy(np.tile(texts[1], (steps, 1)))
            memory = Memory(torch.from_numpy(texts[0]), torch.zeros_like(ends), ends)
        known = self.known(inputs)
        with torch.no_grad():
            out, after = self.network.run(
                self.weights,
                torch.from_numpy(inputs),
                tuple(before),
                shut,
                memory=memory,
                covariates=None if known is None else torch.from_numpy(known),
            )
        return out.numpy(), tuple(part.numpy() for part in after)


def close(a: Any, b: Any) -> None:
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_torch_and_engine_agree(cell: str, options: dict[str, Any]) -> None:
    pair = Pair(cell, options)
    found, found_state = pair.engine_run(pair.inputs, pair.engine.zeros(B))
    expected, expected_state = pair.run(pair.inputs)
    assert found.shape == (T, B, pair.network.head.width) and found.dtype == np.float32
    close([found, *found_state], [expected, *expected_state])
    # and from a state that is not zero
    found, found_state = pair.engine_run(pair.inputs[::-1].copy(), found_state)
    expected, expected_state = pair.run(pair.inputs[::-1].copy(), expected_state)
    close([found, *found_state], [expected, *expected_state])


def test_the_state_and_every_weight_matter(cell: str, options: dict[str, Any]) -> None:
    """Else the other tests could agree on nothing."""
    pair = Pair(cell, options)
    expected, state = pair.run(pair.inputs)
    assert not np.allclose(pair.run(pair.inputs, state)[0][0], expected[0], atol=1e-3)
    for name, value in pair.weights.items():
        if name.startswith("head."):  # they come after the parameters
            continue
        noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(7))
        pair.weights[name] = value + 0.5 * noise  # not a constant, to which normalised sums are blind
        assert not np.allclose(pair.run(pair.inputs)[0], expected, atol=1e-3), name
        pair.weights[name] = value


def test_resets_agree(cell: str, options: dict[str, Any]) -> None:
    """Each row reset at its own steps, against the engine run from zero after each of them."""
    pair = Pair(cell, options)
    reset = np.random.default_rng(3).random((T, B)) < 0.2
    reset[:, 0] = False
    reset[T - 1, 1] = reset[0, 2] = reset[7:9, 3] = True  # at the end, at the beginning, twice in a row
    found, state = pair.run(pair.inputs, reset=reset)
    for b in range(B):
        edges = [0, *(np.flatnonzero(reset[:, b]) + 1), T]
        end: Any = pair.engine.zeros(1)
        for first, last in itertools.pairwise(edges):
            end = pair.engine.zeros(1)
            if first < last:
                expected, end = pair.engine_run(pair.inputs[first:last, b : b + 1], end, [b])
                heard = ~reset[first:last, b]  # what is computed at a reset step itself has no meaning
                close([found[first:last, b][heard]], [expected[:, 0][heard]])
                end = pair.engine.zeros(1) if reset[last - 1, b] else end
        close([part[b] for part in state], [part[0] for part in end])


def test_a_reset_leaves_exactly_nothing(cell: str, options: dict[str, Any]) -> None:
    pair = Pair(cell, options)
    _, state = pair.run(pair.inputs)
    cells = sum(len(each.state) for each in pair.network.cells)
    state = tuple(part * 100 for part in state[:cells]) + state[cells:]
    reset = np.zeros((T, B), bool)
    reset[T - 1, ::2] = True
    _, after = pair.run(pair.inputs, state, reset)
    for part in after:
        assert not part[::2].any() and part[1::2].any()
    assert np.array_equal(pair.run(pair.inputs, after)[0][:, ::2], pair.run(pair.inputs)[0][:, ::2])


def test_torch_at_once_is_step_by_step(cell: str, options: dict[str, Any]) -> None:
    pair = Pair(cell, options)
    expected, expected_state = pair.run(pair.inputs)
    out, state = [], None
    for step in pair.inputs:
        parameters, state = pair.run(step[None], state)
        out.append(parameters[0])
    close([np.stack(out), *(state or ())], [expected, *expected_state])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_engine_is_the_same_bit_for_bit(cell: str, options: dict[str, Any], threads: int) -> None:
    """At any batch size, in windows of any length. Generation, scoring and compression stand on this."""
    pair = Pair(cell, options, threads)
    inputs = pair.some_inputs(4, 40, 33)
    expected, expected_state = pair.engine_run(inputs, pair.engine.zeros(33))
    windows = (7,) if pair.network.single else (1, 7, 40)  # an engine of single steps runs one after another itself
    for rows in (1, 2, 3, 8, 33):
        for window in windows:
            state, out = pair.engine.zeros(rows), []
            for at in range(0, 40, window):
                parameters, state = pair.engine_run(inputs[at : at + window, :rows].copy(), state)
                out.append(parameters)
            assert np.array_equal(np.concatenate(out), expected[:, :rows])
            for part, other in zip(state, expected_state, strict=True):
                assert np.array_equal(part, other[:rows])


def test_the_engine_leaves_what_it_is_given_alone(cell: str, options: dict[str, Any]) -> None:
    pair = Pair(cell, options)
    _, state = pair.engine_run(pair.inputs, pair.engine.zeros(B))
    before = [part.copy() for part in state]
    parameters, _ = pair.engine_run(pair.inputs, state)
    kept = parameters.copy()
    pair.engine_run(pair.inputs[::-1].copy(), state)
    assert np.array_equal(parameters, kept)
    assert all(np.array_equal(part, other) for part, other in zip(state, before, strict=True))
