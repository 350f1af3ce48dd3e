"""How lists of recordings are written: each layout makes lines of (recording, text, speaker) of a file's content."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from rhapsode.errors import UserError

IDS = (
    *("path", "file", "file_name", "filename", "file_path", "filepath", "audio", "audio_file", "audio_path"),
    *("audio_filepath", "wav", "wav_filename", "clip", "recording", "id", "utterance_id", "utt_id", "name"),
)
SPEAKERS = ("speaker", "speaker_id", "speaker_name", "spk", "spk_id", "reader", "reader_id", "voice", "client_id")
TEXTS = (
    *("normalized_text", "normalised_text", "normalized_transcription", "text", "transcript", "transcription"),
    *("sentence", "utterance", "prompt", "words"),
)
"""What a first line calls the columns of recordings, of speakers and of texts, the best first."""
EXPECTED = "id|text or id|text|text as it is spoken"
FEW = 4
"""Lines by which a column without a name may be known for one of speakers."""

Has = Callable[[str], bool]
"""Whether there is a recording of this name."""


@dataclass(frozen=True)
class ListLine:
    """number: in the file; fits: whether it has as many parts as it may."""

    number: int
    id: str
    text: str
    speaker: str = ""
    fits: bool = True


class ListLayout(Protocol):
    def called(self, name: str) -> bool:
        """Whether a file of this name, in small letters, should be a list of this layout."""
        ...

    def lines(self, content: str, name: str, has: Has) -> tuple[str, list[ListLine]]:
        """What a line should be, and all lines that tell something. name: of the file, in messages. Raises `UserError`
        where it is not clear what stands between columns."""
        ...


class LibriSpeech:
    """`84-121123-0000 WORDS OF IT`: the speaker's number, the chapter's and its own."""

    EXPECTED = "id WORDS OF IT"
    SPEAKER = re.compile(r"(\w+)-\w+-\w+")

    def called(self, name: str) -> bool:
        return name.endswith(".trans.txt")

    def lines(self, content: str, name: str, has: Has) -> tuple[str, list[ListLine]]:
        found = []
        for number, line in _numbered(content):
            id, _, text = line.strip().partition(" ")
            speaker = self.SPEAKER.fullmatch(id)
            found.append(ListLine(number, id, text.strip(), speaker[1] if speaker else ""))
        return self.EXPECTED, found


class Festival:
    """`( arctic_a0001 "Words of it." )`, of CMU ARCTIC and of other voices for Festival."""

    EXPECTED = '( id "Words of it." )'
    LINE = re.compile(r'\(\s*(\S+)\s+"(.*)"\s*\)')

    def called(self, name: str) -> bool:
        return name.endswith(".done.data") or name == "utts.data"

    def lines(self, content: str, name: str, has: Has) -> tuple[str, list[ListLine]]:
        found = []
        for number, line in _numbered(content):
            match = self.LINE.fullmatch(line.strip())
            id, text = (match[1], match[2].replace('\\"', '"')) if match else (line.strip(), "")
            found.append(ListLine(number, id, text.strip(), fits=match is not None))
        return self.EXPECTED, found


class TableLayout:
    """Columns with bars, tabs, commas or semicolons between them, which a first line may name; LJSpeech's
    `metadata.csv`, Common Voice's `train.tsv`."""

    NAMES = re.compile(
        r"(?:metadata|validated|train|training|dev|valid|validation|val|test|line_index|transcripts?|transcriptions?|"
        r"file_?list|prompts)\.(?:csv|tsv|txt)|.*\.trans\.tsv"
    )

    def called(self, name: str) -> bool:
        return self.NAMES.fullmatch(name) is not None

    def lines(self, content: str, name: str, has: Has) -> tuple[str, list[ListLine]]:
        columns, rows = self._table(content, name, has)
        return columns.expected, [columns.line(number, cells) for number, cells in rows]

    def _table(self, content: str, name: str, has: Has) -> tuple[_Columns, list[tuple[int, list[str]]]]:
        """What its columns are; then its number and its cells, of each line that does not name columns."""
        lines = [(number, line) for number, line in _numbered(content) if line.strip(" \r|\t")]
        between = _between([line for _, line in lines])
        if between in ",;":
            rows = _separated(content, name, between)
        else:
            rows = [(number, [cell.strip() for cell in line.split(between)]) for number, line in lines]
            rows = [(number, _unquoted(cells)) for number, cells in rows] if between == "\t" else _bare(rows)
        if not rows:
            return _Columns(), []
        first = rows[0][1]
        known = [each.lower() in IDS for each in first]
        named = any(known) and any(each.lower() in TEXTS for each in first)
        if between in ",;" and not named:
            raise UserError(
                f"{name}, line {lines[0][0]}: expected {EXPECTED}. With a comma between columns, the first line must "
                "name them: file,text."
            )
        if named or (known[0] and not has(first[0])):
            return _Columns(first, between), rows[1:]
        return _Columns(None, between, _of_speakers([cells for _, cells in rows])), rows


LAYOUTS: tuple[ListLayout, ...] = (LibriSpeech(), Festival(), TableLayout())


class _Columns:
    """What the cells of a line are, by the first line, if it names them; otherwise the first is the id."""

    def __init__(self, names: list[str] | None = None, between: str = "|", speaker: int | None = None) -> None:
        """speaker: the column of speakers, where columns have no names."""
        self.expected = between.join(names) if names else EXPECTED.replace("|", between)
        self._most = max(3, len(names or []))
        names = [each.lower() for each in names or []]
        self._id = next((names.index(each) for each in IDS if each in names), 0)
        self._speaker = next((names.index(each) for each in SPEAKERS if each in names), speaker)
        self._texts = [names.index(each) for each in TEXTS if each in names]

    def line(self, number: int, cells: list[str]) -> ListLine:
        id = "".join(cells[self._id : self._id + 1])
        speaker = "" if self._speaker is None else "".join(cells[self._speaker : self._speaker + 1])
        return ListLine(number, id, self._text(cells), speaker, 2 <= len(cells) <= self._most)

    def _text(self, cells: list[str]) -> str:
        """Of the first column of texts that has any; of the last one that has, where none is named so."""
        places = self._texts or [at for at in reversed(range(len(cells))) if at not in (self._id, self._speaker)]
        return next((cells[at] for at in places if at < len(cells) and cells[at]), "")


def _numbered(content: str) -> list[tuple[int, str]]:
    """Lines that are not blank, and their numbers."""
    return [(number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip()]


def _between(lines: list[str]) -> str:
    """What stands between columns."""
    if lines and "|" in lines[0]:
        return "|"
    if all("\t" in line for line in lines):
        return "\t"
    return ";" if lines[0].count(";") > lines[0].count(",") else ","


def _separated(content: str, name: str, between: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=between, skipinitialspace=True, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise UserError(f"{name}, line {reader.line_num}: not CSV: {error}. Correct its quotes.") from None
    return [(number, cells) for number, cells in rows if any(cells)]


def _quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _unquoted(cells: Iterable[str]) -> list[str]:
    """Without the quotes around cells, as lists are written that have quotes in them."""
    return [cell[1:-1].replace('""', '"') if _quoted(cell) else cell for cell in cells]


def _bare(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Without quotes, if recordings have them, too: else, as in LJSpeech's list, they are the text's own."""
    if rows and all(_quoted(cells[0]) for _, cells in rows):
        return [(number, _unquoted(cells)) for number, cells in rows]
    return rows


def _of_speakers(rows: list[list[str]]) -> int | None:
    """The second or third of three columns, if it has speakers: few words, each in several lines, while the other one
    has a text in every line."""
    if len(rows) < FEW or any(len(cells) != 3 for cells in rows):
        return None
    for at, other in ((1, 2), (2, 1)):
        names = {cells[at] for cells in rows}
        words = all(name and not re.search(r"\s", name) for name in names)
        texts = sum(" " in cells[other] for cells in rows)
        if words and 2 * len(names) <= len(rows) and 2 * texts > len(rows):
            return at
    return None
