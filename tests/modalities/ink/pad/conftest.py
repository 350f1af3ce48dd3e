"""The file that lines are saved in, and a studio for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.modalities.ink.pad.served import Served, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hand.jsonl"


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    with serving(path) as server:
        yield server
