"""The file that lines are saved in, and a server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rhapsode.modalities.ink.pad.server import Server
from tests.modalities.ink.pad.served import serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hand.jsonl"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    with serving(path) as server:
        yield server
