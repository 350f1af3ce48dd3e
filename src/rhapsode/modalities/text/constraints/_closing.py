"""A short text that ends what is open in a language of llguidance: a search.

llguidance says what may follow a place, and not what a place is. So the search takes two places of the same length for
the same if the same may follow them, and the same might follow the places before them. Brackets that are open look
alike whatever is around them; so it does not always find the shortest end, nor always one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MARK = 0xFF
"""The byte that is in no UTF-8; llguidance has a meaning of its own for it."""
LONGEST = 300
"""Bytes of a closing, at most."""
BREADTH = 16
"""How many places of each length are kept."""
TRIES = 6000
"""How many bytes the first search tries at most, and half as many the others: some hundredths of a second."""
FIRST = b")]}>\"'`;:,"
"""What is most likely to end something: tried first."""
MOST = {"end": 99, "mark": 12, "digit": 2, "lower": 4, "upper": 4, "space": 1, "other": 1}
"""Of more bytes of one kind that may follow, the first one only is tried."""

Candidates = Callable[[list[int]], list[int]]
"""Of the bytes that may follow, those to try."""


def shortest(matcher: Any) -> bytes | None:
    """The shortest text that was found behind which the matcher accepts; None if there was none. Three searches, each
    wider than the one before."""
    return (
        _found(matcher, _ends, BREADTH // 2, TRIES)
        or _found(matcher, _few, BREADTH, TRIES // 2)
        or _found(matcher, list, BREADTH, TRIES // 2)
    )


def _found(matcher: Any, candidates: Candidates, breadth: int, left: int) -> bytes | None:
    """Byte by byte, all places of one length after another. left: how many bytes are tried at most."""
    matcher = matcher.deep_copy()
    places = [(b"", matcher, matcher.compute_bitmask())]
    for _ in range(LONGEST):
        following: dict[tuple[bytes, bytes], tuple[bytes, Any, bytes]] = {}
        for data, matcher, before in places:
            found = []
            for byte in sorted(candidates(bytes_of(before)), key=_promise):
                left -= 1
                other = matcher.deep_copy()
                if other.try_consume_tokens([byte]) != 1:
                    continue
                if other.is_accepting():
                    return data + bytes([byte])
                look = other.compute_bitmask()
                if not other.is_error():
                    found.append((data + bytes([byte]), other, look))
            for each in found if candidates is list else _useful(found, before):
                following.setdefault((before, each[-1]), each)
        places = list(following.values())[:breadth]
        if left < 0:
            break
    return None


def _useful(found: list[tuple[bytes, Any, bytes]], before: bytes) -> list[tuple[bytes, Any, bytes]]:
    """Those that lead on. Spaces behind which all is as before do not, nor do the characters of a string."""
    found = [each for each in found if each[-1] != before or kind(each[0][-1]) != "space"]
    moving = [each for each in found if each[-1] != before]
    return moving if moving and len(found) - len(moving) > max(2, len(found) // 2) else found


def bytes_of(mask: bytes) -> list[int]:
    """The bytes that may follow. mask: as llguidance gives it, for tokens of which the first 256 are the bytes."""
    bits = np.unpackbits(np.frombuffer(mask[:32], np.uint8), bitorder="little")
    return [byte for byte in np.flatnonzero(bits).tolist() if byte != MARK]


def kind(byte: int) -> str:
    """One of `MOST`."""
    character = chr(byte)
    if byte >= 0x80 or not (character.isprintable() or character in "\t\n\r"):
        return "other"
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    if character.isspace():
        return "space"
    return "end" if byte in FIRST else "mark"


def _few(allowed: list[int]) -> list[int]:
    kinds: dict[str, list[int]] = {}
    for byte in allowed:
        kinds.setdefault(kind(byte), []).append(byte)
    return [byte for name, found in kinds.items() for byte in (found if len(found) <= MOST[name] else found[:1])]


def _ends(allowed: list[int]) -> list[int]:
    return [byte for byte in allowed if byte in FIRST] or _few(allowed)


def _promise(byte: int) -> tuple[int, bool, int]:
    """By this, the most promising bytes come first."""
    return FIRST.find(byte) % 256, kind(byte) == "space", byte
