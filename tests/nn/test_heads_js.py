"""Heads in JavaScript: what they draw, and log p of it, have the bits of those in numpy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.series.values import Counts, Reals
from rhapsode.nn.heads._head import Head
from rhapsode.nn.samplers import Draw
from rhapsode.steps.frames import Frames
from rhapsode.steps.sets import Sets
from rhapsode.steps.tuples import Tuples
from tests.node import run

ROWS = 40
NUMBERS = 600
"""The most random numbers of a draw."""


def head(name: str, steps: Any, settings: dict[str, Any]) -> Head[Any]:
    kind: type[Head[Any]] = registry.get("head", name)
    found = kind(steps, kind.Settings(name=name, **settings))
    rng = np.random.default_rng(1)
    return found.bound({key: rng.standard_normal(shape).astype(np.float32) for key, shape in found.shapes.items()})


def drawn(module: str, known: dict[str, Any], one: Head[Any], sampling: Sampling, mask: bool = False) -> None:
    """Draws in both, and compares. module: the head's file, in which its class has the head's name; known: what the
    class is made of."""
    rng = np.random.default_rng(2)
    parameters = (rng.standard_normal((ROWS, one.width)) * rng.choice([0.1, 1, 20], (ROWS, 1))).astype(np.float32)
    rows, wanted, masses = [], [], []
    for n, row in enumerate(parameters):
        recent = [one.steps.random(rng, ())] if isinstance(one.steps, Reals | Counts) else []
        allowed = (rng.random(one.steps.choices) < 0.5) | one.steps.chosen(one.steps.start[None])[0] if mask else None
        how = Draw(sampling, Randomness(n), recent, allowed)
        found = one.draw(one.distribution(row), how)
        wanted.append([*np.asarray(found.step).tolist(), found.log_prob])
        masses.append(found.log_mass)
        frame = one.steps.next(recent)._asdict() if recent else None
        uniforms = Randomness(n).uniforms(NUMBERS).tolist()
        known_row = {"parameters": row.tolist(), "uniforms": uniforms, "frame": frame}
        rows.append(known_row | {"mask": None if allowed is None else allowed.tolist()})
    body = f"""
        const {{ {type(one).__name__}: Head }} = await use({json.dumps(module)});
        const head = new Head(data.known);
        return data.rows.map(({{ parameters, uniforms, frame, mask }}) => {{
          const how = {{ ...data.sampling, frame, mask, uniform: () => uniforms.shift() }};
          const {{ step, logProb, logMass = 0 }} = head.draw(head.distribution(parameters), how);
          return [...step, logProb, logMass];
        }});
    """
    data = {"known": known, "rows": rows, "sampling": sampling.model_dump(include={"temperature", "bias"})}
    assert run("", body, data) == [[*one, mass] for one, mass in zip(wanted, masses, strict=True)]


@pytest.mark.parametrize("returns", [False, True])
@pytest.mark.parametrize("bias", [0, 1.5])
def test_mixture(returns: bool, bias: float) -> None:
    steps = Moves((0.0, 0.0), (1.0, 1.0), returns=returns)
    known = {"mixtures": 5, "ends": not returns, "returns": returns}
    one = head("mixture", steps, {"mixtures": 5, "ends": not returns})
    drawn("modalities/ink/heads/mixture.js", known, one, Sampling(bias=bias))


@pytest.mark.parametrize("mixtures, temperature", [(1, 1), (3, 1), (3, 0.5), (3, 0)])
def test_gaussians(mixtures: int, temperature: float) -> None:
    one = head("gaussians", Frames(5, 2), {"mixtures": mixtures})
    drawn("nn/heads/gaussians.js", {"mixtures": mixtures, "numbers": 5}, one, Sampling(temperature=temperature))


def test_regression() -> None:
    drawn("nn/heads/regression.js", {"numbers": 5}, head("regression", Frames(5, 2), {}), Sampling())


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("temperature", [1, 0.7, 0])
def test_bernoulli(mask: bool, temperature: float) -> None:
    one = head("bernoulli", Sets(9, 2), {})
    drawn("nn/heads/bernoulli.js", {"size": 18, "places": 9}, one, Sampling(temperature=temperature), mask)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("temperature", [1, 0.7])
def test_nade(mask: bool, temperature: float) -> None:
    one = head("nade", Sets(20, 2), {"hidden": 6})
    known = {"size": 40, "places": 20, **{key: weight.tolist() for key, weight in one.weights.items()}}
    drawn("nn/heads/nade.js", known, one, Sampling(temperature=temperature), mask)


def test_chain() -> None:
    """Its logits, where always the likeliest value is taken."""
    one = head("chain", Tuples((3, 4, 2)), {"hidden": 6})
    parameters = np.random.default_rng(0).standard_normal((ROWS, one.width))
    wanted = []
    for row in parameters:
        before: list[int] = []
        logits: list[float] = []
        for field in range(3):
            z = one._logits(row, field, np.array(before, np.int64))  # type: ignore[attr-defined]
            logits += z.tolist()
            before.append(int(z.argmax()))
        wanted.append([*before, *logits])
    body = """
        const { Chain } = await use("chain.js");
        const head = new Chain(data.known);
        return data.parameters.map((row) => {
          const logits = [];
          const choose = (z) => (logits.push(...z), { symbol: z.indexOf(Math.max(...z)) });
          return [...head.draw(head.distribution(row), choose).step, ...logits];
        });
    """
    known = {"sizes": [3, 4, 2], **{key: weight.tolist() for key, weight in one.weights.items()}}
    assert run("nn/heads", body, {"known": known, "parameters": parameters.tolist()}) == wanted


@pytest.mark.parametrize("temperature", [1, 0.3, 0])
def test_student(temperature: float) -> None:
    one = head("student", Reals.example(), {})
    drawn("modalities/series/heads/student.js", {}, one, Sampling(temperature=temperature))


@pytest.mark.parametrize("temperature", [1, 4, 0])
def test_negative_binomial(temperature: float) -> None:
    one = head("negative_binomial", Counts.example(), {})
    drawn("modalities/series/heads/negative_binomial.js", {}, one, Sampling(temperature=temperature))


@pytest.mark.parametrize("steps", [Reals.example(), Counts.example()], ids=["reals", "counts"])
def test_values_of_series(steps: Reals | Counts) -> None:
    values = [3.0, 7.0, float("nan"), 0.0, 40.0, 41.0, 1e6] * 3
    body = """
        const { Values, stepOf } = await use("values.js");
        const values = new Values(data.known);
        let step = null;
        return data.values.map((value) => {
          step = stepOf(values.after(step), value ?? NaN);
          return [...step, values.value(step)];
        });
    """
    known = {"memory": steps.memory, "scale": steps.scale, "counts": isinstance(steps, Counts)}
    given = {"known": known, "values": [None if value != value else value for value in values]}
    found = run("modalities/series", body, given)
    wanted = list(steps.encoded(np.array(values), steps.next(())))
    assert [row[:4] for row in found] == [step.tolist() for step in wanted]
    assert [row[4] for row in found] == [None if (v := steps.value(step)) != v else v for step in wanted]
