"""The kernel gives the same bits as the reference in numpy: each variant, alone and in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rhapsode import registry
from rhapsode.arithmetic import choice, kernel
from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.drawing import copied
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import NetworkConfig
from rhapsode.modalities.ink.moves import Moves
from rhapsode.nn import compiled
from rhapsode.nn.compiled import Compiled, Policy, Rows
from rhapsode.nn.engine import Engine, State, Texts
from rhapsode.nn.integers import Integers
from rhapsode.nn.network import Network
from rhapsode.nn.program import program
from rhapsode.nn.quantised import quantise
from rhapsode.steps.kind import Kind
from rhapsode.steps.symbols import Symbols
from rhapsode.steps.text import Text
from tests.nn.forms import FORMS

pytestmark = pytest.mark.skipif(not kernel.variants(), reason="there is no compiler for the kernel")

SEED = 1


class Case:
    """A network with random weights, its reference, and its engines."""

    def __init__(self, kind: Kind, covariates: int = 0, text: Text | None = None, **settings: Any) -> None:
        self.network, self.text = Network(NetworkConfig(**settings), kind, text, covariates), text
        self.kind, self.covariates, self.rng = kind, covariates, np.random.default_rng(SEED)
        fresh = self.network.initialise(torch.Generator().manual_seed(SEED))
        weights = {
            name: (w.numpy() + 0.5 * self.rng.normal(size=w.shape)).astype(np.float32) for name, w in fresh.items()
        }
        tensors, traced = quantise(self.network, weights), program(self.network)
        self.reference = Integers(self.network, tensors, traced)
        self.engines = [Compiled(self.network, tensors, traced, one) for one in kernel.variants().values()]

    def known(self, steps: int, rows: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Random inputs, the first of which are the start, and covariates."""
        inputs = self.kind.inputs(self.kind.random(self.rng, (steps, rows)))
        inputs[0] = self.kind.start
        if inputs.dtype == np.float32:
            inputs[steps // 2] *= 30  # farther than some kinds are read
        covariates = self.rng.normal(size=(steps, rows, self.covariates)).astype(np.float32)
        return inputs, covariates if self.covariates else None

    def texts(self, rows: int) -> Texts | None:
        """A random text for each row, of another length."""
        if self.text is None:
            return None
        lengths = np.arange(1, rows + 1)
        return self.rng.integers(0, self.text.size, (rows, rows)), lengths


def same(one: State, other: State) -> bool:
    return all(a.dtype == b.dtype and (a == b).all() for a, b in zip(one, other, strict=True))


def agrees(case: Case, steps: int, rows: int) -> None:
    """All at once, and step by step."""
    (inputs, covariates), text = case.known(steps, rows), case.texts(rows)
    expected = case.reference.attend(inputs, case.reference.zeros(rows), text, covariates)
    for engine in case.engines:
        found = engine.attend(inputs, engine.zeros(rows), text, covariates)
        assert same(found[::2], expected[::2])
        assert same(found[1], expected[1])
        state, parameters = engine.zeros(rows), []
        for t in range(steps):
            given = None if covariates is None else covariates[t : t + 1]
            one, state = engine.run(inputs[t : t + 1], state, text, given)
            parameters.append(one[0])
        assert (np.array(parameters) == expected[0]).all()
        assert same(state, expected[1])


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_symbols(form: dict[str, Any]) -> None:
    case = Case(Symbols(21), **form)
    agrees(case, 19, 1)
    agrees(case, 4, 5)
    agrees(case, 2, 64)


@pytest.mark.parametrize("name", sorted(head.name for head in registry.every("head")))
@pytest.mark.parametrize("covariates", [0, 3])
def test_heads(name: str, covariates: int) -> None:
    head = registry.get("head", name)
    settings = {"name": name, **head.example}
    agrees(Case(head.kind.example(), covariates, layers=2, width=19, skip=True, head=settings), 9, 3)


def test_an_output_wider_than_the_layers() -> None:
    kind = registry.get("head", "chain").kind.example()
    agrees(Case(kind, width=5, head={"name": "chain", "hidden": 200}), 40, 3)


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("kind", [Moves.example(), Symbols(9)], ids=lambda kind: type(kind).__name__)
def test_attention(kind: Kind, feedback: bool) -> None:
    window = {"name": "window", "components": 5, "feedback": feedback}
    for settings in ({"layers": 2 - feedback}, {"layers": 3, "skip": True}):
        head = {"name": "mixture", "mixtures": 2} if isinstance(kind, Moves) else {}
        case = Case(kind, 0, Text(7), width=19, attention=window, **settings, **({"head": head} if head else {}))
        agrees(case, 20, 1)
        agrees(case, 9, 6)


def test_symbols_of_a_large_vocabulary_are_read_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rhapsode.nn.layout.LARGEST_TABLE", 0)
    agrees(Case(Symbols(9), layers=2, width=19, embedding=5, skip=True), 9, 3)
    agrees(Case(Symbols(9), layers=2, width=19, embedding=0, skip=True), 9, 3)


@pytest.fixture(scope="module")
def text() -> Case:
    return Case(Symbols(40), layers=2, width=33, embedding=8)


EVERY = np.random.default_rng(SEED).random(40) < 0.7
SOME = np.arange(40) % 13 == 5
SAMPLINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"temperature": 0}, {}),
    ({"temperature": 1e-300}, {}),
    ({"temperature": 0.7, "top_k": 5}, {}),
    ({"temperature": 1.5, "top_p": 0.8}, {}),
    ({"min_p": 0.1}, {}),
    ({"typical": 0.3, "temperature": 3}, {}),
    ({"repetition_penalty": 1.5, "repetition_window": 5}, {}),
    ({"temperature": 2, "top_k": 30, "top_p": 0.9, "min_p": 0.01, "typical": 0.9, "repetition_penalty": 0.8}, {}),
    ({"temperature": 2, "repetition_penalty": 3}, {"allowed": EVERY}),
    ({"temperature": 2, "repetition_penalty": 1000, "top_k": 5, "typical": 0.9}, {"allowed": EVERY}),
    ({"logit_bias": {3: -100, 7: 2.5, 39: 0.01}}, {}),
    ({"logit_bias": {3: 100}, "temperature": 100}, {}),
    ({"frequency_penalty": 0.7}, {}),
    ({"presence_penalty": 2, "temperature": 0}, {}),
    ({"frequency_penalty": -2, "presence_penalty": 1.3, "logit_bias": {5: 1}, "top_p": 0.9}, {"allowed": EVERY}),
    ({"frequency_penalty": 2, "repetition_penalty": 1.2}, {"begins": SOME, "every": 4}),
    ({}, {"ends": SOME}),
    ({}, {"every": 7}),
    ({}, {"period": 6}),
    ({}, {"begins": SOME, "period": 10, "every": 4}),
]


@pytest.mark.parametrize(("options", "rules"), SAMPLINGS, ids=str)
def test_generation(text: Case, options: dict[str, Any], rules: dict[str, Any]) -> None:
    sampling, count, steps = Sampling(**options), 5, 20
    logits, state = text.reference.run(np.full((1, count), 40), text.reference.zeros(count))
    expected = drawn(text, sampling, steps, logits[0], state, **rules)
    ends, allowed = rules.pop("ends", None), rules.pop("allowed", None)
    masks = None if allowed is None else np.repeat(allowed[None], count, axis=0)
    for engine in text.engines:
        rows = Rows(
            state,
            logits[0].copy(),
            np.array([Randomness(SEED, row).key for row in range(count)], np.uint64),
            np.zeros(count, np.uint64),
            np.full((count, sampling.repetition_window), -1, np.int32),
            np.zeros(count, np.int64),
            copied([None] * count, [sampling] * count, 40),
        )
        policy = Policy(40, np.zeros(count, np.int32), np.zeros(count, np.int32), **rules)
        parts = [
            engine.generate(some, rows, [sampling] * count, policy, ends, masks)
            for some in ([steps] if ends is not None else [1, steps - 1])
        ]
        symbols, log_probs = (np.concatenate([part[n] for part in parts]) for n in range(2))
        for row, (known, surprise) in enumerate(expected):
            assert sum(part[2][row] for part in parts) == len(known)
            assert symbols[: len(known), row].tolist() == known
            assert log_probs[: len(known), row].tolist() == surprise


def drawn(
    case: Case,
    sampling: Sampling,
    steps: int,
    logits: np.ndarray,
    state: State,
    every: int = 0,
    period: int = 0,
    begins: np.ndarray | None = None,
    ends: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
) -> list[tuple[list[int], list[float]]]:
    """The symbols of each row and their log p, by the reference."""
    size, found = logits.shape[1], []
    for row, own in enumerate(logits):
        symbols, log_probs, randomness = list[int](), list[float](), Randomness(SEED, row)
        one, in_unit, predicted = tuple(part[row : row + 1] for part in state), 0, 0
        for _ in range(steps):
            distance = choice.distances(own)
            frequency = choice.frequencies(distance)
            seen = np.isin(np.arange(size), symbols[-sampling.repetition_window :])
            counts = np.bincount(np.array(symbols, int), minlength=size)
            some = choice.frequencies(choice.adjusted(distance, sampling, allowed, seen, counts))
            symbol = int(choice.draw(some[None], [randomness.word()])[0])
            symbols.append(symbol)
            log_probs.append(float(choice.log_probs(frequency, np.array(symbol))))
            if ends is not None and ends[symbol]:
                break
            in_unit, predicted = in_unit + 1, predicted + 1
            unit = in_unit == every or (begins is not None and begins[symbol])
            if unit or (period and predicted >= period):
                one, predicted = case.reference.zeros(1), 0
            in_unit *= not unit
            parameters, one = case.reference.run(np.array([[size if unit else symbol]]), one)
            own = parameters[0, 0]
        found.append((symbols, log_probs))
    return found


def test_scores_and_codes(text: Case) -> None:
    steps = 70
    targets = text.rng.integers(0, 40, (steps, 1))
    inputs, fresh = np.concatenate([[[40]], targets[:-1]]), text.rng.random((steps, 1)) < 0.1
    logits, state = [], text.reference.zeros(1)
    for t in range(steps):
        state = text.reference.zeros(1) if fresh[t] else state
        one, state = text.reference.run(inputs[t : t + 1], state)
        logits.append(one[0, 0])
    frequencies = choice.frequencies(choice.distances(np.array(logits)))
    encoder = Encoder()
    for frequency, symbol in zip(frequencies, targets[:, 0].tolist(), strict=True):
        encoder.put(frequency, symbol)
    for engine in text.engines:
        nats, end = engine.score(inputs, engine.zeros(1), targets, fresh)
        assert (nats[:, 0] == -choice.log_probs(frequencies, targets[:, 0])).all()
        assert same(end, state)
        made, end = Encoder(), engine.zeros(1)
        for part in (slice(0, 3), slice(3, 50), slice(50, None)):
            end = engine.encode(inputs[part, 0], end, targets[part, 0], made, fresh[part, 0])
        assert same(end, state)
        assert (made.code, made.low, made.range) == (encoder.code, encoder.low, encoder.range)


def test_codes_are_decoded(text: Case) -> None:
    targets, encoder = text.rng.integers(0, 40, 50), Encoder()
    text.engines[0].encode(np.append(40, targets[:-1]), text.engines[0].zeros(1), targets, encoder)
    data = encoder.finish()
    for engine in text.engines:
        logits, state = engine.run(np.array([[40]]), engine.zeros(1))
        decoder, policy = Decoder(data), Policy(40, np.zeros(1, np.int32), np.zeros(1, np.int32))
        found = list[int]()
        for some in (1, 9, 40):
            symbols, state = engine.decode(some, state, logits[0], decoder, policy)
            found += symbols.tolist()
        assert found == targets.tolist()


def test_the_kernel_is_used_where_it_knows_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(**settings: Any) -> Engine:
        network = Network(NetworkConfig(**settings), Symbols(3))
        weights = {name: np.zeros(shape, np.float32) for name, shape in network.shapes.items()}
        return compiled.engine(network, quantise(network, weights), program(network))

    assert isinstance(made(layers=1, width=2), Compiled)
    monkeypatch.setenv(kernel.VARIABLE, kernel.NUMPY)
    assert isinstance(made(layers=1, width=2), Integers)
