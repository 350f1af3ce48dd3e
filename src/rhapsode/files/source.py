"""Where a format reads from: a file, which may be packed, or a member of an archive."""

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
"""Bytes that decide what a file is."""
WHOLE = 1 << 28
"""Bytes of a file that must be held as a whole."""
BESIDE = 1 << 20
"""Bytes of a file that is read anew for each of those beside it."""
PIECE = 1 << 20
"""Bytes that are asked for at a time."""
RATIO = 200
"""What is packed may become this many times as large, or `FREE` bytes. Ink and music shrink to a tenth or so."""
FREE = 1 << 26
PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)
"""How files of these first bytes are opened."""


@dataclass(frozen=True)
class Source:
    """Bytes with a name.

    name:   for messages.
    path:   in its folder, or inside its archive.
    open:   a new stream of the bytes.
    beside: the bytes of the file at another path of the same folder or archive; None if there is none. Raises
            `UserError` if these are more than `BESIDE`.
    stored: bytes that it takes in its archive; None for a file.
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
            # To ask for all at once would take that much memory, however small the file.
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
    """What the system refuses becomes a `UserError`."""
    try:
        yield
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: str, error: OSError) -> UserError:
    """The error for a file that the system refuses."""
    if isinstance(error, FileNotFoundError):
        return UserError(
            f"{name}: cannot be read: there is no such file, or no longer. Look for it, and run the command again."
        )
    if isinstance(error, PermissionError):
        return UserError(f"{name}: no permission to read it. Change its mode (chmod u+r), or leave it out.")
    return UserError(f"{name}: cannot be read: {reason(error)}.")


def tells(path: Path, test: Callable[[Source], bool]) -> bool:
    """What the test says of a file; false for what is none or cannot be read."""
    source = of_file(path, path.name)
    try:
        with reading(source.name):
            return path.is_file() and test(source)
    except UserError:
        return False


def of_file(path: Path, name: str) -> Source:
    """A file; one that is packed by gzip, bzip2 or xz is unpacked."""
    return Source(name, path, lambda: unpacked(lambda: open(path, "rb"), name, path.stat().st_size, FREE), _file)


def of_bytes(data: bytes, name: str) -> Source:
    """Bytes that are no file."""
    return Source(name, PurePath(name), lambda: io.BytesIO(data), lambda path: None)


def unpacked(opening: Callable[[], IO[bytes]], name: str, size: int, free: int) -> IO[bytes]:
    """A stream, or what is in it if it is packed by gzip, bzip2 or xz. opening: gives a new one.

    More bytes than `RATIO` times its `size`, or `free`, that come out of it are a `UserError`.
    """
    with opening() as file:
        mark = file.read(6)
    packed = next((each for magic, each in PACKED if mark.startswith(magic)), None)
    file = opening()
    return file if packed is None else io.BufferedReader(_Unpacked(packed(file), file, name, max(RATIO * size, free)))


class _Unpacked(io.RawIOBase):
    """What is in a packed file. Raises `UserError` once more than `most` bytes come out of it, and for damage."""

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
    """All bytes of a file that is beside another. Raises `UserError` if these are more than `BESIDE`."""
    data = file.read(BESIDE + 1)
    if len(data) > BESIDE:
        raise UserError(f"{name}: larger than {BESIDE >> 20} MiB, though it goes with a file beside it. Leave it out.")
    return data
