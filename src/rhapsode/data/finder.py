"""Finding the files that SOURCEs stand for, and saying clearly why one cannot be read."""

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

from rhapsode.data.streams import CHUNK, SUFFIXES, read_chunks
from rhapsode.errors import UserError
from rhapsode.files.refusals import some
from rhapsode.files.signature import of_head
from rhapsode.files.source import reading, unreadable

SNIFFED = 8192
"""A file with a NUL among this many first bytes looks binary."""
DATA = "data:"
"""What the name of a standard corpus begins with."""
OTHER = "of another kind"
"""Why a file is left out that is none of those wanted. Such are named: one may be meant for one of them."""
HINT = "A SOURCE is a file, a folder, a glob pattern, '-' for standard input, or data:NAME (see `rhapsode data list`)."


@dataclass(frozen=True)
class SourceFile:
    """A file to read, or bytes `start` up to `stop` of one that is not compressed.

    name: what messages call it; kind: how it is compressed, e.g. `.gz`, or nothing;
    size, changed: its bytes on disk and time of change in ns when it was found. within: the folder that was given, in
    which it was found.
    """

    path: Path
    name: str
    kind: str
    size: int
    changed: int
    start: int = 0
    stop: int | None = None
    within: Path | None = None

    @property
    def length(self) -> int:
        """Bytes to be read from the disk."""
        return max(0, (self.size if self.stop is None else min(self.stop, self.size)) - self.start)

    def check_unchanged(self) -> None:
        """Raises `UserError` if the file has changed since it was found."""
        with reading(self.name):
            now = os.stat(self.path)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
            raise UserError(f"{self.name}: changed while it was being read. Run the command again.")


class Finder:
    """Collects the files of sources, one source after another.

    skipped: files that are left out, of no use here: name → why. damaged: those that cannot be read: name → error.
    """

    def __init__(
        self,
        report: Callable[[str, float], None] | None = None,
        accepts: Callable[[Path], bool] | None = None,
        wanted: str = "files with text in them",
    ) -> None:
        self._accepts, self._wanted = accepts, wanted
        self.files: list[SourceFile] = []
        self.skipped: dict[str, str] = {}
        self.damaged: dict[str, str] = {}
        self._report = report
        self._stdin_taken = False

    def add(self, source: str) -> list[Path]:
        """Add what `source` stands for; returns the temporary files made for it."""
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
        """A stream can be read once, but there are several passes: a copy on disk."""
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
        """`data:NAME` is a corpus without its test part; `data:NAME/PART` one part."""
        from rhapsode.data import datasets

        name, slash, part = source.removeprefix(DATA).partition("/")
        files = datasets.get(name, report=self._report)
        for each in [part] if slash else [p for p in files.dataset.parts if p != "test"]:
            for path, start, stop in files.part(each):
                self._file(str(path), f"{DATA}{name}/{each}", picky=False, start=start, stop=stop)

    def _glob(self, source: str) -> None:
        paths = sorted(glob.glob(source, recursive=True)) if glob.has_magic(source) else []
        files = [path for path in paths if os.path.isfile(path)]
        if not paths:
            raise _missing(source)
        before = len(self.files)
        for path in files:
            self._file(path, path, picky=True, within=_plain(source))
        if not files:  # like a shell's: a pattern that only folders match stands for those folders
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
        found = []
        for parent, folders, names in os.walk(folder, onerror=refuse):
            for name in [name for name in folders if name.startswith(".")]:
                folders.remove(name)
                self.skipped[os.path.join(parent, name)] = "hidden"
            found += [os.path.join(parent, name) for name in names]
        for path in sorted(found, key=lambda path: Path(path).parts):
            if os.path.basename(path).startswith("."):
                self.skipped[path] = "hidden"
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
    ) -> None:
        """picky: leave it out if it is not accepted or, without `accepts`, looks binary. Empty ones are always out."""
        kind = os.path.splitext(path)[1].lower()
        kind = kind if kind in SUFFIXES else ""
        try:
            with reading(name), open(path, "rb", buffering=0) as opened:
                about = os.fstat(opened.fileno())
                opened.seek(start)
                head = next(read_chunks(opened, kind, name, stop, SNIFFED), b"")
        except UserError as error:
            self.damaged[name] = str(error)
            return
        if not head:
            self.skipped[name] = "empty"
        elif picky and self._accepts and not self._accepts(Path(path)):
            self.skipped[name] = OTHER
        elif picky and not self._accepts and (format := of_head(head)):
            self.skipped[name] = format.noun.format(s="s")
        elif picky and not self._accepts and b"\0" in head:
            self.skipped[name] = "looks binary"
        else:
            found = SourceFile(Path(path), name, kind, about.st_size, about.st_mtime_ns, start, stop, within)
            last = self.files[-1] if self.files else None
            if last and (last.path, last.stop) == (found.path, found.start):  # parts of a corpus that was cut in two
                found = replace(last, name=f"{last.name} and {name}", stop=stop)
                self.files.pop()
            self.files.append(found)


def _read(stream: BinaryIO, name: str) -> bytes:
    with reading(name):
        return stream.read(CHUNK)


def _plain(pattern: str) -> Path:
    """The folders of a pattern before the first part that stands for several."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _missing(source: str) -> UserError:
    """The error for a source that is not there, with what is there and looks like it."""
    if glob.has_magic(source):
        return UserError(f"{source!r}: no file matches this pattern in {os.getcwd()}. {HINT}")
    parent, name = os.path.split(source)
    try:
        close = get_close_matches(name, os.listdir(parent or "."), n=3)
    except (OSError, ValueError):
        return UserError(f"{source!r}: no such file, and there is no folder {parent!r}. {HINT}")
    meant = f" Did you mean {' or '.join(repr(os.path.join(parent, match)) for match in close)}?" if close else ""
    return UserError(f"{source!r}: no such file or folder.{meant} {HINT}")


def reasons(skipped: dict[str, str], damaged: dict[str, str] | None = None) -> str:
    """Why files were left out, with counts: `2 hidden, 1 looks binary`, and how some of them are damaged."""
    counts = sorted(Counter(skipped.values()).items())
    others = [name for name, why in skipped.items() if why == OTHER]
    told = [f"{n} {why}" + f" ({some(others, n)})" * (why == OTHER) for why, n in counts]
    if damaged:
        told.append(f"{len(damaged):,} that cannot be read ({errors(damaged)})")
    return ", ".join(told) or "it is empty"


def errors(damaged: dict[str, str]) -> str:
    """Some of these errors, without the last stop."""
    return some([error.removesuffix(".") for error in damaged.values()], len(damaged), "; ")
