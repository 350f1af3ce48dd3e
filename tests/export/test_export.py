"""`rhapsode export`: what all targets have in common."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.export._facts import public
from rhapsode.export._target import targets
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import MakeModel

SAVED = Path(__file__).parents[1] / "saved"
SECRET = "/home/somebody/private letters"
CANARY = b"what only the training index holds"


@pytest.fixture
def trained(tiny_model: MakeModel, tmp_path: Path) -> Path:
    """The folder of a training run, in which much lies that is nobody's business."""
    model = tiny_model(reset="document")
    facts = {
        "sources": [f"{SECRET}/book.txt", "~/notes/", "C:\\users\\ann\\diary.txt", "data:ptb", "-"],
        "base": f"{SECRET}/models/old",
        "train_chars": 1000,
    }
    folder = tmp_path / "somewhere" / "book"
    info = model.config.model_copy(update={"facts": facts}).model_dump(mode="json")
    checkpoint.save(folder / checkpoint.MODEL, info, model.weights)
    for name in (checkpoint.INDEX, checkpoint.RESUME, "samples.txt", "log.txt"):
        (folder / name).write_bytes(CANARY)
    return folder


FORMS = [f"out{suffix}" for suffix in targets()]


def ordered(trained: Path, place: Path, *options: str) -> int:
    """The exit status of an export, of the form that the name has; without an ending, it is a folder for the hub."""
    hub = ["--hub"] if not place.suffix else []
    return main(["export", str(trained), "-o", str(place), *hub, *options])


def exported(trained: Path, form: str, *options: str) -> dict[str, bytes]:
    """The files that an export makes, in a folder where there was nothing."""
    folder = trained.parents[1] / "made"
    folder.mkdir(exist_ok=True)
    assert ordered(trained, folder / form, *options) == 0
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_no_export_holds_more_than_it_says(trained: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = exported(trained, form)
    assert made
    for name, contents in made.items():
        for secret in (CANARY, b"private", b"somebody", b"somewhere", b"users", bytes(Path.home())):
            assert secret not in contents, f"{name} holds {secret!r}"
    told = capsys.readouterr().err
    assert "weights" in told and "book.txt" in told and "repeat passages" in told
    assert all(name in told for name in made)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_replaced_unasked(trained: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = exported(trained, form)
    capsys.readouterr()
    assert ordered(trained, trained.parents[1] / "made" / form) == 2
    assert "--overwrite" in capsys.readouterr().err
    again = exported(trained, form, "--overwrite", "--json")  # the order within a safetensors header is by chance
    assert {name: len(contents) for name, contents in again.items()} == {name: len(first[name]) for name in first}
    told = json.loads(capsys.readouterr().out)
    assert {Path(one["path"]).name: one["bytes"] for one in told["files"]} == {
        Path(name).name: len(contents) for name, contents in first.items()
    }
    assert told["digest"] == Model.load(trained).digest


def test_the_ending_says_what_it_is(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("out", "out.pt", "-", ""):
        assert main(["export", str(trained), "-o", name]) == 2
        told = capsys.readouterr().err
        assert all(suffix in told for suffix in targets()) and "--hub" in told, told
    assert main(["export", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"FILE{suffix}" in told for suffix in targets() if suffix) and "training index" in told


def test_mistakes(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "none"), "-o", str(tmp_path / "a.onnx")]) == 2
    assert "no model at" in capsys.readouterr().err
    (tmp_path / "a.onnx").mkdir()
    assert main(["export", str(trained), "-o", str(tmp_path / "a.onnx")]) == 2
    assert "is a folder" in capsys.readouterr().err
    shutil.copyfile(trained / checkpoint.MODEL, tmp_path / "b.onnx")
    assert main(["export", str(tmp_path / "b.onnx"), "-o", str(tmp_path / "b.onnx"), "--overwrite"]) == 2
    assert "also the input" in capsys.readouterr().err


def test_the_file_that_a_link_leads_to_is_written(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.onnx").symlink_to(tmp_path / "deep" / "b.onnx")
    assert main(["export", str(trained), "-o", str(tmp_path / "a.onnx")]) == 0
    assert (tmp_path / "deep" / "b.onnx").stat().st_size and not (tmp_path / "b.onnx").exists()


def test_public_facts() -> None:
    assert public({"sources": ["/a/b.txt", ".", "~", "/", "*.txt", "x/y/"], "seconds": 3}) == {
        "sources": ["b.txt", "a folder", "a folder", "a folder", "*.txt", "y"],
        "seconds": 3,
    }
    assert public({"base": "hf://ann/book@main"})["base"] == "hf://ann/book@main"
    assert public({}) == {}


@pytest.mark.parametrize("form", ["book.html", "book.c"])
def test_a_cell_in_float32_has_no_page_and_no_c(
    form: str, tiny_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tiny_model(cell="mrnn").path)
    assert main(["export", path, "-o", str(tmp_path / form)]) == 2
    told = capsys.readouterr().err
    assert f"{form} would compute in whole numbers" in told and "cell mrnn" in told and ".onnx" in told
    assert "with the same seed" not in told and not (tmp_path / form).exists()
    assert main(["export", path, "-o", str(tmp_path / "book.onnx")]) == 0
