"""Tiny Shakespeare as the benchmarks cut it: the first 90 % of the characters to train, the last 10 % to validate."""

from __future__ import annotations

from pathlib import Path

from rhapsode.data import datasets


def shakespeare() -> tuple[Path, bytes, bytes]:
    """The file (`rhapsode train` cuts it at the same place by itself), its training text and its validation text."""
    path = next(iter(datasets.get("tinyshakespeare").paths.values()))
    data = path.read_bytes()
    cut = int(0.9 * len(data))
    return path, data[:cut], data[cut:]
