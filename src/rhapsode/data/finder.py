"""Finding the files that a SOURCE stands for, with clear messages where one cannot be read."""

from __future__ import annotations

import errno
import glob
import os
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from rhapsode.data import documents, encodings, leftout
from rhapsode.data.encodings import Encoding
from rhapsode.data.streams import CHUNK, SUFFIXES, read_chunks
from rhapsode.errors import UserError
from rhapsode.files.archive import is_zip, opened
from rhapsode.files.formats import Format
from rhapsode.files.refusals import some
from rhapsode.files.signature import of, of_head
from rhapsode.files.source import of_file, reading, unreadable

SNIFFED = 8192
"""A file with a zero byte among this many first bytes is taken for binary."""
DATA = "data:"
"""The prefix of a standard corpus's name."""
OTHER, BINARY = "of another kind", "looks binary"
"""Reasons: files of another kind, and those that are no text. (Messages name some of the former in full, since one may
have been meant to be read.)"""
HINT = "A SOURCE is a file, a folder, a glob pattern, '-' for standard input, or data:NAME (see `rhapsode data list`)."


@dataclass(frozen=True)
class SourceFile:
    """A file to read, or the bytes from `start` to `stop` of a file that is not compressed.

    name:    the name in messages.
    kind:    the compression, e.g. `.gz`; empty if there is none.
    size:    bytes on disk when it was found.
    changed: the time of its last change in ns when it was found.
    within:  the folder that the user gave, if the file was found in one.
    published: it belongs to a standard corpus, whose bytes stay as they are.
    format:  of a document, whose text is to be taken out of it; None if the file is itself the text.
    encoding: of a text that is not in UTF-8, or begins with a byte order mark; None if its bytes are taken as they are.
    lengths: of the documents in it, one after another, in bytes; () if the file is one.
    """

    path: Path
    name: str
    kind: str
    size: int
    changed: int
    start: int = 0
    stop: int | None = None
    within: Path | None = None
    published: bool = False
    format: Format[str] | None = None
    encoding: Encoding | None = None
    lengths: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """How many bytes are read from the disk."""
        return max(0, (self.size if self.stop is None else min(self.stop, self.size)) - self.start)

    def check_unchanged(self) -> None:
        """Raises `UserError` if the file has changed since it was found."""
        with reading(self.name):
            now = os.stat(self.path)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
            raise UserError(f"{self.name}: changed while it was being read. Run the command again.")


class Finder:
    """Collects the files of sources, one source after another.

    skipped: files that are left out because they are of no use here: name → reason, with {s} where a plural has an s.
    damaged: files that cannot be read: name → error.
    signs:   texts with signs in them, such as web pages, that are taken as they stand: name → format.
    """

    def __init__(
        self,
        report: Callable[[str, float], None] | None = None,
        accepts: Callable[[Path], bool] | None = None,
        wanted: str = "files with text in them",
        converts: bool = False,
        as_text: bool = False,
        all_files: bool = False,
        encoding: str | None = None,
    ) -> None:
        """converts: the text is taken out of documents; as_text: and out of texts with signs in them, too.
        encoding: the name of that of all texts. all_files: see `leftout`."""
        self._accepts, self._wanted = accepts, wanted
        self._converts, self._as_text, self._all_files, self._encoding = converts, as_text, all_files, encoding
        self.files: list[SourceFile] = []
        self.skipped: dict[str, str] = {}
        self.damaged: dict[str, str] = {}
        self.signs: dict[str, str] = {}
        self._report = report
        self._stdin_taken = False

    def add(self, source: str) -> list[Path]:
        """Add the files of a source. Returns the temporary files that were made for it."""
        if source == "-":
            if self._stdin_taken:
                raise UserError("standard input ('-') was given twice; it can be read only once.")
            self._stdin_taken = True
            return [self._spooled(sys.stdin.buffer, "standard input")]
        if source.startswith(DATA):
            self._corpus(source)
            return []
        try:
            mode = os.stat(source).st_mode
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
            self._glob(source)
            return []
        except OSError as error:
            raise unreadable(source, error) from None
        if stat.S_ISDIR(mode):
            self._folder(source)
        elif stat.S_ISREG(mode):
            self._file(source, source, picky=False)
        elif stat.S_ISFIFO(mode):
            with open(source, "rb") as pipe:
                return [self._spooled(pipe, source)]
        else:
            raise UserError(f"{source!r} is neither a file nor a folder. {HINT}")
        return []

    def _spooled(self, stream: BinaryIO, name: str) -> Path:
        """Copies a stream to the disk, since it can be read only once, and training reads it several times."""
        handle, path = tempfile.mkstemp(prefix="rhapsode-")
        try:
            with os.fdopen(handle, "wb") as copy:
                while data := _read(stream, name):
                    copy.write(data)
            self._file(path, name, picky=False)
        except BaseException as error:
            os.unlink(path)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise UserError(
                    f"no space left in {tempfile.gettempdir()} for a copy of {name}. Make room there, set TMPDIR to "
                    "another folder, or save the data to a file and give that."
                ) from None
            raise
        return Path(path)

    def _corpus(self, source: str) -> None:
        """`data:NAME` is a corpus without its test part; `data:NAME/PART` is one part."""
        from rhapsode.data import datasets

        name, slash, part = source.removeprefix(DATA).partition("/")
        files = datasets.get(name, report=self._report)
        for each in [part] if slash else [p for p in files.dataset.parts if p != "test"]:
            for path, start, stop in files.part(each):
                self._file(str(path), f"{DATA}{name}/{each}", picky=False, start=start, stop=stop, published=True)

    def _glob(self, source: str) -> None:
        paths = sorted(glob.glob(source, recursive=True)) if glob.has_magic(source) else []
        files = [path for path in paths if os.path.isfile(path)]
        if not paths:
            raise _missing(source)
        before = len(self.files)
        for path in files:
            self._file(path, path, picky=True, within=_plain(source))
        if not files:  # as in a shell: a pattern that matches only folders stands for these folders
            for path in paths:
                self._folder(path)
        elif len(self.files) == before:
            new = {path: self.skipped[path] for path in files if path in self.skipped}
            raise UserError(f"{source!r}: no usable file matches: {reasons(new, self.damaged)}.")

    def _folder(self, folder: str) -> None:
        def refuse(error: OSError) -> None:
            name = error.filename or folder
            self.damaged[name] = str(unreadable(name, error))

        before, left_out = len(self.files), set(self.skipped)
        found = leftout.walked(folder, self._all_files, refuse)
        for path, why in sorted(found, key=lambda each: Path(each[0]).parts):
            # Files of other kinds than text are chosen by what they are, see `accepts`.
            if why and (self._accepts is None or why == leftout.HIDDEN or os.path.isdir(path)):
                self.skipped[path] = why
            elif not os.path.isfile(path):
                self.skipped[path] = "not a regular file"
            else:
                self._file(path, path, picky=True, within=Path(folder))
        if len(self.files) == before:
            new = {name: why for name, why in self.skipped.items() if name not in left_out}
            why = reasons(new, self.damaged)
            raise UserError(f"{folder!r}: a folder with no usable file: {why}. Give {self._wanted}.")

    def _file(
        self,
        path: str,
        name: str,
        *,
        picky: bool,
        start: int = 0,
        stop: int | None = None,
        within: Path | None = None,
        published: bool = False,
    ) -> None:
        """picky: leave the file out if `accepts` refuses it or, without `accepts`, if it looks binary. Empty files are
        always left out."""
        kind = os.path.splitext(path)[1].lower()
        kind = kind if kind in SUFFIXES else ""
        try:
            with reading(name), open(path, "rb", buffering=0) as file:
                about = os.fstat(file.fileno())
                file.seek(start)
                head = next(read_chunks(file, kind, name, stop, SNIFFED), b"")
        except UserError as error:
            self.damaged[name] = str(error)
            return
        format = documents.format_of(Path(path), head, self._as_text) if self._converts and not published else None
        wide = self._encoding is not None or encodings.wide(head) is not None
        if not head:
            self.skipped[name] = "empty"
        elif picky and self._accepts and not self._accepts(Path(path)):
            self.skipped[name] = OTHER
        elif self._converts and not published and format is None and (harm := _harm(Path(path), name, head)):
            self.damaged[name] = harm
        elif (
            picky
            and not self._accepts
            and format is None
            and (known := of(Path(path)) if is_zip(head) else of_head(head))
        ):
            self.skipped[name] = known.noun
        elif picky and not self._accepts and format is None and not wide and b"\0" in head:
            self.skipped[name] = BINARY
        elif picky and not self._accepts and not self._all_files and (why := leftout.of_head(name, head)):
            self.skipped[name] = why
        else:
            if self._converts and not published and format is None and (title := documents.marked_up(Path(path), head)):
                self.signs[name] = title
            changed = about.st_mtime_ns
            found = SourceFile(Path(path), name, kind, about.st_size, changed, start, stop, within, published, format)
            last = self.files[-1] if self.files else None
            if last and (last.path, last.stop) == (found.path, found.start):  # parts of a corpus that was cut in two
                found = replace(last, name=f"{last.name} and {name}", stop=stop)
                self.files.pop()
            self.files.append(found)


def _harm(path: Path, name: str, head: bytes) -> str:
    """Why an archive cannot be opened; "" if it can, and for other files."""
    if is_zip(head):
        try:
            with reading(name), opened(of_file(path, name)):
                pass
        except UserError as error:
            return str(error)
    return ""


def _read(stream: BinaryIO, name: str) -> bytes:
    with reading(name):
        return stream.read(CHUNK)


def _plain(pattern: str) -> Path:
    """The first folders of a pattern: those before its first part with a wildcard."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _missing(source: str) -> UserError:
    """The error for a source that does not exist. It suggests existing files with similar names."""
    if glob.has_magic(source):
        return UserError(f"{source!r}: no file matches this pattern in {os.getcwd()}. {HINT}")
    if os.path.islink(source):
        return UserError(f"{source!r}: a link to {os.readlink(source)!r}, which is not there. {HINT}")
    parent, name = os.path.split(source)
    try:
        close = get_close_matches(name, os.listdir(parent or "."), n=3)
    except (OSError, ValueError):
        return UserError(f"{source!r}: no such file, and there is no folder {parent!r}. {HINT}")
    meant = f" Did you mean {' or '.join(repr(os.path.join(parent, match)) for match in close)}?" if close else ""
    return UserError(f"{source!r}: no such file or folder.{meant} {HINT}")


def reasons(skipped: dict[str, str], damaged: dict[str, str] | None = None) -> str:
    """The reasons why files were left out, with counts and the first names: `2 hidden (.git, .env), 1 looks binary
    (a.bin)`; and some errors of damaged files."""
    told = []
    for why, count in sorted(Counter(skipped.values()).items()):
        names = [name for name, each in skipped.items() if each == why]
        names = names if why == OTHER else [os.path.basename(name) for name in names]
        told.append(f"{count:,} {why.format(s='s' * (count != 1))} ({some(names, count)})")
    if damaged:
        told.append(f"{len(damaged):,} that cannot be read ({errors(damaged)})")
    return ", ".join(told) or "it is empty"


def errors(damaged: dict[str, str]) -> str:
    """Some of these errors, without the last full stop."""
    return some([error.removesuffix(".") for error in damaged.values()], len(damaged), "; ")
