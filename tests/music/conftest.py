"""What tests of music share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from rhapsode.errors import UserError


@pytest.fixture
def chords(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of `rhapsode.music.chords`, a module that knows three symbols."""

    @dataclass
    class Found:
        tones: frozenset[int]
        bass: int

    def parse(symbol: str) -> Found:
        if symbol not in ("C7", "F7", "G7"):
            raise UserError("no chord")
        root = {"C": 0, "F": 5, "G": 7}[symbol[0]]
        return Found(frozenset((root + step) % 12 for step in (0, 4, 7, 10)), root)

    module = ModuleType("rhapsode.music.chords")
    module.parse = parse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rhapsode.music.chords", module)
