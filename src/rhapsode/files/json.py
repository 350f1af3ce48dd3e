"""JSON from files that nobody has checked, line by line or element by element; and writing JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.source import Source
from rhapsode.files.values import PARTS, mapping, shown

LINE = 1 << 26
"""Bytes of a line, at most."""
CUT = "Each line must be one JSON object; a file that was cut off must be fetched again."
SPACE = re.compile(r"[\s,]*")


def dumps(value: Any, sort_keys: bool = False) -> str:
    """A value as JSON that UTF-8 can encode. (File names may contain half a surrogate pair: it is written as an
    escape.)"""
    text = json.dumps(value, ensure_ascii=False, sort_keys=sort_keys)
    return text.encode("utf-8", "backslashreplace").decode()


def lines(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """(its place, for messages; the object) for each line that is not blank. Raises `UserError`."""
    with source.open() as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            where = f"{source.name}, line {number}"
            if len(line) > LINE:
                raise UserError(f"{where}: longer than {LINE >> 20} MiB. Each line must be one object.")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield where, mapping(parsed(line, where, CUT), where)


def _check(count: int, where: str) -> None:
    """count: of brackets. Raises `UserError`."""
    if count > PARTS:
        raise UserError(
            f"{where}: {count:,} lists and objects; at most {PARTS:,} are held at once. Cut it into several files."
        )


def parsed(line: bytes, where: str, advice: str) -> Any:
    """The value in a line. advice: tells the user what to do if the line is not JSON. Raises `UserError`."""
    _check(line.count(b"[") + line.count(b"{"), where)
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else error
        raise UserError(
            f"{where}: not JSON ({reason}): {shown(line[:60].decode('utf-8', 'backslashreplace'))}. {advice}"
        ) from None


def objects(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """(its place, for messages; the object) for each object: one in each line, elements of a list, or objects over
    several lines. Only a file with one object in each line is read line by line. Raises `UserError`."""
    first = source.head().removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if first[0].startswith(b"{") and (not first[1] or first[0].rstrip().endswith(b"}")):
        yield from lines(source)
    else:
        yield from ((where, mapping(value, where)) for where, value in elements(source))


def elements(source: Source) -> Iterator[tuple[str, Any]]:
    """(its place, for messages; the value) for each element of a list, or for each of several values in a row. Raises
    `UserError`."""
    text = source.text()
    _check(text.count("[") + text.count("{"), source.name)
    decoder = json.JSONDecoder()
    listed = text.lstrip().startswith("[")
    at = len(text) - len(text.lstrip()) + listed
    number = 0
    while True:
        found = SPACE.match(text, at)
        at = found.end() if found else at
        number += 1
        where = f"{source.name}, element {number}"
        if text[at : at + 1] == "]" if listed else at == len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: not JSON ({error}). If the file was cut off, fetch it again.") from None
        yield where, value
