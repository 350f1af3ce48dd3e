"""A short text that ends what is open in a language of llguidance: a search.

llguidance says what may follow a place, and not what a place is. So the search takes two places of the same length for
the same if the same may follow them, and the same might follow the places before them. Brackets that are open look
alike whatever is around them; so it does not always find the shortest end, nor always one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

MARK = 0xFF
"""The byte that is in no UTF-8; llguidance has a meaning of its own for it."""
LONGEST = 300
"""Bytes of a closing, at most."""
BREADTH = 16
"""How many places of each length are kept."""
TRIES = 6000
"""How many bytes the first search tries at most, and the others a third of that each."""
FEW = 200
"""The same of a first look, for ends of a character or two."""
FIRST = b")]}>\"'`;:,"
"""What is most likely to end something: tried first."""
MOST = {"end": 99, "mark": 12, "digit": 2, "lower": 4, "upper": 4, "space": 1, "line": 1, "other": 1}
"""Of more bytes of one kind that may follow, the first one only is tried."""

Grown = tuple[bytes, Any, bytes]
"""A text, the matcher behind it, and what may follow there."""


def shortest(matcher: Any) -> bytes | None:
    """The shortest text that was found behind which the matcher accepts; None if there was none. A short search, and
    three longer ones, each wider than the one before."""
    return (
        _found(matcher, "few", BREADTH, FEW)
        or _found(matcher, "ends", BREADTH // 2, TRIES)
        or _found(matcher, "few", BREADTH, TRIES // 3)
        or _found(matcher, "all", BREADTH, TRIES // 3)
    )


def _found(matcher: Any, which: str, breadth: int, left: int) -> bytes | None:
    """Byte by byte, all places of one length after another. which: see `_candidates`. left: how many bytes are tried at
    most."""
    matcher = matcher.deep_copy()
    places = [(b"", matcher, matcher.compute_bitmask())]
    for _ in range(LONGEST):
        alike: dict[tuple[bytes, bytes], list[Grown]] = {}
        for data, matcher, before in places:
            found = []
            for byte in _candidates(before[:32], which):
                left -= 1
                other = matcher.deep_copy()
                if other.try_consume_tokens([byte]) != 1:
                    continue
                if other.is_accepting():
                    return data + bytes([byte])
                look = other.compute_bitmask()
                if not other.is_error():
                    found.append((data + bytes([byte]), other, look))
            for each in found if which == "all" else _useful(found, before):
                alike.setdefault((before, each[-1]), []).append(each)
        # The first has what ends most, the last has come there by the shortest way.
        places = [
            each for one in list(alike.values())[:breadth] for each in (one[:1] if len(one) < 2 else [one[0], one[-1]])
        ]
        if left < 0:
            break
    return None


def _useful(found: list[Grown], before: bytes) -> list[Grown]:
    """Those that lead on. Spaces behind which all is as before do not, nor do the characters of a string."""
    found = [each for each in found if each[-1] != before or KINDS[each[0][-1]] != "space"]
    moving = [each for each in found if each[-1] != before]
    return moving if moving and len(found) - len(moving) > max(2, len(found) // 2) else found


def bytes_of(mask: bytes) -> list[int]:
    """The bytes that may follow. mask: as llguidance gives it, for tokens of which the first 256 are the bytes."""
    bits = np.unpackbits(np.frombuffer(mask[:32], np.uint8), bitorder="little")
    return [byte for byte in np.flatnonzero(bits).tolist() if byte != MARK]


def _kind(byte: int) -> str:
    character = chr(byte)
    if byte >= 0x80 or not (character.isprintable() or character in "\t\n\r"):
        return "other"
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    if character.isspace():
        return "line" if character == "\n" else "space"
    return "end" if byte in FIRST else "mark"


KINDS = [_kind(byte) for byte in range(256)]
"""One of `MOST` for each byte."""


@lru_cache(maxsize=1024)
def _candidates(mask: bytes, which: str) -> list[int]:
    """Of the bytes that may follow, those to try, the most promising first. which: `all`; `few` of each kind; `ends` if
    there are any, else few."""
    allowed = bytes_of(mask)
    if which == "ends" and (ends := [byte for byte in allowed if byte in FIRST]):
        allowed = ends
    elif which != "all":
        kinds: dict[str, list[int]] = {}
        for byte in allowed:
            kinds.setdefault(KINDS[byte], []).append(byte)
        allowed = [byte for kind, found in kinds.items() for byte in (found if len(found) <= MOST[kind] else found[:1])]
    return sorted(allowed, key=lambda byte: (FIRST.find(byte) % 256, KINDS[byte] in ("space", "line"), byte))
