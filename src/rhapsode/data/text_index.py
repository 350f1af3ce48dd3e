"""The training index of texts: the text that a model was trained on, with its suffix array, in which copies are found.

A *span* is characters in a row that stand somewhere in the training text, exactly: case and white space count. It lies
within one document, or within one line where lines are units. It may be found inside of words.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rhapsode.data.characters import begins
from rhapsode.data.finder import DATA, SourceFile
from rhapsode.data.suffixes import PAD, PATIENCE, Suffixes, library, suffix_array
from rhapsode.errors import UserError
from rhapsode.files import checkpoint

KIND = "text"
"""What the file's header calls this index."""
SIZE = 16_000_000
"""Texts of more bytes get no index unless one is asked for: it takes five times as many on the disk."""
CAP = 512
"""Bytes of a span that are looked at. Only of the longest span, all are."""
STEPS = 1000
"""The most spans of more than `CAP` bytes among which the longest is sought. In texts that repeat themselves without
end, it may be longer than it is said to be."""
HELD, PIECES = 1 << 17, 16
"""Bytes of the held-out text that are measured, in so many pieces from all over it."""
NEWLINE = 10
ARRAYS = {
    "text": np.uint8,
    "order": np.int32,
    "starts": np.int64,
    "file": np.int32,
    "number": np.int32,
    "line": np.int32,
    "held": np.int16,
}


def default(size: int) -> bool:
    """Whether a text of so many bytes gets an index if nobody says otherwise."""
    return size <= (SIZE if library() else PATIENCE)


class Place(NamedTuple):
    """A place in the training text: the file's name, the number of the document in it (0 if it is the only one), and
    the line in the document, from 1."""

    file: str
    document: int
    line: int

    @property
    def name(self) -> str:
        """That of the document, as everywhere: `a.jsonl#3`."""
        return f"{self.file}#{self.document}" if self.document else self.file

    def __str__(self) -> str:
        return f"{self.name}, line {self.line:,}"


class Copy(NamedTuple):
    """A span of a text: where it begins there, and how long it is, in characters; and where it stands in the training
    text (in one of perhaps several places), in bytes."""

    start: int
    chars: int
    place: int


class Gathered:
    """Training text that is gathered for an index, piece by piece. lines: each line is a unit."""

    def __init__(self, lines: bool) -> None:
        self.lines = lines
        self.text = bytearray()
        self.files: list[str] = []
        self.data: list[str] = []
        self.segments: list[tuple[int, int, int, int]] = []
        """Where text begins that does not simply go on; its file, document and line."""
        self.ends: list[int] = []
        """Places between documents."""
        self._document: tuple[int, int] | None = None
        self._expected = 1

    def add(self, data: bytes, ends: bool, file: int, number: int, lines: Sequence[int] = ()) -> None:
        """Some bytes of a document. ends: it ends with them. file, number: as in `Place`, the file by its number in
        `files`. lines: the numbers of its lines; none if no line is left out."""
        if data:
            if self._document != (file, number):
                self._end()
                self._document, self._expected = (file, number), 1
                self.segments.append((len(self.text), file, number, lines[0] if lines else 1))
            elif lines and lines[0] != self._expected:
                self.segments.append((len(self.text), file, number, lines[0]))
            if lines:
                self._left_out(data, file, number, lines)
            self.text += data
        if ends:
            self._end()

    def _left_out(self, data: bytes, file: int, number: int, lines: Sequence[int]) -> None:
        """Where a line does not follow the one before, there is a new segment."""
        gaps = set((np.flatnonzero(np.diff(np.array(lines, np.int64)) != 1) + 1).tolist())
        at = len(self.text)
        for n, line in enumerate(data.split(b"\n")):
            if n in gaps:
                self.segments.append((at, file, number, lines[n]))
            at += len(line) + 1
        self._expected = lines[-1] + 1

    def _end(self) -> None:
        if self._document is not None and not (self.lines and self.text.endswith(b"\n")):
            self.ends.append(len(self.text))
            self.text.append(0)
        self._document = None

    def after(self, other: TextIndex) -> None:
        """Begin with the text of another index: that of the model that is tuned."""
        self.files, self.data = list(other.info["files"]), list(other.info["data"])
        text, separator = other.arrays["text"][:-PAD], other.info["separator"]
        self.text += text.tobytes()
        columns = (other.arrays[name].tolist() for name in ("starts", "file", "number", "line"))
        self.segments = list(zip(*columns, strict=True))
        if other.info["lines"] and not self.lines:  # then its newlines become ends of documents, which are not counted
            newlines, starts = np.flatnonzero(text == NEWLINE), other.arrays["starts"]
            places = np.union1d(starts, newlines[newlines < len(text) - 1] + 1)
            which = np.searchsorted(starts, places, "right") - 1
            lines = other.arrays["line"][which] + np.diff(np.searchsorted(newlines, [starts[which], places]), axis=0)[0]
            found = places, other.arrays["file"][which], other.arrays["number"][which], lines
            self.segments = list(zip(*(each.tolist() for each in found), strict=True))
        if separator >= 0 and not (other.info["lines"] and self.lines):
            self.ends = np.flatnonzero(text == separator).tolist()
        if len(text) and text[-1] != separator:
            self.ends.append(len(self.text))
            self.text.append(0)

    def finished(self) -> tuple[np.ndarray, int]:
        """The text [N] uint8, and the byte between its documents; -1 if there is only one."""
        while self.ends and self.ends[-1] == len(self.text) - 1:
            self.ends.pop()
            self.text.pop()
        text = np.frombuffer(self.text, np.uint8)
        if self.lines:
            separator = NEWLINE
        elif self.ends:
            counts = np.bincount(text, minlength=256)
            counts[0] -= len(self.ends)
            separator = 255 - int(counts[::-1].argmin())  # in UTF-8, there is none
        else:
            return text, -1
        text[self.ends] = separator
        return text, separator


@dataclass(frozen=True, eq=False)
class Matches:
    """What of one text stands in the training text.

    lengths: [N] int32: how many characters from here on do, up to `CAP` bytes.
    start, chars: the longest span, in characters: the first of several. place: where it stands in the training text, in
    bytes.
    """

    lengths: np.ndarray
    start: int
    chars: int
    place: int


class TextIndex:
    """A training text, in which spans are looked up, and what of the held-out text stands in it."""

    def __init__(self, info: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """As they were kept, see `TextIndex.of` and `restored`.

        info: `files`: their names; `data`: digests of the sources of the text, those of the model itself last;
        `separator`: the byte that stands between documents, or -1; `lines`: whether lines are units.
        arrays: `text` [N + PAD], `order` [N]; `starts`, `file`, `number`, `line` [S]: where text begins that does not
        simply go on, and its place; `held` [H]: `Matches.lengths` of held-out text.
        """
        self.info, self.arrays = info, arrays
        self.suffixes = Suffixes(arrays["text"], arrays["order"])

    @staticmethod
    def of(gathered: Gathered, held: Iterable[bytes] = ()) -> TextIndex:
        """held: the documents that were held out. Raises `UserError` if it is too large for this machine."""
        text, separator = gathered.finished()
        columns = np.array(gathered.segments, np.int64).reshape(-1, 4).T
        arrays = {
            "text": np.concatenate([text, np.zeros(PAD, np.uint8)]),
            "order": suffix_array(text),
            **dict(zip(("starts", "file", "number", "line"), columns, strict=True)),
            "held": np.zeros(0, np.int16),
        }
        arrays = {name: np.ascontiguousarray(each, ARRAYS[name]) for name, each in arrays.items()}
        info = {"index": KIND, "files": gathered.files, "data": gathered.data, "separator": separator}
        index = TextIndex({**info, "lines": gathered.lines}, arrays)
        found = [index.matches(piece).lengths for piece in _spread(list(held))]
        arrays["held"] = np.concatenate([np.zeros(0, np.int16), *found]).astype(np.int16)
        return index

    @staticmethod
    def restored(info: dict[str, Any], arrays: dict[str, np.ndarray], where: str) -> TextIndex:
        """From the `info` and `arrays` of another one. Raises `UserError`, which names `where` they come from."""

        def check(good: bool | np.bool) -> None:
            if not good:
                raise UserError(f"{where}: it does not hold the text that a model knows. Train again, or remove it.")

        check(info.get("index") == KIND and set(arrays) == set(ARRAYS))
        check(all(arrays[name].dtype == kind and arrays[name].ndim == 1 for name, kind in ARRAYS.items()))
        files, separator = info.get("files"), info.get("separator")
        for texts in (files, info.get("data")):
            check(isinstance(texts, list) and all(isinstance(each, str) for each in texts))
        check(type(separator) is int and -1 <= separator < 256 and isinstance(info.get("lines"), bool))
        order, starts = arrays["order"], arrays["starts"]
        size = len(order)
        check(len(arrays["text"]) == size + PAD and not arrays["text"][size:].any())
        check(not size or (order.min() >= 0 and order.max() < size))
        check(all(len(arrays[name]) == len(starts) for name in ("file", "number", "line")))
        check(bool(len(starts)) == bool(size) and not (size and starts[0]) and bool((np.diff(starts) > 0).all()))
        check(not size or starts[-1] < size)
        check(bool(((arrays["file"] >= 0) & (arrays["file"] < len(files or ()))).all()))
        check(bool((arrays["number"] >= 0).all() and (arrays["line"] >= 1).all()))
        check(bool(((arrays["held"] >= 0) & (arrays["held"] <= CAP)).all()))
        return TextIndex(info, arrays)

    @staticmethod
    def load(path: Path) -> TextIndex:
        """The index in a file, which stays on the disk and is read where it is needed. Raises `UserError`."""
        info, arrays = checkpoint.mapped(path)
        return TextIndex.restored(info, arrays, str(path))

    def save(self, path: Path) -> None:
        """Write the file. Raises `UserError` if the disk refuses it."""
        checkpoint.save_large(path, self.info, self.arrays)

    def __len__(self) -> int:
        return len(self.arrays["order"])

    def segment(self, place: int) -> tuple[int, int, int]:
        """File, document and line of a byte of the training text."""
        starts = self.arrays["starts"]
        n = int(np.searchsorted(starts, place, "right")) - 1
        line = int(self.arrays["line"][n]) + int(np.count_nonzero(self.arrays["text"][starts[n] : place] == NEWLINE))
        return int(self.arrays["file"][n]), int(self.arrays["number"][n]), line

    def where(self, place: int) -> Place:
        """The place of a byte of the training text, for people."""
        file, number, line = self.segment(place)
        return Place(self.info["files"][file], number, line)

    def known(self, data: bytes) -> bool:
        """Whether these bytes stand in one document of the training text."""
        separator = self.info["separator"]
        return self.suffixes.find(data) >= 0 and (separator < 0 or separator not in data)

    def around(self, place: int, chars: int, beside: int) -> tuple[str, str]:
        """What stands before and behind a span of the training text: up to `beside` characters, within its document.
        place, in bytes; chars: of the span."""
        text, wall = self.arrays["text"][:-PAD], self.info["separator"]
        end = place
        for _ in range(chars):
            end += 1
            while end < len(text) and text[end] & 0xC0 == 0x80:
                end += 1
        before = text[max(0, place - 4 * beside) : place].tobytes()
        after = text[end : end + 4 * beside].tobytes()
        if wall >= 0:
            before, after = before.rpartition(bytes([wall]))[2], after.partition(bytes([wall]))[0]
        return before.decode("utf-8", "ignore")[-beside:], after.decode("utf-8", "ignore")[:beside]

    def spans(self, data: bytes, least: int) -> list[Copy]:
        """The spans of a text, which is one document, of so many characters or more that no other one covers, in their
        order. They may overlap."""
        begun, ends, lengths, places, chars = self._matched(data)
        found, reach = list[Copy](), 0
        for at in np.flatnonzero(chars >= least).tolist():
            if at + chars[at] <= reach:
                continue
            count, place = int(chars[at]), int(places[at])
            if lengths[at] == CAP:
                size, place = self._whole(data, int(begun[at]), int(ends[at]))
                count = int(np.searchsorted(begun, int(begun[at]) + size, "right")) - 1 - at
            found.append(Copy(at, count, place))
            reach = at + count
        return found

    def _matched(self, data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each character of a text [N]: where each begins, and the end of the text [N + 1]; where the document
        that it is in ends; how many bytes from it on stand in the training text, up to `CAP`, and where; and how many
        characters these are."""
        begun = begins(data)
        at = begun[:-1]
        array = np.frombuffer(data, np.uint8)
        walls = np.append(np.flatnonzero(array == self.info["separator"]), len(data))
        ends = walls[np.searchsorted(walls, at)]
        lengths, places = self.suffixes.matched(array, at, np.minimum(ends - at, CAP))
        chars = np.searchsorted(begun, at + lengths, "right") - 1 - np.arange(len(at))
        return begun, ends, lengths, places, chars

    def matches(self, data: bytes) -> Matches:
        """What of a text, which is one document, stands in the training text."""
        begun, ends, lengths, places, chars = self._matched(data)
        found = Matches(chars.astype(np.int32), 0, 0, 0)
        if not len(chars):
            return found
        best = int(chars.argmax())
        long = np.flatnonzero(lengths == CAP)
        start, count, place = self._longest(data, begun, ends, long, (best, int(chars[best]), int(places[best])))
        return Matches(found.lengths, start, count, place)

    def _longest(
        self, data: bytes, begun: np.ndarray, ends: np.ndarray, long: np.ndarray, best: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        """The longest span, and where it stands, given the longest of `CAP` bytes. long: where such spans begin."""
        at = 0
        for _ in range(STEPS):
            next_ = int(np.searchsorted(long, at))
            if next_ == len(long) or (at := int(long[next_])) + best[1] >= len(ends):
                break
            length, place = self._whole(data, int(begun[at]), int(ends[at]))
            stop = int(begun[at]) + length
            count = int(np.searchsorted(begun, stop, "right")) - 1 - at
            if count > best[1]:
                best = at, count, place
            # A longer one begins later and goes on behind `stop`. Its beginning can be bisected: if what is between
            # stands in the training text, then so does less of it.
            low, high = at, int(np.searchsorted(begun, stop))
            step = 1
            while low + step < high:
                if self.suffixes.find(data[int(begun[low + step]) : stop + 1]) >= 0:
                    high = low + step
                    break
                low, step = low + step, 2 * step
            while high - low > 1:
                middle = (low + high) // 2
                if self.suffixes.find(data[int(begun[middle]) : stop + 1]) >= 0:
                    high = middle
                else:
                    low = middle
            at = max(high, at + 1)
        return best

    def _whole(self, data: bytes, begin: int, end: int) -> tuple[int, int]:
        """How many bytes from `begin` on, up to `end`, stand in the training text, and where."""
        size = 8 * CAP
        while True:
            length, place = self.suffixes.longest(data[begin : min(begin + size, end)])
            if length < size or begin + size >= end:
                return length, place
            size *= 8


def names(files: Sequence[SourceFile]) -> list[str]:
    """The names of files without folders, but for those within a folder that was given: whoever gets the index need not
    know where they are."""
    found = []
    for file in files:
        if file.within is not None:
            found.append(Path(os.path.relpath(file.path, file.within)).as_posix())
        else:
            found.append(file.name if file.name.startswith(DATA) else Path(file.name).name)
    return [os.fsencode(name).decode("utf-8", "replace") for name in found]


def _spread(documents: Sequence[bytes]) -> list[bytes]:
    """All of it; or, of much, pieces from all over, none from two documents."""
    total = sum(map(len, documents))
    if total <= HELD:
        return list(documents)
    size = HELD // PIECES
    found, before = [], 0
    wanted = [n * (total - size) // (PIECES - 1) for n in range(PIECES)]
    for document in documents:
        for begin in wanted:
            low, high = max(begin - before, 0), min(begin + size - before, len(document))
            if low < high:
                found.append(document[low:high].lstrip(bytes(range(0x80, 0xC0))))
        before += len(document)
    return found
