"""Lists of recordings: LJSpeech's `metadata.csv`, lines `id|text` or `id|text|text as it is spoken`; and others, with
tabs between columns or a first line that names them (Common Voice's `validated.tsv`)."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.exchange.inside import ADVICE, inside
from rhapsode.exchange.source import of_file
from rhapsode.speech._text import contents
from rhapsode.speech.audio import SUFFIXES

LISTS = ("metadata.csv", "metadata.tsv", "validated.tsv")
"""Names of lists."""
FOLDERS = ("wavs", "wav", "clips", "")
"""Where recordings are, from the list's folder on."""
IDS = ("path", "file", "file_name", "filename", "audio", "audio_file", "wav", "id", "name")
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
"""What a first line calls the columns of recordings, of speakers and of texts, the best first."""
EXPECTED = "id|text or id|text|text as it is spoken"


@dataclass(frozen=True)
class Entry:
    """name: of the recording; text: what is said; recording: None if it is missing; speaker: empty if there is no
    column of them."""

    name: str
    text: str
    recording: Path | None
    speaker: str = ""


def entries(path: Path, name: str) -> list[Entry]:
    """All lines but the one that names columns. name: of the file, for messages. Raises `UserError`, which names the
    first line that is wrong, and how many are so; recordings elsewhere are wrong, too: see `inside`."""
    finder = _Finder(path.parent)
    columns, lines = _table(path, name, finder)
    found: list[Entry] = []
    seen: dict[str, int] = {}
    wrong: list[tuple[str, int, str]] = []
    for number, cells in lines:
        id, text = columns.id(cells), columns.text(cells)
        if not columns.fit(cells) or not id:
            wrong.append(("are like that", number, f"expected {columns.expected}"))
        elif not text:
            wrong.append(("have none", number, f"{id!r} has no text. Write down what is said, or remove the line"))
        elif id in seen:
            wrong.append(("repeat one", number, f"{id!r} stands in line {seen[id]}, too. Remove one of them"))
        elif finder.elsewhere(id):
            why = f"{id!r} leads out of the folder {path.parent}. {ADVICE}"
            wrong.append(("name recordings elsewhere", number, why))
        else:
            found.append(Entry(_stem(id), text, finder.recording(id), columns.speaker(cells)))
        seen.setdefault(id, number)
    if wrong:
        kind, number, why = wrong[0]
        count = sum(each[0] == kind for each in wrong)
        more = f" {count:,} lines {kind}." if count > 1 else ""
        raise UserError(f"{name}, line {number}: {why}.{more}")
    if not found:
        raise UserError(f"{name}: no recording is listed in it. Lines are {EXPECTED}.")
    return found


def ids(path: Path) -> frozenset[str]:
    """The stems of the recordings that are listed, whether they are there or not; none where it is no list."""
    return frozenset(map(_stem, _listed(path)))


def _listed(path: Path) -> list[str]:
    try:
        columns, lines = _table(path, path.name, _Finder(path.parent))
    except UserError:
        return []
    return [columns.id(cells) for _, cells in lines]


def is_list(path: Path) -> bool:
    """Whether it is a list of recordings, with bars or called so. One with bars may lack all its recordings if it is
    called so, any other must have some."""
    called = path.name in LISTS
    barred = path.suffix.lower() == ".csv" and b"|" in of_file(path, path.name).head().split(b"\n", 1)[0]
    finder = _Finder(path.parent)
    if called and barred:
        return True
    return (called or barred) and any(finder.recording(id) or finder.elsewhere(id) for id in _listed(path))


def among_recordings(path: Path) -> bool:
    """Whether it is called like a list, and there are recordings where those of a list are."""
    return path.name in LISTS and _Finder(path.parent).some()


class _Columns:
    """What the cells of a line are, by the first line, if it names them; otherwise the first is the id."""

    def __init__(self, names: list[str] | None = None, between: str = "|") -> None:
        self.expected = between.join(names) if names else EXPECTED.replace("|", between)
        self._most = max(3, len(names or []))
        names = [each.lower() for each in names or []]
        self._id = next((names.index(each) for each in IDS if each in names), 0)
        self._speaker = next((names.index(each) for each in SPEAKERS if each in names), None)
        self._texts = [names.index(each) for each in TEXTS if each in names]

    def fit(self, cells: list[str]) -> bool:
        """Whether they are as many as they may be."""
        return 2 <= len(cells) <= self._most

    def id(self, cells: list[str]) -> str:
        return "".join(cells[self._id : self._id + 1])

    def text(self, cells: list[str]) -> str:
        """Of the first column of texts that has any; of the last one that has, where none is named so."""
        places = self._texts or [at for at in reversed(range(len(cells))) if at not in (self._id, self._speaker)]
        return next((cells[at] for at in places if at < len(cells) and cells[at]), "")

    def speaker(self, cells: list[str]) -> str:
        return "" if self._speaker is None else "".join(cells[self._speaker : self._speaker + 1])


def _table(path: Path, name: str, finder: _Finder) -> tuple[_Columns, list[tuple[int, list[str]]]]:
    """What its columns are; then its number and its cells, of each line that is not blank and does not name columns.
    Raises `UserError` where it is not clear what stands between columns."""
    text = contents(path, name)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip(" \r|\t")]
    between = "|" if lines and "|" in lines[0][1] else "\t" if all("\t" in line for _, line in lines) else ","
    if between == ",":
        rows = _comma_separated(text, name)
    else:
        rows = [(number, [_unquoted(cell.strip(), between) for cell in line.split(between)]) for number, line in lines]
    if not rows:
        return _Columns(), []
    first = rows[0][1]
    known = [each.lower() in IDS for each in first]
    named = any(known) and any(each.lower() in TEXTS for each in first)
    if between == "," and not named:
        raise UserError(
            f"{name}, line {lines[0][0]}: expected {EXPECTED}. With a comma between columns, the first line must name "
            "them: file,text."
        )
    if named or (known[0] and finder.recording(first[0]) is None):
        return _Columns(first, between), rows[1:]
    return _Columns(None, between), rows


def _comma_separated(text: str, name: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise UserError(f"{name}, line {reader.line_num}: not CSV: {error}. Correct its quotes.") from None
    return [(number, cells) for number, cells in rows if any(cells)]


def _unquoted(cell: str, between: str) -> str:
    """Without the quotes in which tab-separated lists, but not LJSpeech's, write what has quotes in it."""
    quoted = between == "\t" and len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if quoted else cell


def _stem(id: str) -> str:
    path = Path(id)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


class _Finder:
    """Finds recordings of ids, which may be paths and have a suffix, from a folder on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listings: dict[Path, dict[str, Path]] = {}

    def recording(self, id: str) -> Path | None:
        for place in filter(None, self._places(id)):
            known = self._listing(place.parent)
            if _stem(id) != place.name and place.is_file():
                return place
            if _stem(id) in known:
                return known[_stem(id)]
        return None

    def elsewhere(self, id: str) -> bool:
        """Whether it is not found, and might be where it is not looked for: out of the folder."""
        return inside(self._folder, id) is None and self.recording(id) is None

    def _places(self, id: str) -> list[Path | None]:
        return [inside(self._folder, os.path.join(each, id)) for each in FOLDERS]

    def some(self) -> bool:
        """Whether there are any where those with plain names are."""
        return any(self._listing(self._folder / each) for each in FOLDERS)

    def _listing(self, folder: Path) -> dict[str, Path]:
        """The recordings of a folder by their stems."""
        if folder not in self._listings:
            files = [each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES] if folder.is_dir() else []
            files.sort(key=lambda each: (-SUFFIXES.index(each.suffix.lower()), each.name))
            self._listings[folder] = {each.stem: each for each in files}
        return self._listings[folder]
