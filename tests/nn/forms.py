"""The forms of small networks that all implementations of whole numbers are held to."""

from __future__ import annotations

from typing import Any

FORMS: list[dict[str, Any]] = [
    {"layers": 1, "width": 5, "embedding": 3},
    {"layers": 2, "width": 33, "embedding": 0},
    {"layers": 3, "width": 20, "embedding": 6, "skip": True},
    {"layers": 3, "width": 17, "embedding": 6, "residual": True},
    {"layers": 1, "width": 16, "embedding": 16, "tied": True},
    {"layers": 2, "width": 7, "embedding": 2, "cell": "peephole"},
    {"layers": 2, "width": 100, "embedding": 3, "cell": "rnn", "skip": True, "residual": True},
]
