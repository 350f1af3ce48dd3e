"""The Hugging Face Hub: the folder for it, `rhapsode push`, and models called `hf://USER/NAME`; against a stand-in."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import rhapsode
from rhapsode.cli import main
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import MakeModel
from tests.export.standin import TOKEN, Hub, serving

huggingface_hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
constants = pytest.importorskip("huggingface_hub.constants")
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # within the library, at uploads
SAVED = Path(__file__).parents[1] / "saved"
SHIPPED = checkpoint.SHIPPED


class Done(NamedTuple):
    status: int
    out: str
    error: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def command(*words: str | Path) -> Done:
        status = main([*map(str, words)])
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    return command


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """An empty hub, with a cache in which there is nothing yet."""
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no login"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # which is a protocol of its own
    with serving() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        yield found


@pytest.fixture
def book(tiny_model: MakeModel) -> Path:
    path = tiny_model().path
    assert path is not None
    return path.parent


# --- the folder ---


@pytest.mark.parametrize("name", ["text-stream", "text-documents", "pens-window", "music-melody", "speech-voice"])
def test_the_folder_is_the_same_model(name: str, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "my model"
    assert run("export", SAVED / name, "-o", folder, "--hub", "--licence", "cc-by-4.0").status == 0
    old, new = Model.load(SAVED / name), Model.load(folder)
    assert new.digest == old.digest and new.licence == "cc-by-4.0"
    assert new.config.facts.get("updates") == old.config.facts.get("updates")
    auxiliary = old.codec.auxiliary
    if auxiliary:
        assert Model.load(folder / auxiliary).digest == Model.load(SAVED / name / auxiliary).digest
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "rhapsode" and config["digest"] == old.digest

    card = huggingface_hub.ModelCard.load(folder / "README.md")
    assert card.data.library_name == "rhapsode" and card.data.license == "cc-by-4.0"
    assert huggingface_hub.metadata_load(folder / "README.md")["tags"][:2] == ["rhapsode", "lstm"]
    assert f"`{old.digest}`" in card.text and f"{old.network.parameters:,}" in card.text
    assert "rhapsode " in card.text and "reveals" in card.text


def test_what_belongs_to_a_model_goes_along_and_16_bits_remain(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("export", "demo:handwriting", "-o", tmp_path / "hand", "--hub").status == 0
    for name in ("model.safetensors", "recogniser.safetensors"):
        info, tensors = checkpoint.stored(tmp_path / "hand" / name)
        before, old = checkpoint.stored(SHIPPED / "handwriting" / name)
        assert {key: value.dtype for key, value in tensors.items()} == {key: value.dtype for key, value in old.items()}
    assert run("write", tmp_path / "hand", "a", "-o", tmp_path / "a.svg", "--seed", "1", "--length", "20").status == 0


def test_a_card_has_the_figures_of_the_training(run, tmp_path: Path, book: Path) -> None:  # type: ignore[no-untyped-def]
    info, tensors = checkpoint.stored(book / "model.safetensors")
    facts = {"sources": [f"{tmp_path}/book.txt", "data:ptb"], "base": "models/old", "documents": 2, "updates": 90}
    facts |= {"valid_nats_per_step": 1.5, "valid_chars": 100, "valid_steps": 120, "train_chars": 9000, "seconds": 90}
    checkpoint.save(tmp_path / "m" / "model.safetensors", info | {"facts": facts}, tensors)
    assert run("export", tmp_path / "m", "-o", tmp_path / "out", "--hub").status == 0
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    (result,) = card.data.eval_results
    assert result.metric_type == "bits_per_character" and result.metric_value == pytest.approx(
        1.8 / math.log(2), abs=1e-4
    )
    assert card.data.pipeline_tag == "text-generation"
    for said in (
        "2.597",
        "held out",
        "static",
        "carried",
        "`book.txt`, `data:ptb`, 9,000 characters",
        "1.5 minutes",
        "`old`",
    ):
        assert said in card.text, said
    assert str(tmp_path) not in card.content


def test_a_card_has_what_was_measured(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(SAVED / "speech-voice", tmp_path / "voice")
    for measured in ({"mcd_db": 5.5, "utterances": 3}, {"other": 1}):
        (tmp_path / "voice" / "quality.json").write_text(json.dumps(measured))
        assert run("export", tmp_path / "voice", "-o", tmp_path / "out", "--hub", "--overwrite").status == 0
        text = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md").text
        assert ("| measured |" in text) == ("mcd_db" in measured)


def test_a_folder_of_a_training_is_not_given_away(run, tmp_path: Path, book: Path) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(book, tmp_path / "run")
    (tmp_path / "run" / checkpoint.INDEX).write_bytes(b"secret")
    done = run("export", book, "-o", tmp_path / "run", "--hub", "--overwrite")
    assert done.status == 2 and "not to be given away" in done.error
    done = run("export", book, "-o", book, "--hub", "--overwrite")
    assert done.status == 2 and "also the input" in done.error
    done = run("export", book, "-o", tmp_path / "run" / checkpoint.INDEX, "--hub")
    assert done.status == 2 and "is a file" in done.error


# --- upload ---


def test_push_names_everything_first_and_others_can_use_it(
    run, hub: Hub, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    done = run("push", book, "ann/book", "--token-file", tmp_path / "token", "--licence", "cc0-1.0", "-q")
    assert done.status == 0, done.error
    assert done.out == f"{hub.address}/ann/book\n"
    files = hub.repositories["ann/book"]["commits"][-1][1]
    assert set(files) == {"README.md", "config.json", "model.safetensors"}
    assert not hub.repositories["ann/book"]["private"]
    assert all(name in done.error for name in files) and "everyone" in done.error and "repeat passages" in done.error
    assert TOKEN not in done.error and b"hf://ann/book" in files["README.md"]

    hub.asked.clear()
    first = run("generate", "hf://ann/book", "Sing", "--seed", "1", "--length", "20")
    assert first.status == 0 and first.out == run("generate", book, "Sing", "--seed", "1", "--length", "20").out
    assert rhapsode.load("hf://ann/book").licence == "cc0-1.0"
    assert hub.asked
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert run("generate", "hf://ann/book", "Sing", "--seed", "1", "--length", "20").out == first.out
    done = run("inspect", "hf://ann/book", "--json")
    assert json.loads(done.out)["digest"] == Model.load(book).digest
    (tmp_path / "a.txt").write_text("Sing, goddess")
    assert run("score", "hf://ann/book", tmp_path / "a.txt").status == 0
    assert run("export", "hf://ann/book", "-o", tmp_path / "a.onnx").status == 0
    assert run("compress", "hf://ann/book", tmp_path / "a.txt", "-o", tmp_path / "a.rhap").status == 0
    assert run("decompress", book, tmp_path / "a.rhap", "-o", tmp_path / "b.txt").status == 0


def test_fine_tuning_goes_on_from_the_hub(run, hub: Hub, tmp_path: Path, book: Path) -> None:  # type: ignore[no-untyped-def]
    hub.commit("ann/book", {"model.safetensors": (book / "model.safetensors").read_bytes()})
    (tmp_path / "new.txt").write_text("Sing, goddess, the anger of Achilles, son of Peleus.\n" * 40)
    done = run("train", tmp_path / "new.txt", "-o", tmp_path / "m", "--from", "hf://ann/book", "--updates", "1", "-q")
    assert done.status == 0, done.error
    assert Model.load(tmp_path / "m").config.facts["base"] == "hf://ann/book"


def test_all_parts_of_a_voice_come(run, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = run("push", SAVED / "speech-voice", "ann/voice", "--private", "--json")
    assert done.status == 0, done.error
    told = json.loads(done.out)
    assert told["model"] == "hf://ann/voice" and told["address"] == f"{hub.address}/ann/voice"
    assert {one["path"] for one in told["files"]} >= {"model.safetensors", "prosody/model.safetensors"}
    assert hub.repositories["ann/voice"]["private"] and "only you" in done.error
    path = checkpoint.locate("hf://ann/voice")
    assert (path.parent / "prosody" / "model.safetensors").is_file()
    assert run("push", SAVED / "speech-voice", "ann/voice", "--private").status == 0  # another commit
    hub.commit("ann/open", {"a.txt": b"a"})
    done = run("push", SAVED / "speech-voice", "ann/open", "--private")
    assert done.status == 2 and "everyone can see it" in done.error
    assert set(hub.repositories["ann/open"]["commits"][-1][1]) == {"a.txt"}


def test_dry_run_uploads_nothing(run, hub: Hub, book: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("push", book, "ann/book", "--dry-run")
    assert done.status == 0 and "would upload" in done.error and "model.safetensors" in done.error
    assert not hub.asked and not hub.repositories


# --- download ---


def test_revisions(run, hub: Hub, tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    one, two = tiny_model(), tiny_model(seed=1)
    marks = [hub.commit("ann/book", {"model.safetensors": each.path.read_bytes()}) for each in (one, two)]  # type: ignore[union-attr]
    assert Model.load(f"hf://ann/book@{marks[0]}").digest == one.digest
    assert Model.load("hf://ann/book").digest == two.digest
    marks.append(hub.commit("ann/book", {"model.safetensors": one.path.read_bytes()}))  # type: ignore[union-attr]
    hub.asked.clear()
    assert Model.load("hf://ann/book").digest == two.digest and not hub.asked, "what is kept stays the same"
    assert Model.load("hf://ann/book@main").digest == one.digest, "a branch that is named brings the newest"
    assert Model.load("hf://ann/book").digest == one.digest
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert Model.load(f"hf://ann/book@{marks[1]}").digest == two.digest


def test_what_belongs_to_a_model_comes_with_it_or_later(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("model.safetensors", "recogniser.safetensors")
    hub.commit("ann/hand", {name: (SHIPPED / "handwriting" / name).read_bytes() for name in names})
    hub.commit("ann/plain", {name: (SHIPPED / "handwriting" / name).read_bytes() for name in names[:1]})
    hub.failing = names[1]
    with pytest.raises(rhapsode.UserError, match="refused|reached"):
        checkpoint.locate("hf://ann/hand")
    hub.failing = ""
    assert (checkpoint.locate("hf://ann/hand").parent / names[1]).is_file()
    assert not (checkpoint.locate("hf://ann/plain").parent / names[1]).exists()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("hf://ann/hand", "hf://ann/plain"):
        assert checkpoint.locate(name).is_file()


def test_damage_in_the_cache_is_mended(hub: Hub, book: Path) -> None:
    contents = (book / "model.safetensors").read_bytes()
    hub.commit("ann/book", {"model.safetensors": contents})
    path = checkpoint.locate("hf://ann/book")
    path.write_bytes(contents[:-8] + b"damaged!")
    assert checkpoint.locate("hf://ann/book").read_bytes() == contents
    hub.commit("ann/broken", {"model.safetensors": contents[:-8] + b"damaged!"})
    with pytest.raises(rhapsode.UserError, match="checksum"):
        checkpoint.locate("hf://ann/broken")


def test_errors(run, hub: Hub, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from safetensors.numpy import save

    hub.commit("ann/secret", {"model.safetensors": b""}, private=True)
    hub.commit("ann/other", {"model.safetensors": save({})})
    hub.commit("ann/none", {"README.md": b"# nothing"})
    contents = {"model.safetensors": (SAVED / "speech-voice" / "model.safetensors").read_bytes()}
    hub.commit("ann/half", contents)
    for name, said in {
        "hf://ann/nobody": "there is no such model",
        "hf://ann/secret": "there is no such model",
        "hf://ann/other": "not a model of Rhapsode",
        "hf://ann/none": "not a model of Rhapsode",
        "hf://ann/half": "it has no prosody/model.safetensors",
        "hf://ann/none@old": "no revision 'old'",
        "hf://ann": "hf://USER/MODEL",
        "hf://ann/../etc": "hf://USER/MODEL",
        "hf://ann/book@": "hf://USER/MODEL",
        "hf://ann/-book-": "no name that the hub allows",
    }.items():
        done = run("generate", name, "a")
        assert done.status == 2 and said in done.error, (name, done.error)
        assert "Traceback" not in done.error
    done = run("push", book, "ann/book")
    assert done.status == 2 and "--token-file" in done.error and "settings/tokens" in done.error
    (tmp_path / "two").write_text("two words")
    done = run("push", book, "ann/book", "--token-file", tmp_path / "two")
    assert done.status == 2 and "2 words" in done.error
    (tmp_path / "wrong").write_text("hf_wrong")
    done = run("push", book, "ann/book", "--token-file", tmp_path / "wrong")
    assert done.status == 2 and "token" in done.error and "hf_wrong" not in done.error
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = run("push", book, "bob/book")
    assert done.status == 2 and "may not do this" in done.error
    done = run("push", book, "ann/book@main")
    assert done.status == 2 and "Leave @main out" in done.error
    done = run("push", tmp_path / "no", "ann/book")
    assert done.status == 2 and "no model at" in done.error
    assert "ann/book" not in hub.repositories
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for words in (("generate", "hf://ann/book", "a"), ("push", book, "ann/book")):
        done = run(*words)
        assert done.status == 2 and "cannot be reached" in done.error, done.error
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    done = run("generate", "hf://ann/book", "a")
    assert done.status == 2 and "pip install 'rhapsode[hub]'" in done.error
