"""Streams of bytes: reading compressed files, and cutting streams into documents, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from rhapsode.errors import UserError
from rhapsode.files.json import parsed

CHUNK = 1 << 20
"""Bytes read at a time."""
NO_FIELD = "With a field, each line must be one JSON object; leave the field out to read the file as plain text."
"""The advice for lines that are not JSON."""
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
    """The text in `field` of each line of JSONL, as UTF-8; blank lines and empty texts are left out.

    One line at a time is in memory. Raises `UserError`, which names the file and the line.
    """
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
            if text := _record(line, field, name, number):
                yield text
    if text := _record(b"".join(rest), field, name, number + 1):
        yield text


def _record(line: bytes, field: str, name: str, number: int) -> bytes:
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        return b""
    where = f"{name}, line {number}"
    value = parsed(line, where, NO_FIELD)
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected an object with the field {field!r}, found {_kind(value)}.")
    text = value.get(field)
    if not isinstance(text, str):
        problem = (
            f"the field {field!r} is {_kind(text)}, not text" if field in value else f"there is no field {field!r}"
        )
        with_text = [repr(key) for key, each in value.items() if isinstance(each, str)]
        raise UserError(f"{where}: {problem}. Fields with text here: {', '.join(with_text)[:200] or 'none'}.")
    return text.encode("utf-8", "surrogatepass")


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
