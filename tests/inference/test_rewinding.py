"""Generation that goes back from what is refused: what comes out is valid, and is still scoring of its own output."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.arithmetic.kernel import VARIABLE
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.cli import main
from rhapsode.data.codecs.output import Beginning, Prompt
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.inference import rewinding
from rhapsode.inference.generate import generate, stream
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from tests.conftest import MakeModel
from tests.inference.test_generate import same, scored

VOWELS = b"aeiuAEIU"
CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "bpe+end"]


class Nested(Constraint):
    """Each `e` opens, and each fourth byte beside it; each `o` closes. Never deeper than 4. Settled behind spaces."""

    name = "nested"

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.depth, self.last = 0, b""

    @property
    def verdict(self) -> Verdict:
        if self.reason:
            return Verdict.IMPOSSIBLE
        return Verdict.INCOMPLETE if self.depth else Verdict.VALID

    @property
    def settled(self) -> bool:
        return not self.reason and self.last in (b",", b" ", b"\n")

    def read(self, data: bytes) -> Verdict:
        for byte in data:
            self.depth += (byte % 4 == ord("e") % 4) - (byte % 4 == ord("o") % 4)
            if not 0 <= self.depth <= 4:
                self.reason = self.reason or f"depth {self.depth}"
        self.last = data[-1:] or self.last
        return self.verdict

    def closing(self) -> bytes | None:
        return None if self.reason else b"o" * self.depth


class Plain(Constraint):
    """No vowel but `o`, by a mask; and no more than 30 bytes, where the text ends."""

    name = "plain"
    most, refused = 10**9, VOWELS

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.count, self.allowed = 0, np.zeros(0, bool)
        self.pieces: list[bytes] = []

    @property
    def verdict(self) -> Verdict:
        return Verdict.IMPOSSIBLE if self.reason else Verdict.VALID

    def read(self, data: bytes) -> Verdict:
        self.count += len(data)
        if set(data) & set(self.refused) or self.count > self.most:
            self.reason = self.reason or "a vowel"
        return self.verdict

    def bound(self, codec: TextCodec) -> Constraint:
        other = self.copy()
        other.pieces = codec.pieces
        return other

    def mask(self) -> np.ndarray:
        left = self.most - self.count
        return np.array([not set(piece) & set(self.refused) and max(1, len(piece)) <= left for piece in self.pieces])


class Short(Plain):
    most = 30


class Even(Plain):
    refused = bytes(range(1, 256, 2))


class Never(Constraint):
    """Nothing is valid."""

    name = "never"
    verdict = Verdict.INCOMPLETE  # type: ignore[assignment]

    def read(self, data: bytes) -> Verdict:
        return Verdict.INCOMPLETE


def judged(data: bytes, kind: type[Constraint] = Nested) -> Verdict:
    return kind().read(data)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("reset", ["never", "document", "every:7", "regex:e"])
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_drawn_is_valid_and_scoring_of_itself(
    tiny_model: MakeModel, codec: str, reset: str, arithmetic: str
) -> None:
    model = tiny_model(codec=codec, reset=reset, arithmetic=arithmetic, sharpness=1.0)
    found = generate(model, "the", length=40, samples=2, seed=5, valid=Nested(), ignore_end=True)
    for sample in found:
        assert 0 < len(sample.steps) <= 40 and sample.stopped in ("length", "refused")
        assert np.array_equal(sample.log_probs, scored(model, b"the", sample.steps))
        assert sample.data == model.text_codec.decode(sample.steps)
        if model.end is None:
            assert judged(b"the" + sample.data) is Verdict.VALID
        assert 0 <= sample.closed <= 4
    assert sum(sample.rewound for sample in found) and sum(sample.discarded for sample in found)


def test_the_score_of_the_text_is_that_of_the_sample(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", arithmetic="integers", sharpness=1.0)
    for sample in generate(model, "pt", length=80, samples=8, seed=2, valid=[Nested(), Plain()]):
        found = score(model, sample.data, prompt="pt", per_step=True)
        assert [one.nats for one in found.surprises or ()] == (-sample.log_probs).tolist()
        assert not set(sample.data) & set(VOWELS)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0), Sampling(top_k=1), Sampling(top_p=0.5)])
@pytest.mark.parametrize("valid", [Nested(), Plain(), [Plain(), Nested()], Short()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_alone_in_a_batch_and_streamed(tiny_model: MakeModel, arithmetic: str, valid: Any, sampling: Sampling) -> None:
    model = tiny_model(arithmetic=arithmetic, sharpness=1.0)
    more = {"repetition_penalty": 1.1, "frequency_penalty": 0.2, "presence_penalty": -0.1}
    sampling = Sampling(**sampling.model_dump() | more | {"logit_bias": {5: 1}})
    options: dict[str, Any] = {"length": 50, "seed": 3, "valid": valid, "sampling": sampling, "stop": ["zz", "vu"]}
    batch = generate(model, "pt", samples=4, **options)
    for row in (0, 3):
        (alone,) = generate(model, "pt", row=row, **options)
        streamed = stream(model, "pt", row=row, **options)
        pieces = list(streamed)
        assert same(alone, batch[row]) and same(streamed.sample(), alone)
        assert (alone.rewound, alone.discarded, alone.closed) == (
            batch[row].rewound,
            batch[row].discarded,
            batch[row].closed,
        )
        assert b"".join(piece.data for piece in pieces) == alone.data
        assert "".join(piece.text for piece in pieces) == alone.text


@pytest.mark.parametrize("longest", [1, 2, 7, 200])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_it_does_not_matter_how_many_are_drawn_at_once(
    tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, longest: int, temperature: float
) -> None:
    model = tiny_model(codec="chars+end", reset="regex:a", arithmetic="integers", sharpness=1.0)
    options: dict[str, Any] = {"length": 150, "samples": 4, "seed": 8, "valid": Nested(), "stop": "ou"}
    options["sampling"] = Sampling(temperature=temperature)
    usual = generate(model, **options)
    monkeypatch.setattr(rewinding, "LONGEST", longest)
    monkeypatch.setattr(rewinding, "STRETCHES", 3)
    monkeypatch.setattr(rewinding, "TRAILS", 1)
    for a, b in zip(usual, generate(model, **options), strict=True):
        assert same(a, b) and a.discarded == b.discarded


class Pairs(Nested):
    """As `Nested`, but says that only the last two bytes are at fault."""

    fault = 2  # type: ignore[assignment]


@pytest.mark.parametrize("codec", ["chars", "bytes", "bpe+end"])
def test_only_what_is_at_fault_is_drawn_again(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec, sharpness=1.0, arithmetic="integers")
    options: dict[str, Any] = {"length": 80, "seed": 3, "ignore_end": True}
    batch = generate(model, "pt", samples=4, valid=Pairs(), **options)
    for row, one in enumerate(batch):
        assert judged(b"pt" + one.data) is Verdict.VALID or model.end is not None
        assert np.array_equal(one.log_probs, scored(model, b"pt", one.steps))
        assert same(generate(model, "pt", row=row, valid=Pairs(), **options)[0], one)
        streamed = stream(model, "pt", row=row, valid=Pairs(), **options)
        assert b"".join(piece.data for piece in streamed) == one.data
    others = generate(model, "pt", samples=4, valid=Nested(), **options)
    assert any(not same(one, other) for one, other in zip(batch, others, strict=True))


def test_with_and_without_kernel(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(codec="chars+end", reset="document", arithmetic="integers", sharpness=1.0)
    options: dict[str, Any] = {"length": 100, "samples": 3, "seed": 8, "valid": [Plain(), Nested()]}
    usual = generate(model, **options)
    monkeypatch.setenv(VARIABLE, "numpy")
    slow = Model(model.config, model.tensors)
    for a, b in zip(usual, generate(slow, **options), strict=True):
        assert same(a, b) and a.discarded == b.discarded


def test_a_refused_symbol_is_drawn_from_the_masked_distribution(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", arithmetic="integers")
    reader = model.reader()
    list(reader.read_all(model.codec.encode(b"pt")))  # type: ignore[attr-defined]
    frequencies = model.categorical.frequencies(reader.parameters[0]).astype(float)
    allowed = np.array([not set(piece) & set(Even.refused) for piece in model.text_codec.pieces])
    wanted = frequencies * allowed / (frequencies * allowed).sum()
    count = 600
    samples = generate(model, "pt", length=1, samples=count, seed=1, valid=Even())
    drawn = np.bincount([one.steps[0] for one in samples], minlength=len(wanted))
    assert sum(one.discarded for one in samples) > 100 and not sum(one.rewound for one in samples)
    error = np.abs(drawn - count * wanted)
    assert (error <= 5 * np.sqrt(count * wanted) + 1).all()


def test_a_text_ends_where_nothing_may_follow(tiny_model: MakeModel) -> None:
    for sample in generate(tiny_model(sharpness=1.0), length=100, samples=5, seed=1, valid=Short()):
        assert sample.stopped == "end" and len(sample.data) == 30


def biased(model: Model, towards: int) -> Model:
    weights = dict(model.weights)
    weights["output.bias"] = weights["output.bias"] + 4 * (np.arange(model.codec.steps.size) == towards)  # type: ignore[attr-defined]
    return Model(model.config, {n: w.astype(np.float32) for n, w in weights.items()})


def test_a_document_ends_only_where_it_is_valid(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="chars+end", reset="document", sharpness=1.0)
    assert model.end is not None
    model = biased(model, model.end)
    for sample in generate(model, "e", length=60, samples=20, seed=5, valid=Nested()):
        assert judged(b"e" + sample.data) is Verdict.VALID
        assert sample.stopped in ("end", "length") and (sample.steps[-1] == model.end) == (sample.stopped == "end")
    for sample in generate(model, "e", length=60, samples=5, seed=5, valid=Nested(), ignore_end=True):
        ends = np.flatnonzero(sample.steps == model.end).tolist()
        parts = [model.text_codec.decode(part) for part in np.split(sample.steps, ends)]
        assert len(parts) > 2
        for n, part in enumerate(parts):
            assert judged((b"" if n else b"e") + part) is Verdict.VALID


def test_a_line_ends_only_where_it_is_valid(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="chars", reset="line", sharpness=1.0)
    model = biased(model, int(model.codec.encode(b"\n")[0]))  # type: ignore[attr-defined]
    for sample in generate(model, "o, ee\nee", length=60, samples=20, seed=5, valid=Nested()):
        assert sample.data.count(b"\n") == sample.data.endswith(b"\n") == (sample.stopped == "end")
        assert judged(b"ee" + sample.data) is Verdict.VALID


@settings(max_examples=20, deadline=None)
@given(stop=st.sampled_from(["e", "o", "a", " ", "ee", "s", "th"]), seed=st.integers(0, 9), data=st.data())
def test_stops(tiny_model: MakeModel, stop: str, seed: int, data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(CODECS))
    model = tiny_model(codec=codec, sharpness=1.0, arithmetic=data.draw(st.sampled_from(["integers", "float32"])))
    after = data.draw(st.booleans())
    options: dict[str, Any] = {"length": 60, "seed": seed, "valid": Nested(), "ignore_end": True}
    options["stop_after" if after else "stop"] = stop
    streamed = stream(model, "ee ", **options)
    pieces = list(streamed)
    found = streamed.sample()
    assert b"".join(piece.data for piece in pieces) == found.data
    texts = np.split(found.steps, np.flatnonzero(found.steps == model.end).tolist()) if model.end else [found.steps]
    if len(texts) == 1:
        assert judged(b"ee " + found.data) is Verdict.VALID
    drawn = found.data[: len(found.data) - found.closed] if not model.end else b""
    at = drawn.find(stop.encode())
    assert at < 0 or (after and found.stopped == "stop" and at + len(stop) == len(drawn))
    assert len(found.steps) <= 60 + found.closed


def test_what_cannot_be_is_said(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(sharpness=1.0, arithmetic="integers")
    with pytest.raises(UserError, match="the prompt is not valid by constraint nested.*depth -1"):
        generate(model, "oo", length=10, valid=Nested())
    with pytest.raises(UserError, match="no valid text of 50 symbols"):
        generate(model, "a", length=50, valid=Never())
    with pytest.raises(UserError, match="no valid text of 1 symbols"):
        generate(model, "eeee", length=1, seed=1, valid=Nested())
    with pytest.raises(UserError, match="no valid text of 0 symbols"):
        generate(model, "e", length=0, valid=Nested())
    assert generate(model, "p", length=0, valid=Nested())[0].data == b""
    with pytest.raises(UserError, match="particles"):
        generate(model, valid=Nested(), particles=2)
    with pytest.raises(UserError, match="'nonsense' is not known"):
        generate(model, valid="nonsense")
    with pytest.raises(UserError, match="nothing follows its name"):
        generate(model, valid="python:3.12")
    with pytest.raises(UserError, match="it needs COMMAND"):
        generate(model, valid=["check"])
    with pytest.raises(UserError, match="3 is not allowed"):
        generate(model, valid=3)  # type: ignore[arg-type]


def test_constraints_of_text_are_for_text(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="constraints are for texts"):
        generate(tiny_model(codec="strokes"), "abc", valid=Nested())


def test_work_is_bounded(tiny_model: MakeModel) -> None:
    """Where nothing of what follows is accepted, drawing is given up, and the text ends where it can."""

    class Wall(Nested):
        def read(self, data: bytes) -> Verdict:
            self.count = getattr(self, "count", 0) + len(data)
            if self.count > 40:
                self.reason = "too long"
            return super().read(data)

        def closing(self) -> bytes | None:
            return super().closing() if self.count + self.depth <= 40 else None

    model = tiny_model(sharpness=1.0, arithmetic="integers")
    (sample,) = generate(model, "a", length=300, seed=1, valid=Wall())
    assert sample.stopped == "refused" and judged(b"a" + sample.data, Wall) is Verdict.VALID
    assert rewinding.budget(300) < sample.discarded < 2 * rewinding.budget(300) and len(sample.data) <= 39


def test_a_stream_does_not_wait_for_the_end(tiny_model: MakeModel) -> None:
    model = tiny_model(sharpness=1.0, arithmetic="integers")
    pieces = stream(model, length=5000, seed=1, valid=Nested())
    seen = b"".join(next(pieces).data for _ in range(1000))
    assert len(pieces._builder.steps) < 2500
    assert pieces.sample().stopped == "unfinished"
    rest = b"".join(piece.data for piece in pieces)
    assert seen + rest == pieces.sample().data and judged(seen + rest) is Verdict.VALID


class Judge(Guide):
    """No two equal symbols in a row, by a mask; no third multiple of 3 in a row, by judgement. Ends on an even one."""

    judges = True

    def __init__(self) -> None:
        self.steps: list[int] = []

    def mask(self) -> np.ndarray | None:
        allowed = np.ones(self.size, bool)
        allowed[self.steps[-1:]] = False
        return allowed

    size = 0

    def read(self, step: Any) -> None:
        self.steps = [*self.steps, step]

    def verdict(self) -> Verdict:
        if len(self.steps) >= 3 and not any(step % 3 for step in self.steps[-3:]):
            return Verdict.IMPOSSIBLE
        return Verdict.INCOMPLETE if self.steps and self.steps[-1] % 2 else Verdict.VALID

    def settled(self) -> bool:
        return self.verdict() is Verdict.VALID and len(self.steps) % 3 == 0


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_any_guide_may_judge(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, arithmetic: str) -> None:
    model = tiny_model(sharpness=1.0, arithmetic=arithmetic)
    begin, size = TextCodec.begin, model.codec.steps.size  # type: ignore[attr-defined]

    def judged_beginning(self: TextCodec, prompt: Prompt, **how: Any) -> Beginning:
        made = begin(self, prompt, **how)
        return Beginning(made.steps, made.text, Judge(), made.length, made.output)

    monkeypatch.setattr(TextCodec, "begin", judged_beginning)
    monkeypatch.setattr(Judge, "size", size)
    batch = generate(model, length=80, samples=4, seed=1)
    assert sum(one.rewound for one in batch)
    for row, one in enumerate(batch):
        steps = one.steps.tolist()
        assert all(a != b for a, b in zip(steps, steps[1:], strict=False)) and not steps[-1] % 2
        assert all(step % 3 for step in steps[::1]) or not any(
            all(step % 3 == 0 for step in steps[n : n + 3]) for n in range(len(steps) - 2)
        )
        assert np.array_equal(one.log_probs, scored(model, b"", one.steps))
        assert same(generate(model, length=80, row=row, seed=1)[0], one)


def test_the_command_says_what_it_cost(
    tiny_model: MakeModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(codec="bytes", sharpness=1.0, arithmetic="integers")
    model.save(tmp_path / "model.safetensors")
    asked = ["generate", str(tmp_path), "--length", "40", "--seed", "1", "--valid", "python"]
    assert main(asked) == 0
    out, told = capfd.readouterr()
    assert "valid: went back" in told
    compile(out, "<text>", "exec")
    assert main([*asked, "--json", "--samples", "2"]) == 0
    found = json.loads(capfd.readouterr()[0])["samples"]
    assert Counter(key for one in found for key in one)["rewound"] == 2 and found[0]["text"] == out
    assert main([*asked, "--check", "false"]) == 2
    assert "no valid text of 40 symbols" in capfd.readouterr()[1]
    assert main([*asked[:-1], "nonsense"]) == 2
    assert "Allowed: " in capfd.readouterr()[1]


def test_two_threads(tiny_model: MakeModel) -> None:
    """Warnings that the interpreter hides for one are not a state of the other."""
    model = tiny_model(sharpness=1.0, arithmetic="integers")
    wanted = [generate(model, "x = 1\n", length=60, seed=seed, valid="python")[0].data for seed in range(4)]
    found: dict[int, bytes] = {}

    def one(seed: int) -> None:
        found[seed] = generate(model, "x = 1\n", length=60, seed=seed, valid="python")[0].data

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == wanted
