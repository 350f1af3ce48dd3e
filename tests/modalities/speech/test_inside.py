"""Lists of recordings name files of their own folders only, unless they are trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.files.checkpoint import RESUME, load_info
from rhapsode.files.inside import inside, trusting
from rhapsode.modalities.speech import labels
from rhapsode.modalities.speech.audio import written
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.metadata import is_list
from rhapsode.modalities.speech.read import read, recognised
from rhapsode.training.run import train
from tests.conftest import Stop
from tests.modalities.speech.synthetic import spoken

pytest.importorskip("soundfile")
TEXTS = ["god taken", "mud tune", "a big sound", "bad melon", "nine goats", "simple", "dust as ink", "blank notes"]
SMALL = {
    "updates": 16,
    "codec": "speech",
    "codec_options": {"hop": 10, "lsp": 1},
    "network": {"encoder": {"feedforward_width": 8, "bidirectional_width": 4}},
    "plan": {"batch_size": 2, "sequence_length": 120, "threads": 1},
    "device": "cpu",
}


def recorded(folder: Path, named: Callable[[int], str], count: int = 2) -> Path:
    """`folder`/list/utterances.jsonl, of recordings in `folder`/other."""
    lines = []
    for n, text in enumerate((TEXTS * 2)[:count]):
        one = spoken(text, n)
        written(one.sound(), folder / f"other/{n}.wav")
        lines.append(own.dumps(one, named(n)))
    (folder / "list").mkdir(exist_ok=True)
    (folder / "list/utterances.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "list/utterances.jsonl"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("how", ["../other/1.wav", "{0}/other/1.wav", "wavs/../../other/1.wav", "../list/../other/1"])
def test_paths_that_lead_out(tmp_path: Path, kind: str, how: str) -> None:
    if kind == "jsonl" and not how.endswith(".wav"):
        how += ".wav"
    named = how.format(tmp_path)
    path = recorded(tmp_path, lambda n: named if n else "../list/here.wav")
    (tmp_path / "list/wavs").mkdir()
    (tmp_path / "list/here.wav").write_bytes((tmp_path / "other/0.wav").read_bytes())
    if kind == "csv":
        path.unlink()
        path = tmp_path / "list/metadata.csv"
        path.write_text(f"../list/here|god\n\n{named}|mud\n")
    where = f"data, line {3 if kind == 'csv' else 2}: .*{named!r} leads out of the folder {tmp_path}/list"
    assert recognised(path)
    with pytest.raises(UserError, match=rf"{where}\. .*--trust-paths \(trust_paths=True in Python\); or put"):
        list(read(path, "data"))
    with trusting(True):
        assert recognised(path)
        found = list(read(path, "data"))
        assert [each.name for each in found] == ["here", "1"] and all(each.recorded for each in found)
    with pytest.raises(UserError), trusting(False):
        list(read(path))


def test_a_list_whose_recordings_are_all_elsewhere_is_no_text(tmp_path: Path) -> None:
    recorded(tmp_path, lambda n: "")
    path = tmp_path / "list/metadata.csv"
    path.write_text("file,text\n../other/0.wav,god\n../other/1.wav,mud\n")
    assert is_list(path) and recognised(path)
    with pytest.raises(UserError, match="line 2: '../other/0.wav' leads out .* 2 lines name recordings elsewhere"):
        list(read(path))


def test_links_in_the_folder_are_followed(tmp_path: Path) -> None:
    path = recorded(tmp_path, lambda n: f"wavs/{n}.wav")
    (tmp_path / "list/wavs").symlink_to("../other")
    assert all(each.recorded for each in read(path))


def test_where_paths_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (Path("."), Path("list"), Path("../up/list"), tmp_path / "list"):
        for named in ("a", "a/../b", "./a/b/../../c", str(Path(folder, "a").absolute()), "a..b", "..a"):
            assert inside(folder, named) is not None, (folder, named)
        for named in ("..", "../a", "a/../../b", "/etc/passwd", "/", str(tmp_path.parent), f"../{tmp_path.name}-x/a"):
            assert inside(folder, named) is None, (folder, named)
    assert inside(Path("a"), "b/../../a/c") == Path("a/c")


def test_labels_name_no_recordings(tmp_path: Path) -> None:
    """Of a file of phones to be spoken, nothing else is wanted."""
    path = tmp_path / "phones.jsonl"
    path.write_text(own.dumps(spoken("god", 1), "../../etc/passwd"))
    [one] = labels.read(path)
    assert not one.recorded and len(one) > 3


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    path = recorded(tmp_path, lambda n: f"../other/{n}.wav", count=16)
    source, model = str(path.parent), str(tmp_path / "m")
    for arguments in (["train", source, "-o", model, "--updates", "9"], ["inspect", source]):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "line 1: 'audio' '../other/0.wav' leads out of the folder" in error and "--trust-paths" in error
    assert not (tmp_path / "m").exists()
    assert main(["inspect", source, "--trust-paths", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["utterances"] == 16
    with pytest.raises(UserError, match="leads out of the folder"):
        train([source], model, **SMALL)  # type: ignore[arg-type]
    assert not train([source], model, trust_paths=True, report=Stop(0.2), **SMALL).finished  # type: ignore[arg-type]
    assert load_info(tmp_path / "m" / RESUME)[0]["given"]["trust_paths"] is True
    assert train([], model, resume=True).finished  # it is remembered, also for the model beside it
    for options, status in (([], 2), (["--trust-paths"], 0)):
        assert main(["score", model, str(path), *options]) == status
