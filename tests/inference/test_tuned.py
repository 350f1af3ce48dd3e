"""The engine that serves a model gives the bits of the model's own."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rhapsode.inference import tuned as tuning
from rhapsode.inference.tuned import running, tuned
from rhapsode.nn.engine import OnnxEngine
from tests.conftest import MakeModel


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_another_engine_has_the_same_bits(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(tuning, "cores", lambda: cores)
    model = tiny_model(width=48, layers=2)
    begun = time.perf_counter()
    other = tuned(model, 32)
    assert time.perf_counter() - begun < 5  # of a busy machine
    assert other.engine is not model.engine and other.digest == model.digest
    inputs = np.random.default_rng(0).integers(0, model.codec.steps.choices, (5, 32))
    one, _ = model.engine.run(inputs, model.engine.zeros(32))
    two, _ = other.engine.run(inputs, other.engine.zeros(32))
    assert np.array_equal(one, two)


def test_what_gives_other_bits_is_not_taken(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    run = OnnxEngine.attend

    def other(engine, *given):  # type: ignore[no-untyped-def]
        parameters, state, seen = run(engine, *given)
        return parameters + (engine is not model.engine), state, seen

    monkeypatch.setattr(OnnxEngine, "attend", other)
    assert tuned(model, 8) is model


def test_whole_numbers_have_one_thread(tiny_model: MakeModel) -> None:
    model = tiny_model(arithmetic="integers")
    assert tuned(model, 8) is model
    assert running(model, model.engine) is not model
