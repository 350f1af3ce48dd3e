"""Continuous batching: whatever runs beside a job, it gets what it gets alone, to the last bit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError
from rhapsode.inference import batching, prefill, rewinding
from rhapsode.inference.batching import Batcher, Cancelled, Closed, Full, Given, Job, Part
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.inference.states import BLOCK, Prefix, States, kept_at
from tests.conftest import TEXT, MakeModel
from tests.inference.test_rewinding import Even, Nested, Never, Plain, Short

PROMPTS = ["", "Sing, goddess", TEXT[:400], TEXT[:300], "\u1f04 \U0001f600"]
WAIT = 60
OPTIONS: list[dict[str, Any]] = [
    {},
    {"sampling": Sampling(temperature=0)},
    {"sampling": Sampling(temperature=0.7, top_k=5)},
    {"sampling": Sampling(top_p=0.9, repetition_penalty=1.3, repetition_window=9)},
    {"sampling": Sampling(logit_bias={3: -100, 6: 2}, temperature=1.3)},
    {"sampling": Sampling(frequency_penalty=0.8, presence_penalty=0.4)},
    {"sampling": Sampling(presence_penalty=-2, logit_bias={4: 1}), "valid": Plain(), "prompt": "o"},
    {"stop": ["e", "th"]},
    {"stop_after": "a"},
    {"ignore_end": True},
    {"valid": Nested(), "prompt": ""},
    {"valid": Plain(), "prompt": "o"},
]


def same(one: Sample, other: Sample) -> bool:
    return (
        np.array_equal(one.steps, other.steps)
        and np.array_equal(one.log_probs, other.log_probs)
        and np.array_equal(one.attention, other.attention)
        and (one.data, one.text, one.stopped, one.seed, one.row)
        == (other.data, other.text, other.stopped, other.seed, other.row)
        and (one.rewound, one.discarded, one.closed) == (other.rewound, other.discarded, other.closed)
    )


def whole(parts: list[Part], sample: Sample) -> bool:
    """The parts of a job are its sample."""
    drawn = [part for part in parts if not part.echo]
    return (
        b"".join(part.data for part in drawn) == sample.data
        and "".join(part.text for part in drawn) == sample.text
        and [step for part in drawn for step in part.steps] == sample.steps.tolist()
        and [log for part in drawn for log in part.log_probs] == sample.log_probs.tolist()
        and [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    )


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("reset", ["never", "paragraph", "line", "document"])
@pytest.mark.parametrize("seed", [0, 1])
def test_jobs_that_come_at_any_time(tiny_model: MakeModel, arithmetic: str, reset: str, seed: int) -> None:
    """Jobs of all kinds, with cancels, pauses and consumers that fail."""
    model = tiny_model(codec="chars+end", arithmetic=arithmetic, reset=reset, sharpness=1.5)
    random = np.random.default_rng(seed)
    jobs: list[tuple[Job, dict[str, Any], bool]] = []
    with Batcher(model, rows=int(random.integers(1, 9))) as batcher:
        for n in range(24):
            request: dict[str, Any] = {
                "seed": int(random.integers(3)),
                "row": int(random.integers(4)),
                "length": 30 + 3 * n,
            }
            request |= {"prompt": PROMPTS[random.integers(len(PROMPTS))]} | OPTIONS[random.integers(len(OPTIONS))]
            job = batcher.submit(**request, stream=bool(random.integers(2)))
            stopped = random.random() < 0.2
            if stopped:
                job.cancel()
            elif random.random() < 0.3:
                job.pause()
                job.resume()
            jobs.append((job, request, stopped))
            time.sleep(random.random() * 0.002)
        for job, request, stopped in jobs:
            parts = list(job)
            if stopped and parts[-1].sample is None:
                assert isinstance(parts[-1].error, Cancelled)
                continue
            if parts[-1].error:
                with pytest.raises(UserError, match=str(parts[-1].error).split("(")[0]):
                    model.generate(**request)
                continue
            sample = job.result(0)
            assert same(sample, model.generate(**request)[0]) and whole(parts, sample)
        figures = batcher.figures
        assert (figures.waiting, figures.paused) == (0, 0)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_what_is_drawn_with_a_text(tiny_model: MakeModel, arithmetic: str) -> None:
    """Handwriting: a head of densities, attention to texts of several lengths, and ends that attention tells."""
    model = tiny_model(codec="strokes", arithmetic=arithmetic, attention={"feedback": False})
    words = ["bead", "a", "cab", "abba"]
    requests: list[dict[str, Any]] = [{"prompt": word, "length": 20 + 9 * n, "seed": n} for n, word in enumerate(words)]
    requests[1]["sampling"] = Sampling(bias=0.5)
    with Batcher(model) as batcher:
        jobs = [batcher.submit(**request) for request in requests]
        for job, request in zip(jobs, requests, strict=True):
            assert same(job.result(WAIT), model.generate(**request)[0])


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_echo_and_alternatives(tiny_model: MakeModel, arithmetic: str) -> None:
    model = tiny_model(arithmetic=arithmetic, reset="line")
    prompt = TEXT[:500]
    expected = [-one.nats for one in model.score(prompt, per_step=True, end=False).surprises or ()]
    with Batcher(model) as batcher:
        plain = list(batcher.submit(prompt, length=0, echo=True))
        job = batcher.submit(prompt, length=40, seed=3, echo=True, alternatives=4)
        judged = batcher.submit(length=40, seed=3, valid=Nested(), alternatives=4)
        tops = [list(job), list(judged)]
    assert [log for part in plain for log in part.log_probs] == expected
    assert len(plain[-1].sample.steps) == 0  # type: ignore[union-attr]
    echoed = [part for part in tops[0] if part.echo]
    assert [log for part in echoed for log in part.log_probs] == expected
    assert [step for part in echoed for step in part.steps] == model.text_codec.encode(prompt.encode()).tolist()
    for parts in tops:
        steps = [step for part in parts for step in part.steps]
        logs = [log for part in parts for log in part.log_probs]
        found = [top for part in parts for top in part.tops]
        assert len(found) == len(steps) == len(logs)
        for step, log, top in zip(steps, logs, found, strict=True):
            assert len(top) == 4 and [own for _, own in top] == sorted((own for _, own in top), reverse=True)
            assert dict(top).get(step, log) == log <= top[0][1]
    assert same(judged.result(0), model.generate(length=40, seed=3, valid=Nested())[0])


def test_prompts_are_not_read_again(tiny_model: MakeModel) -> None:
    model = tiny_model(arithmetic="integers")
    prompt = (TEXT * 3)[:2000]
    with Batcher(model) as batcher:
        first = batcher.submit(prompt, length=50, seed=1).result(WAIT)
        batcher.submit(prompt.encode() + first.data, length=0).result(WAIT)
        while batcher.figures.waiting + batcher.figures.reading:
            time.sleep(0.001)
        read = batcher.figures.read
        text = prompt.encode() + first.data
        second = batcher.submit(text, length=50, seed=1).result(WAIT)
        assert batcher.figures.read - read < 4  # all but what ends in the middle of a character
        assert same(second, model.generate(text, length=50, seed=1)[0])
        other = batcher.submit(prompt[:700] + "!", length=9, seed=1).result(WAIT)
        assert batcher.figures.reused >= 512
        assert same(other, model.generate(prompt[:700] + "!", length=9, seed=1)[0])


def test_states_are_bounded(tiny_model: MakeModel) -> None:
    model = tiny_model()
    states, reader = States(50_000), model.reader()
    for n in range(100):
        states.put(Prefix("a", np.arange(n)), n, reader)
    assert states.bytes <= 50_000 and 5 < len(states) < 30
    found = states.find(Prefix("a", np.arange(100)))
    assert found is not None and found[1] == 99
    assert states.find(Prefix("a", np.arange(5))) is None and states.find(Prefix("b", np.arange(100))) is None
    assert States(10).find(Prefix("a", np.arange(0))) is None


def test_the_longest_beginning_is_found(tiny_model: MakeModel) -> None:
    """Beginnings of any length, within blocks of steps and at their borders, whatever the type of the steps."""
    random, reader = np.random.default_rng(0), tiny_model().reader()
    states, text = States(), random.integers(0, 50, 2000)
    assert states.find(Prefix("a", text)) is None
    for length in (0, 7, 255, 256, 257, 700, 1024, 1999):
        states.put(Prefix("a", text.astype(np.uint8)), length, reader)
        for seen in (length, length + 1, 2000):
            found = states.find(Prefix("a", text[:seen]))
            assert found is not None and found[1] == length
    other = text.copy()
    other[300] += 1
    found = states.find(Prefix("a", other))
    assert found is not None and found[1] == 257
    kept = [length for length in range(0, 1_000_000, BLOCK) if kept_at(length)]
    assert kept[:17] == list(range(0, 17 * BLOCK, BLOCK)) and len(kept) < 200
    assert all(after - before <= max(BLOCK, before / 7) for before, after in pairwise(kept))


@pytest.mark.parametrize("codec", ["bpe", "chars+end", "words"])
@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_symbols_as_prompts(tiny_model: MakeModel, codec: str, arithmetic: str) -> None:
    """They are read as they are, even if their text has another encoding, and they end in half a byte."""
    model = tiny_model(codec=codec, arithmetic=arithmetic, sharpness=1.5)
    kind = model.text_codec
    apart = np.concatenate([kind.encode(part) for part in (b"Si", b"ng, godd", b"ess, the ang")])
    anything = np.random.default_rng(0).integers(0, kind.steps.size, 600)
    prompts = [apart, anything]
    if kind.first_half is not None:
        prompts.append(np.append(apart, kind.first_half + 6))
    if codec == "bpe":
        assert len(kind.encode(kind.decode(apart))) < len(apart)
    with Batcher(model) as batcher:
        for prompt in prompts:
            sample = model.generate(prompt, length=40, seed=1)[0]
            reader, logs = model.reader(), list[float]()
            for symbol in [*prompt.tolist(), *sample.steps.tolist()]:
                logs.append(float(model.head.log_prob(reader.parameters, np.array([symbol]))[0]))
                reader.read(np.array([symbol]))
            for echo in (False, True):
                job = batcher.submit(prompt, length=40, seed=1, echo=echo)
                assert same(job.result(WAIT), sample)
            assert [log for part in job for log in part.log_probs] == logs
            assert kind.decode(prompt) + sample.data == kind.decode(np.append(prompt, sample.steps))
        same_text = model.generate("Sing, goddess", length=40, seed=1)[0]
        assert same(batcher.submit(kind.encode(b"Sing, goddess"), length=40, seed=1).result(WAIT), same_text)
        for wrong in (np.array([kind.steps.size]), np.array([-1]), np.array([[1]]), np.array([1.0])):
            with pytest.raises(UserError, match="symbol"):
                batcher.submit(wrong)
            with pytest.raises(UserError, match="symbol"):
                model.generate(wrong)


class Broken(Constraint):
    """Has a fault after some bytes."""

    name = "broken"
    verdict = Verdict.VALID  # type: ignore[assignment]
    left = 9

    def read(self, data: bytes) -> Verdict:
        self.left -= len(data)
        if self.left < 0:
            raise ZeroDivisionError("a fault")
        return Verdict.VALID


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_an_error_ends_its_own_row_only(tiny_model: MakeModel, arithmetic: str) -> None:
    model = tiny_model(arithmetic=arithmetic)

    def fails(part: Part) -> None:
        raise OSError("the client has gone")

    with Batcher(model) as batcher:
        good = batcher.submit("a", length=300, seed=1)
        bad = [
            batcher.submit("a", length=30, valid=Never(), seed=1),
            batcher.submit("a", length=30, valid=Broken(), seed=1),
            batcher.submit("a", length=30_000, receive=fails, seed=1),
        ]
        for job, error in zip(bad, (UserError, ZeroDivisionError, OSError), strict=True):
            with pytest.raises(error):
                job.result(WAIT)
        assert same(good.result(WAIT), model.generate("a", length=300, seed=1)[0])
        with pytest.raises(UserError, match="alternatives"):
            batcher.submit(alternatives=10**6)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_queue_that_is_full(tiny_model: MakeModel) -> None:
    with Batcher(tiny_model(), rows=1, waiting=2) as batcher:
        first = batcher.submit(length=10**6)
        until(lambda: batcher.figures.drawing == 1)
        others = [batcher.submit(length=10, seed=n) for n in range(2)]
        with pytest.raises(Full, match="2 requests"):
            batcher.submit()
        others[0].cancel()
        until(lambda: batcher.figures.waiting == 1)
        last = batcher.submit(length=10, seed=5)
        first.cancel()
        assert [len(job.result(WAIT).steps) for job in (others[1], last)] == [10, 10]
        with pytest.raises(Cancelled):
            first.result(WAIT)


def test_what_is_paused_gives_its_place_up(tiny_model: MakeModel) -> None:
    model = tiny_model(arithmetic="integers")
    with Batcher(model, rows=1) as batcher:
        seen = threading.Event()
        slow = batcher.submit("a", length=20_000, seed=2, receive=lambda part: seen.set())
        assert seen.wait(WAIT)
        slow.pause()
        assert len(batcher.submit("b", length=10).result(WAIT).steps) == 10
        assert batcher.figures.paused == 1 and not slow.ended
        ticks = batcher.figures.ticks
        time.sleep(0.05)
        assert batcher.figures.ticks - ticks <= 1  # nothing is done when nothing is to be done
        slow.resume()
        assert same(slow.result(WAIT), model.generate("a", length=20_000, seed=2)[0])


def test_rows_with_constraints_are_drawn_together(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(arithmetic="integers", sharpness=1.5)
    together, advance = [], rewinding.advance
    monkeypatch.setattr(rewinding, "advance", lambda rows: (together.append(len(rows)), advance(rows))[1])
    monkeypatch.setattr(batching, "TICK", 1.0)
    requests: list[dict[str, Any]] = [
        {"valid": kind(), "length": 100 + 10 * n, "seed": n, "sampling": Sampling(temperature=0.7 + 0.1 * n)}
        for n, kind in enumerate([Nested, Plain, Nested, Short, Even])
    ]
    with Batcher(model) as batcher:
        jobs = [batcher.submit(**request) for request in requests]
        broken = batcher.submit(length=30, valid=Broken(), seed=1)
        for job, request in zip(jobs, requests, strict=True):
            assert same(job.result(WAIT), model.generate(**request)[0])
        with pytest.raises(ZeroDivisionError):
            broken.result(WAIT)
    assert max(together) > 2


def test_what_is_given_in_a_tick_is_delivered_at_once(tiny_model: MakeModel) -> None:
    model, parts, calls = tiny_model(arithmetic="integers"), list[list[Part]](), list[int]()

    def deliver(given: list[Given]) -> None:
        calls.append(len(given))
        for receive, part in given:
            receive(part)

    with Batcher(model, deliver=deliver) as batcher:
        jobs = []
        for seed in range(8):
            parts.append([])
            jobs.append(batcher.submit("a", length=500, seed=seed, receive=parts[-1].append))
        for job in jobs:
            job.result(WAIT)
    for seed, own in enumerate(parts):
        assert whole(own, model.generate("a", length=500, seed=seed)[0])
    assert max(calls) > 1 and sum(calls) == sum(map(len, parts))


def test_alternatives_of_adaptive_softmax(tiny_model: MakeModel) -> None:
    model = tiny_model("words", head={"name": "adaptive", "cutoffs": [40, 80], "features": 8}, arithmetic="integers")
    with Batcher(model) as batcher:
        sample = batcher.submit("Sing", length=30, seed=1, alternatives=3)
        tops = [top for part in sample for top in part.tops]
    expected = model.generate("Sing", length=30, seed=1)[0]
    assert same(sample.result(0), expected) and len(tops) == 30
    for step, log, top in zip(expected.steps, expected.log_probs, tops, strict=True):
        assert dict(top).get(step, log) == log <= top[0][1]


def test_a_long_prompt_does_not_hold_up_others(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefill, "BLOCK", 16)
    with Batcher(tiny_model()) as batcher:
        long = batcher.submit(TEXT * 20, length=1, seed=1)
        short = batcher.submit("a", length=30, seed=1)
        short.result(WAIT)
        assert not long.ended
        long.result(WAIT)


@pytest.mark.parametrize("finish", [False, True])
def test_closing(tiny_model: MakeModel, finish: bool) -> None:
    batcher = Batcher(tiny_model(), rows=2)
    jobs = [batcher.submit(length=50 if finish else 10**6, seed=n) for n in range(5)]
    jobs.append(batcher.submit(length=10**6))
    jobs[-1].pause()
    assert batcher.close(finish, WAIT)
    for job in jobs[:-1]:
        if finish:
            assert len(job.result(0).steps) == 50
        else:
            with pytest.raises(Cancelled):
                job.result(0)
    with pytest.raises(Cancelled):
        jobs[-1].result(0)
    with pytest.raises(Closed):
        batcher.submit()


def test_a_fault_of_the_engine_leaves_nobody_waiting(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda given: None)
    batcher = Batcher(tiny_model())
    monkeypatch.setattr(batcher, "_admit", lambda: 1 / 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        batcher.submit().result(WAIT)
    with pytest.raises(Closed):
        batcher.submit()


def test_models_that_compute_all_at_once_are_refused(tiny_model: MakeModel) -> None:
    model = tiny_model()
    config = model.config.network.model_copy(update={"autoregressive": False})
    other = Model(model.config, model.tensors)
    other.network.config = config
    with Batcher(other) as batcher, pytest.raises(UserError, match="all steps at once"):
        batcher.submit()
