"""Heads of real numbers draw and score with the same bits on every machine, with the kernel and without."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic import doubles, kernel
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.series.values import Counts, Reals
from rhapsode.nn.heads._head import Head
from rhapsode.nn.samplers import Draw
from rhapsode.steps.frames import Frames
from rhapsode.steps.sets import Sets
from rhapsode.steps.symbols import Symbols
from rhapsode.steps.tuples import Tuples
from tests.arithmetic.test_doubles import spread

ROWS = 30

PINNED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "adaptive": (Symbols(40, 3), {"cutoffs": (9, 20), "features": 7}, "fe9c303f83eed4cb"),
    "mixture": (Moves((0.0, 0.0), (1.0, 1.0), returns=True), {"mixtures": 7}, "dd90a161ab558e94"),
    "gaussians": (Frames(5, 2), {"mixtures": 3}, "40c20b280edc7b4e"),
    "regression": (Frames(5, 2), {}, "7043b4cc2a1f265f"),
    "bernoulli": (Sets(11, 2), {}, "9e732080ba38f030"),
    "nade": (Sets(11, 2), {"hidden": 9}, "bf809cd8a270be16"),
    "chain": (Tuples((3, 5, 4)), {"hidden": 9}, "1b10b97b8f732c48"),
    "student": (Reals.example(), {}, "883528085f07cbc0"),
    "negative_binomial": (Counts.example(), {}, "cfc88340e846c26c"),
}


@pytest.mark.parametrize("by", ["numpy", "kernel"])
@pytest.mark.parametrize("name", PINNED)
def test_the_bits_are_those_of_every_machine(name: str, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "numpy":
        monkeypatch.setattr(doubles, "_native", lambda: None)
    elif kernel.kernel() is None:
        pytest.skip("there is no kernel")
    steps, settings, digest = PINNED[name]
    kind: type[Head[Any]] = registry.get("head", name)
    head = kind(steps, kind.Settings(name=name, **settings))
    shapes = head.shapes.items()
    head = head.bound({key: spread(-1, 1, int(np.prod(shape))).reshape(shape) for key, shape in shapes})
    parameters = spread(-4, 4, ROWS * head.width).reshape(ROWS, head.width).astype(np.float32)
    hows = [Draw(Sampling(), Randomness(row), [steps.start]) for row in range(ROWS)]
    drawn = head.draw_rows(head.distribution(parameters), hows)
    targets = np.array([one.step for one in drawn])
    found = [targets.astype("<f8"), np.array([one.log_prob for one in drawn], "<f8")]
    assert np.array_equal(head.log_prob(parameters, targets), found[1])
    assert hashlib.sha256(b"".join(map(bytes, found))).hexdigest()[:16] == digest
