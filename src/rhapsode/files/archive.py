"""Zip archives: their members as sources, and which archives are refused."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import PurePath, PurePosixPath
from typing import IO, TypeVar
from zipfile import BadZipFile, ZipFile, ZipInfo

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import FREE, RATIO, Source, few, unpacked

INSIDE = 1 << 20
"""Bytes that a small archive inside an archive may unpack to. (There may be many, and `RATIO` squared is too much.)"""
UTF8 = 1 << 11
"""The flag that says that a member's name is in UTF-8."""
FEW = 8
"""How many members are looked at to find out what an archive holds."""
DAMAGE = (BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError)
Record = TypeVar("Record")
Reader = Callable[[Source], Iterator[Record]]


def is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


@contextmanager
def opened(source: Source) -> Iterator[ZipFile]:
    """Open an archive. Raises `UserError` if it is damaged, encrypted or a zip bomb, also while the context is open."""
    try:
        with source.open() as file, ZipFile(file) as archive:
            size = file.seek(0, 2) if source.stored is None else source.stored
            total = sum(info.file_size for info in archive.infolist())
            if total > max(RATIO * size, FREE if source.stored is None else INSIDE):
                raise UserError(
                    f"{source.name}: its {size:,} bytes announce {total:,}, more than {RATIO} times as many, which "
                    "honest archives do not. If you trust it, unpack it and give the folder."
                )
            if sum(info.compress_size for info in archive.infolist()) > file.seek(0, 2):
                raise UserError(f"{source.name}: a damaged archive, whose files lie over one another. Fetch it again.")
            for info in archive.infolist():
                if info.flag_bits & 1:
                    raise UserError(f"{source.name}/{info.filename}: encrypted. Unpack it and give the folder.")
            yield archive
    except DAMAGE as error:
        raise UserError(f"{source.name}: a damaged or unusual archive ({error}). Fetch or make it again.") from None


def members(archive: ZipFile, name: str) -> list[Source]:
    """The members of an archive, sorted by name, without files that operating systems add."""
    return [
        _member(archive, info, name)
        for info in sorted(archive.infolist(), key=lambda info: info.filename)
        if _is_file(info)
    ]


def records(
    archive: ZipFile, name: str, reader: Callable[[Source], Reader[Record] | None], refused: Refusals, known: str
) -> Iterator[Record]:
    """The records of all members of an archive, in order. A member that cannot be read is counted in `refused`.

    reader: what reads a member; None if nothing does. known: what is read, a sentence for messages.
    Raises `UserError` if nothing can be read, and for damage of the only member that is of a known kind.
    """
    sources = members(archive, name)
    own, read, empty = Refusals(), 0, True
    damage: UserError | None = None
    for source in sources:
        try:
            if found := reader(source):
                read += 1
                for record in found(source):
                    empty = False
                    yield record
            continue
        except UserError as error:
            damage = error
        except DAMAGE as error:
            damage = UserError(f"{source.name}: damaged ({error}). Fetch or make it again.")
        own.skip("a file that cannot be read", str(damage).removesuffix("."))
    if damage and read <= 1:
        raise damage
    refused.add(own)
    if damage and empty:
        raise UserError(f"{name}: nothing can be read from it. {' '.join(own.lines())} Correct it or leave it out.")
    if not read:
        raise UserError(f"{name}: none of its {len(sources)} files is one that Rhapsode knows. {known}")


def some(sources: list[Source]) -> list[Source]:
    """A few sources, evenly spread over all. They are enough to tell what an archive holds; it may hold thousands."""
    return sources[:: max(1, len(sources) // FEW)]


def _is_file(info: ZipInfo) -> bool:
    if not info.filename or info.is_dir():
        return False
    parts = PurePosixPath(info.filename).parts
    return "__MACOSX" not in parts and not any(part.startswith(".") for part in parts)


def _named(info: ZipInfo) -> str:
    """The member's name. It is read as UTF-8 even without the flag, since many programs forget the flag."""
    try:
        return info.filename if info.flag_bits & UTF8 else info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _member(archive: ZipFile, info: ZipInfo, name: str) -> Source:
    def beside(path: PurePath) -> bytes | None:
        try:
            with archive.open(path.as_posix()) as file:
                return few(file, f"{name}/{path}")
        except KeyError:
            return None

    path = PurePosixPath(_named(info))

    def opening() -> IO[bytes]:
        return unpacked(lambda: archive.open(info), f"{name}/{path}", info.compress_size, INSIDE)

    return Source(f"{name}/{path}", path, opening, beside, info.compress_size)
