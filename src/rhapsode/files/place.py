"""Atomic writing: a file is written under a temporary name, flushed to the disk, and then renamed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from rhapsode.errors import UserError
from rhapsode.files.values import shown

NAMED = 24
"""How many characters of a file's name its temporary name repeats. (All would make a long name too long.)"""
LONGEST = 255
"""The most bytes of a file's name, where the operating system does not say."""


def place(path: Path, contents: bytes, sync: bool = True) -> None:
    """Write a file atomically: at each moment, the path holds the old file or the complete new one.

    Missing folders are made. If the path is a symbolic link, the file that it points to is written. Pipes and devices
    are written directly. A new file gets the permissions of the umask; a file that replaces another keeps that one's.
    sync: wait until the file is on the disk, so that it survives a loss of power. Files that can be made again need
    not.
    Raises `UserError`.
    """
    try:
        real = Path(os.path.realpath(path))
        if real.exists() and not real.is_file() and not real.is_dir():
            with open(real, "wb") as pipe:
                pipe.write(contents)
            return
        with made(real.parent), replacing(real, sync) as file:
            file.write(contents)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot write {path} ({len(contents):,} bytes): {reason(error)}. What was there is untouched. Make room, "
            "or choose another place."
        ) from error


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[BinaryIO]:
    """A temporary file, open for writing. It replaces `path` when the context ends without an error. Raises
    `OSError`."""
    mode = None
    if path.exists():
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only")
        mode = stat.S_IMODE(path.stat().st_mode) & 0o777
    beside = temporary(path)
    try:
        with open(beside, "xb") as file:
            if mode is not None:
                os.chmod(beside, mode)
            yield file
            if sync:
                on_disk(file)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)  # gone already when all went well
    if sync:
        synced(path.parent)


def on_disk(file: IO[Any]) -> None:
    """Wait until a file's contents are on the disk, so that they survive a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def synced(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, if the operating system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder and its parents. If the context ends with an error, those that it made and that are empty are
    removed."""
    new: list[Path] = []
    try:
        for each in (*reversed(folder.parents), folder):
            if not each.is_dir():
                if each.exists():
                    raise NotADirectoryError(errno.ENOTDIR, f"{each} is a file")
                each.mkdir(exist_ok=True)
                new.append(each)
        yield
    except BaseException:
        for each in reversed(new):
            with suppress(OSError):
                each.rmdir()
        raise


def check(name: str, folder: bool = False) -> None:
    """Raises `UserError` if a file (or a folder, if `folder` is true) of this name cannot be written. Call it before
    the work begins."""
    if not name:
        raise UserError(f"an empty name for what is to be written: name a {'folder' if folder else 'file'}.")
    try:
        real = Path(os.path.realpath(name))
        here = next(each for each in (real, *real.parents) if os.path.exists(each))
        for given, limit in ((name, "PC_PATH_MAX"), *((part, "PC_NAME_MAX") for part in real.parts)):
            longest = os.pathconf(here, limit) if hasattr(os, "pathconf") else LONGEST
            if len(os.fsencode(given)) > longest:
                raise OSError(f"the name is longer than the {longest:,} bytes that are allowed")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {shown(name)}: {reason(error)}. Choose another name.") from None
    if here == real and real.is_dir() != folder:
        raise UserError(f"{name} is a {'file; name a folder' if folder else 'folder; name a file'}.")
    if here != real and not here.is_dir():
        raise UserError(f"cannot write {name}: {here} is a file. Choose another place.")
    for each in (here, here.parent) if here.is_file() else (here,):
        if not os.access(each, os.W_OK | os.X_OK if each.is_dir() else os.W_OK):
            raise UserError(f"cannot write {name}: there is no permission to write {each}. Choose another place.")


def temporary(path: Path) -> Path:
    """A temporary name in the folder of `path`. The name tells which process it belongs to: see `sweep`."""
    return path.with_name(f".{path.name[:NAMED]}{_mark()}.{os.getpid()}.{os.urandom(4).hex()}")


def sweep(folder: Path, owned: Collection[str] = ()) -> None:
    """Remove incomplete temporary files from a folder: those of processes of this machine that no longer run; and, of
    any process, those for the names in `owned`, which no other process may be writing now."""
    import shutil

    with suppress(OSError):
        for path in [Path(folder, name) for name in os.listdir(folder) if name.startswith(".")]:
            if _orphan(path.name) or any(path.name.startswith(f".{name[:NAMED]}.") for name in owned):
                with suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _mark() -> str:
    import socket

    return f".{socket.gethostname()[:NAMED]}"


def _orphan(name: str) -> bool:
    """Whether this is a temporary name of a process of this machine that no longer runs."""
    begin, _, end = name.rpartition(f"{_mark()}.")
    process, _, token = end.partition(".")
    if os.name != "posix" or not begin or not process.isdecimal() or len(token) != 8:
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's
        pass
    return False


def reason(error: Exception) -> str:
    """The operating system's message, without its number and without file names."""
    if isinstance(error, OSError) and error.errno == errno.EBADF:  # so is a standard stream, at times
        return "it is closed"
    said = error.strerror if isinstance(error, OSError) else None
    return (said or str(error)).rstrip(".")
