"""A cache is an exact mixture: a plain loop gives the same, and all probabilities sum to one."""

from __future__ import annotations

import copy
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.inference.cache import DIFFERENT, ORDERS, PRIOR, SEEN, Cache
from rhapsode.inference.score import Scorer, score
from tests.conftest import TEXT, MakeModel

DATA = TEXT.encode()
REPEATED = b"abc cba acb " * 60


def naive(steps: list[int], nats: list[float]) -> list[float]:
    """The same by looking through all steps so far, each time anew."""
    weights: defaultdict[tuple[int, int, int], list[float]] = defaultdict(lambda: [PRIOR, 1.0])
    out = []
    for t, (step, surprise) in enumerate(zip(steps, nats, strict=True)):
        p = math.exp(-surprise)
        for k in ORDERS:
            if k > t:
                break
            followed = Counter(steps[i] for i in range(k, t) if steps[i - k : i] == steps[t - k : t])
            if not followed:
                continue
            w = weights[k, min(followed.total(), SEEN), min(len(followed), DIFFERENT)]
            shorter, here = p * w[0] / sum(w), w[1] / sum(w) * followed[step] / followed.total()
            p = shorter + here
            w[0], w[1] = w[0] + shorter / p, w[1] + here / p
        out.append(-math.log(p))
    return out


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.sampled_from([0, 1, 2, 300]), max_size=90),
    period=st.integers(1, 40),
    sizes=st.lists(st.integers(0, 30), max_size=4),
)
def test_a_cache_is_a_plain_loop_whatever_the_pieces(steps: list[int], period: int, sizes: list[int]) -> None:
    steps = [steps[n % period] if len(steps) >= period else step for n, step in enumerate(steps)]
    nats = np.random.default_rng(0).uniform(0.01, 5, len(steps)).tolist()
    cache, found, at = Cache(2), list[float](), 0
    for size in [*sizes, len(steps)]:
        found += cache.mixed(np.array(steps[at : at + size], np.int64), np.array(nats[at : at + size])).tolist()
        at = min(at + size, len(steps))
    np.testing.assert_allclose(found, naive(steps, nats), rtol=1e-9)


def test_probabilities_sum_to_one() -> None:
    rng, cache, size = np.random.default_rng(1), Cache(1), 3
    steps = np.tile(rng.integers(0, size, 10), 4)
    for step in steps:
        p = rng.dirichlet(np.full(size, 0.3))
        total = math.fsum(
            math.exp(-float(copy.deepcopy(cache).mixed(np.array([n]), -np.log(p[[n]]))[0])) for n in range(size)
        )
        assert total == pytest.approx(1, rel=1e-9)
        cache.mixed(np.array([step]), -np.log(p[[step]]))


def test_what_is_very_surprising_stays_finite() -> None:
    """exp(-nats) is 0 there."""
    found = Cache(1).mixed(np.array([0, 0, 0, 1]), np.full(4, 5000.0))
    assert np.isfinite(found).all()
    assert found[0] == found[1] == 5000 and found[2] < 10 and found[3] > 5000


@pytest.mark.parametrize("codec", ["chars", "words", "bytes", "chars+end"])
def test_a_cache_helps_where_a_text_repeats_itself_and_changes_nothing_else(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec)
    plain, cached = score(model, REPEATED), score(model, REPEATED, cache=True)
    assert cached.nats < 0.2 * plain.nats
    assert (cached.steps, cached.chars, cached.words) == (plain.steps, plain.chars, plain.words)
    assert score(model, REPEATED) == plain
    pieces = (REPEATED[at : at + 7] for at in range(0, len(REPEATED), 7))
    assert score(model, pieces, cache=True).nats == pytest.approx(cached.nats, rel=1e-9)


def test_with_dynamic_evaluation(tiny_model: MakeModel) -> None:
    model = tiny_model()
    ways: list[dict[str, bool]] = [{"cache": True}, {"dynamic": True}, {"cache": True, "dynamic": True}]
    cached, learnt, both = (score(model, REPEATED[:300], **how).nats for how in ways)
    assert both < min(cached, learnt)


def test_what_a_cache_knows_stays_for_the_next_document_unless_there_is_a_prompt(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="document")
    scorer = Scorer(model, cache=True)
    first, second = scorer.score(DATA), scorer.score(DATA)
    assert first.nats == pytest.approx(score(model, DATA, cache=True).nats, rel=1e-9)
    assert second.nats < 0.5 * first.nats
    scorer = Scorer(model, cache=True, prompt=DATA)
    first, second = scorer.score(DATA), scorer.score(DATA)
    assert first.nats == pytest.approx(second.nats, rel=1e-9)
    assert first.nats < 0.9 * score(model, DATA, cache=True).nats


def test_a_document_is_no_context_of_the_next(tiny_model: MakeModel) -> None:
    """What ended the one before says nothing of the first step of the next."""
    scorer = Scorer(tiny_model(reset="document"), cache=True)
    scorer.score(b"abab")
    found = [Scorer(tiny_model(reset="document")).score(b"b"), scorer.score(b"b")]
    assert found[0].nats == pytest.approx(found[1].nats, rel=1e-9)


def test_old_contexts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rhapsode.inference.cache.LIMIT", 500)
    rng, cache = np.random.default_rng(2), Cache(1)
    known, other = rng.integers(0, 50, 40), rng.integers(50, 100, 2000)
    nats = np.full(40, 3.0)
    before = cache.mixed(known, nats).sum()
    assert cache.mixed(known, nats).sum() < 0.5 * before
    cache.mixed(other, np.full(2000, 3.0))
    assert len(cache._recent) + len(cache._older) <= 2 * (500 + len(ORDERS))
    assert cache.mixed(known, nats).sum() > 0.95 * before


def test_cold_windows_have_no_cache(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="a cache do not go together"):
        score(tiny_model(), DATA, cold=8, cache=True)
