"""Sources of bytes for the readers of formats: a file, perhaps compressed, or a member of an archive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any

from rhapsode.errors import UserError
from rhapsode.files.place import reason

HEAD = 1 << 16
"""How many first bytes decide which format a file has."""
WHOLE = 1 << 28
"""The most bytes of a file that is read as a whole."""
BESIDE = 1 << 20
"""The most bytes of a file that belongs to other files (a transcript, a list), and is read again for each of them."""
PIECE = 1 << 20
"""Bytes that are read at a time."""
RATIO = 200
"""A compressed file may unpack to this many times its size, or to `FREE` bytes. (Honest files reach about ten
times.)"""
FREE = 1 << 26
PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)
"""First bytes of a compressed file → the function that opens it."""


@dataclass(frozen=True)
class Source:
    """A named source of bytes.

    name:   the name in messages.
    path:   the path in its folder, or inside its archive.
    open:   opens a new stream of the bytes.
    beside: path → the bytes of another file of the same folder or archive; None if there is no such file. Raises
            `UserError` if these are more than `BESIDE`.
    stored: its compressed size in the archive, in bytes; None for a file.
    """

    name: str
    path: PurePath
    open: Callable[[], IO[bytes]]
    beside: Callable[[PurePath], bytes | None]
    stored: int | None = None

    def head(self) -> bytes:
        """The first `HEAD` bytes."""
        with self.open() as file:
            return file.read(HEAD)

    def data(self) -> bytes:
        """All bytes. Raises `UserError` if these are more than `WHOLE`."""
        pieces: list[bytes] = []
        left = WHOLE
        with self.open() as file:
            # Reading all at once would reserve that much memory, however small the file is.
            while piece := file.read(PIECE):
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    raise UserError(
                        f"{self.name}: larger than {WHOLE >> 20} MiB, and files of this kind are read as a whole. "
                        "Cut it into several files."
                    )
        return b"".join(pieces)

    def text(self) -> str:
        """All bytes as text: UTF-8, or Latin-1 where they are not UTF-8."""
        return decoded(self.data())


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns an error of the operating system into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: str, error: OSError) -> UserError:
    """The error for a file that the operating system refuses to read."""
    if isinstance(error, FileNotFoundError):
        return UserError(
            f"{name}: cannot be read: there is no such file, or no longer. Look for it, and run the command again."
        )
    if isinstance(error, PermissionError):
        return UserError(f"{name}: no permission to read it. Change its mode (chmod u+r), or leave it out.")
    return UserError(f"{name}: cannot be read: {reason(error)}.")


def tells(path: Path, test: Callable[[Source], bool]) -> bool:
    """The result of `test` for a file; false if it is no file, or cannot be read."""
    source = of_file(path, path.name)
    try:
        with reading(source.name):
            return path.is_file() and test(source)
    except UserError:
        return False


def of_file(path: Path, name: str) -> Source:
    """A file as a source. A file that is compressed with gzip, bzip2 or xz is unpacked."""
    return Source(name, path, lambda: unpacked(lambda: open(path, "rb"), name, path.stat().st_size, FREE), _file)


def of_bytes(data: bytes, name: str) -> Source:
    """Bytes that are no file."""
    return Source(name, PurePath(name), lambda: io.BytesIO(data), lambda path: None)


def unpacked(opening: Callable[[], IO[bytes]], name: str, size: int, free: int) -> IO[bytes]:
    """A stream of the file's bytes, unpacked if they are compressed with gzip, bzip2 or xz.

    opening: opens a new stream of the bytes as they are.
    Raises `UserError` if it unpacks to more than `RATIO` times its `size` and to more than `free` bytes.
    """
    with opening() as file:
        mark = file.read(6)
    packed = next((each for magic, each in PACKED if mark.startswith(magic)), None)
    file = opening()
    return file if packed is None else io.BufferedReader(_Unpacked(packed(file), file, name, max(RATIO * size, free)))


class _Unpacked(io.RawIOBase):
    """The contents of a compressed file. Raises `UserError` after more than `most` bytes, and if the file is
    damaged."""

    def __init__(self, stream: IO[bytes], file: IO[bytes], name: str, most: int) -> None:
        self._stream, self._file, self._name, self._left = stream, file, name, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            raise UserError(f"{self._name}: damaged ({error}). Fetch or make it again.") from None
        self._left -= len(data)
        if self._left < 0:
            raise UserError(
                f"{self._name}: more than {RATIO} times its size comes out of it, which honest files do not. If you "
                "trust it, unpack it and give what was in it."
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        self._file.close()
        super().close()


def decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _file(path: PurePath) -> bytes | None:
    file = Path(path)
    if not file.is_file():
        return None
    with open(file, "rb") as opened:
        return few(opened, str(path))


def few(file: IO[bytes], name: str) -> bytes:
    """All bytes of a file that belongs to another. Raises `UserError` if there are more than `BESIDE`."""
    data = file.read(BESIDE + 1)
    if len(data) > BESIDE:
        raise UserError(f"{name}: larger than {BESIDE >> 20} MiB, though it goes with a file beside it. Leave it out.")
    return data
