"""`/api/states` and `/api/read`: what a model holds, and makes, of a text."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from rhapsode.inference.inside import activity, marking
from rhapsode.inference.model import Model
from rhapsode.serving import looking, reading
from tests.conftest import TEXT, MakeModel
from tests.serving.conftest import serving
from tests.serving.test_guard import JSON, send

SHORT = TEXT[:300]


def ask(address: str, path: str = "/api/states", **body: Any) -> tuple[int, Any]:
    status, headers, answer = send(address, "POST", path, json.dumps(body).encode(), JSON)
    assert headers["content-type"] == "application/json"
    return status, answer


def numbers(answer: Any) -> np.ndarray:
    """As a client reads them."""
    kind = {"float16": "<f2", "float32": "<f4"}[answer["type"]]
    return np.frombuffer(base64.b64decode(answer["data"]), kind).reshape(answer["shape"]).astype(np.float32)


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
@pytest.mark.parametrize("what", [None, "cells", "outputs"])
def test_states(tiny_model: MakeModel, arithmetic: str, what: str | None) -> None:
    model = tiny_model(arithmetic=arithmetic, layers=2)
    symbols = model.text_codec.encode(SHORT.encode())
    with serving({"book": model}) as (address, _):
        status, answer = ask(address, prompt=SHORT, layer=1, what=what)
        assert status == 200
        assert ask(address, prompt=symbols.tolist(), layer=1, what=what)[1] == answer
        some = ask(address, prompt=SHORT, layer=1, what=what, cells=[7, 0])[1]
        assert ask(address, prompt="")[1]["shape"] == [0, 12]
    values = np.concatenate(list(activity(model, symbols, 1, what)))
    assert answer["shape"] == list(values.shape) and answer["cells"] == list(range(12)) and answer["width"] == 12
    assert (answer["layer"], answer["what"], answer["type"]) == (1, what or "cells", "float16")
    assert np.abs(numbers(answer) - values).max() < 2**-9 * max(1, np.abs(values).max())
    assert answer["ids"] == symbols.tolist() and "".join(answer["tokens"]) == SHORT
    assert some["cells"] == [7, 0] and (numbers(some) == numbers(answer)[:, [7, 0]]).all()


def test_cells_that_mark_a_span(address: str, book: Model) -> None:
    symbols = book.text_codec.encode(SHORT.encode())
    answer = ask(address, prompt=SHORT, span=[20, 60], top=3)[1]
    values = np.concatenate(list(activity(book, symbols)))
    found = marking(values, 20, 60, 3)
    assert answer["cells"] == [one.unit for one in found] and answer["span"] == [20, 60]
    assert [one["correlation"] for one in answer["found"]] == [one.correlation for one in found]
    assert answer["shape"] == [300, 3] and np.abs(numbers(answer) - values[:, answer["cells"]]).max() < 0.01


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"layer": 1}, "there is no layer 1; they go from 0 to 0"),
        ({"what": "weights"}, "what: Input should be 'cells', 'outputs' or 'gates'"),
        ({"what": "gates"}, "whose gates are input, forget, output"),
        ({"what": "gates", "gate": "reset"}, "whose gates are input, forget, output"),
        ({"gate": "forget"}, "gate: it is only for gates"),
        ({"cells": [12]}, "there is no unit 12; layer 0 has 12"),
        ({"cells": []}, "cells"),
        ({"cells": [True]}, "cells"),
        ({"span": [3, 3]}, "span"),
        ({"span": [0, 301]}, "must be a part of the 300 tokens"),
        ({"span": [0, 300]}, "is not the whole text"),
        ({"span": [0, 3], "cells": [1]}, "leave one of the two out"),
        ({"prompt": [99_999]}, "does not exist"),
        ({"prompt": "a" * (looking.TOKENS + 1)}, "has 20,001 tokens"),
    ],
)
def test_what_cannot_be_looked_at(address: str, body: dict[str, Any], message: str) -> None:
    status, answer = ask(address, **{"prompt": SHORT} | body)
    assert status == 400 and message in answer["error"]["message"]


def test_cells_too_large_for_half_precision(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    large = np.arange(24, dtype=np.float32).reshape(2, 12) * 10_000
    monkeypatch.setattr(looking, "activity", lambda *_: iter([large]))
    with serving({"book": model}) as (address, _):
        answer = ask(address, prompt="ab")[1]
    assert answer["type"] == "float32" and (numbers(answer) == large).all()


def test_a_cell_without_memory(tiny_model: MakeModel) -> None:
    with serving({"book": tiny_model(cell="gru")}) as (address, _):
        assert ask(address, prompt=SHORT)[1]["what"] == "outputs"
        status, answer = ask(address, prompt=SHORT, what="cells")
        assert status == 400 and "look at its outputs" in answer["error"]["message"]


@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_gates(tiny_model: MakeModel, arithmetic: str) -> None:
    model = tiny_model(arithmetic=arithmetic)
    symbols = model.text_codec.encode(SHORT.encode())
    values = np.concatenate(list(activity(model, symbols, 0, "gates", "forget")))
    with serving({"book": model}) as (address, _):
        answer = ask(address, prompt=SHORT, what="gates", gate="forget")[1]
        some = ask(address, prompt=SHORT, what="gates", gate="forget", span=[20, 60], top=3)[1]
        empty = ask(address, prompt="", what="gates", gate="forget")[1]
    assert (answer["what"], answer["gate"]) == ("gates", "forget") and np.abs(numbers(answer) - values).max() < 1e-3
    assert (answer["parts"], answer["gates"]) == (["cells", "outputs"], ["input", "forget", "output"])
    assert answer["open"] == (values > 0.9).mean(axis=0).tolist() and max(answer["open"]) > 0
    assert answer["closed"] == (values < 0.1).mean(axis=0).tolist() and max(answer["closed"]) > 0
    assert some["open"] == [answer["open"][unit] for unit in some["cells"]] and len(some["cells"]) == 3
    assert empty["shape"] == [0, 12] and empty["open"] == [0] * 12


def test_reading_is_bounded(address: str, book: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is too long is refused; others are answered piece by piece, with the numbers of `score`."""
    monkeypatch.setattr(reading, "TOKENS", 3000)
    monkeypatch.setattr(reading, "NUMBERS", 1000)
    status, answer = ask(address, "/api/read", prompt="a" * 3001)
    assert status == 400 and answer["error"]["code"] == "too_large" and "3,001 tokens" in answer["error"]["message"]
    text = (TEXT * 2)[:2500]
    for prompt in (text, book.text_codec.encode(text.encode()).tolist()):
        status, answer = ask(address, "/api/read", prompt=prompt)
        assert status == 200 and len(answer["tokens"]) == len(book.text_codec.encode(text.encode()))
        assert answer["nats"] == book.score(text, end=False).nats
    assert ask(address, "/api/read", prompt="")[1]["tokens"] == []
