"""Bytes in and out for the commands. `-` is stdin or stdout."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError

CHUNK = 1 << 16
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Without control characters but newline and tab: what a model writes must not steer a terminal."""
    return _CONTROL.sub("\ufffd", text)


def chunks(name: str) -> Iterator[bytes]:
    """The bytes of a file, piece by piece. Raises `UserError`, when the first is asked for."""
    try:
        if name == "-":
            while chunk := sys.stdin.buffer.read(CHUNK):
                yield chunk
        else:
            with open(name, "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}.") from None


def read(name: str) -> bytes:
    return b"".join(chunks(name))


def check_readable(names: list[str]) -> None:
    """Raise `UserError` for the first file that cannot be opened, before any work is done."""
    for name in names:
        if name != "-":
            try:
                open(name, "rb").close()
            except OSError as error:
                raise UserError(f"cannot read {name}: {error.strerror or error}.") from None


def put(data: bytes) -> None:
    """Bytes on stdout, at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write(name: str, data: bytes) -> None:
    """A whole file by one rename; a pipe or device as it is. Raises `UserError`."""
    from rhapsode.checkpoint import commit

    if name == "-":
        put(data)
        return
    check_writable(name)
    path = Path(name)
    if path.exists() and not path.is_file():  # /dev/null, a named pipe
        try:
            path.write_bytes(data)
        except OSError as error:
            raise UserError(f"cannot write {name}: {error.strerror or error}.") from None
    else:
        commit(path.resolve(), data)


def check_writable(name: str, source: str = "-") -> None:
    """Raise `UserError`, before any work is done, for an output that cannot be or is the input itself."""
    path = Path(name)
    if name == "-":
        return
    if path.is_dir():
        raise UserError(f"{name} is a folder; -o must name a file.")
    if source != "-" and path.exists() and path.is_file() and path.samefile(source):
        raise UserError(f"{name} is also the input, which would be lost. Choose another file with -o.")


def as_json(value: Any) -> bytes:
    """One JSON object and a newline. A lone surrogate (in a file's name) becomes its JSON escape."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def check_suffix(name: str, allowed: Collection[str], option: str = "-o") -> str:
    """The suffix of a file to be written, in small letters. Raises `UserError` for others than `allowed`."""
    suffix = Path(name).suffix.lower()
    if suffix not in allowed:
        raise UserError(f"{option} {name}: what should it be? Its name must end in {', '.join(allowed)}.")
    return suffix


def numbered(name: str, number: int) -> str:
    """The name of one of several files: `a.svg` is `a-1.svg`, `a-2.svg` and so on."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
