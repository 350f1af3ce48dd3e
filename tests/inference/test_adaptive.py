"""All that can be done with a model works with adaptive softmax, too: in float32 and in whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.export._target import Order, targets
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from rhapsode.report import Report
from rhapsode.training.run import train
from tests.conftest import TEXT, MakeModel
from tests.training.small import SMALL, weights

HEAD = {"name": "adaptive", "cutoffs": [40, 80], "features": 8}
DATA = TEXT[:600].encode()


@pytest.fixture(params=["float32", "integers"])
def model(request: pytest.FixtureRequest, tiny_model: MakeModel) -> Model:
    return tiny_model("words+end", reset="document", arithmetic=request.param, head=HEAD)


def test_symbols_are_ranked_by_frequency(model: Model) -> None:
    """Those that spell words, and the end, are in the shortlist, though their numbers are the last."""
    steps = model.codec.steps
    words = len(model.config.codec["words"])
    assert (steps.size, steps.first) == (words + len(model.config.codec["characters"]) + 32 + 1, words)  # type: ignore[attr-defined]


def test_score_is_what_training_computes_and_compression_reaches(model: Model) -> None:
    import torch

    scored = score(model, DATA, per_step=True)
    assert scored.surprises is not None
    symbols = [*model.text_codec.encode(DATA).tolist(), model.end]
    own = {name: torch.tensor(weight) for name, weight in model.weights.items()}
    inputs = torch.tensor([model.codec.steps.start, *symbols[:-1]])[:, None]
    parameters, _ = model.network.run(own, inputs, model.network.zeros(1, own["output.bias"]))
    nats = model.network.nll(own, parameters, torch.tensor(symbols)[:, None])[:, 0].numpy()
    near = 0.005 if not model.whole else 0.1
    assert np.abs(nats - [step.nats for step in scored.surprises]).mean() < near
    packed = model.compress(DATA)
    assert len(packed) < scored.nats / np.log(2) / 8 + 100
    assert model.decompress(packed) == DATA
    cold = score(model, DATA, cold=5000)
    assert cold.nats == pytest.approx(scored.nats, rel=1e-9)
    assert score(model, DATA, unknown=True).nats == scored.nats


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"temperature": 0},
        {"temperature": 0.7, "top_k": 30, "top_p": 0.9, "min_p": 0.01, "typical": 0.9, "repetition_penalty": 1.3},
        {"logit_bias": {0: -100, 90: 5}, "frequency_penalty": 1, "presence_penalty": 0.5},
    ],
    ids=str,
)
def test_generation(model: Model, how: dict[str, Any]) -> None:
    samples = model.generate("Sing", length=25, samples=2, seed=3, ignore_end=True, sampling=Sampling(**how))
    (alone,) = model.generate("Sing", length=25, seed=3, ignore_end=True, sampling=Sampling(**how))
    assert samples[0].data == alone.data
    streamed = b"".join(
        piece.data for piece in model.stream("Sing", length=25, seed=3, ignore_end=True, sampling=Sampling(**how))
    )
    assert streamed == alone.data
    if not how:
        reader = model.reader()
        for symbol in model.text_codec.encode(b"Sing").tolist():
            reader.read(np.array([symbol]))
        for symbol, log_prob in zip(alone.steps.tolist(), alone.log_probs.tolist(), strict=True):
            assert model.categorical.log_prob(reader.parameters, np.array([symbol]))[0] == log_prob
            reader.read(np.array([symbol]))


def test_beam_finds_what_temperature_zero_finds(model: Model) -> None:
    (best,) = model.beam("Sing", width=1, length=12)
    (greedy,) = model.generate("Sing", length=12, seed=0, sampling=Sampling(temperature=0))
    assert best.steps.tolist() == greedy.steps.tolist()
    assert len(model.beam("Sing", width=4, length=8)) == 4


def test_exports(model: Model) -> None:
    for name in ("a.onnx", "a.html"):
        if name.endswith(".onnx") or model.whole:
            suffix = name[1:]
            assert targets()[suffix].make(Order(model, name))[name]
    with pytest.raises(UserError, match="head is adaptive"):
        targets()[".c"].make(Order(model, "a.c"))


@pytest.mark.parametrize(
    ("network", "head"),
    [({}, "adaptive"), ({"head": "categorical"}, "categorical"), ({"tied": True, "embedding": 8}, "categorical")],
    ids=str,
)
def test_large_vocabularies_of_words_get_it(tmp_path: Path, network: dict[str, Any], head: str) -> None:
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"word{n % 4200}" for n in range(3 * 4200 + 5000)))
    notes = list[str]()

    class Heard(Report):
        def note(self, message: str) -> None:
            notes.append(message)

    how: dict[str, Any] = {**SMALL, "network": {"width": 8, "embedding": 4, **network}}
    train([text], tmp_path / "model", codec="words", updates=2, valid_fraction=0.05, report=Heard(), **how)
    model = Model.load(tmp_path / "model")
    assert model.codec.steps.choices > 4200 and model.head.name == head
    assert any("adaptive softmax" in note for note in notes) == (head == "adaptive")


def test_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT * 8)
    how: dict[str, Any] = {**SMALL, "codec": "words", "network": {"width": 16, "embedding": 8, "head": HEAD}}
    result = train([text], tmp_path / "whole", updates=80, **how)
    assert result.finished
    model = Model.load(tmp_path / "whole")
    assert model.head.name == "adaptive" and model.whole
    assert result.valid_nats < 0.8 * np.log(model.codec.steps.choices)
    train([text], tmp_path / "parts", updates=40, **how)
    train([], tmp_path / "parts", updates=40, resume=True)
    assert weights(tmp_path / "parts").keys() == weights(tmp_path / "whole").keys()
    tuned = train([text], tmp_path / "tuned", updates=5, base=tmp_path / "whole")
    assert tuned.finished and Model.load(tmp_path / "tuned").head.name == "adaptive"
    assert model.adapted(TEXT[:200]).model.head.name == "adaptive"
