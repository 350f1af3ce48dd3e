"""Streams of bytes: reading compressed files, and cutting streams into documents, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO

from rhapsode.errors import UserError
from rhapsode.files.json import elements, parsed
from rhapsode.files.source import WHOLE, of_bytes

CHUNK = 1 << 20
"""Bytes read at a time."""
NO_FIELD = "With a field, each line must be one JSON object; leave the field out to read the file as plain text."
"""The advice for lines that are not JSON."""
LISTED, NESTED, LOOKED_AT = 20, 6, 5
"""Of the fields of an object: how many are named, how deep they may be; and how many elements of a list are looked
at."""
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")


def read_chunks(file: BinaryIO, kind: str, name: str, stop: int | None = None, size: int = 0) -> Iterator[bytes]:
    """The bytes from where `file` stands, decompressed if `kind` is one of `SUFFIXES`; no chunk is empty.

    Not compressed: up to the offset `stop`. size: bytes at a time, `CHUNK` by default.
    Raises `UserError` for a damaged archive.
    """
    size = size or CHUNK
    try:
        if kind == ".zst":
            yield from _zstandard(file, name)
            return
        stream = _opened(file, kind) if kind else file
        at = file.tell()
        while True:
            data = stream.read(size if stop is None else min(size, stop - at))
            if not data:
                break
            at += len(data)
            yield data
    except (EOFError, zlib.error, OSError, _lzma_error()) as error:
        if not kind or isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(name, kind, str(error)) from None


def _opened(file: BinaryIO, kind: str) -> Any:
    if kind == ".gz":
        import gzip

        return gzip.GzipFile(fileobj=file)
    if kind == ".bz2":
        import bz2

        return bz2.BZ2File(file)
    import lzma

    return lzma.LZMAFile(file)


def _lzma_error() -> type[Exception]:
    import lzma

    return lzma.LZMAError


def _zstandard(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Decompresses frame by frame, since the package's own reader does not notice that a file is cut short."""
    try:
        import zstandard
    except ImportError:
        raise UserError(f"{name}: reading .zst files needs the package zstandard: pip install zstandard") from None
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame = decompressor.decompressobj()
    begun = False
    try:
        # Small pieces, because 4 bytes can unpack to 128 KiB, and the result of a piece is held in memory.
        while data := file.read(4096):
            while data:
                begun = True
                out = frame.decompress(data)
                if out:
                    yield out
                data = b""
                if frame.eof:
                    data, frame, begun = frame.unused_data, decompressor.decompressobj(), False
    except zstandard.ZstdError as error:
        raise _damaged(name, ".zst", str(error)) from None
    if begun:
        raise _damaged(name, ".zst", "it ends in the middle")


def _damaged(name: str, kind: str, why: str) -> UserError:
    return UserError(f"{name}: a damaged {kind} file ({why}). Fetch or make it again.")


def cut(chunks: Iterator[bytes], lengths: Sequence[int]) -> Iterator[tuple[Iterator[bytes], bool]]:
    """(the chunks of a part, whether it is the last) for the parts of a stream that have these lengths; the whole
    stream for none. Each must be read before the next is asked for."""
    rest = b""

    def part(length: int) -> Iterator[bytes]:
        nonlocal rest
        while length:
            data = rest or next(chunks)
            data, rest = data[:length], data[length:]
            length -= len(data)
            yield data

    if not lengths:
        yield chunks, True
    for number, length in enumerate(lengths, 1):
        yield part(length), number == len(lengths)


def split(chunks: Iterator[bytes], separator: bytes) -> Iterator[tuple[bytes, bool]]:
    """(data, whether a document ends after it) for the text between separators. The boundaries of chunks do not matter.

    Empty documents are left out. A document that is larger than a chunk comes in several pieces.
    """
    rest = b""  # bytes that may be the beginning of a separator which continues in the next chunk
    begun = False  # whether a piece of the document was given already
    for chunk in chunks:
        *whole, last = (rest + chunk).split(separator)
        for data in whole:
            if data or begun:
                yield data, True
            begun = False
        keep = next((n for n in range(min(len(separator) - 1, len(last)), 0, -1) if last.endswith(separator[:n])), 0)
        data, rest = last[: len(last) - keep], last[len(last) - keep :]
        if data:
            yield data, False
            begun = True
    if rest or begun:
        yield rest, True


def records(chunks: Iterator[bytes], field: str, name: str) -> Iterator[bytes]:
    """The text in `field` of each line of JSONL, as UTF-8 (see `texts_of`; several have newlines between them).
    Blank lines and empty texts are left out. A file may also be one list of objects, or one object over several lines.

    One line at a time is in memory; of such a file, all. Raises `UserError`, which names the file and the line.
    """
    first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
    given = 0
    read = _of_lines if _has_lines(first) else _of_all
    for text in read(chain([first], chunks), field, name):
        given += bool(text)
        if text:
            yield text
    if first.strip() and not given:
        raise UserError(f"{name}: there is no text in the field {field!r} of any line. Name another field.")


def _has_lines(first: bytes) -> bool:
    """Whether a file that begins so has an object in each line."""
    line, newline, _ = first.lstrip().partition(b"\n")
    return not line.startswith(b"[") and (not line.startswith(b"{") or not newline or line.rstrip().endswith(b"}"))


def _of_all(chunks: Iterator[bytes], field: str, name: str) -> Iterator[bytes]:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > WHOLE:
            raise UserError(
                f"{name}: larger than {WHOLE >> 20} MiB, and JSON that is not one object a line is read as a whole. "
                "Write it as lines of JSON."
            )
    for where, value in elements(of_bytes(bytes(data), name)):
        yield _joined(texts_of(value, field, where))


def _of_lines(chunks: Iterator[bytes], field: str, name: str) -> Iterator[bytes]:
    rest: list[bytes] = []
    number = 0
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join((*rest, whole[0]))
            rest = []
        rest.append(last)
        for line in whole:
            number += 1
            yield _record(line, field, name, number)
    yield _record(b"".join(rest), field, name, number + 1)


def _joined(texts: list[str]) -> bytes:
    return "\n".join(texts).encode("utf-8", "surrogatepass")


def _record(line: bytes, field: str, name: str, number: int) -> bytes:
    if not line.strip():
        return b""
    where = f"{name}, line {number}"
    return _joined(texts_of(parsed(line, where, NO_FIELD), field, where))


def texts_of(value: object, field: str, where: str) -> list[str]:
    """The texts in a field of an object. `a.b` is the field b of the object in the field a; `a[]` is each element of
    the list in it. Elements of a list that do not have the field are passed over. Raises `UserError`."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected an object with the field {field!r}, found {_kind(value)}.")

    def wrong(problem: str) -> UserError:
        some = ", ".join(map(repr, fields(value)))[:300] or "none"
        return UserError(f"{where}: {problem}. Fields with text here: {some}.")

    places: list[tuple[Any, bool]] = [(value, False)]  # a value, and whether it is within a list
    for name in [field] if field in value else field.split("."):
        plain, inner = name.removesuffix("[]"), list[tuple[Any, bool]]()
        for each, listed in places:
            found = each.get(plain) if isinstance(each, dict) else None
            if found is None and not listed and not (isinstance(each, dict) and plain in each):
                raise wrong(f"there is no field {field!r}")
            if plain == name:
                inner += [(found, listed)] if found is not None or not listed else []
            elif isinstance(found, list):
                inner += [(element, True) for element in found]
            elif found is not None or not listed:
                raise wrong(f"the field {plain!r} is {_kind(found)}, not a list, which {name!r} asks for")
        places = inner
    for each, listed in places:
        if not isinstance(each, str) and not (listed and each is None):
            raise wrong(f"the field {field!r} is {_kind(each)}, not text")
    return [each for each, _ in places if each is not None]


def fields(value: object) -> list[str]:
    """The fields of an object with text in them, as `texts_of` names them."""
    found: dict[str, None] = {}
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting and len(found) < LISTED:
        path, each, depth = waiting.pop(0)
        if isinstance(each, str) and path:
            found[path] = None
        elif isinstance(each, dict) and depth < NESTED:
            inner = list(each.items())[:LISTED]
            waiting += [(f"{path}.{name}".removeprefix("."), value, depth + 1) for name, value in inner]
        elif isinstance(each, list) and path:
            waiting += [(f"{path}[]", element, depth + 1) for element in each[:LOOKED_AT]]
    return list(found)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
