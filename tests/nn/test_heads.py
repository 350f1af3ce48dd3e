"""Every head: a real distribution, the same for training (torch) and for all else (numpy)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import NetworkConfig, Part
from rhapsode.errors import UserError
from rhapsode.nn.heads._fields import Fields
from rhapsode.nn.heads._head import Head
from rhapsode.nn.heads._symbols import OfSymbols
from rhapsode.nn.heads.adaptive import Adaptive
from rhapsode.nn.heads.categorical import Categorical
from rhapsode.nn.network import Network
from rhapsode.nn.samplers import Draw
from rhapsode.steps.sets import Sets
from rhapsode.steps.symbols import Symbols

torch = pytest.importorskip("torch")

V = 7
SHAPES = [(), (1,), (5,), (4, 3), (0,)]


def heads(*names: str) -> pytest.MarkDecorator:
    """A test of every head, or of these."""
    return pytest.mark.parametrize("name", names or registry.names("head"))


def with_choices() -> pytest.MarkDecorator:
    """A test of the heads whose steps are made of values that can be forbidden: there are not many different steps."""
    return heads(*(head.name for head in registry.every("head") if head.kind.example().choices))


def settings(name: str) -> Part:
    """Those of a small head."""
    head: type[Head[Any]] = registry.get("head", name)
    return head.Settings(name=name, **head.example)


def make(name: str) -> Head[Any]:
    kind: type[Head[Any]] = registry.get("head", name)
    head = kind(kind.kind.example(V), settings(name))
    rng = np.random.default_rng(6)
    return head.bound({key: rng.standard_normal(shape).astype(np.float32) for key, shape in head.shapes.items()})


def rounds(head: Head[Any]) -> bool:
    """Whether it rounds logits, to 1/1024 nats."""
    return isinstance(head, (OfSymbols, Fields))


def torch_nats(head: Head[Any], parameters: Any, targets: np.ndarray) -> Any:
    own = {name: torch.tensor(weight, dtype=torch.float32) for name, weight in head.weights.items()}
    return head.nll(parameters, torch.as_tensor(targets), own)


def some_targets(head: Head[Any], rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Steps [*shape, *shape of a step] as the network reads them."""
    return head.steps.inputs(head.steps.random(rng, shape))


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
    # A frequency is a whole number: of unlikely symbols it has few digits.
    near = {"rtol": 1e-3, "atol": 5e-3} if rounds(head) else {"rtol": 1e-4, "atol": 1e-5}
    likely = -nats.numpy() > (-12 if rounds(head) else -np.inf)
    np.testing.assert_allclose(-nats.numpy()[likely], found[likely], **near)


@with_choices()
def test_probabilities_sum_to_one(name: str) -> None:
    head = make(name)
    parameters = np.concatenate([hostile(head.width), hostile(head.width)[::-1] * np.float32(0.1)])
    total = sum(np.exp(head.log_prob(parameters, repeated(step, len(parameters)))) for step in head.steps.extremes())
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def repeated(step: np.ndarray, count: int) -> np.ndarray:
    return np.repeat(np.asarray(step)[None], count, axis=0)


@with_choices()
def test_drawing_heeds_what_is_allowed(name: str) -> None:
    """And says how likely that was, as the sum over all allowed steps: in the mean, of heads that draw in turn."""
    head = make(name)
    rng = np.random.default_rng(9)
    steps = head.steps.extremes()
    values = head.steps.chosen(steps)
    for turn in range(4):
        row = rng.standard_normal(head.width) * 2
        wanted = rng.integers(len(steps))
        allowed = values[wanted] | (rng.random(head.steps.choices) < 0.5)
        possible = ~(values & ~allowed).any(axis=1)
        p = np.exp(head.log_prob(np.repeat(row[None], len(steps), axis=0), steps))
        random, drawn = Randomness(turn), []
        for _ in range(400):
            drawn.append(head.draw(head.distribution(row), Draw(Sampling(), random, (), allowed)))
            assert possible[where(steps, drawn[-1].step)]
        assert np.mean(np.exp([one.log_mass for one in drawn])) == pytest.approx(p[possible].sum(), rel=0.25)
        only = head.draw(head.distribution(row), Draw(Sampling(), random, (), values[wanted]))
        assert np.array_equal(only.step, steps[wanted]) and only.log_mass == pytest.approx(only.log_prob)
        cold = head.draw(head.distribution(row), Draw(Sampling(temperature=0), random, (), values[wanted]))
        assert np.array_equal(cold.step, steps[wanted])


def where(steps: np.ndarray, step: Any) -> int:
    """The number of the step that is this one."""
    return int((steps == step).reshape(len(steps), -1).all(axis=1).argmax())


@with_choices()
def test_steps_are_drawn_as_often_as_they_are_likely(name: str) -> None:
    head = make(name)
    parameters = np.random.default_rng(8).standard_normal(head.width) * 2
    row = head.distribution(parameters)
    random = Randomness(0)
    every = head.steps.extremes()
    drawn = Counter(where(every, head.draw(row, Draw(Sampling(), random)).step) for _ in range(4000))
    for n, count in drawn.most_common(5):
        likely = float(np.exp(head.log_prob(parameters[None], every[[n]]))[0])
        assert count / 4000 == pytest.approx(likely, abs=4 * (likely / 4000) ** 0.5)
    coldest = head.draw(row, Draw(Sampling(temperature=0), random))[0]
    assert np.array_equal(coldest, head.draw(row, Draw(Sampling(temperature=0), random))[0])


@heads()
def test_hostile_parameters_give_numbers(name: str) -> None:
    head = make(name)
    parameters = hostile(head.width)
    for step in head.steps.extremes():
        targets = repeated(head.steps.inputs(step), len(parameters))
        found = head.log_prob(parameters, targets)
        leaf = torch.from_numpy(parameters).requires_grad_()
        nats = torch_nats(head, leaf, targets)
        nats.sum().backward()
        assert not np.isnan(found).any() and not nats.isnan().any() and not leaf.grad.isnan().any()
        if head.steps.choices:
            assert (found <= 1e-12).all() and (nats >= -1e-6).all()


@heads()
def test_the_gradient_is_that_of_numpy(name: str) -> None:
    head = make(name)
    rng = np.random.default_rng(2)
    parameters = rng.standard_normal((3, head.width))
    targets = some_targets(head, rng, (3,))
    leaf = torch.tensor(parameters, dtype=torch.float32, requires_grad=True)
    torch_nats(head, leaf, targets).sum().backward()
    size, near = (0.1, 0.02) if rounds(head) else (1e-6, 1e-4)
    for n in range(head.width):
        step = np.zeros_like(parameters)
        step[:, n] = size
        slope = -(head.log_prob(parameters + step, targets) - head.log_prob(parameters - step, targets)) / (2 * size)
        np.testing.assert_allclose(leaf.grad[:, n], slope, atol=near)


@heads("categorical")
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
        step, log_prob, log_mass = head.draw(row, Draw(Sampling(), Randomness(0, n)))
        again, *_ = head.draw(row, Draw(Sampling(), Randomness(0, n)))
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
                Sampling(**{option: {"top_k": 3, "repetition_window": 3, "logit_bias": {0: 1}}.get(option, 0.5)})
            )


@heads("categorical", "adaptive")
def test_symbols_that_do_not_exist_have_no_bias(name: str) -> None:
    head = make(name)
    last = head.steps.choices - 1
    head.check(Sampling(logit_bias={last: 1}))
    with pytest.raises(UserError, match=f"symbol {last + 1} does not exist; they go from 0 to {last}"):
        head.check(Sampling(logit_bias={0: 1, last + 1: 0}))


@heads("categorical")
@pytest.mark.parametrize("size", [1, 7, 129, 300, 5000])
def test_all_symbols_at_once(name: str, size: int) -> None:
    """What compression uses is what scoring uses, in any shape. No symbol is impossible."""
    head = Categorical(Symbols(size), settings(name))
    parameters = np.concatenate([hostile(size), np.random.default_rng(4).standard_normal((20, size)).astype("f4")])
    together = head.frequencies(parameters)
    assert together.dtype == np.uint32 and together.min() > 0 and (together.max(axis=1) == 1 << 28).all()
    for n, row in enumerate(parameters):
        assert np.array_equal(head.frequencies(row), together[n])
    for symbol in range(0, size, 97):
        found = head.log_prob(parameters, np.full(len(parameters), symbol))
        np.testing.assert_allclose(found, np.log(together[:, symbol] / together.sum(axis=1, dtype=float)), atol=1e-12)


@heads(*(head.name for head in registry.every("head") if head.whole))
def test_logits_in_whole_numbers_are_those_of_floats(name: str) -> None:
    head = make(name)
    rng = np.random.default_rng(4)
    logits = rng.integers(-5000, 5000, (6, head.width)).astype(np.int32)
    targets = some_targets(head, rng, (6,))
    for dtype in (np.float32, np.float64):
        assert np.array_equal(head.log_prob(logits, targets), head.log_prob((logits / 1024).astype(dtype), targets))


OPTIONS: list[dict[str, float]] = [{}, {"temperature": 0.5, "top_k": 3, "top_p": 0.9, "min_p": 0.01, "typical": 0.95}]


@heads()
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "all"])
def test_rows_are_drawn_as_each_alone(name: str, options: dict[str, float]) -> None:
    head = make(name)
    sampling = Sampling(**{option: value for option, value in options.items() if option in head.options})
    if "repetition_penalty" in head.options and options:
        more: dict[str, Any] = {"repetition_penalty": 1.5, "repetition_window": 3, "logit_bias": {0: 0.5, 2: -1}}
        sampling = Sampling(**options, **more, frequency_penalty=0.3, presence_penalty=-0.2)
    rng = np.random.default_rng(4)
    rows = head.distribution((rng.standard_normal((9, head.width)) * 2).astype(np.float32))

    def how(n: int) -> Draw:
        mask = None
        if n % 2 and head.steps.choices:
            some = head.steps.extremes()[n % 5 : n % 5 + 1]
            mask = head.steps.chosen(some)[0] | (np.arange(head.steps.choices) % 3 < n % 4)
        recent = [V, *range(n % 5)] if "repetition_penalty" in head.options else ()
        counts = np.arange(head.steps.choices) % (n + 1) if recent else None
        own = Sampling() if n % 4 == 3 else sampling
        return Draw(own, Randomness(1, n), recent, mask, counts=None if counts is None else counts.astype("i4"))

    together = head.draw_rows(rows, [how(n) for n in range(9)])
    for n, found in enumerate(together):
        alone = head.draw(rows[n], how(n))
        assert np.array_equal(alone.step, found.step) and alone[1:] == found[1:]


@heads("bernoulli", "nade")
def test_of_each_place_one_group_has_something_at_the_most(name: str) -> None:
    """However likely the network finds both: a note that begins is not held on at the same time."""
    head = registry.get("head", name)(Sets(4, 3), settings(name))
    rng = np.random.default_rng(6)
    head = head.bound({key: rng.standard_normal(shape).astype(np.float32) for key, shape in head.shapes.items()})
    parameters = rng.standard_normal((40, head.width)).astype(np.float32) + 1
    drawn = [head.draw(each, Draw(Sampling(), Randomness(n))) for n, each in enumerate(head.distribution(parameters))]
    steps = np.array([each.step for each in drawn])
    places = steps.reshape(-1, 3, 4).sum(axis=1)
    assert places.max() == 1 and places.mean() > 0.5
    np.testing.assert_array_equal(head.log_prob(parameters, steps), [each.log_prob for each in drawn])
    allowed = np.ones(head.steps.choices, bool)
    head.draw(head.distribution(parameters[0]), Draw(Sampling(), Randomness(0), (), allowed))
    assert allowed.all()  # it is the caller's


@pytest.mark.parametrize("first", [0, 7])
def test_adaptive_softmax_is_that_of_torch(first: int) -> None:
    """The model of Grave et al., whose clusters have no biases; of symbols that are ranked from `first` on."""
    size, features, cutoffs = 30, 16, (5, 14)
    wanted = torch.nn.AdaptiveLogSoftmaxWithLoss(features, size, list(cutoffs))
    head = Adaptive(Symbols(size, first), Adaptive.Settings(cutoffs=cutoffs, features=4))
    assert head.width == 5 + 2 + 4 + 1
    x = torch.randn(200, features, generator=torch.Generator().manual_seed(0))
    tails = [tail[1].weight.detach() for tail in wanted.tail]
    assert [tail.shape[1] for tail in tails] == [4, 1]
    parameters = torch.cat([wanted.head(x), *(tail[0](x) for tail in wanted.tail)], dim=1).detach()
    for n, cluster in enumerate(head.clusters):
        parameters[:, 5 + n] -= cluster.share
    own = {}
    for n, tail in enumerate(tails):
        own |= {f"weight{n}": tail, f"bias{n}": torch.zeros(len(tail))}
    ranks = torch.arange(200) % size
    targets = (ranks + first) % size
    found = head.nll(parameters, targets, own)
    torch.testing.assert_close(found, -wanted(x, ranks).output, rtol=1e-4, atol=1e-5)
    bound = head.bound({name: weight.numpy() for name, weight in own.items()})
    np.testing.assert_allclose(bound.log_prob(parameters.numpy(), targets.numpy()), -found.detach(), atol=3e-3)
    every = bound.distribution(parameters.numpy()) / 1024
    every -= np.log(np.exp(every).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(np.roll(every, -first, axis=1), wanted.log_prob(x).detach(), atol=3e-3)


def test_a_cluster_without_targets_has_gradients_and_one_with_all() -> None:
    head = Adaptive(Symbols(9), Adaptive.Settings(cutoffs=(3, 6), features=4))
    own = {name: torch.zeros(shape, requires_grad=True) for name, shape in head.shapes.items()}
    for targets in ([0, 1, 2], [8, 8, 8], []):
        parameters = torch.zeros(len(targets), head.width, requires_grad=True)
        head.nll(parameters, torch.tensor(targets, dtype=torch.int64), own).sum().backward()
        assert all(weight.grad is not None for weight in own.values())


def test_clusters_that_the_vocabulary_does_not_reach_are_not_there() -> None:
    settings = Adaptive.Settings(cutoffs=(5, 50))
    assert Adaptive(Symbols(5), settings).shapes == {} and Adaptive(Symbols(5), settings).width == 5
    assert Adaptive(Symbols(6), settings).shapes == {"weight0": (1, 64), "bias0": (1,)}
    categorical = Categorical(Symbols(5), Part(name="categorical"))
    parameters = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    found = Adaptive(Symbols(5), settings).bound({}).frequencies(parameters)
    assert np.array_equal(found, categorical.frequencies(parameters))


@pytest.mark.parametrize("cutoffs", [[5, 5], [9, 3], [], [0]], ids=str)
def test_cutoffs_that_cannot_be(cutoffs: list[int]) -> None:
    with pytest.raises(UserError, match="cutoffs"):
        NetworkConfig(head={"name": "adaptive", "cutoffs": cutoffs})  # type: ignore[arg-type]


def test_adaptive_softmax_has_no_weights_to_be_tied() -> None:
    config = NetworkConfig(width=8, embedding=8, tied=True, head={"name": "adaptive", "cutoffs": [3]})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="tied = false"):
        Network(config, Symbols(9))
