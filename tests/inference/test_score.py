"""Scores are exact, whatever the pieces; cold windows are what a plain loop over windows gives."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.inference.dynamic import DECAYS, RATES, Rms
from rhapsode.inference.model import Model
from rhapsode.inference.score import Score, score
from rhapsode.inference.units import Units
from rhapsode.report import Report
from tests.conftest import TEXT, MakeModel

CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "bpe+end"]
DATA = TEXT.encode()


def naive(model: Model, data: bytes, cold: int | None = None, prompt: bytes = b"") -> list[float]:
    """Nats of each step, one call of the engine a step; framing `stream`."""
    start = model.codec.steps.start
    units, engine = Units(model), model.engine
    nats, state, last = [], engine.zeros(1), start
    before = model.codec.encode(prompt).tolist()
    end = [] if model.end is None else [model.end]
    for n, symbol in enumerate([*before, *model.codec.encode(data).tolist(), *end], start=-len(before)):
        if cold is not None and n >= 0 and n % cold == 0:
            state = engine.zeros(1)
        parameters, state = engine.run(np.array([[last]]), state)
        if n >= 0:
            f = model.categorical.frequencies(parameters[0, 0]).astype(float)
            nats.append(float(np.log(f.sum() / f[symbol])))
        last = symbol
        if units.read(symbol):
            state, last = engine.zeros(1), start
    return nats


@pytest.mark.parametrize("reset", ["never", "line", "every:7", "regex:^CHAPTER"])
@pytest.mark.parametrize("cold", [None, 1, 3, 16, 300, 5000])
@pytest.mark.parametrize("prompt", [b"", b"Many\na", b"of Zeus\n"])
def test_score_is_a_plain_loop(tiny_model: MakeModel, reset: str, cold: int | None, prompt: bytes) -> None:
    model = tiny_model(reset=reset)
    found = score(model, DATA[:700], cold=cold, prompt=prompt, per_step=True)
    expected = naive(model, DATA[:700], cold, prompt)
    assert found.surprises is not None
    np.testing.assert_allclose([s.nats for s in found.surprises], expected, rtol=1e-9)
    assert found.steps == len(expected)


def test_many_cold_windows_of_many_lengths(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(reset="line")
    expected = naive(model, DATA * 3, 32)
    for group, numbers in ((1 << 14, 1 << 22), (256, 10_000), (1, 1)):  # gathered, and run in spans, of other sizes
        monkeypatch.setattr("rhapsode.inference.cold.GROUP", group)
        monkeypatch.setattr("rhapsode.inference.cold.NUMBERS", numbers)
        found = score(model, DATA * 3, cold=32, per_step=True).surprises
        assert found is not None
        np.testing.assert_allclose([s.nats for s in found], expected, rtol=1e-9)


def test_one_window_over_all_is_carried_state(tiny_model: MakeModel) -> None:
    model = tiny_model()
    assert score(model, DATA, cold=5000).nats == pytest.approx(score(model, DATA).nats, rel=1e-12)
    assert score(model, DATA, cold=4).nats != pytest.approx(score(model, DATA).nats, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    data=st.binary(max_size=60) | st.text(max_size=30).map(str.encode),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    codec=st.sampled_from(CODECS),
    cold=st.sampled_from([None, 5]),
)
def test_pieces_make_no_difference(
    tiny_model: MakeModel, data: bytes, cuts: list[int], codec: str, cold: int | None
) -> None:
    model = tiny_model(codec=codec, reset="line")
    whole = score(model, data, cold=cold, per_step=True)
    edges = [0, *sorted(cuts), len(data)]
    pieces = (data[a:b] for a, b in itertools.pairwise(edges))
    again = score(model, pieces, cold=cold, per_step=True)
    assert again.surprises == whole.surprises
    assert (again.steps, again.chars, again.bytes) == (whole.steps, whole.chars, whole.bytes)
    assert again.nats == pytest.approx(whole.nats, rel=1e-12)
    assert whole.surprises is not None
    assert math.fsum(s.nats for s in whole.surprises) == pytest.approx(whole.nats, rel=1e-12)
    assert b"".join(s.data for s in whole.surprises) == data
    assert whole.chars == len(data.decode("utf-8", "surrogateescape")) and whole.bytes == len(data)


@pytest.mark.parametrize(
    ("framing", "length"), [("stream", 0), ("one-to-one", 0), ("many-to-one", 4), ("one-to-many", 3)]
)
def test_text_after_a_prompt_is_the_rest_of_the_whole(tiny_model: MakeModel, framing: str, length: int) -> None:
    model = tiny_model(framing=framing, length=length, reset="line")
    head, tail = DATA[:250], DATA[250:700]
    joined = score(model, head) + score(model, tail, prompt=head)
    whole = score(model, head + tail)
    assert joined.nats == pytest.approx(whole.nats, rel=1e-12)
    assert (joined.steps, joined.chars, joined.bytes) == (whole.steps, whole.chars, whole.bytes)


def test_text_and_bytes_are_the_same(tiny_model: MakeModel) -> None:
    model = tiny_model()
    assert score(model, TEXT) == score(model, DATA)
    assert score(model, "\udcff") == score(model, b"\xff")


def test_ratios() -> None:
    one = Score(nats=math.log(2) * 30, steps=20, chars=15, bytes=10)
    assert one.nats_per_step == pytest.approx(math.log(2) * 1.5)
    assert one.nats_per_char == pytest.approx(math.log(2) * 2)
    assert one.bits_per_char == pytest.approx(2)
    assert one.bits_per_byte == pytest.approx(3)
    two = one + one
    assert two == Score(one.nats * 2, 40, 30, 20)
    assert (Score(1, 1, 1, 1, ()) + one).surprises is None


def test_nothing(tiny_model: MakeModel) -> None:
    for cold in (None, 8):
        empty = score(tiny_model(), b"", cold=cold, per_step=True)
        assert empty == Score(0.0, 0, 0, 0, ())
        assert empty.nats_per_step == empty.nats_per_char == empty.bits_per_char == empty.bits_per_byte == 0


@pytest.mark.parametrize("cold", [0, -1, 1.5, True, 10**9])
def test_windows_that_cannot_be(tiny_model: MakeModel, cold: Any) -> None:
    with pytest.raises(UserError, match="cold: "):
        score(tiny_model(), DATA, cold=cold)


def test_cold_windows_need_a_stream(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="one-to-one"):
        score(tiny_model(framing="one-to-one"), DATA, cold=8)


@pytest.mark.parametrize("reset", ["never", "line", "every:7"])
@pytest.mark.parametrize("prompt", [b"", b"Many\na", b"of Zeus\n"])
def test_dynamic_evaluation_that_learns_nothing_is_carried_state(
    tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, reset: str, prompt: bytes
) -> None:
    monkeypatch.setattr("rhapsode.inference.dynamic.RATE", 0.0)
    model = tiny_model(reset=reset)
    one, other = (model.score(DATA[:700], prompt=prompt, per_step=True, dynamic=d) for d in (False, True))
    assert one.surprises is not None and other.surprises is not None
    np.testing.assert_allclose([s.nats for s in other.surprises], [s.nats for s in one.surprises], rtol=1e-3, atol=1e-4)


def test_dynamic_evaluation_learns_and_leaves_the_model_as_it_was(tiny_model: MakeModel) -> None:
    model = tiny_model()
    before = {name: weight.copy() for name, weight in model.weights.items()}
    repeated = b"abcabcabc " * 600
    assert model.score(repeated, dynamic=True).nats < 0.8 * model.score(repeated).nats
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(weight, before[name])


def test_dynamic_evaluation_needs_a_stream_and_its_state(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="do not go together"):
        tiny_model().score(DATA, dynamic=True, cold=10)
    with pytest.raises(UserError, match="carry their state"):
        tiny_model(framing="many-to-one", length=5).score(DATA, dynamic=True)


def test_rms_dynamic_evaluation(tiny_model: MakeModel) -> None:
    model, repeated = tiny_model(), b"abcabcabc " * 200
    rule = Rms.of(model, b"abdabdabd " * 100)
    assert rule.rate in RATES and rule.decay in DECAYS
    assert model.score(repeated, dynamic=rule).nats < 0.8 * model.score(repeated).nats
    still = replace(rule, rate=0.0)
    assert model.score(DATA, dynamic=still).nats == pytest.approx(model.score(DATA).nats, rel=1e-3)


def test_rms_moves_weights_as_its_equations_say(tiny_model: MakeModel) -> None:
    rule = Rms(0.5, 0.25, {"w": np.array([1.0, 3.0], np.float32)})
    weights = {"w": torch.tensor([1.0, 2.0], requires_grad=True)}
    update = rule.begun(weights, {"w": torch.tensor([0.0, 0.0])})
    weights["w"].grad = torch.tensor([4.0, -3.02])
    update()
    # The mean of r is 2, ε is 0.02; then part 0.25 × r / 2 of the way back to 0.
    expected = (1 - 0.5 * 4 / 1.02) * (1 - 0.125), (2 + 0.5) * (1 - 0.375)
    np.testing.assert_allclose(weights["w"].detach(), expected, rtol=1e-5)


def test_rms_needs_some_training_text(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="too few to measure gradients"):
        Rms.of(tiny_model(), DATA[:100])
    with pytest.raises(UserError, match="carry their state"):
        Rms.of(tiny_model(framing="many-to-one", length=5), DATA)


def test_progress(tiny_model: MakeModel) -> None:
    heard = []

    class Listening(Report):
        def stage(self, what: str, fraction: float | None = None) -> None:
            heard.append(fraction)

    score(tiny_model(), b"ab" * 100_000, cold=500, report=Listening())
    known = [f for f in heard if f is not None]
    assert known == sorted(known) and known[0] == 0 and known[-1] == 1 and len(known) == 5
    heard.clear()
    score(tiny_model(), iter([b"ab", b"cd"]), report=Listening())
    assert heard == [None, None, 1]


def test_memory_does_not_grow_with_the_text(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", width=4, embedding=2)

    def pieces(n: int) -> Iterator[bytes]:
        return (bytes([k % 251]) * 4096 for k in range(n))

    def peak(n: int, cold: int | None) -> int:
        tracemalloc.start()
        score(model, pieces(n), cold=cold)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    for cold in (None, 64):
        peak(2, cold)
        assert peak(24, cold) < 1.5 * peak(8, cold) + 1e6
