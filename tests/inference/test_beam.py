"""Beam search finds the likeliest completions, and its log-probabilities are those of scoring."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from tests.conftest import MakeModel
from tests.inference.test_generate import CODECS, scored

SMALL = {"min_count": 60, "max_size": 4}
"""Four characters and 32 halves of bytes."""


def same(one: Any, other: Any) -> bool:
    return np.array_equal(one.steps, other.steps) and np.array_equal(one.log_probs, other.log_probs)


@pytest.mark.parametrize("arithmetic", ["float32", "integers"])
@pytest.mark.parametrize("codec", ["chars", "chars+end"])
def test_a_beam_as_wide_as_all_finds_what_exhaustive_search_finds(
    tiny_model: MakeModel, codec: str, arithmetic: str
) -> None:
    model = tiny_model(codec=codec, options={"min_count": 1, "max_size": 1}, sharpness=1.0, arithmetic=arithmetic)
    size, length = model.codec.steps.size, 2
    assert size < 36
    every: dict[tuple[int, ...], float] = {}
    for steps in itertools.product(range(size), repeat=length):
        first_end = steps.index(model.end) + 1 if model.end in steps else length
        every[steps[:first_end]] = 0.0
    for steps in every:
        every[steps] = math.fsum(scored(model, b"Sing", np.array(steps)))
    best = sorted(every.items(), key=lambda item: -item[1])
    found = model.beam("Sing", width=1024, length=length)
    assert [tuple(one.steps.tolist()) for one in found[:100]] == [steps for steps, _ in best[:100]]
    assert [one.score for one in found[:100]] == [total for _, total in best[:100]]
    for penalty in (0.7, 1.0):
        found = model.beam("Sing", width=1024, length=length, length_penalty=penalty)
        scores = {steps: total / ((5 + len(steps)) / 6) ** penalty for steps, total in every.items()}
        assert found[0].score == pytest.approx(max(scores.values()), abs=1e-12)
        assert scores[tuple(found[0].steps.tolist())] == pytest.approx(found[0].score, abs=1e-12)


def four(model: Model) -> Model:
    """The same model, of which all but five symbols are as good as impossible."""
    weights = dict(model.weights)
    weights["output.bias"] = weights["output.bias"] - 60.0 * (np.arange(model.codec.steps.size) >= 5)
    weights["output.weight"] = weights["output.weight"] * (np.arange(model.codec.steps.size) < 5)[:, None]
    return Model(model.config, {n: w.astype(np.float32) for n, w in weights.items()}, model.digest)


def test_sequences_of_four_symbols(tiny_model: MakeModel) -> None:
    model = four(tiny_model())
    every = {steps: math.fsum(scored(model, b"", np.array(steps))) for steps in itertools.product(range(5), repeat=4)}
    best = sorted(every.items(), key=lambda item: -item[1])
    found = model.beam(width=700, length=4)
    assert [(tuple(one.steps.tolist()), one.score) for one in found[:300]] == best[:300]
    likeliest = best[0][1]
    narrow = [model.beam(width=width, length=4)[0].score for width in (1, 2, 4, 8, 25, 125)]
    assert all(each <= likeliest for each in narrow) and narrow[-1] == likeliest


@pytest.mark.parametrize("reset", ["never", "line", "document"])
@pytest.mark.parametrize("codec", CODECS)
def test_width_one_is_greedy(tiny_model: MakeModel, codec: str, reset: str) -> None:
    model = tiny_model(codec=codec, reset=reset)
    for prompt in ("Sing", "", "of Peleus,\n不"):
        for options in ({}, {"stop": "e"}, {"stop_after": [" ", "\n"]}, {"ignore_end": True}):
            (greedy,) = model.generate(prompt, length=40, sampling=Sampling(temperature=0), **options)  # type: ignore[arg-type]
            (found,) = model.beam(prompt, width=1, length=40, **options)  # type: ignore[arg-type]
            assert same(found, greedy)
            assert (found.data, found.text, found.stopped) == (greedy.data, greedy.text, greedy.stopped)


@pytest.mark.parametrize("arithmetic", ["float32", "integers"])
@pytest.mark.parametrize("codec", CODECS)
def test_log_probabilities_are_those_of_scoring(tiny_model: MakeModel, codec: str, arithmetic: str) -> None:
    model = tiny_model(codec=codec, reset="line", arithmetic=arithmetic)
    found = model.beam("the anger\nof Ach", width=9, length=30)
    assert len(found) == 9 and len({tuple(one.steps.tolist()) for one in found}) == 9
    for one in found:
        assert np.array_equal(one.log_probs, scored(model, b"the anger\nof Ach", one.steps))
        assert one.score == math.fsum(one.log_probs)
        assert one.data == model.text_codec.decode(one.steps) and (len(one.steps) == 30 or one.stopped == "end")
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    again = model.beam("the anger\nof Ach", width=9, length=30)
    assert all(same(a, b) for a, b in zip(found, again, strict=True))


def test_the_score_of_a_text_is_that_of_its_completion(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes")
    for one in model.beam("Sing", width=4, length=25):
        assert score(model, one.data, prompt="Sing").nats == pytest.approx(-one.score, abs=1e-9)


def test_equal_symbols_are_ordered_by_number(tiny_model: MakeModel) -> None:
    plain = tiny_model()
    flat = {name: np.zeros_like(weight) for name, weight in plain.weights.items()}
    model = Model(plain.config, flat, plain.digest)
    found = model.beam(width=50, length=2)
    size = plain.codec.steps.size
    assert [one.steps.tolist() for one in found] == [[n // size, n % size] for n in range(50)]
    assert {one.score for one in found} == {found[0].score}


def test_what_has_ended_stays_while_it_is_among_the_best(tiny_model: MakeModel) -> None:
    plain = tiny_model(codec="chars+end", reset="document")
    weights = dict(plain.weights)
    weights["output.bias"] = weights["output.bias"] + 2 * (np.arange(plain.codec.steps.size) == plain.end)
    model = Model(plain.config, {n: w.astype(np.float32) for n, w in weights.items()}, plain.digest)
    found = model.beam("Sing", width=6, length=40)
    assert all(one.stopped == "end" and one.steps[-1] == model.end for one in found)
    longer = model.beam("Sing", width=6, length=40, length_penalty=1.0)
    assert longer[0].score >= max(one.score / ((5 + len(one.steps)) / 6) for one in found) - 1e-12
    for one in longer:
        norm = ((5 + len(one.steps)) / 6) ** 1
        assert one.score == pytest.approx(math.fsum(one.log_probs) / norm, rel=1e-12)
    free = model.beam("Sing", width=3, length=12, ignore_end=True)
    assert all(len(one.steps) == 12 and one.stopped == "length" for one in free)


def test_lengths_and_refusals(tiny_model: MakeModel) -> None:
    model = tiny_model()
    (nothing,) = model.beam("Sing", width=4, length=0)
    assert nothing.data == b"" and nothing.score == 0 and nothing.stopped == "length"
    for bad in ({"width": 0}, {"width": 1025}, {"width": True}, {"length": -1}, {"length_penalty": -0.1}):
        with pytest.raises(UserError, match=next(iter(bad))):
            model.beam("Sing", **bad)  # type: ignore[arg-type]
    for bad in ({"length_penalty": math.nan}, {"length_penalty": 1.1}, {"stop": ""}):
        with pytest.raises(UserError):
            model.beam("Sing", **bad)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="models of text"):
        tiny_model(codec="strokes").beam("any")


class Even(Constraint):
    """No `e`, and an even number of bytes; of this, it says nothing before."""

    name = "even"

    def __init__(self) -> None:
        super().__init__()
        self._text = b""

    @property
    def verdict(self) -> Verdict:
        if b"e" in self._text:
            return Verdict.IMPOSSIBLE
        return Verdict.INCOMPLETE if len(self._text) % 2 else Verdict.VALID

    def read(self, data: bytes) -> Verdict:
        self._text += data
        return self.verdict


def test_completions_that_are_valid(tiny_model: MakeModel) -> None:
    pytest.importorskip("llguidance")
    pattern = "[a-c]{1,2}(é|[st]h?)"
    for codec in ("chars", "chars+end", "bpe", "words+end"):
        model = tiny_model(codec=codec, sharpness=1.0, reset="document")
        found = model.beam(width=8, length=10, valid=f"regex:{pattern}")
        assert found and all(re.fullmatch(pattern, one.text) for one in found)
        assert {one.stopped for one in found} <= ({"end"} if "+" in codec else {"end", "length"})
        for one in found:
            assert np.array_equal(one.log_probs, scored(model, b"", one.steps))
        (greedy,) = model.generate(length=10, sampling=Sampling(temperature=0), valid=f"regex:{pattern}")
        assert same(model.beam(width=1, length=10, valid=f"regex:{pattern}")[0], greedy)
    lines = tiny_model(reset="line", sharpness=1.0)
    assert all(re.fullmatch("[a-c]+\n?", one.text) for one in lines.beam(width=5, length=8, valid="regex:[a-c]+"))
    for one in tiny_model(sharpness=1.0).beam(width=5, length=20, valid=Even()):
        assert b"e" not in one.data and len(one.data) % 2 == 0
    with pytest.raises(UserError, match="no valid completion of 3 symbols or fewer was found by a beam of width 2"):
        lines.beam(width=2, length=3, valid="regex:[a-c]{20}")
    for one in lines.beam(width=5, length=20, stop="c", valid="regex:[abd]{2,}", ignore_end=True):
        assert re.fullmatch("[abd]{2,}", one.text)
