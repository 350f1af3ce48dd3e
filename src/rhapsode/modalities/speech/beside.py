"""Which files go with which recordings: those of the same name beside them, or in a folder of texts beside theirs.

    a.wav  a.txt          wav/a.wav  txt/a.txt          wav/ann/a.wav  txt/ann/a.txt

Case does not matter in suffixes and in the names of such folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rhapsode.modalities.speech import labels
from rhapsode.modalities.speech.audio import SUFFIXES

TEXTS = (".txt", *labels.BESIDE)
"""Suffixes of what goes with a recording, the best first."""
APART = (".txt", *labels.APART)
"""Suffixes of what may be in a folder of its own. HTS labels there often look like texts."""
KNOWN = frozenset((*TEXTS, *SUFFIXES))
FOLDERS = frozenset(
    f"{name}{plural}" for name in ("txt", "text", "transcript", "transcription", "textgrid") for plural in ("", "s")
)
"""Names of folders of texts."""
VARIANTS = (".normalized", ".original")
"""Of one text, the best first."""


def about(recording: Path) -> list[Path]:
    """The files that go with a recording, of each suffix the nearest one, the best first."""
    found: dict[str, Path] = {}
    for place in _texts_of(recording.parent):
        for suffix in TEXTS if place == recording.parent else APART:
            file = _alike(place, recording.stem, suffix)
            if file is not None:
                found.setdefault(suffix, file)
    return [found[suffix] for suffix in TEXTS if suffix in found]


def recording(path: Path) -> Path | None:
    """The recording that a text or a file of labels goes with."""
    if path.suffix.lower() not in TEXTS:
        return None
    for place in _sounds_of(path.parent):
        for suffix in SUFFIXES if place == path.parent or path.suffix.lower() in APART else ():
            for stem in (path.stem, *_bare(path)):
                if (found := _alike(place, stem, suffix)) is not None:
                    return found
    return None


def _bare(path: Path) -> Iterator[str]:
    """The stem without what LibriTTS puts behind it."""
    if path.suffix.lower() == ".txt" and path.stem.endswith(VARIANTS):
        yield path.stem.rsplit(".", 1)[0]


def _alike(folder: Path, stem: str, suffix: str) -> Path | None:
    """The file of this name; if there is none, one that differs in case only."""
    files = _listing(folder)
    return files.get((stem, suffix)) or files.get((stem.lower(), suffix))


def _texts_of(folder: Path) -> Iterator[Path]:
    """Where texts of recordings in this folder may be, the nearest first."""
    yield folder
    yield from _named(folder)
    yield from _named(folder.parent)
    yield from (place / folder.name for place in _named(folder.parent.parent))


def _sounds_of(folder: Path) -> Iterator[Path]:
    """Where recordings of texts in this folder may be, the nearest first: the inverse of `_texts_of`."""
    yield folder
    if folder.name.lower() in FOLDERS:
        yield folder.parent
        yield from folders(folder.parent)
    if folder.parent.name.lower() in FOLDERS:
        yield from (place / folder.name for place in folders(folder.parent.parent))


def _named(folder: Path) -> list[Path]:
    """The folders of texts in a folder."""
    return [each for each in folders(folder) if each.name.lower() in FOLDERS]


def folders(folder: Path) -> tuple[Path, ...]:
    """Those in it that are not hidden."""
    return _contents(folder, changed(folder))[1]


def _listing(folder: Path) -> dict[tuple[str, str], Path]:
    """The files of a folder by their stems and suffixes, these in small letters; by stems in small letters, too."""
    return _contents(folder, changed(folder))[0]


def changed(folder: Path) -> int:
    """When it was, in ns; 0 where that is not known."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _contents(folder: Path, changed: int) -> tuple[dict[tuple[str, str], Path], tuple[Path, ...]]:
    """Files and folders in a folder. changed: so that one that has changed is looked at again."""
    listing: dict[tuple[str, str], Path] = {}
    folders = []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                stem, suffix = os.path.splitext(entry.name)
                if suffix.lower() in KNOWN and entry.is_file():
                    listing.setdefault((stem, suffix.lower()), folder / entry.name)
                elif not entry.name.startswith(".") and entry.is_dir():
                    folders.append(folder / entry.name)
    except OSError:
        return {}, ()
    # Exact names go before others: of recordings, and of texts, which LibriTTS gives in two forms.
    for stem, suffix in list(listing):
        for bare in _bare(folder / f"{stem}{suffix}"):
            listing.setdefault((bare, suffix), listing[stem, suffix])
    for stem, suffix in list(listing):
        listing.setdefault((stem.lower(), suffix), listing[stem, suffix])
    return listing, tuple(folders)
