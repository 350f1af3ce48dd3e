"""Which texts go with which recordings, in layouts as people have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rhapsode.modalities.speech import beside
from rhapsode.modalities.speech.read import read, recognised


def put(path: Path, content: str = "Hello there.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("sound", "text"),
    [
        ("a.wav", "a.txt"),
        ("a.WAV", "a.TXT"),
        ("a.Flac", "a.Lab"),
        ("wav/a.wav", "txt/a.txt"),
        ("Audio/a.mp3", "Transcripts/a.txt"),
        ("a.wav", "text/a.txt"),
        ("wav48/ann/a.wav", "txt/ann/a.txt"),
        ("ann/wav/a.wav", "ann/txt/a.txt"),
        ("wav/a.b.wav", "TextGrid/a.b.TextGrid"),
    ],
)
def test_layouts(tmp_path: Path, sound: str, text: str) -> None:
    recording, file = put(tmp_path / "x" / sound), put(tmp_path / "x" / text)
    assert beside.about(recording) == [file] and beside.recording(file) == recording
    assert recognised(recording) and recognised(file)
    if text.lower().endswith(("txt", "lab")):
        [one] = read(file)
        assert (one.name, one.text) == (recording.stem, "Hello there.") and one.recorded
    assert list(read(recording)) == []
    file.unlink()
    assert beside.about(recording) == [] and not recognised(recording)


@pytest.mark.parametrize(
    ("sound", "text"),
    [
        ("a.wav", "b.txt"),
        ("wav/a.wav", "notes/a.txt"),
        ("wav/ann/a.wav", "txt/bob/a.txt"),
        ("wav/a.wav", "lab/a.lab"),  # of ESPS, say, which is no text
        ("a.wav", "a.md"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, sound: str, text: str) -> None:
    recording, file = put(tmp_path / "x" / sound), put(tmp_path / "x" / text)
    assert beside.about(recording) == [] and beside.recording(file) is None
    assert not recognised(recording) and not recognised(file)


def test_the_nearest_text_is_taken_and_labels_from_another_place(tmp_path: Path) -> None:
    recording, near = put(tmp_path / "wav" / "a.wav"), put(tmp_path / "wav" / "a.txt", "Near.")
    far, grid = put(tmp_path / "txt" / "a.txt", "Far."), put(tmp_path / "textgrids" / "a.TextGrid")
    assert beside.about(recording) == [near, grid]
    assert beside.recording(far) == recording and list(read(far)) == []
    near.unlink()
    assert beside.about(recording) == [far, grid]


def test_paths_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "wav" / "a.wav")
    put(tmp_path / "txt" / "a.txt")
    monkeypatch.chdir(tmp_path)
    assert beside.about(Path("wav/a.wav")) == [Path("txt/a.txt")]
    assert beside.recording(Path("txt/a.txt")) == Path("wav/a.wav")
    if hasattr(os, "geteuid") and os.geteuid():
        (tmp_path / "txt").chmod(0)
        assert beside.about(Path("wav/a.wav")) == []
        (tmp_path / "txt").chmod(0o700)


def test_lists_with_bars(tmp_path: Path) -> None:
    """One of another name is a list of recordings only if there are some."""
    other = put(tmp_path / "people.csv", "ann|3\nbob|4\n")
    assert not recognised(other)
    put(tmp_path / "wavs" / "ann.wav")
    assert recognised(other)
    assert recognised(put(tmp_path / "b" / "metadata.csv", "ann|3\n"))
