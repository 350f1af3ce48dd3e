"""What the kernel scores, draws and codes by itself is what the reference gives step by step: all bits are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic import kernel
from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.builders import Sample
from rhapsode.inference.loops import Loops, Trail, reader_of
from rhapsode.inference.model import Model
from rhapsode.inference.reader import Reader
from rhapsode.inference.rows import Rows
from rhapsode.nn.integers import Integers
from rhapsode.nn.program import program
from rhapsode.nn.samplers import Draw
from tests.conftest import TEXT, MakeModel

pytestmark = pytest.mark.skipif(kernel.kernel() is None, reason="there is no kernel here")

DATA = TEXT.encode()[:700]
POLICIES = ["never", "line", "paragraph", "document", "every:7", "regex:^CHAPTER"]
FRAMINGS = [("stream", 0), ("one-to-one", 0), ("one-to-many", 3)]


def pair(tiny_model: MakeModel, **options: Any) -> tuple[Model, Model]:
    """A model on the kernel, and the same on the reference."""
    fast = tiny_model(**options).quantised()
    slow = Model(fast.config, fast.tensors)
    slow.__dict__["engine"] = Integers(slow.network, slow.tensors, program(slow.network))
    assert isinstance(reader_of(fast), Loops) and not isinstance(reader_of(slow), Loops)
    return fast, slow


def same(some: list[Sample], others: list[Sample]) -> bool:
    return len(some) == len(others) and all(
        np.array_equal(one.steps, other.steps)
        and np.array_equal(one.log_probs, other.log_probs)
        and (one.data, one.text, one.stopped) == (other.data, other.text, other.stopped)
        for one, other in zip(some, others, strict=True)
    )


@pytest.mark.parametrize("reset", POLICIES)
@pytest.mark.parametrize("codec", ["chars", "bpe+end", "words+end"])
@pytest.mark.parametrize("ignore_end", [False, True])
def test_what_is_drawn(tiny_model: MakeModel, codec: str, reset: str, ignore_end: bool) -> None:
    fast, slow = pair(tiny_model, codec=codec, reset=reset, sharpness=1.5)
    options: dict[str, Any] = {"length": 90, "seed": 5, "ignore_end": ignore_end}
    expected = slow.generate("Sing", samples=5, **options)
    assert same(fast.generate("Sing", samples=5, **options), expected)
    assert same(fast.generate("Sing", row=2, **options), expected[2:3])
    stream = fast.stream("Sing", row=1, **options)
    pieces = list(stream)
    assert same([stream.sample()], expected[1:2]) and b"".join(piece.data for piece in pieces) == expected[1].data
    assert len(pieces) == len(expected[1].steps) + 1


@pytest.mark.parametrize(("framing", "length"), FRAMINGS)
@pytest.mark.parametrize(
    "sampling",
    [{"temperature": 0.0}, {"temperature": 1.4, "top_k": 9, "top_p": 0.9, "min_p": 0.01, "typical": 0.95}]
    + [{"repetition_penalty": 1.3, "repetition_window": window} for window in (1, 5, 64, 10**9)]
    + [{"logit_bias": {3: -100, 5: 1.5}}, {"frequency_penalty": 1, "presence_penalty": -0.5, "logit_bias": {4: 2}}],
    ids=str,
)
def test_options(tiny_model: MakeModel, framing: str, length: int, sampling: dict[str, Any]) -> None:
    fast, slow = pair(tiny_model, framing=framing, length=length)
    options: dict[str, Any] = {"length": 50, "samples": 3, "seed": 2, "sampling": Sampling(**sampling)}
    assert same(fast.generate("of", **options), slow.generate("of", **options))


@pytest.mark.parametrize("stops", [{"stop": ["e", "th"]}, {"stop_after": "a"}, {"stop": "never found"}])
def test_stops(tiny_model: MakeModel, stops: dict[str, Any]) -> None:
    fast, slow = pair(tiny_model, reset="every:9")
    found = fast.generate("of", length=80, samples=6, seed=1, **stops)
    assert same(found, slow.generate("of", length=80, samples=6, seed=1, **stops))
    stream = fast.stream("of", length=80, seed=1, row=3, **stops)
    assert b"".join(piece.data for piece in stream) == found[3].data and same([stream.sample()], found[3:4])


def test_newlines_that_only_the_text_tells(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two halves of a byte can spell one."""
    fast, slow = pair(tiny_model, reset="line")
    halves = [fast.text_codec.first_half, fast.text_codec.first_half + 16 + 10]  # type: ignore[operator]
    bias = np.where(np.isin(np.arange(fast.codec.steps.choices), halves), 4 << 10, 0)
    for model in (fast, slow):
        model.tensors = {**model.tensors, "output.bias": model.tensors["output.bias"] + bias.astype(np.int32)}
        vars(model).pop("engine")
    slow.__dict__["engine"] = Integers(slow.network, slow.tensors, program(slow.network))
    steps = []
    by_step = Rows.step
    monkeypatch.setattr(Rows, "step", lambda rows: steps.append(0) or by_step(rows))
    for ignore_end in (False, True):
        options: dict[str, Any] = {"length": 60, "seed": 5, "samples": 4, "ignore_end": ignore_end}
        found = fast.generate("Sing", **options)
        assert steps
        assert same(found, slow.generate("Sing", **options))


@pytest.mark.parametrize(("framing", "length"), FRAMINGS)
@pytest.mark.parametrize("reset", POLICIES)
def test_scores_and_codes(tiny_model: MakeModel, framing: str, length: int, reset: str) -> None:
    fast, slow = pair(tiny_model, codec="chars+end", framing=framing, length=length, reset=reset)
    some, others = (model.score(DATA, prompt="of\n", per_step=True) for model in (fast, slow))
    assert some == others
    packed = fast.compress(DATA)
    assert packed == slow.compress(DATA)
    assert fast.decompress(packed) == slow.decompress(packed) == DATA
    if framing == "stream":
        cold = [model.score(DATA, cold=16, per_step=True).surprises for model in (fast, slow)]
        assert cold[0] == cold[1]


@pytest.mark.parametrize("reset", ["never", "every:5"])
def test_a_reader_goes_on(tiny_model: MakeModel, reset: str) -> None:
    """After each loop it stands where a reader stands that read step by step."""
    fast, slow = pair(tiny_model, codec="chars+end", reset=reset)
    symbols = fast.text_codec.encode(DATA)[:90]
    loops, reader = reader_of(fast), reader_of(slow)
    assert isinstance(loops, Loops)

    def read(some: np.ndarray) -> None:
        for symbol in some:
            reader.read(symbol[None])
        agree(loops, reader)

    loops.score(symbols[:33])
    read(symbols[:33])
    encoder = Encoder()
    loops.encode(symbols[33:34], encoder)
    loops.encode(symbols[34:60], encoder)
    read(symbols[33:60])
    again = Model(fast.config, fast.tensors)
    other = reader_of(again)
    assert isinstance(other, Loops)
    other.score(symbols[:33])
    found = other.decode(27, Decoder(encoder.finish()))
    assert found is not None and np.array_equal(found[0], symbols[33:60])
    agree(other, reader)


def agree(loops: Reader, reader: Reader) -> None:
    assert np.array_equal(loops.parameters, reader.parameters)
    for one, other in zip(loops.state, reader.state, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("reset", ["never", "every:7", "document", "regex:e"])
def test_a_trail_has_every_place(tiny_model: MakeModel, reset: str) -> None:
    fast, _ = pair(tiny_model, codec="chars+end", reset=reset)
    start = reader_of(fast)
    assert isinstance(start, Loops)
    reader, trail = start.repeat(3), Trail()
    hows = [Draw(Sampling(), Randomness(4, row)) for row in range(3)]
    symbols, _, counts = reader.draw(20, hows, None, trail=trail)
    assert len(symbols) and (counts == len(symbols)).all()
    for index, count in ((0, 1), (1, len(symbols)), (2, (len(symbols) + 1) // 2)):
        wanted = start.copy()
        for _ in wanted.read_all(symbols[:count, index]):
            pass
        for found in (trail.take([index], [count]), trail.take([0, index], [1, count]).take([1])):
            assert np.array_equal(found.parameters, wanted.parameters)
            assert all(np.array_equal(*parts) for parts in zip(found._state, wanted._state, strict=True))
            again = [one.draw(9, [Draw(Sampling(), Randomness(7))], None)[0] for one in (found, wanted.copy())]  # type: ignore[attr-defined]
            assert np.array_equal(*again)


@pytest.mark.parametrize("reset", POLICIES)
@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_prompts_that_are_read_together(tiny_model: MakeModel, reset: str, framing: tuple[str, int]) -> None:
    """Of any lengths, with units that begin anywhere: each row is where its own reader is, and draws on as it does."""
    model = tiny_model(codec="chars+end", framing=framing[0], length=framing[1], reset=reset, arithmetic="integers")
    texts = [DATA[:200], b"", b"a\n\nCHAPTER", DATA[50:61], b"Sing"]
    sequences = [np.append(model.text_codec.encode(text), [model.codec.end] * (n % 2)) for n, text in enumerate(texts)]
    start = reader_of(model)
    assert isinstance(start, Loops)
    together = start.each(sequences)
    hows = [Draw(Sampling(), Randomness(1, n)) for n in range(len(texts))]
    drawn = []
    for n, symbols in enumerate(sequences):
        alone = reader_of(model)
        for _ in alone.read_all(symbols):
            pass
        assert np.array_equal(alone.parameters[0], together.parameters[n])
        steps = []
        for _ in range(30):  # one by one: a unit may begin anywhere
            symbol = int(model.head.draw(alone.parameters[0], hows[n]).step)
            steps.append(symbol)
            alone.read(np.array([symbol]))
        drawn.append(steps)
    for steps in zip(*drawn, strict=True):
        together.read(np.array(steps))
    for n, steps in enumerate(drawn):
        alone = reader_of(model)
        for _ in alone.read_all(np.append(sequences[n], steps)):
            pass
        assert np.array_equal(alone.parameters[0], together.parameters[n])
