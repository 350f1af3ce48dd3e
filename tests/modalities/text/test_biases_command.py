"""`rhapsode generate` with biases and penalties, and the symbols that a text names."""

from __future__ import annotations

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from tests.conftest import MakeModel
from tests.inference.test_score_command import Run, model, run  # noqa: F401


def test_options(run: Run, tiny_model: MakeModel) -> None:  # noqa: F811
    made = tiny_model(codec="chars+end", reset="document")
    codec, end = made.text_codec, made.end
    e, line = codec.symbol(b"e"), codec.symbol(b"\n")
    how = ["--length", 40, "--seed", 2, "--no-echo", "--json"]
    biases = ["--logit-bias", "e=-100", "--logit-bias", r"\n=1.5", "--logit-bias", f"#{end}=-2"]
    found = run("generate", made.path, "Sing", *how, *biases, "--presence-penalty", 1.5).json
    sampling = Sampling(logit_bias={e: -100, line: 1.5, end: -2}, presence_penalty=1.5)
    sample = made.generate("Sing", length=40, seed=2, sampling=sampling)[0]
    assert found["samples"][0]["text"] == sample.text and "e" not in sample.text
    assert found["samples"][0]["log_probs"] == sample.log_probs.tolist()
    found = run("generate", made.path, "Sing", *how, "--logit-bias", "<end>=-100", "--frequency-penalty", -1).json
    sampling = Sampling(logit_bias={end: -100}, frequency_penalty=-1)
    assert found["samples"][0]["text"] == made.generate("Sing", length=40, seed=2, sampling=sampling)[0].text
    assert found["samples"][0]["stopped"] == "length"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--logit-bias", "e"], "Allowed: SYMBOL=X"),
        (["--logit-bias", "=3"], "Allowed: SYMBOL=X"),
        (["--logit-bias", "e=x"], "Allowed: SYMBOL=X"),
        (["--logit-bias", "e=nan"], "Allowed: -100 to 100"),
        (["--logit-bias", "e=100.1"], "Allowed: -100 to 100"),
        (["--logit-bias", "th=1"], "'th' is not one symbol of this model, but 2: 't' (number "),
        (["--logit-bias", "e=1", "--logit-bias", r"\x65=2"], "has a bias already"),
        (["--logit-bias", "#9999=1"], "symbol 9999 does not exist"),
        (["--logit-bias", r"\q=1"], "is no escape"),
        (["--beam", 2, "--logit-bias", "e=1"], "--logit-bias has no meaning"),
        (["--beam", 2, "--frequency-penalty", 1], "--frequency-penalty has no meaning"),
        (["--frequency-penalty", 2.5], "frequency_penalty"),
        (["--presence-penalty", "nan"], "presence_penalty"),
    ],
)
def test_mistakes(run: Run, model: str, arguments: list[object], message: str) -> None:  # noqa: F811
    run("generate", model, *arguments)
    assert run.status == 2 and message in run.error and not run.out


@pytest.mark.parametrize("codec", ["chars", "bytes", "words", "bpe", "chars+end", "bpe+end"])
def test_symbols_that_a_text_names(tiny_model: MakeModel, codec: str) -> None:
    made = tiny_model(codec=codec).text_codec
    pieces = made.pieces
    named = 0
    for symbol, piece in enumerate(pieces):
        if piece and pieces.count(piece) == 1:
            assert made.symbol(piece) == symbol
            named += 1
    assert named > 20
    if made.end is not None:
        assert made.symbol(b"<end>") == made.end
    with pytest.raises(UserError, match=r"is not one symbol of this model, but \d+: .*…"):
        made.symbol("no single symbol \u4e0d".encode() * 9)
    with pytest.raises(UserError, match="the empty text is no symbol"):
        made.symbol(b"")
