"""Perplexity with `<unk>`: by hand, and by trying all spellings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.score import Scorer, score
from rhapsode.modalities.text.codecs.words import Words
from rhapsode.nn.network import Network
from tests.conftest import TEXT, MakeModel

CODEC = Words([" cat", "The"], " ,act")
SHARES = [0.3, 0.2, *(0.2, 0.02, 0.08, 0.05, 0.05), *[0.05 / 16] * 16, *[0.05 / 16] * 16]
"""Of the symbols, wherever: two words; a space and ,act; high and low halves."""
UNK = 0.05 + 0.2 * 0.45 + 0.18 * 0.18


def always(codec: TextCodec, shares: list[float]) -> Model:
    """A model that always expects the same."""
    network = NetworkConfig(width=1, embedding=1)
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document")
    weights = {name: np.zeros(shape, np.float32) for name, shape in Network(network, codec.steps).shapes.items()}
    weights["output.bias"] = np.log(shares).astype(np.float32)
    return Model(config, weights)


def near(shares: float) -> Any:
    return pytest.approx(-math.log(shares), abs=0.01)


@pytest.mark.parametrize(
    ("text", "count", "share"),
    [
        ("The cat,The", 0, 1),
        # <unk> is a high half (0.05), or a space (0.2) that anything but a word makes longer (0.45), or one of act
        # (0.18) before another of these (0.18). Behind it, no letter follows (0.82).
        ("The tact cat", 1, 0.2 * UNK * 0.3 / 0.82),
        ("The tact", 1, 0.2 * UNK),
        ("cact,", 1, UNK * 0.02 / 0.82),
        # A mark that is not known.
        ("The! cat", 1, 0.2 * UNK * 0.3),
        # Two, one after another; nothing can make a comma with its space longer.
        (" , tact", 2, UNK * UNK),
        # Letters and commas by themselves are tokens, and known ones.
        ("a,c,", 0, 1),
    ],
)
def test_by_hand(text: str, count: int, share: float) -> None:
    found = score(always(CODEC, SHARES), text, unknown=True)
    assert found.unknown is not None and found.unknown_words == count
    assert found.unknown.nats == (near(share) if count else found.nats)
    assert found.perplexity_with_unk == pytest.approx(math.exp(found.unknown.nats / len(text.split())))
    assert found.nats == score(always(CODEC, SHARES), text).nats


def test_the_end_of_a_document_comes_after_a_word() -> None:
    ending = always(Ending(CODEC), [*[0.9 * share for share in SHARES], 0.1])
    found = score(ending, "The tact", unknown=True).unknown
    first = 0.9 * (0.05 + 0.2 * 0.9 * 0.45 + 0.18 * 0.9 * 0.18)
    assert found is not None and found.nats == near(0.2 * 0.9 * first * 0.1 / (1 - 0.18 * 0.9))


@pytest.mark.parametrize("arithmetic", ["float32", "integers"])
@pytest.mark.parametrize("codec", ["words", "words+end"])
@pytest.mark.parametrize("reset", ["never", "line"])
def test_all_spellings_together(tiny_model: MakeModel, codec: str, reset: str, arithmetic: str) -> None:
    model = tiny_model(codec, reset=reset, arithmetic=arithmetic)
    words, text = model.text_codec, TEXT[:400].replace("o", "a").encode()
    tokens = words.tokens(text)
    assert tokens is not None and sum(count > 1 for _, count in tokens) > 20
    first = words.first_half
    assert first is not None
    known = {piece.decode(): n for n, piece in enumerate(words.pieces) if len(piece.decode()) == 1}

    def masses(reader: Any) -> np.ndarray:
        frequency = model.categorical.frequencies(reader.parameters[0]).astype(float)
        return np.asarray(frequency / frequency.sum())

    reader, exact, ended = model.reader(), [], ""
    for token, count in tokens:
        p, own = masses(reader), words.encode(token.encode())
        rest = 1 - p[words.longer(ended)].sum() if ended else 1.0
        ended = ""
        if count > 1:
            total, ended = p[first : first + 16].sum(), token
            for character, symbol in known.items():
                after = reader.copy()
                after.read(np.array([symbol]))
                total += p[symbol] * masses(after)[words.longer(character)].sum()
            exact.append(-math.log(total / rest))
        else:
            exact.append(-math.log(p[own[0]] / rest))
        for symbol in own:
            reader.read(np.array([symbol]))
    found = Scorer(model, unknown=True).score(text, end=False).unknown
    assert found is not None and found.count == sum(count > 1 for _, count in tokens)
    assert 0 <= found.nats - math.fsum(exact) + 1e-9 < 0.002 * found.count


def test_pieces_make_no_difference_and_texts_add_up(tiny_model: MakeModel) -> None:
    model, data = tiny_model("words+end", reset="document"), (TEXT[:500].replace("o", "a") + "é—ü x").encode()
    whole = score(model, data, unknown=True)
    scorer = Scorer(model, unknown=True)
    bytewise = scorer.score(data[n : n + 1] for n in range(len(data)))
    again = scorer.score(data)
    assert whole.unknown is not None
    assert whole.unknown == bytewise.unknown == again.unknown == score(model, data, unknown=True).unknown
    assert (whole + again).unknown_words == 2 * whole.unknown_words
    assert (whole + again).perplexity_with_unk == pytest.approx(whole.perplexity_with_unk)
    assert whole.unknown.nats < whole.nats
    given = score(model, b" rest", prompt=b"unheard", unknown=True)
    assert given.nats == score(model, b" rest", prompt=b"unheard").nats


def test_mistakes(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="codec chars .*codec words"):
        score(tiny_model(), "a", unknown=True)
    for how in ({"cold": 8}, {"dynamic": True}):
        with pytest.raises(UserError, match="carried state"):
            score(tiny_model("words"), "a", unknown=True, **how)  # type: ignore[arg-type]
