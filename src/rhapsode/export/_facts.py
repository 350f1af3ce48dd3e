"""What exports say about a model, and what they keep to themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rhapsode.inference.model import Model

PUBLIC = re.compile(r"(data|demo|hf):")
"""The beginnings of names that mean the same on every machine."""
LOCAL = "sources", "base"
"""The facts that may name files and folders."""


def public(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts about a training, without the folders of the machine where it ran: of files, only their own names are
    kept."""
    found = dict(facts)
    for key in LOCAL:
        value = found.get(key)
        if isinstance(value, str):
            found[key] = _own_name(value)
        elif isinstance(value, list):
            found[key] = [_own_name(str(each)) for each in value]
    return found


def _own_name(name: str) -> str:
    if PUBLIC.match(name):
        return name
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return last if last not in ("", ".", "..", "~") else "a folder"


def revealed(model: Model) -> list[str]:
    """What an export of this model tells whoever gets it, in lines for people."""
    codec = model.codec
    kept = sorted(codec.to_json())
    sources = public(model.config.facts).get("sources") or []
    of = f", {', '.join(map(str, sources[:5]))}{' …' if len(sources) > 5 else ''}" if sources else ""
    return [
        f"It holds the weights, the settings, what the codec {codec.name} keeps of the data "
        f"({', '.join(kept) or 'nothing'}), and facts about the training (the sources' names{of}).",
        "Not in it: other training data, the training index, names of folders. But a model can repeat passages of what "
        "it was trained on.",
    ]
