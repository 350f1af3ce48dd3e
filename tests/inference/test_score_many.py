"""Scores of many documents: as training saw them, and line by line."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.data.encode import Tally
from rhapsode.inference.evaluation import carried
from rhapsode.inference.lines import ByLine
from rhapsode.inference.model import Model
from rhapsode.inference.score import Score, Scorer, Surprise, score
from tests.conftest import MakeModel

DOCUMENTS = ["Sing, goddess,\nthe anger", "of Achilles", "son of Peleus,\n", "äöü and many"]

CODECS = ["chars", "bytes", "words", "bpe", "chars+end"]


def scores(model: Model, **options: Any) -> list[Score]:
    scorer = Scorer(model, **options)
    return [scorer.score(each) for each in DOCUMENTS]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("reset", ["document", "line", "every:7"])
@pytest.mark.parametrize("cold", [None, 5])
def test_each_document_begins_anew(tiny_model: MakeModel, codec: str, reset: str, cold: int | None) -> None:
    model = tiny_model(codec=codec, reset=reset)
    for one, text in zip(scores(model, cold=cold), DOCUMENTS, strict=True):
        assert one.nats == pytest.approx(score(model, text, cold=cold).nats, rel=1e-12)
        sizes = len(text), len(text.encode()), None, len(text.split()), text.count("\n")
        assert one == Score(one.nats, one.steps, *sizes)


@pytest.mark.parametrize("codec", ["chars", "chars+end"])
def test_without_resets_state_goes_on_from_document_to_document(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec, reset="never")
    ends = [] if model.end is None else [np.array([model.end])]
    pieces = [each for text in DOCUMENTS for each in (model.text_codec.encode(text.encode()), *ends)]
    whole = math.fsum(carried(model, np.concatenate(pieces)))
    found = scores(model)
    assert math.fsum(one.nats for one in found) == pytest.approx(whole, rel=1e-12)
    assert found[1].nats != pytest.approx(score(model, DOCUMENTS[1]).nats, rel=1e-4)
    bigrams = math.fsum(one.nats for one in scores(model, cold=1))
    if not ends:
        assert bigrams == pytest.approx(score(model, "".join(DOCUMENTS), cold=1).nats, rel=1e-12)


@pytest.mark.parametrize("reset", ["never", "document", "line"])
@pytest.mark.parametrize("how", [{}, {"cold": 4}, {"dynamic": True}, {"cache": True}], ids=str)
def test_after_a_prompt_each_document_is_scored_by_itself(
    tiny_model: MakeModel, reset: str, how: dict[str, Any]
) -> None:
    model = tiny_model(reset=reset)
    for one, text in zip(scores(model, prompt="Many a ", **how), DOCUMENTS, strict=True):
        assert one.nats == pytest.approx(score(model, text, prompt="Many a ", **how).nats, rel=1e-6)


def test_what_dynamic_evaluation_learns_stays_for_the_next_document(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="document")
    scorer, repeated = Scorer(model, dynamic=True), b"abcabcabc " * 100
    first, second = scorer.score(repeated), scorer.score(repeated)
    assert first.nats == pytest.approx(score(model, repeated, dynamic=True).nats, rel=1e-6)
    assert second.nats < 0.9 * first.nats


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(st.sampled_from([b"\n", b"\n\n\n", b" ", b"Sing, ", "ä".encode(), b"\xe2", b"x\r\n"])).map(b"".join),
    codec=st.sampled_from(CODECS),
)
def test_lines_make_up_the_whole(tiny_model: MakeModel, data: bytes, codec: str) -> None:
    found: list[Score] = []
    lines = ByLine(found.append)
    whole = Scorer(tiny_model(codec=codec)).score(data, on_step=lines.add)
    lines.close()
    assert not data or [one.bytes for one in found] == [len(line) for line in io.BytesIO(data)]
    total = sum(found, Score(0.0, 0, 0, 0))
    assert total.nats == pytest.approx(whole.nats, rel=1e-12)
    assert (total.steps, total.chars, total.words, total.bytes) == (whole.steps, whole.chars, whole.words, whole.bytes)


def test_a_step_counts_to_the_line_in_which_it_begins() -> None:
    found: list[Score] = []
    lines = ByLine(found.append)
    for data, nats in ((b"a b", 1.0), (b"c\n\nd", 2.0), (b"", 4.0), (b"e", 8.0), (b"\n", 16.0), (b"", 32.0)):
        lines.add(Surprise("", data, nats))
    lines.close()
    assert found == [Score(3.0, 2, 5, 5, None, 2, 1), Score(0.0, 0, 1, 1, lines=1), Score(60.0, 4, 3, 3, None, 1, 1)]


@given(st.text(alphabet="ab \n\t\u2003é").map(str.encode) | st.binary(), st.lists(st.integers(0, 20), max_size=3))
def test_words_are_what_stands_between_white_space(data: bytes, cuts: list[int]) -> None:
    tally = Tally()
    edges = [0, *sorted(cuts), len(data)]
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        tally.feed(data[begin:end])
    tally.feed(b"", ends=True)
    text = data.decode("utf-8", "surrogateescape")
    beyond = max(edges) > len(data)
    assert beyond or (tally.bytes, tally.chars, tally.words) == (len(data), len(text), len(text.split()))


def test_perplexities() -> None:
    one = Score(nats=6.0, steps=3, chars=10, bytes=10, words=2)
    assert one.perplexity_per_word == pytest.approx(math.exp(3)) and one.perplexity_per_step == pytest.approx(
        math.exp(2)
    )
    assert Score(1.0, 1, 1, 1).perplexity_per_word == math.inf == Score(1e6, 1, 1, 1, words=1).perplexity_per_word
    assert Score(0.0, 0, 0, 0).perplexity_per_word == 1.0
    assert Score(6.0, 1, 1, 1, words=2, lines=1).perplexity_per_word_and_line == pytest.approx(math.exp(2))
    both = Score(1.0, 1, 1, 1, words=2, lines=1) + Score(5.0, 1, 1, 1, words=0, lines=3)
    assert both.perplexity_per_word_and_line == pytest.approx(math.exp(1))
