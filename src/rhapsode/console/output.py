"""Input and output of the commands. `-` is stdin or stdout."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from rhapsode.console.streams import check_open
from rhapsode.errors import UserError
from rhapsode.files.json import dumps
from rhapsode.files.place import check, place, reason, sweep

CHUNK = 1 << 16
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """The text without control characters, except newline and tab, so that generated text cannot control a terminal."""
    return _CONTROL.sub("\ufffd", text)


def chunks(name: str) -> Iterator[bytes]:
    """The bytes of a file, piece by piece. Raises `UserError` when the first piece is asked for."""
    try:
        if name == "-":
            while chunk := sys.stdin.buffer.read(CHUNK):
                yield chunk
        else:
            with open(name, "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None


def arriving() -> Iterator[str]:
    """The text on stdin, decoded as UTF-8, as soon as it arrives. Raises `UserError`."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    stdin: Any = sys.stdin.buffer
    try:
        while data := stdin.read1(CHUNK):
            yield decoder.decode(data)
    except (OSError, ValueError) as error:
        raise _unreadable("-", error) from None
    yield decoder.decode(b"", final=True)


def read(name: str) -> bytes:
    return b"".join(chunks(name))


def check_readable(names: list[str]) -> None:
    """Raise `UserError` for the first file that cannot be opened, before any work is done."""
    for name in names:
        if name != "-":
            try:
                open(name, "rb").close()
            except (OSError, ValueError) as error:
                raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> UserError:
    return UserError(f"cannot read {'standard input' if name == '-' else name or repr(name)}: {reason(error)}.")


def put(data: bytes) -> None:
    """Write bytes to stdout immediately."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write(name: str, data: bytes) -> None:
    """Write a file, see `place`; or stdout. Raises `UserError`."""
    if name == "-":
        put(data)
    else:
        place(Path(name), data)


def check_writable(name: str, source: str = "-", *, overwrite: bool) -> None:
    """Raise `UserError` if an output cannot be written, is the input itself, or would replace a file without
    `overwrite`. Call it before the work begins. It removes incomplete files that killed commands have left beside the
    output."""
    if name == "-":
        check_open()
        return
    check(name)
    path = Path(name)
    sweep(path.resolve().parent)
    if source != "-" and path.exists() and path.is_file() and path.samefile(source):
        raise UserError(f"{name} is also the input, which would be lost. Choose another file with -o.")
    if not overwrite and path.is_file() and path.stat().st_size:
        raise UserError(f"{name} is there already. Replace it with --overwrite, or choose another name.")


def as_json(value: Any) -> bytes:
    """One JSON object and a newline."""
    return (dumps(value) + "\n").encode()


def check_suffix(name: str, allowed: Collection[str], option: str = "-o") -> str:
    """The suffix of an output file, in lower case. Raises `UserError` if it is not one of `allowed`."""
    suffix = Path(name).suffix.lower()
    if suffix not in allowed:
        raise UserError(f"{option} {name}: what should it be? Its name must end in {', '.join(allowed)}.")
    return suffix


def numbered(name: str, number: int) -> str:
    """The name of one of several output files: `a.svg` becomes `a-1.svg`, `a-2.svg` and so on."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def numbers_of(name: str) -> list[str]:
    """The existing files with a name that `numbered` could have made."""
    path = Path(name)
    stem = re.compile(rf"{re.escape(path.stem)}-[0-9]+")
    return sorted(str(one) for one in path.parent.glob(f"*{path.suffix}") if stem.fullmatch(one.stem))
