"""What a model file says about the origin of its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNFIT = "float32"
"""The fact that says why a model is in float32 arithmetic."""
NAMED = 50
"""The most sources that are named: a shell may have made thousands from a pattern."""


def origin(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sources, and the model that was fine-tuned, as the user gave them. The home folder is written as `~`, since
    the model may be given to others."""
    sources = [_without_home(each) for each in given.get("sources") or ()]
    found: dict[str, Any] = {"sources": sources[:NAMED]}
    if len(sources) > NAMED:
        found["more_sources"] = len(sources) - NAMED
    if given.get("base"):
        found["base"] = _without_home(given["base"])
    return found


def _without_home(name: str) -> str:
    path, home = Path(name), Path(os.path.expanduser("~"))
    return str("~" / path.relative_to(home)) if path.is_absolute() and path.is_relative_to(home) else name
