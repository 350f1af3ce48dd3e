"""A cache of files and folders that take long to make and can be made again.

Each entry has a digest, which is checked at each use. (That is cheap: twelve gigabytes a second; and a record of
earlier checks could be wrong.) An entry that does not match its digest is removed and made again, with a message.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xxhash import xxh3_128

from rhapsode.errors import UserError
from rhapsode.files.place import place, reason, sweep, synced, temporary

T = TypeVar("T")
DIGEST = "digest"
"""The file in a folder that holds the folder's digest."""
PIECE = 1 << 20
"""Bytes that are read at a time."""
UNUSABLE = (OSError, ValueError, KeyError, TypeError, UserError)
"""The errors that `opened` may raise for a folder that it cannot use."""


def cache_folder() -> Path:
    """The folder for encoded corpora and downloads: $RHAPSODE_CACHE, or the user's cache folder."""
    given = os.environ.get("RHAPSODE_CACHE")
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("rhapsode"))


@dataclass(frozen=True)
class Cache:
    """Files and folders with digests, named by their paths below `home`. say: is called with each message for the user;
    the same message may come several times."""

    home: Path
    say: Callable[[str], None] = lambda text: None

    def file(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes in the file `name`; if it is not there yet, `make` makes them. Raises `UserError`."""
        path = self.home / name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = None
        except OSError:
            data = b""
        size = xxh3_128().digest_size
        if data is not None:
            if xxh3_128(data[size:]).digest() == data[:size]:
                return data[size:]
            self._say_damaged(path)
        found = make()
        place(path, xxh3_128(found).digest() + found, sync=False)
        return found

    def folder(self, name: str, make: Callable[[Path], None], opened: Callable[[Path], T]) -> T:
        """The result of `opened` for the folder `name`; if it is not there yet, `make` fills it. If two processes do so
        at once, the first one's folder is kept. The digest ignores names that begin with a dot. Raises `UserError`."""
        path = self.home / name
        try:
            found = _taken(path, opened)
            if found is None and path.exists():
                self._say_damaged(path)
                self._remove(path, opened)
            if found is None:
                self._make(path, make)
                found = _taken(path, opened)
        except OSError as error:
            raise UserError(
                f"cannot keep data in {path.parent}: {reason(error)}. Make room there, or set RHAPSODE_CACHE to "
                "another folder."
            ) from error
        if found is None:
            raise UserError(f"{path}: damaged as soon as it was written. Is the disk sound?")
        return found

    def _say_damaged(self, path: Path) -> None:
        self.say(f"What was kept in {path.parent} was damaged; it is made again.")

    def _remove(self, path: Path, opened: Callable[[Path], object]) -> None:
        """Remove a damaged entry, unless another process has already made it again."""
        from filelock import FileLock

        with FileLock(path.parent / ".lock"):
            if path.exists() and _taken(path, opened) is None:
                aside = temporary(path)
                os.rename(path, aside)
                shutil.rmtree(aside, ignore_errors=True)

    def _make(self, path: Path, make: Callable[[Path], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        beside = temporary(path)
        try:
            beside.mkdir()
            make(beside)
            (beside / DIGEST).write_text(_digest(beside))
            with suppress(FileExistsError):  # another process was first
                _renamed(beside, path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)  # gone already when all went well


def _renamed(folder: Path, path: Path) -> None:
    """Put a folder in its place by one rename. Raises `FileExistsError` if the place is taken."""
    try:
        os.rename(folder, path)
    except OSError:
        if path.is_dir():  # systems call this by several names
            raise FileExistsError(path) from None
        raise
    synced(path.parent)


def _taken(path: Path, opened: Callable[[Path], T]) -> T | None:
    """The result of `opened`; None if there is no such folder, or if it is damaged."""
    try:
        return opened(path) if (path / DIGEST).read_text() == _digest(path) else None
    except UNUSABLE:
        return None


def _digest(folder: Path) -> str:
    """A digest of the names, sizes and contents of all files in a folder."""
    total, piece = xxh3_128(), memoryview(bytearray(PIECE))
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    for name, path in sorted(files.items()):
        if name.parts != (DIGEST,) and not any(part.startswith(".") for part in name.parts):
            with open(path, "rb", buffering=0) as file:
                total.update(f"{name.as_posix()}\0{os.fstat(file.fileno()).st_size}\0".encode())
                while size := file.readinto(piece):
                    total.update(piece[:size])
    return total.hexdigest()
