"""Generation is scoring of its own output, and a function of (seed, row) alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.text import TextOutput
from rhapsode.errors import UserError
from rhapsode.inference.generate import Sample, generate, stream
from rhapsode.inference.model import Model
from rhapsode.inference.reader import Reader
from rhapsode.inference.score import score
from tests.conftest import TEXT, MakeModel

FRAMINGS = [("stream", 0), ("one-to-one", 0), ("many-to-one", 5), ("one-to-many", 4)]
RESETS = ["never", "line", "every:7", "regex:e"]
CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "bpe+end"]
PROMPTS: list[bytes | str] = [
    b"",
    "Sing",
    "of Peleus,\nthat brought\n\n",
    "不見 Ωmega 🎭",
    b"half \xe2\x82 and \xff\x00\xfe",
    "\udcff from the shell",
]


def scored(model: Model, prompt: bytes, symbols: np.ndarray) -> np.ndarray:
    """Log-probabilities [N] of symbols after a prompt, by teacher forcing."""
    reader = model.reader()
    list(reader.read_all(model.codec.encode(prompt)))
    blocks, at = [], 0
    for parameters in reader.read_all(symbols):
        blocks.append(model.head.log_prob(parameters, symbols[at : at + len(parameters)]))
        at += len(parameters)
    return np.concatenate(blocks)


def same(a: Sample, b: Sample) -> bool:
    arrays = np.array_equal(a.steps, b.steps) and np.array_equal(a.log_probs, b.log_probs)
    return arrays and (a.data, a.text, a.seed, a.row, a.stopped) == (b.data, b.text, b.seed, b.row, b.stopped)


@pytest.mark.parametrize(("framing", "reset"), list(itertools.product(FRAMINGS, RESETS)), ids=str)
@pytest.mark.parametrize("codec", CODECS)
def test_generation_is_scoring(tiny_model: MakeModel, codec: str, framing: tuple[str, int], reset: str) -> None:
    model = tiny_model(codec=codec, framing=framing[0], length=framing[1], reset=reset)
    prompt = b"the anger\nof Ach"
    for sample in generate(
        model, prompt, length=50, samples=2, seed=5, sampling=Sampling(temperature=0.9), ignore_end=True
    ):
        assert len(sample.steps) == len(sample.log_probs) == 50
        assert np.array_equal(sample.log_probs, scored(model, prompt, sample.steps))
        assert sample.data == model.codec.decode(sample.steps)


def test_score_of_the_text_is_the_sum_of_what_was_drawn(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", reset="line")  # every byte is a symbol: the text says which were drawn
    (sample,) = generate(model, "Sing", length=120, seed=3, ignore_end=True)
    found = score(model, sample.data, prompt="Sing", per_step=True)
    assert found.surprises is not None
    assert [s.nats for s in found.surprises] == (-sample.log_probs).tolist()


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
@pytest.mark.parametrize("network", [{}, {"layers": 2, "width": 70, "skip": True}], ids=str)
def test_alone_in_a_batch_and_streamed(
    tiny_model: MakeModel, framing: tuple[str, int], network: dict[str, Any]
) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset="line", **network)
    options: dict[str, Any] = {"length": 60, "seed": 11, "sampling": Sampling(top_p=0.95, repetition_penalty=1.2)}
    options["ignore_end"] = framing[0] != "stream"
    batch = generate(model, "Sing", samples=7, **options)
    assert len({sample.data for sample in batch}) == 7
    for row in (0, 3, 6):
        (alone,) = generate(model, "Sing", row=row, **options)
        streamed = stream(model, "Sing", row=row, **options)
        pieces = list(streamed)
        assert same(alone, batch[row]) and same(streamed.sample(), alone)
        assert b"".join(p.data for p in pieces) == alone.data
        assert "".join(p.text for p in pieces) == alone.text
    assert generate(model, "Sing", **{**options, "seed": 12})[0].data != batch[0].data


def test_rows_that_stop_leave_the_others_alone(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="line")
    free = generate(model, "Many", length=80, samples=6, seed=2, ignore_end=True)
    stopped = generate(model, "Many", length=80, samples=6, seed=2, stop="e", ignore_end=True)
    assert len({len(s.steps) for s in stopped}) > 2
    for a, b in zip(free, stopped, strict=True):
        n = len(b.steps)
        assert np.array_equal(a.steps[:n], b.steps) and np.array_equal(a.log_probs[:n], b.log_probs)
        assert b.data == a.data.split(b"e")[0] and b.stopped == ("stop" if b"e" in a.data else "length")


@pytest.mark.parametrize("reset", ["document", "never", "paragraph", "every:7"])
@pytest.mark.parametrize("codec", ["chars+end", "bytes+end", "words+end", "bpe+end"])
def test_a_document_ends_and_the_next_follows_only_if_asked(tiny_model: MakeModel, codec: str, reset: str) -> None:
    model = tiny_model(codec=codec, reset=reset, sharpness=1.0)
    weights = dict(model.weights)
    weights["output.bias"] = weights["output.bias"] + 4 * (np.arange(model.codec.steps.size) == model.end)
    model = Model(model.config, {n: w.astype(np.float32) for n, w in weights.items()}, model.digest)
    options: dict[str, Any] = {"length": 60, "samples": 4, "seed": 5}
    free = generate(model, "Sing", **options, ignore_end=True)
    for all_of_it, one in zip(free, generate(model, "Sing", **options), strict=True):
        assert len(all_of_it.steps) == 60 and all_of_it.stopped == "length"
        assert np.array_equal(all_of_it.log_probs, scored(model, b"Sing", all_of_it.steps))
        n = all_of_it.steps.tolist().index(model.end) + 1
        assert np.array_equal(one.steps, all_of_it.steps[:n]) and one.stopped == "end"
        assert one.data == model.codec.decode(all_of_it.steps[: n - 1])  # type: ignore[attr-defined]
        if codec == "bytes+end":  # there, the text says which symbols were drawn
            whole = score(model, one.data, prompt="Sing", per_step=True).surprises or ()
            assert [s.nats for s in whole] == (-one.log_probs).tolist() and whole[-1].label == "<end>"
            part = score(model, one.data, prompt="Sing", end=False)
            assert part.steps == len(whole) - 1 and part.bytes == len(one.data)
        (streamed,) = [stream(model, "Sing", length=60, seed=5, row=one.row)]
        assert b"".join(piece.data for piece in streamed) == one.data and same(streamed.sample(), one)


def test_after_an_end_a_document_is_drawn_as_from_the_start(tiny_model: MakeModel) -> None:
    """Its state is zero, unless the policy is `never`; and a half of a byte does not reach over the end."""
    for reset, alike in (("document", True), ("regex:x", True), ("never", False)):
        model = tiny_model(codec="chars+end", reset=reset)
        fresh, reader = model.reader(), model.reader()
        list(reader.read_all(np.array([*model.text_codec.encode(b"of Peleus x"), model.end])))
        assert np.array_equal(fresh.parameters, reader.parameters) == alike
    codec = tiny_model(codec="chars+end").text_codec
    halves = codec.encode(b"\xff").tolist()
    assert codec.decode(np.array([*halves, codec.end, *halves])) == b"\xff\xff"
    assert codec.decode(np.array([halves[0], codec.end, halves[1]])) == b""


def test_a_model_of_lines_draws_lines(tiny_model: MakeModel) -> None:
    for codec in ("chars", "chars+end", "words"):
        model = tiny_model(codec=codec, reset="line", sharpness=1.0)
        assert model.end is None, "a line ends by itself"
        free = generate(model, "Sing", length=400, samples=5, seed=1, ignore_end=True)
        for long, line in zip(free, generate(model, "Sing", length=400, samples=5, seed=1), strict=True):
            assert line.data == long.data[: long.data.index(b"\n") + 1] and line.stopped == "end"
    (cut,) = generate(model, "Sing", length=400, seed=1, stop="\n")
    assert cut.stopped == "stop" and not cut.data.endswith(b"\n")


def test_what_has_stopped_is_not_run(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    rows = []
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *given: (rows.append(self.rows), read(self, *given))[1])
    samples = generate(model, length=200, samples=5, seed=1, stop="e")
    assert sum(rows) == sum(len(s.steps) - 1 for s in samples)


@pytest.mark.parametrize("prompt", PROMPTS, ids=repr)
@pytest.mark.parametrize("codec", CODECS)
def test_any_prompt(tiny_model: MakeModel, codec: str, prompt: bytes | str) -> None:
    model = tiny_model(codec=codec, reset="line")
    (sample,) = generate(model, prompt, length=20, seed=0)
    raw = prompt if isinstance(prompt, bytes) else prompt.encode("utf-8", "surrogateescape")
    assert np.array_equal(sample.log_probs, scored(model, raw, sample.steps))


def test_the_prompt_matters(tiny_model: MakeModel) -> None:
    model = tiny_model()
    texts = {generate(model, prompt, length=40, seed=0)[0].data for prompt in PROMPTS}
    assert len(texts) == len(PROMPTS)


def test_a_long_prompt_is_cheap_in_steps(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    reads = []
    read = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *given: (reads.append(1), read(self, *given))[1])
    generate(model, TEXT * 3, length=10, seed=0)
    assert len(reads) == 9


def test_repetition_penalty_sees_the_prompt_and_what_was_drawn(tiny_model: MakeModel) -> None:
    model = tiny_model()
    strong = Sampling(temperature=0, repetition_penalty=1000, repetition_window=500)
    (sample,) = generate(model, TEXT[:30], length=30, seed=0, sampling=strong)
    seen = [*model.codec.encode(TEXT[:30].encode()).tolist(), *sample.steps.tolist()]
    assert len(set(seen[-30:])) == 30 and not set(seen[-30:]) & set(seen[:-30])
    near = Sampling(temperature=0, repetition_penalty=1000, repetition_window=2)
    (sample,) = generate(model, TEXT[:30], length=30, seed=0, sampling=near)
    assert len(set(sample.steps.tolist())) < 30


ARITHMETICS = pytest.mark.parametrize("arithmetic", ["integers", "float32"])


@ARITHMETICS
@pytest.mark.parametrize("reset", ["never", "line"])
@pytest.mark.parametrize(
    "options",
    [
        {"logit_bias": {5: -100, 9: 1.5}},
        {"frequency_penalty": 2},
        {"presence_penalty": 1.5, "frequency_penalty": -0.5, "logit_bias": {7: 2}, "temperature": 0.8, "top_k": 9},
    ],
    ids=str,
)
def test_biases_and_penalties_step_by_step(
    tiny_model: MakeModel, arithmetic: str, reset: str, options: dict[str, Any]
) -> None:
    """The same as drawing by hand from what a reader predicts, with counts of what was drawn; log p is the model's."""
    model, sampling = tiny_model(arithmetic=arithmetic, reset=reset), Sampling(**options)
    batch = generate(model, TEXT[:30], length=40, samples=3, seed=4, sampling=sampling, ignore_end=True)
    for row, sample in enumerate(batch):
        reader, randomness, counts = model.reader(), Randomness(4, row), np.zeros(model.codec.steps.choices, int)
        for symbol in model.text_codec.encode(TEXT[:30].encode()):
            reader.read(symbol[None])
        for symbol, log_prob in zip(sample.steps.tolist(), sample.log_probs.tolist(), strict=True):
            distance = choice.distances(model.head.distribution(reader.parameters))
            frequency = choice.frequencies(distance)
            changed = choice.frequencies(choice.adjusted(distance, sampling, None, None, counts))
            assert choice.draw(changed, [randomness.word()])[0] == symbol
            assert choice.log_probs(frequency, np.array([symbol]))[0] == log_prob
            counts[symbol] += 1
            reader.read(np.array([symbol]))
        streamed = stream(model, TEXT[:30], length=40, row=row, seed=4, sampling=sampling, ignore_end=True)
        assert b"".join(piece.data for piece in streamed) == sample.data


@ARITHMETICS
def test_what_is_forbidden_and_what_is_forced(tiny_model: MakeModel, arithmetic: str) -> None:
    model = tiny_model(arithmetic=arithmetic)
    size, options = model.codec.steps.choices, {"length": 200, "seed": 1}
    for temperature in (0.0, 1.0, 50.0):
        how: dict[str, Any] = {"temperature": temperature}
        without = generate(model, **options, sampling=Sampling(logit_bias=dict.fromkeys(range(size // 2), -100), **how))
        assert without[0].steps.min() >= size // 2
        forced = generate(model, **options, sampling=Sampling(logit_bias={7: 100}, **how))
        assert set(forced[0].steps.tolist()) == {7}
        every = generate(model, **options, sampling=Sampling(logit_bias=dict.fromkeys(range(size), -100), **how))
        assert every[0].data == generate(model, **options, sampling=Sampling(**how))[0].data
    once = generate(model, TEXT[:30], length=12, sampling=Sampling(temperature=0, frequency_penalty=2), seed=0)
    assert len(set(once[0].steps.tolist())) > len(
        set(generate(model, TEXT[:30], length=12, sampling=Sampling(temperature=0), seed=0)[0].steps.tolist())
    )


def test_the_prompt_does_not_count(tiny_model: MakeModel) -> None:
    """The first step, before which nothing was drawn, has no penalty."""
    model = tiny_model()
    for seed in range(20):
        some = Sampling(frequency_penalty=2, presence_penalty=2)
        first = [generate(model, TEXT[:99], length=1, seed=seed, sampling=one)[0].data for one in (Sampling(), some)]
        assert first[0] == first[1]


@settings(max_examples=60, deadline=None)
@given(stop=st.binary(min_size=1, max_size=3), seed=st.integers(0, 5), codec=st.sampled_from(CODECS))
def test_stop_is_found_wherever_it_is(tiny_model: MakeModel, stop: bytes, seed: int, codec: str) -> None:
    model = tiny_model(codec=codec, sharpness=1.0)
    free = generate(model, length=60, seed=seed, ignore_end=True)[0].data
    streamed = stream(model, length=60, seed=seed, stop=stop, ignore_end=True)
    pieces = list(streamed)
    found = streamed.sample()
    at = free.find(stop)
    assert found.data == (free if at < 0 else free[:at])
    assert found.stopped == ("length" if at < 0 else "stop")
    assert b"".join(p.data for p in pieces) == found.data
    assert "".join(p.text for p in pieces) == found.text == found.data.decode("utf-8", "replace")


def cut_by(free: bytes, before: list[bytes], after: list[bytes]) -> bytes:
    """`free`, read byte by byte, up to the first string that is whole; of several at once, the longest."""
    for end in range(1, len(free) + 1):
        whole = [each for each in before + after if free[:end].endswith(each)]
        if whole:
            longest = max(whole, key=len)
            return free[: end if longest in after else end - len(longest)]
    return free


@settings(max_examples=100, deadline=None)
@given(
    data=st.data(),
    seed=st.integers(0, 3),
    codec=st.sampled_from(CODECS),
    counts=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_of_several_stops_the_first_counts(
    tiny_model: MakeModel, data: st.DataObject, seed: int, codec: str, counts: tuple[int, int]
) -> None:
    model = tiny_model(codec=codec, sharpness=1.0)
    full = generate(model, length=60, seed=seed)[0]
    free = full.data
    parts = st.integers(0, 40).flatmap(lambda at: st.sampled_from([free[at : at + n] for n in (1, 2, 3, 5)]))
    stops = data.draw(st.lists((parts | st.binary(min_size=1, max_size=2)).filter(bool), unique=True, max_size=6))
    before, after = stops[: counts[0]], stops[counts[0] : sum(counts)]
    streamed = stream(model, length=60, seed=seed, stop=before, stop_after=after)
    pieces = list(streamed)
    found = streamed.sample()
    assert found.data == cut_by(free, before, after)
    assert found.stopped == ("stop" if any(each in free for each in before + after) else full.stopped)
    assert b"".join(p.data for p in pieces) == found.data and "".join(p.text for p in pieces) == found.text
    again = generate(model, length=60, seed=seed, stop=before[::-1], stop_after=after[::-1])[0]
    assert same(again, found)


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    steps=st.lists(st.sampled_from([*b"abcab\n", *"ä€".encode(), 255]), max_size=30),
    stops=st.dictionaries(
        st.sampled_from([b"ab", b"abc", b"ca", b"\n", b"bb", "€".encode()]), st.booleans(), max_size=3
    ),
    end=st.sampled_from([None, ord("c")]),
    lines=st.booleans(),
)
def test_many_steps_at_once_are_each_step(
    tiny_model: MakeModel,
    data: st.DataObject,
    steps: list[int],
    stops: dict[bytes, bool],
    end: int | None,
    lines: bool,
) -> None:
    codec = tiny_model(codec="bytes").text_codec
    one, many = (TextOutput(codec.decoder(), stops, end, lines) for _ in range(2))
    taken = 0
    for step in steps:
        one.add(step)
        taken += 1
        if one.stopped != "unfinished":
            break
    count = 0
    while count < len(steps) and many.stopped == "unfinished":
        size = data.draw(st.integers(1, 12))
        count += many.extend(steps[count : count + size])
    assert (count, many.stopped) == (taken, one.stopped)
    for output in (one, many):
        output.finish(steps[:taken])
    assert many.made(steps[:taken])[1:3] == one.made(steps[:taken])[1:3]


def test_a_stream_holds_back_only_what_may_begin_a_stop(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", sharpness=1.0)
    free = generate(model, length=40, seed=1)[0].data
    stops = [free[10:13] + b"\xf8", free[20:22] + b"\xf8\xf8"]  # begun there, and never whole
    given, drawn = b"", 0
    for piece in stream(model, length=40, seed=1, stop=stops):
        drawn = min(drawn + 1, 40)
        given += piece.data
        held = free[len(given) : drawn]
        if len(given) < 40:
            assert held == b"" or any(stop.startswith(held) for stop in stops)
    assert given == free


def test_stop_that_straddles_symbols_and_restarts(tiny_model: MakeModel) -> None:
    for codec in CODECS:
        model = tiny_model(codec=codec)
        free = generate(model, length=80, seed=4, ignore_end=True)[0]
        for at in range(0, min(len(free.data), 60) - 7, 7):
            stop = free.data[at : at + 7]  # seven bytes: several symbols
            cut = generate(model, length=80, seed=4, stop=stop, ignore_end=True)[0]
            assert cut.data == free.data[: free.data.find(stop)] and cut.stopped == "stop"
            assert len(cut.steps) <= 80


def test_no_half_characters(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes")
    bias = np.full(256, -50, np.float32)
    bias[list("é€🎭".encode())] = 0  # mostly broken UTF-8, sometimes whole characters
    weights = {**model.weights, "output.bias": bias}
    model = Model(model.config, weights)
    streamed = stream(model, length=400, seed=1)
    pieces = list(streamed)
    text = "".join(p.text for p in pieces)
    assert text == b"".join(p.data for p in pieces).decode("utf-8", "replace") == streamed.sample().text
    assert "�" in text and any(len(p.text) == 0 for p in pieces)
    for piece in pieces:
        piece.text.encode()  # no lone surrogates


def test_stream_gives_text_as_it_is_drawn(tiny_model: MakeModel) -> None:
    model = tiny_model()
    streamed = stream(model, length=30, seed=1)
    first = next(streamed)
    so_far = streamed.sample()
    assert len(so_far.steps) == 1 and so_far.stopped == "unfinished" and so_far.data == first.data
    assert len(list(streamed)) == 30  # 29 more and the last
    assert streamed.sample().stopped == "length"


def test_a_fresh_seed_is_told(tiny_model: MakeModel) -> None:
    model = tiny_model()
    first, second = generate(model, length=40)[0], generate(model, length=40)[0]
    assert first.seed != second.seed and first.data != second.data
    assert same(generate(model, length=40, seed=first.seed)[0], first)
    assert stream(model, length=1).seed != stream(model, length=1).seed


def test_temperature_zero_takes_the_most_probable(tiny_model: MakeModel) -> None:
    model = tiny_model()
    a, b = generate(model, "S", length=40, samples=2, seed=1, sampling=Sampling(temperature=0))
    assert a.data == b.data
    blocks = list(_after(model, "S").read_all(a.steps))
    assert np.array_equal(np.concatenate(blocks).argmax(axis=1), a.steps)


def _after(model: Model, prompt: str) -> Reader:
    reader = model.reader()
    list(reader.read_all(model.codec.encode(prompt.encode())))
    return reader


def test_no_steps(tiny_model: MakeModel) -> None:
    model = tiny_model()
    (sample,) = generate(model, "S", length=0, seed=1)
    assert (sample.data, sample.text, len(sample.steps), sample.stopped) == (b"", "", 0, "length")
    assert "".join(p.text for p in stream(model, length=0)) == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"length": -1}, "length"),
        ({"length": 1.5}, "length"),
        ({"samples": 0}, "samples"),
        ({"samples": 10**9}, "samples"),
        ({"samples": True}, "samples"),
        ({"seed": -1}, "seed"),
        ({"row": -1}, "row"),
        ({"stop": ""}, "stop"),
        ({"stop": "\ud800"}, "stop"),
        ({"stop": ["a", ""]}, "stop: the empty string"),
        ({"stop": ["a", None]}, "stop: None is not allowed.*a list of these"),
        ({"stop": 5}, "stop: 5 is not allowed"),
        ({"stop_after": ["a", 5]}, "stop_after: 5"),
        ({"stop": "a", "stop_after": [b"b", b"a"]}, "one of them must go"),
        ({"prompt": "\ud800"}, "prompt"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be(tiny_model: MakeModel, arguments: dict[str, Any], words: str) -> None:
    model = tiny_model()
    with pytest.raises(UserError, match=words):
        generate(model, **arguments)
    if "samples" not in arguments:
        with pytest.raises(UserError, match=words):
            stream(model, **arguments)
