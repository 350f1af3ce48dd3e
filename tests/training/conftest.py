"""What small trainings need."""

import random
from pathlib import Path

import pytest

WORDS = ["sing", "muse", "the", "wrath", "of", "a", "man", "and", "sea", "ship"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    rng = random.Random(1)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(rng.choices(WORDS, k=6)) for _ in range(400)))
    return path
