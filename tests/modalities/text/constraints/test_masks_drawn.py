"""Drawing under masks: the masked distribution, in every way of drawing; and valid texts of the model's own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from tests.conftest import MakeModel
from tests.inference.test_generate import same, scored
from tests.modalities.text.constraints.test_masks import LISP, SCHEMA, constraint, fits

pytest.importorskip("llguidance")

CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "words+end", "bpe+end"]
PATTERN = r"[ab ](é|[st]h?)\.?"
"""Few texts, in various pieces."""


def adjusted(distance: np.ndarray, sampling: Sampling, allowed: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """p of each symbol: what the options leave of the model's p, and the mask of that; where that is nothing, what the
    options leave of what the mask leaves."""
    free = choice.adjusted(distance, sampling, counts=counts)
    left = np.where(allowed, free, choice.GONE)
    if (left == choice.GONE).all():
        left = choice.adjusted(distance, sampling, allowed, counts=counts)
    frequency = choice.frequencies(left).astype(np.float64)
    return np.asarray(frequency / frequency.sum())


def exactly(model: Model, place: Constraint, length: int, sampling: Sampling) -> dict[bytes, float]:
    """The probability of each text, by walking all of them."""
    codec = model.text_codec
    first, pieces = codec.first_half, codec.pieces
    found: dict[bytes, float] = {}

    def walk(
        reader: Any, place: Constraint, data: bytes, high: int | None, p: float, left: int, counts: np.ndarray
    ) -> None:
        mask = place.mask()
        assert mask is not None
        if high is not None and first is not None:
            mask = np.zeros(codec.steps.size, bool)
            for low in range(16):
                fits = place.copy().read(bytes([high << 4 | low])) is not Verdict.IMPOSSIBLE
                mask[first + 16 + low] = fits
        if left == 0 or not mask.any():
            assert place.verdict is Verdict.VALID
            found[data] = found.get(data, 0.0) + p
            return
        (distance,) = choice.distances(model.head.distribution(reader.parameters))
        share = adjusted(distance, sampling, mask, counts)
        for symbol in np.flatnonzero(share > 1e-7).tolist():
            if symbol == codec.end:
                found[data] = found.get(data, 0.0) + p * share[symbol]
                continue
            after, then = reader.copy(), place.copy()
            after.read(np.array([symbol]))
            added, new = pieces[symbol], None
            if first is not None and first <= symbol < first + 16:
                new = symbol - first
            elif first is not None and high is not None:
                added = bytes([high << 4 | symbol - first - 16])
            then.read(added)
            often = counts + (np.arange(len(counts)) == symbol)
            walk(after, then, data + added, new, p * share[symbol], left - 1, often)

    walk(model.reader(), place.bound(codec), b"", None, 1.0, length, np.zeros(codec.steps.size, int))
    return found


OPTIONS = [
    ("chars+end", Sampling()),
    ("words+end", Sampling(temperature=1.7)),
    ("chars+end", Sampling(top_k=3)),
    ("words+end", Sampling(top_p=0.6)),
    ("bpe+end", Sampling(min_p=0.2)),
    ("chars+end", Sampling(typical=0.5)),
    ("chars+end", Sampling(frequency_penalty=2, presence_penalty=-1)),
    ("bpe+end", Sampling(logit_bias={97: 2.5, 98: -100, 101: 1}, presence_penalty=2)),
]


@pytest.mark.parametrize(("codec", "sampling"), OPTIONS, ids=str)
def test_what_is_drawn_has_the_masked_distribution(tiny_model: MakeModel, codec: str, sampling: Sampling) -> None:
    model = tiny_model(codec=codec, arithmetic="integers", sharpness=1.0, reset="document")
    wanted = exactly(model, constraint("regex", PATTERN), 20, sampling)
    assert sum(wanted.values()) == pytest.approx(1, abs=1e-3)
    assert all(re.fullmatch(PATTERN, text.decode()) for text in wanted)
    count = 250
    drawn = model.generate(samples=count, seed=5, length=20, sampling=sampling, valid=f"regex:{PATTERN}")
    seen: dict[bytes, int] = dict.fromkeys(wanted, 0)
    for one in drawn:
        assert one.stopped == "end" and one.closed == 0 and one.rewound == 0
        seen[one.data] += 1
    often = [text for text, p in wanted.items() if p * count >= 5]
    rest = count - sum(seen[text] for text in often), count * (1 - sum(wanted[text] for text in often))
    pairs = [*((seen[text], wanted[text] * count) for text in often), *([rest] if rest[1] > 1 else [])]
    if len(pairs) > 1:
        observed, expected = (np.array(part, float) for part in zip(*pairs, strict=True))
        assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3
    assert len(often) > 1 or sampling.top_k or sampling.top_p < 1 or sampling.typical < 1 or sampling.min_p


@pytest.mark.parametrize(
    ("codec", "sampling"),
    [
        *((codec, Sampling()) for codec in CODECS),
        ("chars", Sampling(temperature=0)),
        ("words+end", Sampling(top_k=1)),
        ("bpe", Sampling(top_p=0.01, repetition_penalty=1.5)),
        ("chars+end", Sampling(min_p=0.99, typical=0.01)),
        ("chars", Sampling(logit_bias={5: 100}, frequency_penalty=-2, repetition_penalty=1000, top_k=3)),
    ],
    ids=str,
)
def test_every_sample_fits_and_has_the_models_own_log_probabilities(
    tiny_model: MakeModel, codec: str, sampling: Sampling, tmp_path: Path
) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "lisp.lark").write_text(LISP)
    model = tiny_model(codec=codec, reset="document" if "+" in codec else "never")
    for name, argument in (
        ("regex", r"(Sing|sinG| 不見|ä🎭)+, [^aeiou\n]{1,20}\.?"),
        ("schema", str(tmp_path / "schema.json")),
        ("grammar", str(tmp_path / "lisp.lark")),
    ):
        options: dict[str, Any] = {"length": 120, "seed": 3, "sampling": sampling, "valid": f"{name}:{argument}"}
        batch = model.generate(samples=2, **options)
        for row, one in enumerate(batch):
            assert fits(name, one.data.decode()), one.data
            assert len(one.steps) <= 120 and np.array_equal(one.log_probs, scored(model, b"", one.steps))
            if row == 1:
                stream = model.stream(row=row, **options)
                pieces = b"".join(piece.data for piece in stream)
                (alone,) = model.generate(row=row, **options)
                assert same(alone, one) and same(stream.sample(), one) and pieces == one.data


@pytest.mark.parametrize("codec", ["chars", "words", "bpe"])
def test_halves_of_bytes_fit_together(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec, sharpness=1.0)
    codec_of = model.text_codec
    for one in model.generate(samples=12, seed=1, length=60, valid=r"regex:([α-ω]|[一-龥]|🎭|ß)*"):
        text = one.data.decode()
        assert re.fullmatch("([α-ω]|[一-龥]|🎭|ß)*", text)
        first = codec_of.first_half
        if first is not None:  # no half without its other half
            halves = [(step - first) // 16 for step in one.steps.tolist() if step >= first]
            steps = ["low" if half else "high" for half in halves]
            assert steps == ["high", "low"] * (len(steps) // 2)


def test_together_with_another_constraint(tiny_model: MakeModel) -> None:
    model = tiny_model(sharpness=1.0)
    both = ["regex:([a-e]+ = [a-e0-9]+\n)*", "python"]
    for one in model.generate(samples=5, seed=2, length=60, valid=both):
        assert re.fullmatch("([a-e]+ = [a-e0-9]+\n)*", one.text)
        compile(one.text, "sample", "exec")
    found = model.generate(samples=8, seed=2, length=30, valid=["regex:[a-e]+", "regex:([ac]|ee)+[de]"])
    assert all(re.fullmatch("([ac]|ee)+[de]", one.text) for one in found)


def test_two_languages_without_a_common_text(tiny_model: MakeModel) -> None:
    model = tiny_model()
    with pytest.raises(UserError, match="no valid text of 30 symbols"):
        model.generate(seed=2, length=30, valid=["regex:[a-e]+x", "regex:[a-e]+y"])


def test_a_complete_text_ends(tiny_model: MakeModel) -> None:
    for reset in ("never", "line"):
        model = tiny_model(reset=reset)
        (one,) = model.generate("Si", seed=2, length=30, valid="regex:Sing")
        assert one.data.removesuffix(b"\n") == b"ng" and one.stopped == "end"
        (one,) = model.generate("Sing", seed=2, length=30, valid="regex:Sing")
        assert one.data.removesuffix(b"\n") == b"" and one.stopped == "end"


def test_lines_end_where_they_are_valid(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="line", sharpness=1.0)
    for one in model.generate("the anger\nof", samples=20, seed=4, length=40, valid="regex:of [a-m]{3,}"):
        assert re.fullmatch(" [a-m]{3,}\n?", one.text) and (one.stopped == "length" or one.text.endswith("\n"))


def test_at_the_length_what_is_open_is_closed(tiny_model: MakeModel, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    model = tiny_model(sharpness=1.0)
    closed = []
    for length in range(50, 90, 8):
        (one,) = model.generate(seed=length, length=length, valid=f"schema:{tmp_path / 'schema.json'}")
        assert fits("schema", one.text) and len(one.steps) <= length
        assert np.array_equal(one.log_probs, scored(model, b"", one.steps))
        closed.append(one.closed)
    assert any(closed)
    with pytest.raises(UserError, match="no valid text of 20 symbols"):
        model.generate(seed=1, length=20, valid=f"schema:{tmp_path / 'schema.json'}")


def test_an_impossible_prompt_is_refused_with_the_reason(tiny_model: MakeModel) -> None:
    with pytest.raises(
        UserError, match=r"constraint regex.*: line 1, character 2: 'i' cannot stand here\. Wanted: 'a' to 'c'"
    ):
        tiny_model().generate("Sing", valid="regex:S[abc].*")


def test_an_empty_mask_in_the_middle_is_an_error(tiny_model: MakeModel, tmp_path: Path) -> None:
    (tmp_path / "g.lark").write_text('start: "q" x\nx: x "a"')
    with pytest.raises(UserError, match="line 1, character 2: nothing can follow"):
        tiny_model().generate(seed=1, length=20, valid=f"grammar:{tmp_path / 'g.lark'}")
