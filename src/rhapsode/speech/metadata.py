"""LJSpeech's list of recordings: `metadata.csv`, lines `id|text` or `id|text|text as it is spoken`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.speech._text import contents
from rhapsode.speech.audio import SUFFIXES

METADATA = "metadata.csv"
FOLDERS = ("wavs", "wav", "")
"""Where recordings are, from the list's folder on."""
HEADERS = frozenset(["id", "file", "file_name", "filename", "audio", "audio_file", "path", "wav", "name"])
"""What the first line begins with if it names the columns."""
SPEAKERS = ("speaker", "speaker_id", "speaker_name", "spk", "client_id")
TEXTS = (
    "normalized_text",
    "normalised_text",
    "normalized_transcription",
    "text",
    "transcript",
    "transcription",
    "sentence",
)
"""What a header calls the columns of speakers and of texts, the best first."""


@dataclass(frozen=True)
class Entry:
    """name: of the recording; text: what is said; recording: None if it is missing; speaker: empty if there is no
    column of them."""

    name: str
    text: str
    recording: Path | None
    speaker: str = ""


def entries(path: Path, name: str) -> list[Entry]:
    """All lines but a header, which may name a column of speakers. name: of the file, for messages. Raises `UserError`,
    which names the first line that is wrong, and how many are so."""
    finder = _Finder(path.parent)
    columns, counts, expected = _Columns(), (2, 3), "id|text or id|text|text as it is spoken"
    found: list[Entry] = []
    seen: dict[str, int] = {}
    wrong: list[tuple[str, int, str]] = []
    for number, cells in _lines(contents(path, name)):
        id, text = cells[0], columns.text(cells)
        recording = finder.recording(id) if id else None
        if recording is None and not seen and columns.header is None and id.lower() in HEADERS:
            columns = _Columns([each.lower() for each in cells])
            counts, expected = (2, max(3, len(cells))), "|".join(cells)
            continue
        if not counts[0] <= len(cells) <= counts[1] or not id:
            wrong.append(("are like that", number, f"expected {expected}"))
        elif not text:
            wrong.append(("have none", number, f"{id!r} has no text. Write down what is said, or remove the line"))
        elif id in seen:
            wrong.append(("repeat one", number, f"{id!r} stands in line {seen[id]}, too. Remove one of them"))
        else:
            found.append(Entry(_stem(id), text, recording, columns.speaker(cells)))
        seen.setdefault(id, number)
    if wrong:
        kind, number, why = wrong[0]
        count = sum(each[0] == kind for each in wrong)
        more = f" {count:,} lines {kind}." if count > 1 else ""
        raise UserError(f"{name}, line {number}: {why}.{more}")
    if not found:
        raise UserError(f"{name}: no recording is listed in it. Lines are id|text.")
    return found


class _Columns:
    """What the cells of a line are, by the header, if there is one: the first is the id."""

    def __init__(self, header: list[str] | None = None) -> None:
        self.header = header
        names = (header or [])[1:]
        self._speaker = next((names.index(each) + 1 for each in SPEAKERS if each in names), None)
        self._texts = [names.index(each) + 1 for each in TEXTS if each in names]

    def text(self, cells: list[str]) -> str:
        """Of the first column of texts that has any; of the last one that has, where none is named so."""
        places = self._texts or [at for at in reversed(range(1, len(cells))) if at != self._speaker]
        return next((cells[at] for at in places if at < len(cells) and cells[at]), "")

    def speaker(self, cells: list[str]) -> str:
        return "" if self._speaker is None else "".join(cells[self._speaker : self._speaker + 1])


def ids(path: Path) -> frozenset[str]:
    """The stems of the recordings that are listed, whether they are there or not. Raises `UserError`."""
    return frozenset(_stem(cells[0]) for _, cells in _lines(contents(path, path.name)))


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """Its number and its cells, of each line that is not blank."""
    found = enumerate(([cell.strip() for cell in line.split("|")] for line in text.split("\n")), 1)
    return [(number, cells) for number, cells in found if any(cells)]


def _stem(id: str) -> str:
    path = Path(id)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


class _Finder:
    """Finds recordings of ids, which may be paths and have a suffix, from a folder on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listings: dict[Path, dict[str, Path]] = {}

    def recording(self, id: str) -> Path | None:
        for each in FOLDERS:
            place = self._folder / each / id
            known = self._listing(place.parent)
            if _stem(id) != place.name and place.is_file():
                return place
            if _stem(id) in known:
                return known[_stem(id)]
        return None

    def _listing(self, folder: Path) -> dict[str, Path]:
        """The recordings of a folder by their stems."""
        if folder not in self._listings:
            files = [each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES] if folder.is_dir() else []
            files.sort(key=lambda each: (-SUFFIXES.index(each.suffix.lower()), each.name))
            self._listings[folder] = {each.stem: each for each in files}
        return self._listings[folder]
