"""Statistics of a collection of data, as `rhapsode inspect` shows them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

Range = tuple[float, float, float]
"""Least, mean and greatest."""


class Statistics(ABC):
    """Of a collection: a base for dataclasses. `lines()` is for people, `to_json()` for programs.

    warnings: what a person should look at, a sentence each.
    """

    warnings: tuple[str, ...]

    @abstractmethod
    def facts(self) -> Iterator[str]:
        """Lines for people, without the warnings."""

    def lines(self) -> Iterator[str]:
        yield from self.facts()
        for warning in self.warnings:
            yield f"warning: {warning}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_json(self) -> dict[str, Any]:
        """The fields, as JSON values."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


class Spread:
    """Least, mean and greatest of numbers that come one by one."""

    def __init__(self) -> None:
        self.count = 0
        self.total: float = 0
        self._least, self._greatest = float("inf"), float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self._least, self._greatest = min(self._least, value), max(self._greatest, value)

    def result(self) -> Range:
        """Zeros where no number came."""
        return (self._least, self.total / self.count, self._greatest) if self.count else (0, 0.0, 0)


def shown(spread: Range) -> str:
    """`1 … 2.5 … 1,000`."""
    return " … ".join(f"{each:,.1f}".removesuffix(".0") for each in spread)


def visible(character: str) -> str:
    """A character, or how Python writes it where it would not be seen."""
    return character if character.isprintable() and not character.isspace() else repr(character)
