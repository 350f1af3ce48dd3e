"""SOURCE → documents: files, folders, globs, standard input, compressed files, JSONL, corpora by name.

Only the piece that is being read is in memory, and every pass gives the same documents in the same order. Files that
are left out (hidden, binary, empty) are counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from rhapsode.data.finder import HINT, Finder, SourceFile, errors, reasons
from rhapsode.data.streams import read_chunks, records, split
from rhapsode.errors import UserError
from rhapsode.files.source import reading

Given = TypeVar("Given")


class Piece(NamedTuple):
    """Some bytes of a document, perhaps none, and whether the document ends after them."""

    data: bytes
    ends: bool


class Document:
    """One document: its `name`, its `file`, and its bytes. Iterating over it once gives the bytes in pieces."""

    def __init__(self, name: str, file: SourceFile, first: Piece, rest: Iterator[Piece]) -> None:
        self.name, self.file = name, file
        self._first: Piece | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        while self._first is not None:
            piece = self._first
            self._first = None if piece.ends else next(self._rest)
            if piece.data:
                yield piece.data


class Sources:
    """The documents of some SOURCEs. Iterate over it for `Document`s, as often as needed; each must be
    read before the next is asked for.

    files:   the files that are read, in order.
    skipped: the files that are left out: name → reason.
    damaged: the files that cannot be read, or not to their end: name → error. Complete after all files were read once.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        skipped: dict[str, str],
        separator: str | None,
        field: str | None,
        damaged: dict[str, str] | None = None,
    ) -> None:
        self.files = tuple(files)
        self.skipped = skipped
        self.damaged = damaged or {}
        self._separator = separator.encode("utf-8", "surrogateescape") if separator is not None else None
        self._field = field

    def __iter__(self) -> Iterator[Document]:
        return self.documents()

    def documents(self, report: Callable[[float], None] | None = None, size: int = 0) -> Iterator[Document]:
        """The documents, as by iterating. See `each` for files that cannot be read.

        report: is called with the fraction that has been read.
        size: bytes that are read at a time; 0 for the default.
        """
        for file, pieces in self._files(report, size):
            for number, first in enumerate(pieces, 1):
                whole = self._separator is None and self._field is None
                document = Document(file.name if whole else f"{file.name}#{number}", file, first, pieces)
                yield document
                for _ in document:  # the rest that the caller did not read
                    pass

    def pieces(self, report: Callable[[float], None] | None = None) -> Iterator[Piece]:
        """All documents, one after another, in pieces that are not empty. See `each` for files that cannot be read.

        report: is called with the fraction that has been read.
        """
        for _, pieces in self._files(report):
            yield from pieces

    def placed(self, report: Callable[[float], None] | None = None) -> Iterator[tuple[int, int, Piece]]:
        """As `pieces`, each with the number of its file in `files`, and that of its document in the file, from 1; 0
        where the file is one document."""
        divided = self._separator is not None or self._field is not None
        for file, (_, pieces) in enumerate(self._files(report)):
            number = int(divided)
            for piece in pieces:
                yield file, number, piece
                number += divided and piece.ends

    def each(
        self, read: Callable[[SourceFile], Iterator[Given]], report: Callable[[float], None] | None = None
    ) -> Iterator[Given]:
        """The results of `read` for all files, one after another.

        If one of several files cannot be read, it is left out from the damaged place on, and is listed in `damaged`.
        report: is called with the fraction that has been read.
        Raises `UserError` if there is only one file, or if all are damaged.
        """
        for number, file in enumerate(self.files):
            if report is not None:
                report(number / len(self.files))
            yield from self._spared(file, read(file))
        if report is not None:
            report(1.0)

    def _spared(self, file: SourceFile, given: Iterator[Given]) -> Iterator[Given]:
        try:
            yield from given
        except UserError as error:
            file.check_unchanged()
            self.damaged[file.name] = str(error)
            if all(each.name in self.damaged for each in self.files):
                raise error if len(self.damaged) == 1 else self._useless() from None

    def _useless(self) -> UserError:
        return UserError(f"none of the {len(self.files):,} files can be read to its end: {errors(self.damaged)}.")

    @property
    def damage(self) -> list[str]:
        """A message for the user, if a file is damaged."""
        count = len({file.name for file in self.files} | self.damaged.keys())
        told = f"{len(self.damaged):,} of {count:,} files cannot be read, and are left out from the damaged place on"
        return [f"{told}: {errors(self.damaged)}."] if self.damaged else []

    def _files(
        self, report: Callable[[float], None] | None, size: int = 0
    ) -> Iterator[tuple[SourceFile, Iterator[Piece]]]:
        total = sum(file.length for file in self.files) or 1
        before = 0

        def told(read: int) -> None:
            if report is not None:
                report(min(1.0, (before + read) / total))

        told(0)
        for file in self.files:
            yield file, self._whole(self._spared(file, self._pieces(file, told, size)))
            told(file.length)
            before += file.length

    def told(self, documents: int) -> tuple[str, bool]:
        """A message that says how many documents were found; and whether it is a warning: that the separator does not
        occur between any two documents."""
        files = len(self.files)
        found = f"{documents:,} document{'s' * (documents != 1)} in {files:,} file{'s' * (files != 1)}"
        if self._separator is None or documents > files:
            return f"{found}.", False
        shown = self._separator.decode("utf-8", "backslashreplace")
        return f"the document separator {shown!r} stands between no two documents: {found}. Is it the right one?", True

    def digest(self, report: Callable[[float], None] | None = None) -> str:
        """SHA-256 of everything that decides the documents: contents and order, but not names."""
        total = sum(file.size for file in self.files) or 1
        known: dict[Path, str] = {}
        done = 0
        for file in self.files:
            if file.path not in known:
                with reading(file.name), open(file.path, "rb") as opened:
                    known[file.path] = hashlib.file_digest(opened, "sha256").hexdigest()
            done += file.size
            if report is not None:
                report(done / total)
        separator = self._separator.hex() if self._separator is not None else None
        parts = [[known[file.path], file.kind, file.start, file.stop] for file in self.files]
        return hashlib.sha256(json.dumps([parts, separator, self._field]).encode()).hexdigest()

    def check_unchanged(self) -> None:
        """Raises `UserError` if a file has changed since it was found, since old and new contents may be mixed then."""
        for file in self.files:
            file.check_unchanged()

    def _whole(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The same pieces. A document that breaks off, because its file is damaged, ends there."""
        ends = True
        for data, ends in pieces:
            yield Piece(data, ends)
        if not ends:
            yield Piece(b"", True)

    def _pieces(self, file: SourceFile, told: Callable[[int], None], size: int) -> Iterator[Piece]:
        with reading(file.name), open(file.path, "rb", buffering=0) as opened:
            opened.seek(file.start)
            chunks = _counted(read_chunks(opened, file.kind, file.name, file.stop, size), opened, file.start, told)
            if self._field is not None:
                for text in records(chunks, self._field, file.name):
                    yield Piece(text, True)
            elif self._separator is not None:
                for data, ends in split(chunks, self._separator):
                    yield Piece(data, ends)
            else:
                for data in chunks:
                    yield Piece(data, False)


def open_sources(
    sources: Sequence[str | os.PathLike[str]],
    *,
    separator: str | None = None,
    field: str | None = None,
    accepts: Callable[[Path], bool] | None = None,
    wanted: str = "files with text in them",
    report: Callable[[str, float], None] | None = None,
) -> Sources:
    """The documents of `sources`, in that order; those of a folder or glob sorted by path.

    separator: text between documents (it belongs to none of them); without it a file is a document.
    field: files are JSONL, and each line is a document: the text in this field.
    accepts: says which files of folders and globs are taken; without it, all that do not look binary.
    wanted: the name of such files in messages.
    report: is called with the name of a download and the fraction that has arrived.
    Raises `UserError` if a source does not exist, cannot be read, or holds no usable file.
    """
    if separator is not None and field is not None:
        raise UserError(
            "a document separator and a JSONL field cannot be used together: a line of JSONL is a document."
        )
    if separator == "":
        raise UserError(
            "the document separator is empty. Give the text that stands between documents, e.g. '\\n\\n\\n'."
        )
    if isinstance(sources, str | os.PathLike):
        sources = [sources]
    if not sources:
        raise UserError(f"no SOURCE was given. {HINT}")
    finder = Finder(report, accepts, wanted)
    temporary: list[Path] = []
    try:
        for source in sources:
            temporary += finder.add(os.fspath(source))
        if not finder.files:
            if len(finder.damaged) == 1 and not finder.skipped:
                raise UserError(*finder.damaged.values())
            why = reasons(finder.skipped, finder.damaged)
            raise UserError(f"nothing to read in {', '.join(map(str, sources))}: {why}.")
    except BaseException:
        _remove(temporary)
        raise
    found = Sources(finder.files, finder.skipped, separator, field, finder.damaged)
    weakref.finalize(found, _remove, temporary)
    return found


def read_one(source: str, report: Callable[[str, float], None] | None = None) -> bytes:
    """All bytes of a SOURCE that is one file: a file, perhaps compressed, `-`, data:NAME/PART. It may be empty.

    report: as for `open_sources`. Raises `UserError`.
    """
    if os.path.isdir(source):
        raise UserError(f"{source} is a folder, and one file is needed here. Name it.")
    finder = Finder(report)
    temporary = finder.add(source)
    try:
        if finder.damaged:
            raise UserError(*finder.damaged.values())
        if len(finder.files) > 1:
            names = ", ".join(file.name for file in finder.files[:3])
            raise UserError(f"{source}: these are {len(finder.files)} files ({names} …), and one is needed. Name it.")
        return b"".join(piece.data for piece in Sources(finder.files, {}, None, None).pieces())
    finally:
        _remove(temporary)


def _counted(chunks: Iterator[bytes], opened: BinaryIO, start: int, told: Callable[[int], None]) -> Iterator[bytes]:
    """The same chunks. After each, `told` is called with the number of bytes of the file that have been read."""
    for chunk in chunks:
        yield chunk
        told(opened.tell() - start)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
