"""Single values in files: checks, and how messages show them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from rhapsode.errors import UserError

LARGEST = 1e12
"""The largest number that is allowed, so that sums of squares stay far below the limit of float64."""
PARTS = 1 << 22
"""The most elements, attributes, lists and objects that are kept in memory at once. Scores and recordings of 50 MB have
that many. Each takes some hundred bytes of memory, even if it takes only a few in its file."""
LONE = re.compile("[\ud800-\udfff]")
FRACTION = re.compile(r"[-+]?(?:\d{1,15}(?:\.\d{0,30})?|\.\d{1,30})|[-+]?\d{1,15}/\d{1,15}", re.ASCII)


def number(text: str, where: str) -> float:
    """Raises `UserError` unless `text` is a finite number of a sensible size."""
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{where}: expected a number, found {shown(text)}.") from None
    if not abs(value) <= LARGEST:
        raise UserError(f"{where}: {shown(text)} is not a finite number of at most {LARGEST:g}.")
    return value


def fraction(text: str) -> Fraction:
    """`3`, `0.75` or `3/4`, exactly. Raises `ValueError` for others, such as 1e999999999, and `ZeroDivisionError`."""
    if not FRACTION.fullmatch(text):
        raise ValueError(f"not a number of sensible size: {text[:20]!r}")
    return Fraction(text)


def mapping(value: Any, where: str) -> dict[str, Any]:
    """`value` if it is an object. Raises `UserError`."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected an object with fields, found {shown(value)}.")
    return value


def sequence(value: Any, where: str) -> list[Any]:
    """`value` if it is a list. Raises `UserError`."""
    if not isinstance(value, list):
        raise UserError(f"{where}: expected a list, found {shown(value)}.")
    return value


def readable(text: str) -> str:
    """The text with U+FFFD for what no encoding has: half of a pair, or a byte of a file's name that is not UTF-8."""
    return text if text.isascii() else LONE.sub("\N{REPLACEMENT CHARACTER}", text)


def shown(value: Any) -> str:
    """The beginning of a value, for messages."""
    text = repr(value if not isinstance(value, list) else value[:8])
    return text if len(text) <= 60 else text[:60] + "…"
