"""What exports say about a model, and what they keep to themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rhapsode.inference.model import Model

PUBLIC = re.compile(r"(data|demo|hf):")
"""The beginnings of names that mean the same on every machine."""
NAMED = 5
"""How many sources are named in a line."""
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
    sources = list(map(str, public(model.config.facts).get("sources") or []))
    named = f" (sources: {', '.join(sources[:NAMED])}{' …' * (len(sources) > NAMED)})" if sources else ""
    return [
        f"It reveals the settings, facts about the training{named}, and what the codec keeps of the training data: "
        f"{model.codec.keeps}.",
        "Nothing else of the training data is in it, nor the training index, nor names of folders. But the weights of "
        "a model can repeat passages of what it was trained on.",
    ]
