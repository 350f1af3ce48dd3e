"""Small changes that files suffer, and that people make who wish to harm: of any bytes, by a random generator."""

from __future__ import annotations

import re
from random import Random

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
NUMBERS = [
    *(b"0", b"-1", b"1e400", b"-1e400", b"1e-400", b"1e999999999", b"NaN", b"nan", b"Infinity", b"-inf", b"3e38", b""),
    *(b"1e13", b"0.1", b"1/3", b"1/0", b"127", b"128", b"65536", b"2147483647", b"-2147483648", b"4294967296"),
    *(b"9223372036854775808", b"1_0", b"0x10", b"\xd9\xa3", b"true", b"null", b'"1"', b"[1]"),
    *(b"9" * 5000, b"0." + b"1" * 5000, b"1e" + b"9" * 500),
]
"""What may stand where a number should, in text."""
WORDS = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\0", b"\0\0\x80\x7f"]
"""The same in bytes."""
TIMES = (1, 2, 3, 30, 1000)
MOST = 1 << 17
"""Bytes of a mutated file, at most."""


def mutated(random: Random, seeds: list[bytes]) -> bytes:
    """One of the seeds after some changes."""
    data = random.choice(seeds)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        change = random.choice(CHANGES)
        data = change(random, data, seeds)[:MOST]
    return data


def _flipped(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    at, found = random.randrange(len(data) + 1), bytearray(data)
    found[at : at + 1] = bytes([random.randrange(256)])
    return bytes(found)


def _cut(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _without(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def _repeated(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    begin, end = _span(random, data)
    return data[:begin] + data[begin:end] * random.choice(TIMES) + data[end:]


def _line_repeated(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = random.randrange(len(lines))
    lines[at : at + 1] = [lines[at]] * random.choice(TIMES)
    return b"".join(lines)


def _spliced(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    other = random.choice(seeds)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _inserted(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    at, other = random.randrange(len(data) + 1), random.choice(seeds)
    begin, end = _span(random, other)
    return data[:at] + other[begin:end] + data[at:]


def _number(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    places = list(NUMBER.finditer(data))
    if not places:
        return _word(random, data, seeds)
    found = random.choice(places)
    return data[: found.start()] + random.choice(NUMBERS) + data[found.end() :]


def _word(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    at, word = random.randrange(len(data) + 1), random.choice(WORDS)[random.choice((0, 0, 2, 3)) :]
    return data[:at] + word + data[at + len(word) :]


def _noise(random: Random, data: bytes, seeds: list[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(random.randrange(1, 9)) + data[at:]


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randrange(len(data) + 1)
    return begin, min(len(data), begin + random.choice((1, 2, 4, 16, 64, 1000)))


CHANGES = (
    _flipped, _cut, _without, _repeated, _line_repeated, _spliced, _inserted, _number, _number, _number, _word, _noise
)  # fmt: skip
