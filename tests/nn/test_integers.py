"""Networks in whole numbers: near float32, the same in any windows and rows, and never out of their bounds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode import registry
from rhapsode.arithmetic import quantise as q
from rhapsode.config import NetworkConfig
from rhapsode.nn import quantised
from rhapsode.nn.engine import Engine, OnnxEngine
from rhapsode.nn.integers import Integers
from rhapsode.nn.network import Network
from rhapsode.nn.operations import part
from rhapsode.nn.program import CELLS, encoder_program, program
from rhapsode.steps.symbols import Symbols
from tests.conftest import random_weights
from tests.nn import golden
from tests.nn.test_engine import NETWORKS, Pair

B = 5
ENCODED: list[dict[str, Any]] = [
    {"encoder": {"feedforward": 2, "feedforward_width": 9, "bidirectional": 2, "bidirectional_width": 7}},
    {"encoder": {"bidirectional": 1, "bidirectional_width": 6}, "autoregressive": False},
    {"encoder": {"feedforward": 1, "bidirectional": 1}, "layers": 0, "autoregressive": False},
    {"layers": 0, "autoregressive": False},
    {"layers": 0, "autoregressive": False, "head": "categorical"},
]
"""Networks of covariates, most of them with an encoder."""


class Whole(Pair):
    """A `Pair` with an engine of whole numbers, too; `engine` has the float32 weights that these stand for."""

    def __init__(self, cell: str, options: dict[str, Any]) -> None:
        super().__init__(cell, options)
        weights = {name: weight.numpy() for name, weight in self.weights.items()}
        self.tensors = quantised.quantise(self.network, weights)
        self.real = quantised.real(self.network, self.tensors)
        self.engine = OnnxEngine(self.network.graph(self.real))
        self.whole = Integers(self.network, self.tensors, program(self.network))

    def whole_run(self, inputs: np.ndarray, state: Any = None, rows: Any = None) -> tuple[np.ndarray, Any]:
        texts = self.text(np.arange(inputs.shape[1]) if rows is None else rows)
        state = self.whole.zeros(inputs.shape[1]) if state is None else state
        return self.whole.run(inputs, state, texts, self.known(inputs))


def every(test: Any) -> Any:
    test = pytest.mark.parametrize("options", NETWORKS, ids=str)(test)
    return pytest.mark.parametrize("cell", [cell for cell in registry.names("cell") if cell in CELLS])(test)


def nats(parameters: np.ndarray) -> np.ndarray:
    return parameters / q.LOGIT if parameters.dtype == np.int32 else parameters


def near(found: np.ndarray, wanted: np.ndarray) -> None:
    """Logits of coarse activations, all else of fine ones."""
    away = np.abs(nats(found) - wanted)
    coarse = found.dtype == np.int32
    assert away.mean() < (0.03 if coarse else 0.008) and away.max() < (0.5 if coarse else 0.15)


@every
def test_they_are_near_float32(cell: str, options: dict[str, Any]) -> None:
    pair = Whole(cell, options)
    found, state = pair.whole_run(pair.inputs)
    wanted, real = pair.engine_run(pair.inputs, pair.engine.zeros(B))
    assert found.dtype == (np.int32 if pair.network.head.whole else np.float64)
    near(found, wanted)
    for one, other in zip(pair.whole.real(state), real, strict=True):
        assert one.dtype == np.float32
        assert np.median(np.abs(one - other)) < 0.05  # most: memory cells are cut at 16


@every
def test_any_windows_and_rows_give_the_same(cell: str, options: dict[str, Any]) -> None:
    pair = Whole(cell, options)
    wanted, wanted_state = pair.whole_run(pair.inputs)
    for rows, window in ((B, 1), (1, 7), (2, 20)):
        out, state = [], pair.whole.zeros(rows)
        for at in range(0, len(pair.inputs), window):
            parameters, state = pair.whole_run(pair.inputs[at : at + window, :rows].copy(), state)
            out.append(parameters)
        assert np.array_equal(np.concatenate(out), wanted[:, :rows])
        for one, other in zip(state, wanted_state, strict=True):
            assert np.array_equal(one, other[:rows]) and one.dtype == other.dtype


@every
def test_tensors_are_those_that_files_hold(cell: str, options: dict[str, Any]) -> None:
    pair = Whole(cell, options)
    wanted = quantised.shapes(pair.network)
    assert {name: (t.shape, t.dtype) for name, t in pair.tensors.items()} == wanted
    quantised.check(pair.network, pair.tensors)
    weights = {name: weight.numpy() for name, weight in pair.weights.items()}
    assert {name: w.shape for name, w in pair.real.items()} == pair.network.shapes
    again = quantised.real(pair.network, quantised.quantise(pair.network, pair.real))
    for name, w in pair.real.items():
        assert w.dtype == np.float32
        # Half a step of 7 bits of the largest weight that a layer reads with, and of a bias.
        with_it = [each for other, each in weights.items() if other.split(".")[0] == name.split(".")[0]]
        step = max(np.abs(each).max() for each in with_it) / 63 * 0.51 + 0.001
        for one, other in ((w, weights[name]), (again[name], w)):
            assert np.abs(one - other).max() <= step, name


@pytest.mark.parametrize("options", ENCODED, ids=str)
def test_encoders_and_networks_without_recurrence(options: dict[str, Any]) -> None:
    config = NetworkConfig(**{"width": 16, "embedding": 6, "head": "gaussians", **options})
    kind = registry.get("head", config.head.name).kind.example(11)
    network = Network(config, kind, None, 5)
    tensors = quantised.quantise(network, random_weights(network, seed=1))
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == quantised.shapes(network)
    quantised.check(network, tensors)
    weights = quantised.real(network, tensors)
    covariates = np.random.default_rng(0).standard_normal((20, 3, 5)).astype(np.float32)
    encoded = covariates
    if network.encoder:
        engine: Engine = OnnxEngine(network.encoder.graph(part(weights, "encoder")))
        whole: Engine = Integers(network, tensors, encoder_program(network.encoder))
        wanted, _ = engine.run(covariates, engine.zeros(3))
        encoded, _ = whole.run(covariates, whole.zeros(3))
        assert encoded.dtype == np.float32 and np.abs(encoded - wanted).mean() < 0.002
        alone, _ = whole.run(covariates[:, 1:2], whole.zeros(1))
        assert np.array_equal(alone, encoded[:, 1:2])
    inputs = kind.inputs(kind.random(np.random.default_rng(1), (20, 3)))
    engine, whole = OnnxEngine(network.graph(weights)), Integers(network, tensors, program(network))
    wanted, _ = engine.run(inputs, engine.zeros(3), None, encoded)
    found, _ = whole.run(inputs, whole.zeros(3), None, encoded)
    assert found.dtype == np.float64
    near(found, wanted)


# --- bounds ---

HOSTILE = st.builds(
    lambda seed, scale, spread, sparse: _hostile(np.random.default_rng(seed), scale, spread, sparse),
    st.integers(0, 2**32),
    st.integers(-40, 30),
    st.floats(0, 12),
    st.booleans(),
)


def _hostile(rng: np.random.Generator, scale: int, spread: float, sparse: bool) -> np.ndarray:
    """Weights [5, 300] of all sizes, of both signs or one."""
    w = rng.standard_normal((5, 300)) * np.exp(spread * rng.standard_normal((5, 1))) * 2.0**scale
    w[1] = np.abs(w[1])
    w[2] = w[2].max()
    w[3] = 0
    return (w * (rng.random(w.shape) < 0.02) if sparse else w).clip(-3e38, 3e38).astype(np.float32)


def made(form: q.Form[Any], weights: np.ndarray) -> Any:
    """The matrix that a form makes, which its own check takes; None if there is none."""
    try:
        matrix = form.made(weights)
    except q.Unfit:
        return None
    form.check(matrix)
    return matrix


@settings(max_examples=60, deadline=None)
@given(weights=HOSTILE)
def test_no_sum_overflows(weights: np.ndarray) -> None:
    """Whatever is read: the worst of all is read here."""
    for unit in (q.GATE, q.LOGIT):
        if rows := made(q.Coarse(unit), weights):
            worst = np.abs(rows.weights.astype(object)).sum(axis=1) * q.COARSE
            assert all(worst * rows.multiplier + 2 ** (int(rows.shift) - 1) < 2**31)
    wide = q.Reach(np.full(300, q.LARGEST_NUMBER))
    for form, largest in ((q.Fine(300), q.FINE), (q.Numbers(wide), q.LARGEST_NUMBER)):
        if rows := made(form, weights):
            worst = np.abs(rows.weights.astype(object)).sum(axis=1) * largest
            assert all(worst < 2**31) and all(worst * rows.multiplier + 2 ** (int(rows.shift) - 1) < 2**47)
    groups = q.Reach(np.full(300, q.NUMBER), (100, 200))
    if rows := made(q.Numbers(groups), weights):
        whole = np.abs(rows.weights.astype(object)) * q.NUMBER
        assert all(whole[:, :100].max(axis=1) + whole[:, 100:].max(axis=1) < 2**31)
    for per in (q.COARSE, q.FINE, q.LARGEST_NUMBER):
        if scaled := made(q.Doubles(per, per), weights):
            worst = np.abs(scaled.weights.astype(object)).sum(axis=1) * per
            assert all(worst < 2**31) and np.isfinite(worst.astype(float) * scaled.scale).all()
    if rows := made(q.Embedding(), weights):
        assert np.abs(q.embedded(rows)).max() <= q.LARGEST_NUMBER
    made(q.Peepholes(), weights[:3])


@settings(max_examples=60, deadline=None)
@given(weights=HOSTILE)
def test_weights_are_kept_to_their_bits(weights: np.ndarray) -> None:
    largest = np.abs(weights.astype(float)).max(axis=1, keepdims=True)
    for form, steps in ((q.Coarse(q.GATE), 63), (q.Fine(300), 127), (q.Doubles(q.FINE, q.FINE), 1000)):
        matrix: Any = made(form, weights)
        if matrix is None:
            continue
        away = np.abs(form.real(matrix) - weights.astype(float))
        # A shift that all rows share leaves a row of small weights fewer steps: there is a least weight.
        least = 0.0 if isinstance(matrix, q.Scaled) else form.unit / form.per * 2.0 ** -int(matrix.shift)  # type: ignore[attr-defined]
        full = np.abs(matrix.weights).max(axis=1, keepdims=True) >= steps / 2
        assert (away <= np.where(full, largest / steps, 1 / (least or 1)) + 1e-30).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(-3, 25), options=st.sampled_from(NETWORKS))
def test_networks_of_any_weights(seed: int, scale: float, options: dict[str, Any]) -> None:
    """They are refused, or computed within the types of their sums."""
    options = {name: value for name, value in options.items() if name not in ("attention", "given")}
    config = NetworkConfig(**{"width": 16, "embedding": 6, **options})
    kind = registry.get("head", config.head.name).kind.example(23)
    network = Network(config, kind)
    weights = {name: w * np.float32(np.exp(scale)) for name, w in random_weights(network, seed).items()}
    try:
        tensors = quantised.quantise(network, weights)
    except q.Unfit:
        return
    quantised.check(network, tensors)
    whole = Integers(network, tensors, program(network))
    inputs = kind.inputs(kind.random(np.random.default_rng(seed), (8, 2)))
    parameters, state = whole.run(inputs, whole.zeros(2))
    assert np.isfinite(parameters).all()
    assert all(np.abs(one).max() <= largest for one, largest in zip(whole.real(state), [1, 16] * 9, strict=False))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_weights_that_no_training_gives_are_unfit(bad: float) -> None:
    network = Network(NetworkConfig(width=8, embedding=4), Symbols(5))
    for name in network.shapes:
        weights = random_weights(network, 0)
        weights[name].flat[0] = bad
        if bad == 1e38 and name.endswith("bias"):  # biases are cut
            quantised.check(network, quantised.quantise(network, weights))
            continue
        with pytest.raises(q.Unfit, match=name.split(".")[0]):
            quantised.quantise(network, weights)


def test_nothing_has_changed() -> None:
    assert golden.made() == json.loads(golden.FILE.read_text())


def test_a_cell_without_a_form_in_whole_numbers_stays_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(NetworkConfig(width=8, embedding=4), Symbols(5))
    monkeypatch.setattr(type(network.cells[0]), "name", "leaky")
    with pytest.raises(q.Unfit, match="cell leaky has no form in whole numbers"):
        quantised.quantise(network, random_weights(network, 0))
