"""How good a model is, in the unit in which people who have such data read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhapsode import registry
from rhapsode.console.brought import modality_of
from rhapsode.training.told import QUALITY

BITS = "bits"
"""The unit of texts: bits per character."""


def unit_of(codec: str) -> str:
    """What a step of this codec is called, such as `note`. Raises `UserError` for an unknown codec."""
    unit: str = registry.get("codec", codec).unit
    return unit


def loss_of(facts: Mapping[str, Any], codec: str) -> dict[str, Any] | None:
    """The loss on what was held out: `value` and `unit`, which is `bits` per character, or else the name of a step, of
    which it is nats. facts: of a model file. None if nothing was held out. Raises `UserError` for an unknown codec."""
    nats = facts.get("valid_nats_per_step")
    if not isinstance(nats, int | float):
        return None
    chars, steps = facts.get("valid_chars") or 0, facts.get("valid_steps") or 0
    if chars and steps:
        return {"value": nats * steps / chars / math.log(2), "unit": BITS}
    return {"value": nats, "unit": unit_of(codec)}


def quality_of(folder: Path, codec: str) -> Sequence[str]:
    """What was measured after the training, as lines for people; none if nothing was."""
    try:
        found = json.loads((folder / QUALITY).read_text(encoding="utf-8"))
        return list(modality_of(codec).figures(found))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []
