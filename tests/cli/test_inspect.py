"""`rhapsode inspect` of whatever it is given, for people and as one JSON object each."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from rhapsode.cli import main
from rhapsode.config import NetworkConfig
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.recogniser import RecogniserConfig
from rhapsode.modalities.music.copies import MelodyIndex
from rhapsode.modalities.music.formats import abc
from rhapsode.modalities.speech import audio
from rhapsode.modalities.speech.utterance import Sound
from rhapsode.nn.network import Network
from rhapsode.training.origin import NAMED, UNFIT, origin
from tests.conftest import TEXT, WORDS, MakeModel, written

ABC = "X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|CDEF|GABc|]\n"


class Inspected:
    """What `inspect` prints: `lines` for people, `json` for programs."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, name: object, *options: str) -> Inspected:
        self._capture.readouterr()
        assert main(["inspect", str(name), *options]) == 0
        self.lines = {" ".join(line.split()) for line in self._capture.readouterr().out.splitlines()}
        assert main(["inspect", str(name), *options, "--json"]) == 0
        out = self._capture.readouterr().out
        assert out.count("\n") == 1
        self.json: dict[str, Any] = json.loads(out)
        return self


@pytest.fixture
def inspected(capsys: pytest.CaptureFixture[str]) -> Inspected:
    return Inspected(capsys)


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- what Rhapsode made ---


WINDOW = {"name": "window", "feedback": True, "components": 10}


@pytest.mark.parametrize(
    ("codec", "settings", "idle"),
    [
        (
            "chars",
            {"embedding": 6, "tied": False, "layers": 1},
            {"attention"},
        ),
        ("strokes", {"head": {"name": "mixture", "mixtures": 2, "ends": True}, "attention": WINDOW}, {"embedding"}),
    ],
)
def test_settings_that_apply(
    inspected: Inspected, tiny_model: MakeModel, codec: str, settings: dict[str, Any], idle: set[str]
) -> None:
    network = {"head": {"mixtures": 2}} if codec == "strokes" else {}
    model = tiny_model(codec=codec, reset="document", **network)
    found = inspected(model.path).json
    assert found["kind"] == "model" and found["codec"] == codec and found["framing"] == {"name": "stream"}
    assert settings.items() <= found["network"].items()
    assert not {*idle, "encoder", "autoregressive"} & set(found["network"])
    assert ("reset" in found) == (codec == "chars")
    assert f"codec {codec}" in inspected.lines and "layers" in " ".join(inspected.lines)


def test_settings_of_each_part_of_a_network_are_told(tiny_model: MakeModel) -> None:
    """Those of another configuration, which make a difference there."""
    model = tiny_model()
    assert "length" not in model.config.framing.model_dump(exclude_defaults=True)
    steps = model.codec.steps
    plain = Network(NetworkConfig(width=8, embedding=4), steps).settings
    assert set(plain) == {"cell", "head", "layers", "width", "embedding", "tied"}
    deep = Network(NetworkConfig(width=8, embedding=4, layers=2), steps).settings
    assert set(deep) - set(plain) == {"skip", "residual"}
    both = {"feedforward": 1, "bidirectional": 1}
    read = Network(NetworkConfig(width=8, autoregressive=False, encoder=both), steps, covariates=3).settings  # type: ignore[arg-type]
    assert set(read) - set(plain) == {"autoregressive", "encoder"}
    assert (read["encoder"]["feedforward_width"], read["encoder"]["bidirectional_width"]) == (
        16,
        8,
    ) and "embedding" not in read


def test_sources_are_named(inspected: Inspected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "books").mkdir()
    for name in ("a", "b"):
        (tmp_path / "books" / f"{name}.txt").write_text(TEXT)
    small = ["--updates", "1", "--width", "8", "--embedding", "4", "--layers", "1", "--device", "cpu"]
    assert main(["train", "books/a.txt", str(tmp_path / "books" / "b.txt"), "-o", "model", *small]) == 0
    found = inspected("model").json
    assert found["trained_on"]["sources"] == ["books/a.txt", "~/books/b.txt"] and found["trained_on"]["documents"] == 2
    assert found["trained_on"]["train_chars"] > 0 and "sources" not in found["facts"]
    assert found["trained_on"]["valid_steps"] > 0 and len(found["trained_on"]["data_digest"]) == 64
    assert "sources books/a.txt, ~/books/b.txt" in inspected.lines
    assert "resume.safetensors" in found["beside"]
    assert "dropout" not in found["facts"]["plan"] and found["facts"]["plan"]["budget"] == {"updates": 1}
    run = inspected("model/resume.safetensors").json
    assert run["kind"] == "training run" and run["finished"] and run["given"]["sources"][0] == "books/a.txt"
    assert main(["train", "books/a.txt", "-o", "tuned", "--from", "model", "--updates", "1", "--device", "cpu"]) == 0
    assert inspected("tuned").json["trained_on"]["base"] == "model"
    (tmp_path / "tuned" / "model.safetensors").unlink()
    assert inspected("tuned").json["kind"] == "training run"
    packed = tmp_path / "a.rhap"
    assert main(["compress", "model", "books/a.txt", "-o", str(packed)]) == 0
    found = inspected(packed).json
    assert found["kind"] == "compressed text" and found["original_bytes"] == len(TEXT.encode())
    assert Model.load("model").digest.startswith(found["model"])


def test_many_sources_are_counted() -> None:
    found = origin({"sources": [f"{n}.txt" for n in range(NAMED + 3)], "base": None})
    assert len(found["sources"]) == NAMED and found["more_sources"] == 3 and "base" not in found
    assert origin({}) == {"sources": []}


def test_what_lies_beside_models(inspected: Inspected, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = MelodyIndex.of([abc.loads(ABC)], [abc.loads(ABC)])
    checkpoint.save(tmp_path / "index.safetensors", known.info, known.arrays)
    found = inspected(tmp_path / "index.safetensors").json
    assert (found["kind"], found["tunes"], found["held_out"]) == ("training index", 1, 1)
    config = RecogniserConfig(alphabet="ab", layers=1, width=4)
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in config.network().shapes.items()}
    checkpoint.save(tmp_path / "reader.safetensors", config.model_dump(), weights)
    found = inspected(tmp_path / "reader.safetensors").json
    assert found["kind"] == "recogniser" and found["alphabet"] == "ab" and found["parameters"] > 100
    save_file({"a": np.zeros(9, np.float32)}, tmp_path / "other.safetensors")
    assert inspected(tmp_path / "other.safetensors").json["kind"] == "model (safetensors)"
    whole = (tmp_path / "reader.safetensors").read_bytes()
    for name, data in (("cut", whole[:-9]), ("flipped", whole[:-1] + bytes([whole[-1] ^ 1])), ("none", b"not one")):
        assert main(["inspect", str(put(tmp_path / f"{name}.safetensors", data))]) == 2
        assert f"{name}.safetensors is not a usable Rhapsode file" in capsys.readouterr().err
    assert main(["inspect", str(put(tmp_path / "damaged", b"RHAP\1" + bytes(60)))]) == 2
    assert "does not match its checksum" in capsys.readouterr().err


# --- data ---


def test_text(inspected: Inspected, tmp_path: Path) -> None:
    text = "Ännchen und Hans\n\nHans went.\n\n\nEnd" + "!" * 90
    path = put(tmp_path / "a.txt", text)
    found = inspected(path).json
    sizes = {"bytes": len(text.encode()), "characters": len(text), "words": 6, "text_lines": 6, "documents": 1}
    assert sizes.items() <= found.items() and found["kind"] == "text" and found["encoding"] == "UTF-8"
    assert found["separators"] == {"\n\n": 3, "\n\n\n": 2} and found["kinds"]["!"] == 90 and found["kinds"]["Ä"] == 1
    assert found["train"] == {"codec": "chars", "why_not": ""} and found["warnings"] == []
    assert r"3 with --document-separator '\n\n'" in inspected.lines and f"path {path}" in inspected.lines
    assert inspected(put(tmp_path / "b.txt.gz", gzip.compress(text.encode()))).json["characters"] == len(text)
    german = put(tmp_path / "c.txt", b"Gr\xfc\xdfe\r\n \xef\xbb\xbf")
    assert inspected(german).json["encoding"] == "UTF-8" and "c.txt (Windows-1252, " in inspected.json["notes"][0]
    found = inspected(german, "--encoding", "bytes").json
    assert found["encoding"] == "not UTF-8" and found["not_utf8"] == 2 and found["kinds"]["<FC>"] == 1
    for number, why in enumerate(("2 bytes are not UTF-8", "1 byte order marks", "1 carriage returns", "too little")):
        assert why in found["warnings"][number]
    found = inspected(put(tmp_path / "d.jsonl", '{"id": 1, "text": "a", "title": "b"}\n{"text": "c"}\n')).json
    assert found["fields"] == ["text", "title"]
    assert "2 lines of JSON, with --field text or title" in inspected.lines


def test_words_and_characters_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.data.sources import open_sources
    from rhapsode.modalities.text.describe import describe

    path = put(tmp_path / "a.txt", "ein Äpfelchen  und\n\nnoch ß" * 40)
    whole = describe(open_sources([path]))
    monkeypatch.setattr("rhapsode.data.streams.CHUNK", 7)
    assert describe(open_sources([path])) == whole
    assert (whole.words, whole.characters) == (5 * 40 - 39, 26 * 40)


def test_folders(inspected: Inspected, tmp_path: Path) -> None:
    for n in range(3):
        put(tmp_path / "tunes" / f"{n}.abc", ABC)
        put(tmp_path / "ink" / f"{n}.jsonl", "".join(f"{dumps(one)}\n" for one in written(WORDS)))
        put(tmp_path / "texts" / "deep" / f"{n}.txt", TEXT)
        put(tmp_path / "talks" / f"{n}.ape", b"MAC \x96\x0f" + bytes(99))
    put(tmp_path / "tunes" / "README.md", "Tunes.")
    found = inspected(tmp_path / "tunes").json
    assert found["kind"] == "tunes" and found["tunes"] == 3 and found["files"] == {"files of tunes": 3}
    assert found["left_aside"] == 1 and found["train"]["codec"] == "melody"
    assert {"files 3 files of tunes", "left aside 1 such as README and LICENSE", "tunes 3"} <= inspected.lines
    found = inspected(tmp_path / "ink").json
    assert found["kind"] == "drawings" and found["drawings"] == 3 * len(WORDS)
    found = inspected(tmp_path / "ink" / "0.jsonl").json
    assert found["kind"] == "drawings" and found["drawings"] == len(WORDS) and "files" not in found
    assert inspected(tmp_path / "texts").json["documents"] == 3
    assert inspected(tmp_path / "texts" / "**" / "*.txt").json["characters"] == 3 * len(TEXT)
    found = inspected(tmp_path / "talks").json
    assert found["kind"] == "not read" and found["files"] == {"recordings (Monkey's Audio)": 3}
    assert found["train"]["codec"] is None and found["train"]["why_not"].startswith(
        "Monkey's Audio is not read. Convert it: ffmpeg"
    )
    assert inspected(tmp_path).json["kind"] == "mixed"


def test_damaged_files_of_a_folder_are_told(inspected: Inspected, tmp_path: Path) -> None:
    for folder, good, bad in (("t", "abc", b"MThd damaged"), ("d", "jsonl", b'{"rhapsode": "ink/1", "strokes": 3}\n')):
        put(tmp_path / folder / f"a.{good}", ABC if folder == "t" else f"{dumps(written(['ab'])[0])}\n")
        put(tmp_path / folder / "b.x", bad)
        found = inspected(tmp_path / folder).json
        assert len([each for each in found["warnings"] if "1 of 2 files cannot be read" in each and "b.x" in each]) == 1
        assert main(["inspect", str(tmp_path / folder / "b.x")]) == 2


def test_parts_of_a_file_are_one_object(inspected: Inspected, tmp_path: Path) -> None:
    rolls = {part: [[[60], [62]]] * n for n, part in enumerate(("train", "valid", "test"), 1)}
    found = inspected(put(tmp_path / "rolls.json", json.dumps(rolls))).json
    assert {part: each["tunes"] for part, each in found["parts"].items()} == {"train": 1, "valid": 2, "test": 3}
    assert "--- valid ---" in inspected.lines


def test_recordings(inspected: Inspected, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path / "wav" / "a.wav", audio.encoded(Sound(np.sin(np.arange(8000) / 9) / 2, 16000)))
    found = inspected(path).json
    assert (found["kind"], found["seconds"], found["rate"], found["beside"]) == ("recording", 0.5, 16000, [])
    assert found["peak_db"] == pytest.approx(-6.02, abs=0.01) and found["train"]["codec"] is None
    text = put(tmp_path / "txt" / "a.txt", "Hello.")
    assert inspected(path).json["beside"] == [str(text)]
    path.write_bytes(b"no sound")
    assert main(["inspect", str(path)]) == 2
    assert "cannot be read as a recording" in capsys.readouterr().err
    assert main(["inspect", str(path), "--textgrids", "x"]) == 2


def test_other_files(inspected: Inspected, tmp_path: Path) -> None:
    found = inspected(put(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n" + bytes(9))).json
    assert (found["kind"], found["bytes"]) == ("picture (PNG)", 17) and found["begins"].startswith("89 50 4e 47")
    assert found["train"]["codec"] is None and "PNG is not read" in found["train"]["why_not"]
    assert any(line.startswith("begins 89 50 4e 47 0d 0a 1a 0a") for line in inspected.lines)
    found = inspected(put(tmp_path / "a.bin", bytes(range(256)))).json
    assert found["kind"] == "unknown" and "read as text all the same" in found["warnings"][0]
    assert inspected(put(tmp_path / "empty", b"")).json["kind"] == "empty"
    assert inspected.json["train"] == {"codec": None, "why_not": "it is empty."}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(3):
            archive.writestr(f"{n}.m4a", b"x")
    assert inspected(tmp_path / "a.zip").json["members"] == {".m4a": 3}
    assert "holds 3 .m4a" in inspected.lines
    numbers = json.dumps([{"x": 1.5, "y": 2}] * 99)
    found = inspected(put(tmp_path / "a.json", numbers)).json
    assert found["kind"] == "text" and "numbers in JSON" in found["train"]["why_not"]


def test_options_of_one_kind_of_data(tmp_path: Path, tiny_model: MakeModel, capsys: pytest.CaptureFixture[str]) -> None:
    text, tune = put(tmp_path / "a.txt", TEXT), put(tmp_path / "a.abc", ABC)
    for what, options, message in (
        (text, ["--beside", str(tune)], f"--beside is for music, but {text} holds text. Leave it out."),
        (tune, ["--language", "de"], f"--language is for speech, but {tune} holds music. Leave it out."),
        (tmp_path, ["--textgrids", "x"], "--textgrids is for speech, but"),
        (put(tmp_path / "a.bin", bytes(99)), ["--against", "m"], "--against is for music, but"),
        (
            put(tmp_path / "a.json", json.dumps([{"x": 1.5}] * 99)),
            ["--picture", "p.png"],
            "a.json holds none that is read.",
        ),
        (tiny_model().path, ["--against", "m"], "is no data, but made by Rhapsode"),
    ):
        assert main(["inspect", str(what), *options]) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")


def test_two_modalities_with_one_option_are_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.console.brought import inspecting, options_of
    from rhapsode.modalities.speech.modality import SpeechModality
    from rhapsode.modalities.text.modality import TextModality

    monkeypatch.setattr(TextModality, "inspecting", SpeechModality.inspecting)
    with pytest.raises(ValueError, match="the option 'language', too"):
        options_of(inspecting)


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert main(["inspect", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == len(TEXT)


def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    put(tmp_path / "book.txt", TEXT)
    for name, message in (
        ("bok.txt", "no such file or folder. Did you mean"),
        ("folder", "a folder with no usable file: it is empty"),
        ("*.abc", "no file matches"),
    ):
        assert main(["inspect", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err


def test_the_arithmetic_of_a_model(tiny_model: MakeModel, inspected: Inspected, tmp_path: Path) -> None:
    real = tiny_model()
    whole = real.quantised(keep=True)
    whole.save(tmp_path / "a" / checkpoint.MODEL)
    found = inspected(tmp_path / "a")
    assert "name integers" in found.lines and f"engine {whole.engine.name}" in found.lines
    about = found.json["arithmetic"]
    assert about["bytes"]["float32"] == 4 * real.network.parameters and "why" not in about
    assert about["bytes"]["layer0"] < real.network.parameters
    about = inspected(real.path).json["arithmetic"]
    assert about["name"] == "float32" and about["engine"] == "ONNX Runtime" and "earlier version" in about["why"]
    unfit = real.config.model_copy(update={"facts": {UNFIT: "weights too large"}})
    Model(unfit, real.weights).save(tmp_path / "b" / checkpoint.MODEL)
    assert "why weights too large" in inspected(tmp_path / "b").lines
