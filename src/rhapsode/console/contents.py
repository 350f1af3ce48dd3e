"""What a SOURCE holds, as `rhapsode inspect` shows it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Contents(NamedTuple):
    """What there is, as JSON values, and in lines for people."""

    about: dict[str, Any]
    lines: list[str]
