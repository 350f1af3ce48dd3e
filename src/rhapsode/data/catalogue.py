"""The standard corpora of corpora.toml: what they are, where they are, and how the literature splits them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Member:
    """A file inside a downloaded .zip: its path there, and its SHA-256 where that is known."""

    path: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Download:
    """One file to fetch: a text, or a .zip of `members`. `size` is in bytes and only told, not checked."""

    name: str
    url: str
    sha256: str | None
    size: int
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Slice:
    """Bytes `start` up to `stop` (None: the end) of the file called `file`."""

    file: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Dataset:
    """A corpus. `parts` are `train` and, where the literature has them, `valid` and `test`."""

    name: str
    about: str
    licence: str
    split: str
    downloads: tuple[Download, ...]
    parts: dict[str, tuple[Slice, ...]]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(download.size for download in self.downloads)


def _dataset(name: str, table: dict[str, Any]) -> Dataset:
    """What a table of corpora.toml says."""
    downloads = tuple(
        Download(
            one.get("name", one["url"].rpartition("/")[2]),
            one["url"],
            one.get("sha256"),
            one["size"],
            tuple(Member(**member) for member in one.get("members", ())),
        )
        for one in table["downloads"]
    )
    parts: dict[str, tuple[Slice, ...]] = {part: (Slice(*piece),) for part, piece in table["parts"].items()}
    return Dataset(name, table["about"], table["licence"], table["split"], downloads, parts)


@cache
def catalogue() -> tuple[Dataset, ...]:
    """The standard corpora, in the order of corpora.toml."""
    text = (files("rhapsode.data") / "corpora.toml").read_text(encoding="utf-8")
    return tuple(_dataset(name, table) for name, table in tomllib.loads(text).items())
