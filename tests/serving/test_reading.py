"""What a model makes of a text, over HTTP: all of it, a part of it, and what it expects next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.inference.model import Model
from tests.conftest import MakeModel
from tests.serving.conftest import serving

httpx = pytest.importorskip("httpx")

TEXT = "Sing, goddess, the anger — über alles\nof Achilles 🏛 and so on. " * 9


def asked(address: str, path: str, **body: Any) -> Any:
    found = httpx.post(f"{address}{path}", json=body)
    assert found.status_code == 200, found.text
    return found.json()


@pytest.mark.parametrize("codec", ["chars", "bytes", "bpe"])
def test_a_part_is_the_part_of_the_whole(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec, arithmetic="integers", sharpness=1.5)
    with serving({"one": model}) as (address, _):
        whole = asked(address, "/api/read", prompt=TEXT, top=3)
        assert whole["count"] == len(whole["tokens"])
        assert whole["nats"] == pytest.approx(model.score(TEXT).nats, rel=1e-12)
        for begin, end in ((0, 4), (7, 9), (300, None), (whole["count"] - 1, None), (10**6, None)):
            part = asked(address, "/api/read", prompt=TEXT, top=3, begin=begin, end=end)
            assert part["tokens"] == whole["tokens"][begin:end] and part["count"] == whole["count"]
        offsets = [one["offset"] for one in whole["tokens"]]
        assert offsets == sorted(offsets) and offsets[0] == 0
        ends = [*offsets[1:], len(TEXT)]
        for one, begin, end in zip(whole["tokens"], offsets, ends, strict=True):
            if not one["token"].startswith("bytes:"):
                assert TEXT[begin:end] == one["token"]


def expected(address: str, **body: Any) -> tuple[dict[str, float], dict[str, float], Any]:
    found = asked(address, "/api/next", top=100, **body)
    tokens = found["tokens"]
    return {one["token"]: one["p"] for one in tokens}, {one["token"]: one["drawn"] for one in tokens}, found


def test_what_comes_next(book: Model, address: str) -> None:
    before, after, found = expected(address, prompt="Sing, g")
    [p] = book.categorical.probabilities(_behind(book, "Sing, g"))
    assert sum(before.values()) == pytest.approx(1) and before == after and found["left"] == found["size"] == len(p)
    assert sorted(before.values()) == sorted(p.tolist())
    assert found["entropy"] == pytest.approx([-(p * np.log(p)).sum()] * 2)
    _, some, found = expected(address, prompt="Sing, g", top_k=3)
    assert (
        found["left"] == 3 and sum(value > 0 for value in some.values()) == 3 and sum(some.values()) == pytest.approx(1)
    )
    _, certain, _ = expected(address, prompt="Sing, g", temperature=0)
    assert sorted(certain.values())[-2:] == [0, 1]
    _, hot, _ = expected(address, prompt="Sing, g", temperature=2)
    assert max(hot.values()) < max(before.values())
    # What was written lately becomes rarer.
    _, rare, _ = expected(address, prompt="Sing, gggg", repetition_penalty=5)
    assert rare["g"] < expected(address, prompt="Sing, gggg")[0]["g"]


def _behind(model: Model, text: str) -> np.ndarray:
    reader = model.reader()
    for _ in reader.read_all(model.codec.encode(text.encode()).astype(np.int64)):
        pass
    return np.asarray(reader.parameters)
