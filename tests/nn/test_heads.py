"""Every head: a real distribution, the same for training (torch) and for all else (numpy)."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.errors import UserError
from rhapsode.nn.heads._head import Head
from rhapsode.nn.heads.categorical import Categorical
from rhapsode.nn.samplers import Randomness, Sampling
from rhapsode.steps import Frames, Moves, Sets, Symbols, Tuples

torch = pytest.importorskip("torch")

V = 7
SHAPES = [(), (1,), (5,), (4, 3), (0,)]


def heads(*kinds: type) -> pytest.MarkDecorator:
    """A test of every head, or of those over steps of these kinds."""
    known = [name for name in registry.names("head") if not kinds or registry.get("head", name).kind in kinds]
    return pytest.mark.parametrize("name", known)


def make(name: str) -> Head:
    tuples = Tuples((3, 1, V - 4))
    kinds = {
        "mixture": Moves((0.3, -0.1), (2.0, 0.5), returns=True),
        "bernoulli": Sets(V),
        "nade": Sets(V),
        "product": tuples,
        "chain": tuples,
        "regression": Frames(3, 2),
        "gaussians": Frames(3, 2),
    }
    head: Head = registry.get("head", name)(kinds.get(name, Symbols(V)), NetworkConfig(mixtures=3, hidden=5))
    rng = np.random.default_rng(6)
    return head.bound({key: rng.standard_normal(shape).astype(np.float32) for key, shape in head.shapes.items()})


def torch_nats(head: Head, parameters: Any, targets: np.ndarray) -> Any:
    own = {name: torch.tensor(weight, dtype=torch.float32) for name, weight in head.weights.items()}
    return head.nll(parameters, torch.as_tensor(targets), own)


def some_targets(head: Head, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Steps [*shape, *shape of a step] of the head's kind."""
    if isinstance(head.steps, Symbols):
        return rng.integers(0, V, shape)
    if isinstance(head.steps, Sets):
        return rng.integers(0, 2, (*shape, V)).astype(np.float32)
    if isinstance(head.steps, Tuples):
        return rng.integers(0, head.steps.sizes, (*shape, 3))
    if isinstance(head.steps, Frames):
        frames = rng.standard_normal((*shape, 5)).astype(np.float32)
        frames[..., 3:] = frames[..., 3:] > 0
        return frames
    values = rng.standard_normal((*shape, 3)).astype(np.float32)
    values[..., 2] = rng.integers(-1, 3, shape)
    return values


def hostile_targets(head: Head, count: int) -> list[np.ndarray]:
    """[count, *shape of a step] each: all symbols, or moves of any length."""
    if isinstance(head.steps, Symbols):
        return [np.full(count, symbol) for symbol in range(V)]
    if isinstance(head.steps, Sets):
        return [np.full((count, V), every, np.float32) for every in (0, 1)]
    if isinstance(head.steps, Tuples):
        return [np.tile(row, (count, 1)) for row in every_step(head)]
    if isinstance(head.steps, Frames):
        far = [(0, 0, 0, 0, 1), (1e30, -1e30, 0, 1, 1), (-3e38, 3e38, 1e-40, 0, 0)]
        return [np.tile(np.array(row, np.float32), (count, 1)) for row in far]
    rows = [(0, 0, 0), (1e30, -1e30, 1), (-3e38, 3e38, 2), (1e-40, 0, 1), (0, 0, -1)]
    return [np.tile(np.array(row, np.float32), (count, 1)) for row in rows]


def hostile(width: int) -> np.ndarray:
    """[N, P] parameters such as a network gone astray would give."""
    rng = np.random.default_rng(1)
    rows = [np.zeros(width), np.full(width, 1e4), np.full(width, -1e4), np.full(width, 3e38), np.full(width, -3e38)]
    rows += [np.eye(width)[0] * size for size in (1e4, -1e4, 1e30, -1e30, 1e-40)]
    rows += [rng.standard_normal(width) * size for size in (1e-8, 1.0, 1e4, 1e30)]
    return np.stack(rows).astype(np.float32)


@heads()
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_and_numpy_agree(name: str, shape: tuple[int, ...]) -> None:
    head = make(name)
    rng = np.random.default_rng(0)
    parameters = (rng.standard_normal((*shape, head.width)) * 4).astype(np.float32)
    targets = some_targets(head, rng, shape)
    nats = torch_nats(head, torch.from_numpy(parameters), targets)
    found = head.log_prob(parameters, targets)
    assert nats.shape == shape and nats.dtype == torch.float32
    assert found.shape == shape and found.dtype == np.float64
    np.testing.assert_allclose(-nats.numpy(), found, rtol=1e-5 if isinstance(head, Categorical) else 1e-4, atol=1e-5)


@heads(Symbols)
def test_probabilities_sum_to_one(name: str) -> None:
    head = make(name)
    parameters = np.concatenate([hostile(head.width), hostile(head.width)[::-1] * np.float32(0.1)])
    total = sum(np.exp(head.log_prob(parameters, np.full(len(parameters), symbol))) for symbol in range(V))
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def every_step(head: Head) -> np.ndarray:
    """[N, *shape of a step]: all there are of the head's kind."""
    if isinstance(head.steps, Symbols):
        return np.arange(V)
    sizes = head.steps.sizes if isinstance(head.steps, Tuples) else (2,) * V
    return np.array(list(product(*map(range, sizes))))


def values_of(head: Head, steps: np.ndarray) -> np.ndarray:
    """[N, choices] bool: the values that steps are made of, in the order of `allowed`."""
    if isinstance(head.steps, Symbols):
        return np.eye(V, dtype=bool)[steps]
    if isinstance(head.steps, Sets):
        return np.stack([steps == 0, steps == 1], axis=-1).reshape(len(steps), -1)
    return np.concatenate([np.eye(n, dtype=bool)[steps[:, f]] for f, n in enumerate(head.steps.sizes)], axis=1)


@heads(Symbols, Sets, Tuples)
def test_drawing_heeds_what_is_allowed(name: str) -> None:
    """And says how likely that was, as the sum over all allowed steps: in the mean, of heads that draw in turn."""
    head = make(name)
    rng = np.random.default_rng(9)
    steps = every_step(head)
    values = values_of(head, steps)
    for turn in range(4):
        row = rng.standard_normal(head.width) * 2
        wanted = rng.integers(len(steps))
        allowed = values[wanted] | (rng.random(head.choices) < 0.5)
        possible = ~(values & ~allowed).any(axis=1)
        p = np.exp(head.log_prob(np.repeat(row[None], len(steps), axis=0), steps))
        random, drawn = Randomness(turn), []
        for _ in range(400):
            drawn.append(head.draw(head.distribution(row), Sampling(), random, (), allowed))
            assert possible[np.flatnonzero((steps == drawn[-1].step).reshape(len(steps), -1).all(axis=1))[0]]
        assert np.mean(np.exp([one.log_mass for one in drawn])) == pytest.approx(p[possible].sum(), rel=0.25)
        only = head.draw(head.distribution(row), Sampling(), random, (), values[wanted])
        assert np.array_equal(only.step, steps[wanted]) and only.log_mass == pytest.approx(only.log_prob)
        cold = head.draw(head.distribution(row), Sampling(temperature=0), random, (), values[wanted])
        assert np.array_equal(cold.step, steps[wanted])


@heads(Sets, Tuples)
def test_all_sets_together_are_certain(name: str) -> None:
    head = make(name)
    sets = every_step(head)
    for row in np.random.default_rng(7).standard_normal((3, head.width)) * 3:
        total = np.exp(head.log_prob(np.repeat(row[None], len(sets), axis=0), sets)).sum()
        assert total == pytest.approx(1, rel=1e-12)


@heads(Sets, Tuples)
def test_sets_are_drawn_as_often_as_they_are_likely(name: str) -> None:
    head = make(name)
    row = head.distribution(np.random.default_rng(8).standard_normal(head.width) * 2)
    random = Randomness(0)
    drawn = Counter(tuple(head.draw(row, Sampling(), random, ())[0].tolist()) for _ in range(4000))
    for members, count in drawn.most_common(5):
        likely = float(np.exp(head.log_prob(row[None], np.array([members]))[0]))
        assert count / 4000 == pytest.approx(likely, abs=4 * (likely / 4000) ** 0.5)
    coldest = head.draw(row, Sampling(temperature=0), random, ())[0]
    assert np.array_equal(coldest, head.draw(row, Sampling(temperature=0), random, ())[0])


@heads()
def test_hostile_parameters_give_numbers(name: str) -> None:
    head = make(name)
    parameters = hostile(head.width)
    for targets in hostile_targets(head, len(parameters)):
        found = head.log_prob(parameters, targets)
        leaf = torch.from_numpy(parameters).requires_grad_()
        nats = torch_nats(head, leaf, targets)
        nats.sum().backward()
        assert not np.isnan(found).any() and not nats.isnan().any() and not leaf.grad.isnan().any()
        if isinstance(head, Categorical):
            assert (found <= 1e-12).all() and (nats >= -1e-6).all()


@heads()
def test_the_gradient_is_that_of_numpy(name: str) -> None:
    head = make(name)
    rng = np.random.default_rng(2)
    parameters = rng.standard_normal((3, head.width))
    targets = some_targets(head, rng, (3,))
    leaf = torch.tensor(parameters, dtype=torch.float32, requires_grad=True)
    torch_nats(head, leaf, targets).sum().backward()
    for n in range(head.width):
        step = np.zeros_like(parameters)
        step[:, n] = 1e-6
        slope = -(head.log_prob(parameters + step, targets) - head.log_prob(parameters - step, targets)) / 2e-6
        np.testing.assert_allclose(leaf.grad[:, n], slope, atol=1e-4)


@heads(Symbols)
def test_symbols_of_any_type(name: str) -> None:
    head = make(name)
    parameters = np.random.default_rng(3).standard_normal((V, head.width)).astype(np.float32)
    expected = head.log_prob(parameters, np.arange(V))
    for kind in (np.uint8, np.uint16, np.int32, np.uint64):
        assert np.array_equal(head.log_prob(parameters, np.arange(V, dtype=kind)), expected)


@heads()
def test_what_is_drawn_has_the_log_prob_that_scoring_gives(name: str) -> None:
    """Bit for bit, one row or many; and drawing is a function of the randomness alone."""
    head = make(name)
    parameters = np.random.default_rng(5).standard_normal((20, head.width)).astype(np.float32)
    rows = head.distribution(parameters)
    for n, row in enumerate(rows):
        assert np.array_equal(head.distribution(parameters[n]), row)
        step, log_prob, log_mass = head.draw(row, Sampling(), Randomness(0, n), ())
        again, *_ = head.draw(row, Sampling(), Randomness(0, n), ())
        assert log_mass == 0
        assert np.array_equal(step, again)
        assert head.log_prob(parameters, np.repeat(np.asarray(step)[None], 20, axis=0))[n] == log_prob


@heads()
def test_options_without_a_meaning_are_refused(name: str) -> None:
    head = make(name)
    head.check(Sampling())
    for option in set(Sampling.model_fields) - head.options:
        head.check(Sampling(**{option: Sampling.model_fields[option].default}))
        with pytest.raises(UserError, match=option):
            head.check(
                Sampling(**{option: 0.5 if option != "top_k" else 3} if option != "repetition_window" else {option: 3})
            )


@heads(Symbols)
@pytest.mark.parametrize("size", [1, 7, 129, 300, 5000])  # numpy sums long rows in blocks
def test_all_symbols_at_once(name: str, size: int) -> None:
    """What generation and compression use is what scoring uses, bit for bit, in any shape."""
    head = Categorical(Symbols(size), NetworkConfig())
    parameters = np.concatenate([hostile(size), np.random.default_rng(4).standard_normal((20, size)).astype("f4")])
    together = head.log_probs(parameters)
    assert together.dtype == np.float64
    for n, row in enumerate(parameters):
        assert np.array_equal(head.log_probs(row), together[n])
        assert np.array_equal(head.log_probs(row[None]), together[n : n + 1])
    for symbol in range(0, size, 97):
        assert np.array_equal(head.log_prob(parameters, np.full(len(parameters), symbol)), together[:, symbol])


@heads(Symbols)
def test_a_symbol_that_cannot_be(name: str) -> None:
    """-inf among unnormalised log-probabilities means p = 0, not NaN."""
    head = make(name)
    parameters = np.array([[0, -np.inf, 1, 2, -np.inf, 0, 0]], np.float32)
    found = head.log_probs(parameters)[0]
    assert found[1] == found[4] == -np.inf and not np.isnan(found).any()
    assert np.exp(found).sum() == pytest.approx(1)


@heads(Sets)
def test_of_each_place_one_group_has_something_at_the_most(name: str) -> None:
    """However likely the network finds both: a note that begins is not held on at the same time."""
    head = registry.get("head", name)(Sets(4, 3), NetworkConfig(hidden=5))
    rng = np.random.default_rng(6)
    head = head.bound({key: rng.standard_normal(shape).astype(np.float32) for key, shape in head.shapes.items()})
    parameters = rng.standard_normal((40, head.width)).astype(np.float32) + 1
    drawn = [head.draw(each, Sampling(), Randomness(n), ()) for n, each in enumerate(head.distribution(parameters))]
    steps = np.array([each.step for each in drawn])
    places = steps.reshape(-1, 3, 4).sum(axis=1)
    assert places.max() == 1 and places.mean() > 0.5
    np.testing.assert_array_equal(head.log_prob(parameters, steps), [each.log_prob for each in drawn])
    allowed = np.ones(head.choices, bool)
    head.draw(head.distribution(parameters[0]), Sampling(), Randomness(0), (), allowed)
    assert allowed.all()  # it is the caller's
