"""SOURCE → documents: files, folders, globs, standard input, compressed files, JSONL, corpora by name.

Only the piece that is being read is in memory, and every pass gives the same documents in the same order. Files that
are left out (hidden, binary, empty) are counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from rhapsode.data import encodings
from rhapsode.data.documents import converted as converted_document
from rhapsode.data.encodings import BYTES, Encoding, Judged, converted, judged, named
from rhapsode.data.finder import HINT, Finder, SourceFile, errors, reasons
from rhapsode.data.streams import cut, read_chunks, records, split
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals, some
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
    notes:   what was done with files to get their text, a sentence each.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        skipped: dict[str, str],
        separator: str | None,
        field: str | None,
        damaged: dict[str, str] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.files = tuple(files)
        self.notes = tuple(notes)
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
                whole = self._separator is None and self._field is None and len(file.lengths) < 2
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
        parts = [[known[file.path], file.kind, file.start, file.stop, *_read_as(file)] for file in self.files]
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
            if file.encoding is not None:
                chunks = converted(chunks, file.encoding, file.name)
            if self._field is not None:
                for text in records(chunks, self._field, file.name):
                    yield Piece(text, True)
                return
            for part, last in cut(chunks, file.lengths):
                if self._separator is not None:
                    for data, ends in split(part, self._separator):
                        yield Piece(data, ends)
                else:
                    for data in part:
                        yield Piece(data, False)
                    if not last:
                        yield Piece(b"", True)


def open_sources(
    sources: Sequence[str | os.PathLike[str]],
    *,
    separator: str | None = None,
    field: str | None = None,
    accepts: Callable[[Path], bool] | None = None,
    wanted: str = "files with text in them",
    encoding: str | None = None,
    as_text: bool = False,
    all_files: bool = False,
    report: Callable[[str, float], None] | None = None,
) -> Sources:
    """The documents of `sources`, in that order; those of a folder or glob sorted by path.

    separator: text between documents (it belongs to none of them); without it a file is a document.
    field: files are JSONL, and each line is a document: the text in this field.
    accepts: says which files of folders and globs are taken; without it, all that do not look binary.
    wanted: the name of such files in messages.
    encoding: that of all texts; without it, it is found out. `bytes`: texts are not converted.
    as_text: web pages, notebooks, Markdown and mail are documents, too, whose text is taken out of them.
    all_files: take what is else left out of folders, see `leftout`.
    report: is called with the name of a stage, such as a download, and the fraction that is done.
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
    texts = accepts is None
    finder = Finder(report, accepts, wanted, texts and field is None, as_text, all_files, encoding)
    fixed = named(encoding) if encoding is not None else None
    temporary: list[Path] = []
    notes: list[str] = []
    try:
        for source in sources:
            temporary += finder.add(os.fspath(source))
        if texts:
            prepared = _Prepared(fixed, report)
            finder.files = prepared.files(finder)
            temporary += prepared.temporary
            notes = prepared.notes(finder.signs)
        if not finder.files:
            if len(finder.damaged) == 1 and not finder.skipped:
                raise UserError(*finder.damaged.values())
            why = reasons(finder.skipped, finder.damaged)
            raise UserError(f"nothing to read in {', '.join(map(str, sources))}: {why}.")
    except BaseException:
        _remove(temporary)
        raise
    found = Sources(finder.files, finder.skipped, separator, field, finder.damaged, notes)
    weakref.finalize(found, _remove, temporary)
    return found


def read_one(
    source: str,
    report: Callable[[str, float], None] | None = None,
    *,
    text: bool = False,
    encoding: str | None = None,
    note: Callable[[str], None] | None = None,
) -> bytes:
    """All bytes of a SOURCE that is one file: a file, perhaps compressed, `-`, data:NAME/PART. It may be empty.

    report: as for `open_sources`. text: its text in UTF-8, as training reads it, instead of its bytes; encoding: that
    of the file; note: is told what was done. Raises `UserError`.
    """
    if os.path.isdir(source):
        raise UserError(f"{source} is a folder, and one file is needed here. Name it.")
    finder = Finder(report, converts=text, encoding=encoding)
    temporary = finder.add(source)
    try:
        if finder.damaged:
            raise UserError(*finder.damaged.values())
        if len(finder.files) > 1:
            names = ", ".join(file.name for file in finder.files[:3])
            raise UserError(f"{source}: these are {len(finder.files)} files ({names} …), and one is needed. Name it.")
        if text:
            prepared = _Prepared(named(encoding) if encoding is not None else None, report)
            finder.files = prepared.files(finder)
            temporary += prepared.temporary
            if finder.damaged:
                raise UserError(*finder.damaged.values())
            for told in prepared.notes({}):
                (note or str)(told)
        return b"".join(piece.data for piece in Sources(finder.files, {}, None, None).pieces())
    finally:
        _remove(temporary)


class _Prepared:
    """Makes texts of files: finds out their encodings, and takes the text out of documents."""

    def __init__(self, fixed: Encoding | None, report: Callable[[str, float], None] | None) -> None:
        """fixed: the encoding that the user named."""
        self._fixed, self._report = fixed, report
        self.temporary: list[Path] = []
        self._documents = Counter[str]()
        self._encodings: dict[str, Encoding] = {}
        self._doubts: dict[str, str] = {}
        self._marks: list[str] = []
        self._refused = Refusals()

    def files(self, finder: Finder) -> list[SourceFile]:
        """The files of a finder, ready to be read. What cannot be is added to its damaged ones."""
        found = []
        for number, file in enumerate(finder.files):
            try:
                found.append(self._document(file, number / len(finder.files)) if file.format else self._text(file))
            except UserError as error:
                finder.damaged[file.name] = str(error)
        return found

    def _document(self, file: SourceFile, done: float) -> SourceFile:
        assert file.format is not None
        if self._report is not None:
            self._report(f"taking the text out of {os.path.basename(file.name)}", done)
        path, lengths = converted_document(file.path, file.name, file.format, self._refused)
        self.temporary.append(path)
        self._documents[file.format.title] += 1
        about = path.stat()
        return replace(file, path=path, kind="", size=about.st_size, changed=about.st_mtime_ns, lengths=lengths)

    def _text(self, file: SourceFile) -> SourceFile:
        if file.published or self._fixed is not None and self._fixed.codec == BYTES:
            return file
        if self._fixed is not None:
            with reading(file.name), open(file.path, "rb", buffering=0) as opened:
                head = next(read_chunks(opened, file.kind, file.name, None, 1 << 12), b"")
            return replace(file, encoding=encodings.fitted(self._fixed, head))
        try:
            one = judged(lambda: _contents(file))
        except UserError:  # of damaged files it is told when they are read
            one = Judged()
        if one.doubt:
            self._doubts[file.name] = one.doubt
        if one.encoding is not None and one.encoding.codec == "utf-8":
            self._marks.append(file.name)
        elif one.encoding is not None:
            self._encodings[file.name] = one.encoding
        return replace(file, encoding=one.encoding)

    def notes(self, signs: dict[str, str]) -> list[str]:
        """What was done. signs: see `Finder`."""
        told = []
        if count := self._documents.total():
            kinds = ", ".join(f"{n:,} {title}" for title, n in self._documents.most_common())
            told.append(f"The text was taken out of {_several(count, 'document')} ({kinds}).")
        told += self._refused.told("In documents")
        if count := len(self._encodings):
            each = [f"{name} ({encoding})" for name, encoding in self._encodings.items()]
            told.append(
                f"{_several(count, 'text')} converted to UTF-8: {some(each, count)}. If that is wrong, give --encoding "
                "NAME (or bytes)."
            )
        if count := len(self._doubts):
            each = [f"{name} ({doubt})" for name, doubt in self._doubts.items()]
            told.append(
                f"{_several(count, 'text')} with bytes that are not UTF-8, which are learnt one by one: "
                f"{some(each, count)}. If you know the encoding, give --encoding NAME."
            )
        if count := len(self._marks):
            told.append(f"{_several(count, 'byte order mark')} left out ({some(self._marks, count)}).")
        if count := len(signs):
            kinds = ", ".join(f"{n:,} {title}" for title, n in Counter(signs.values()).most_common())
            told.append(f"{kinds}: taken as they stand, with all their signs; --as-text takes only their text.")
        return told


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _contents(file: SourceFile) -> Iterator[bytes]:
    with reading(file.name), open(file.path, "rb", buffering=0) as opened:
        opened.seek(file.start)
        yield from read_chunks(opened, file.kind, file.name, file.stop)


def _read_as(file: SourceFile) -> list[object]:
    """What else than its bytes decides the documents of a file."""
    if file.encoding is None and not file.lengths:
        return []
    return [file.encoding and [file.encoding.codec, file.encoding.mark], list(file.lengths)]


def _counted(chunks: Iterator[bytes], opened: BinaryIO, start: int, told: Callable[[int], None]) -> Iterator[bytes]:
    """The same chunks. After each, `told` is called with the number of bytes of the file that have been read."""
    for chunk in chunks:
        yield chunk
        told(opened.tell() - start)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
