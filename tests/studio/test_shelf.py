"""The models that a person has: read once, renamed, deleted and brought back; how good they are; their pictures."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.studio.measured import loss_of, quality_of
from rhapsode.studio.pictures import picture
from rhapsode.studio.shelf import Shelf


@pytest.fixture
def home(models: Path, tmp_path: Path) -> Path:
    shutil.copytree(models, tmp_path / "home")
    return tmp_path / "home"


def names(shelf: Shelf) -> set[str]:
    return {name for name in shelf.models() if not name.startswith("demo:")}


def test_heads_are_read_when_files_have_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = checkpoint.load_info
    monkeypatch.setattr(checkpoint, "load_info", lambda path: read.append(str(path)) or load(path))
    shelf = Shelf({}, home)
    found = shelf.models()["book"]
    assert shelf.about(found)["sample"] == "last" and shelf.about(found)["loss"] is None
    assert len(read) == 1
    (home / "book" / "samples.txt").write_text("--- update 3, valid 1 ---\nnewer\n")
    assert shelf.about(shelf.models()["book"])["sample"] == "newer" and len(read) == 2
    (home / "book" / "model.safetensors").write_bytes(b"no model")
    for _ in range(2):
        with pytest.raises(UserError, match="book"):
            shelf.about(shelf.models()["book"])
    assert len(read) == 3  # what is damaged is not read again, either


def test_a_model_is_renamed_deleted_and_brought_back(home: Path) -> None:
    shelf = Shelf({}, home)
    assert shelf.rename("old/letters", "new") == "old/new"
    assert names(shelf) == {"book", "old/new"}
    with pytest.raises(UserError, match="already"):
        (home / "old" / "other").mkdir()
        shelf.rename("old/new", "other")
    trash = shelf.discard("old/new")
    assert names(shelf) == {"book"} and (home / ".trash" / trash / checkpoint.MODEL).is_file()
    shutil.copytree(home / "book", home / "old" / "new")
    assert shelf.discard("old/new") == "new-2"  # nothing in the trash is replaced
    shelf.restore("new-2")
    assert names(shelf) == {"book", "old/new"}
    with pytest.raises(UserError, match="there again"):
        shelf.restore(trash)
    with pytest.raises(UserError, match="no '../book' in the trash"):
        shelf.restore("../book")


def test_what_is_not_the_studios_stays(home: Path, models: Path) -> None:
    shelf = Shelf({"given": str(models / "book")}, home)
    shutil.copytree(home / "book", home / "old" / "model")  # called `old`: its folder holds the other one, too
    for name, why in (("demo:handwriting", "not in"), ("given", "not in"), ("old", "other models, too: old/letters")):
        with pytest.raises(UserError, match=why):
            shelf.discard(name)
    with pytest.raises(UserError, match="was started"):
        Shelf({}, home / "old" / "letters").discard("letters")
    where = json.dumps({"from": "../../escaped"})
    shelf.discard("old/letters")
    (home / ".trash" / "letters" / ".from.json").write_text(where)
    shelf.restore("letters")
    assert (home / "letters" / checkpoint.MODEL).is_file()


def test_a_demo_has_the_name_of_its_folder(home: Path) -> None:
    shutil.copytree(home / "book", home / "models" / "demo-text" / "model")
    (home / "models" / "demo-text" / "topics.txt").write_text("a text")
    shutil.copytree(home / "book", home / "models" / "demo-speech" / "voice")
    shutil.copytree(home / "book", home / "old" / "letters" / "prosody")  # a part of the voice
    shelf = Shelf({}, home)
    assert names(shelf) == {"book", "old/letters", "models/demo-text", "models/demo-speech"}
    assert shelf.rename("models/demo-speech", "hers") == "models/hers/voice"
    shelf.discard("models/demo-text")
    assert not (home / "models" / "demo-text").exists()


def test_how_good_a_model_is() -> None:
    facts: dict[str, Any] = {"valid_nats_per_step": 1.5, "valid_steps": 1010, "valid_chars": 1000}
    found = loss_of(facts, "chars")
    assert found is not None and found["unit"] == "bits"
    assert found["value"] == pytest.approx(1.5 * 1.01 / math.log(2))
    assert loss_of({"valid_nats_per_step": -3.0, "valid_chars": 0}, "strokes") == {"value": -3.0, "unit": "point"}
    assert loss_of({}, "chars") is None
    assert quality_of(Path("/nowhere"), "chars") == []


def test_a_picture_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path))
    shelf = Shelf({}, None)
    hand = shelf.models()["demo:handwriting"]
    about = shelf.about(hand)
    assert about["picture"] == "model"
    drawn = picture(hand.path, about["digest"])
    assert drawn is not None and drawn.startswith(b"<") and b"<path" in drawn
    monkeypatch.setattr("rhapsode.studio.pictures.Model", None)  # it is not loaded again
    assert picture(hand.path, about["digest"]) == drawn
