"""What of a text stands in the training text, as the studio's page asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.data.text_index import Gathered, TextIndex
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.inference.novelty import novelty
from rhapsode.inference.states import States
from rhapsode.serving.errors import ApiError
from tests.conftest import MakeModel

pytest.importorskip("uvicorn")

from rhapsode.serving.served import Served  # noqa: E402
from rhapsode.studio.copies import Novel, copies  # noqa: E402

KNOWN = "Tell me, O muse, of that ingenious hero — θεά — who travelled far and wide.\n"
TEXT = "🏛 I sing of that ingenious hero — θεά — who stayed.\nTell me, O muse!"


@pytest.fixture
def folder(tiny_model: MakeModel, tmp_path: Path) -> Path:
    made = tiny_model(arithmetic="integers")
    Model(made.config.model_copy(update={"facts": {"data_digest": "digest"}}), made.tensors).save(
        tmp_path / checkpoint.MODEL
    )
    return tmp_path


def test_spans_and_where_the_longest_stands(folder: Path) -> None:
    gathered = Gathered(False)
    gathered.files, gathered.data = ["odyssey.txt"], ["digest"]
    gathered.add(b"Before it.\n" + KNOWN.encode(), True, 0, 0)
    TextIndex.of(gathered, [b"Tell nobody."]).save(folder / checkpoint.INDEX)
    served = Served("book", Model.load(folder), 4, 4, States())
    try:
        found = copies(served, Novel(prompt=TEXT, least=10))
        pieces = [TEXT[start : start + chars] for start, chars in found["spans"]]
        assert pieces == [" of that ingenious hero — θεά — who ", ".\nTell me, O muse"]
        figures = novelty(served.model, TEXT).figures
        assert found["in_spans"] == {str(n): share for n, share in figures.in_spans.items()} and found["held_out"]
        longest = found["longest"]
        assert (longest["text"], longest["start"], longest["chars"]) == (pieces[0], 8, len(pieces[0]))
        assert longest["from"] == {"file": "odyssey.txt", "document": 0, "line": 2, "name": "odyssey.txt"}
        assert (longest["before"], longest["after"]) == ("Before it.\nTell me, O muse,", "travelled far and wide.\n")
        assert len(copies(served, Novel(prompt=TEXT, least=3))["spans"]) > 2
        empty = copies(served, Novel(prompt=""))
        assert (empty["chars"], empty["spans"], empty["longest"]) == (0, [], None)
        assert copies(served, Novel(prompt="🏛🏛"))["longest"] is None
        with pytest.raises(UserError, match="half of a surrogate pair"):
            copies(served, Novel.model_construct(prompt="a\ud83c", least=10))
    finally:
        served.batcher.close()


def test_without_an_index_it_says_why(folder: Path, tiny_model: MakeModel) -> None:
    for name, model in {"book": Model.load(folder), "hand": tiny_model(codec="strokes", arithmetic="integers")}.items():
        served = Served(name, model, 4, 4, States())
        try:
            if name == "hand":
                with pytest.raises(ApiError, match="is a model of"):
                    copies(served, Novel(prompt="a"))
            else:
                found = copies(served, Novel(prompt="a"))
                assert set(found) == {"model", "why"} and "Train again with --index" in found["why"]
        finally:
            served.batcher.close()
