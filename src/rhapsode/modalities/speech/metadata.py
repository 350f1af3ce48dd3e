"""Lists of recordings: what they say, in any of the `layouts`, and where the recordings are that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.files.inside import ADVICE, inside
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import of_file
from rhapsode.modalities.speech._text import contents
from rhapsode.modalities.speech.audio import SUFFIXES
from rhapsode.modalities.speech.layouts import EXPECTED, LAYOUTS, ListLayout, ListLine, TableLayout

FOLDERS = ("wavs", "wav", "clips", "audio", "")
"""Where recordings are, from the list's folder on."""
APART = frozenset(("etc", "txt", "text", "transcript", "transcripts", "filelists", "metadata"))
"""Names of folders of lists beside those of recordings."""
WRONG = {
    "are like that": "lines of a list that are not like the others",
    "have none": "lines of a list without a text",
    "repeat one": "lines of a list about a recording of an earlier line",
    "could be several": "lines of a list that could mean several recordings",
}
"""What is wrong with lines: of several in one message, and in general."""
DEEP = 4
"""Folders, one in another, in which a recording is looked for by its name alone."""


@dataclass(frozen=True)
class Entry:
    """name: of the recording; text: what is said; recording: None if it is missing; speaker: empty if there is no
    column of them."""

    name: str
    text: str
    recording: Path | None
    speaker: str = ""


def entries(path: Path, name: str, refused: Refusals | None = None) -> list[Entry]:
    """All lines but the one that names columns. name: of the file, for messages. Lines that are wrong are told to
    `refused`, if some are right. Raises `UserError`, which names the first line that is wrong, and how many are so;
    recordings elsewhere always are: see `inside`."""
    finder = _RecordingFinder(path)
    expected, lines = _lines(path, name, finder)
    found: list[Entry] = []
    seen: dict[str, int] = {}
    wrong: list[tuple[str, int, str]] = []
    for line in lines:
        id, number = line.id, line.number
        if not line.fits or not id:
            wrong.append(("are like that", number, f"expected {expected}"))
        elif not line.text:
            wrong.append(("have none", number, f"{id!r} has no text. Write down what is said, or remove the line"))
        elif id in seen:
            wrong.append(("repeat one", number, f"{id!r} stands in line {seen[id]}, too. Remove one of them"))
        elif finder.elsewhere(id):
            raise UserError(_told(name, [*_elsewhere(lines, finder)]))
        elif len(several := finder.several(id)) > 1:
            names = " and ".join(str(each.relative_to(finder.folder)) for each in several[:2])
            wrong.append(("could be several", number, f"{id!r} could be {names}. Write where it is"))
        else:
            found.append(Entry(_stem(id), line.text, finder.recording(id), line.speaker))
        seen.setdefault(id, number)
    if wrong and (refused is None or not found):
        raise UserError(_told(name, wrong))
    if not found:
        raise UserError(f"{name}: no recording is listed in it. Lines are {EXPECTED}.")
    if refused is not None:
        for kind, number, _ in wrong:
            refused.skip(WRONG[kind], f"{name}, line {number}")
    return found


def _elsewhere(lines: list[ListLine], finder: _RecordingFinder) -> Iterator[tuple[str, int, str]]:
    for line in lines:
        if finder.elsewhere(line.id):
            why = f"{line.id!r} leads out of the folder {finder.folder}. {ADVICE}"
            yield "name recordings elsewhere", line.number, why


def _told(name: str, wrong: list[tuple[str, int, str]]) -> str:
    kind, number, why = wrong[0]
    count = sum(each[0] == kind for each in wrong)
    more = f" {count:,} lines {kind}." if count > 1 else ""
    return f"{name}, line {number}: {why}.{more}"


def ids(path: Path) -> frozenset[str]:
    """The stems of the recordings that are listed, whether they are there or not, in small letters; none where it is no
    list."""
    return frozenset(_stem(each).lower() for each in _listed(path, _RecordingFinder(path)))


def finds(path: Path, changed: int, recording: Path) -> bool:
    """Whether this is one of the recordings that are listed. changed: of the list, so that one that has is read
    again."""
    return recording in _recordings(path, changed)


@lru_cache(maxsize=8)
def _recordings(path: Path, changed: int) -> frozenset[Path]:
    finder = _RecordingFinder(path)
    return frozenset(found for id in _listed(path, finder) if (found := finder.recording(id)) is not None)


def is_list(path: Path) -> bool:
    """Whether it is a list of recordings, by its name and its content. One with bars may lack all its recordings if it
    is called so, any other must have some."""
    layout = _layout(path)
    if layout is None:
        return False
    called = layout.called(path.name.lower())
    barred = path.suffix.lower() == ".csv" and b"|" in of_file(path, path.name).head().split(b"\n", 1)[0]
    if called and barred:
        return True
    finder = _RecordingFinder(path)
    return (called or barred) and any(finder.recording(id) or finder.elsewhere(id) for id in _listed(path, finder))


def may_list(name: str) -> bool:
    """Whether a file of this name is worth a look: it is called like a list, or its suffix is that of one with bars."""
    return name.lower().endswith(".csv") or any(layout.called(name.lower()) for layout in LAYOUTS)


def among_recordings(path: Path) -> bool:
    """Whether it is called like a list, and there are recordings where those of a list are."""
    layout = _layout(path)
    return (
        layout is not None
        and layout.called(path.name.lower())
        and path.suffix != ".txt"
        and _RecordingFinder(path).some()
    )


def _layout(path: Path) -> ListLayout | None:
    name = path.name.lower()
    found = next((layout for layout in LAYOUTS if layout.called(name)), None)
    return found or (TableLayout() if name.endswith((".csv", ".tsv")) else None)


def _lines(path: Path, name: str, finder: _RecordingFinder) -> tuple[str, list[ListLine]]:
    layout = _layout(path) or TableLayout()
    return layout.lines(contents(path, name), name, lambda id: finder.recording(id) is not None)


def _listed(path: Path, finder: _RecordingFinder) -> list[str]:
    try:
        return [line.id for line in _lines(path, path.name, finder)[1]]
    except UserError:
        return []


def _stem(id: str) -> str:
    path = Path(_path(id))
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _path(id: str) -> str:
    """With the bars between folders that all systems know."""
    return id.replace("\\", "/")


class _RecordingFinder:
    """Finds the recordings of a list by ids, which may be paths, also as Windows writes them, and have a suffix. Case
    does not matter where it makes no difference. Else a recording of that name, in any folder below, is taken.

    folder: from which on they are.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path.parent.parent if path.parent.name.lower() in APART else path.parent
        self._listings: dict[Path, dict[str, list[Path]]] = {}
        self._below: dict[str, list[Path]] | None = None

    def recording(self, id: str) -> Path | None:
        found = self.several(id)
        return found[0] if len(found) == 1 else None

    def several(self, id: str) -> list[Path]:
        """All that it may stand for: one, if it is clear."""
        for place in filter(None, self._places(id)):
            if _stem(id) != place.name and place.is_file():
                return [place]
            if found := _alike(self._listing(place.parent), _stem(id)):
                return found[:1]
        if _path(id) != Path(_path(id)).name:  # there may be one of that name in each folder
            return []
        return _alike(self._everything(), _stem(id))

    def elsewhere(self, id: str) -> bool:
        """Whether it is not found, and might be where it is not looked for: out of the folder."""
        return inside(self.folder, _path(id)) is None and not self.several(id)

    def some(self) -> bool:
        """Whether there are any where those with plain names are."""
        return any(self._listing(self.folder / each) for each in FOLDERS)

    def _places(self, id: str) -> list[Path | None]:
        return [inside(self.folder, os.path.join(each, _path(id))) for each in FOLDERS]

    def _listing(self, folder: Path) -> dict[str, list[Path]]:
        """The recordings of a folder by their stems in small letters, the best first."""
        if folder not in self._listings:
            files = [each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES] if folder.is_dir() else []
            files.sort(key=lambda each: (-SUFFIXES.index(each.suffix.lower()), each.name), reverse=True)
            self._listings[folder] = _by_stem(files)
        return self._listings[folder]

    def _everything(self) -> dict[str, list[Path]]:
        """The same of all folders below, no folder twice of one stem."""
        if self._below is None:
            files = []
            for parent, folders, _ in os.walk(self.folder):
                depth = len(Path(parent).relative_to(self.folder).parts)
                folders[:] = sorted(each for each in folders if not each.startswith(".")) if depth < DEEP else []
                files += [each[0] for each in self._listing(Path(parent)).values()]
            self._below = _by_stem(files)
        return self._below


def _by_stem(files: list[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for each in files:
        found.setdefault(each.stem.lower(), []).append(each)
    return found


def _alike(known: dict[str, list[Path]], stem: str) -> list[Path]:
    """Those of this stem; if there are none, those that differ in case only."""
    found = known.get(stem.lower(), [])
    return [each for each in found if each.stem == stem] or found
