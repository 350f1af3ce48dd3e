"""Model files of earlier formats, which Rhapsode wrote until November 2026: their contents by the names of today.

In format 1, a network's settings stood in one table, those of all heads and of the encoder among them, and some had
other names; so had weights. Tables of users may still have those names: `renamed` reads both. Format 2 knew no
arithmetic but float32, which is what files mean that name none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.files import checkpoint

SETTINGS = {
    "reads": "autoregressive",
    "mixtures": "head.mixtures",
    "ends": "head.ends",
    "hidden": "head.hidden",
    "condition": "attention.name",
    "components": "attention.components",
    "feedback": "attention.feedback",
    "dense": "encoder.feedforward",
    "dense_width": "encoder.feedforward_width",
    "both": "encoder.bidirectional",
    "both_width": "encoder.bidirectional_width",
}
"""Old name → table and name of today."""
PLAN = {"rows": "batch_size", "window": "sequence_length"}
RUN = {"step": "update", "best_step": "best_update"}
BUDGET = {"steps": "updates"}
"""The same of a plan, of what is kept of a run (its checkpoint, and records of its log), and of how long it is."""
WEIGHTS = (
    (r"encoder\.feedforward(\d+)\.", r"context.dense\1."),
    (r"encoder\.bidirectional(\d+)\.forward\.", r"context.both\1.on."),
    (r"encoder\.bidirectional(\d+)\.backward\.", r"context.both\1.back."),
    (r"attention\.", "condition."),
)
"""What names of weights begin with today, and in files of format 1."""


def renamed(settings: Mapping[str, Any], names: Mapping[str, str] = SETTINGS) -> tuple[dict[str, Any], list[str]]:
    """Settings, of a network or others, by the names of today, and the old names that were among them."""
    found = {key: value for key, value in settings.items() if key not in names}
    old = [key for key in settings if key in names]
    for key in old:
        table, _, name = names[key].rpartition(".")
        if table:
            part = found.get(table, {})
            found[table] = {**(part if isinstance(part, Mapping) else {"name": part}), name: settings[key]}
        else:
            found[name] = settings[key]
    return found, old


def told(table: str, old: list[str], names: Mapping[str, str] = SETTINGS) -> str:
    """What to tell of old names that `renamed` found in this table."""
    return f"{table} settings have new names: {', '.join(f'{name} is {names[name]}' for name in old)}"


def record(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record of a training log by the names of today."""
    return renamed(values, RUN)[0]


def network(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a network in a file of format 1 by the names of today. `lead` is one of its weights: see `load`.
    Raises `UserError`."""
    found, _ = renamed({name: value for name, value in settings.items() if name != "lead"})
    for kind in ("head", "attention"):  # format 1 kept the settings of all heads
        part = found.get(kind)
        if isinstance(part, dict) and part.get("name"):
            known = registry.get(kind, str(part["name"])).Settings.model_fields
            found[kind] = {name: value for name, value in part.items() if name in known}
    return found


def upgraded(info: Mapping[str, Any]) -> dict[str, Any]:
    """What the header of a model file says, as a file of today's format says it. Raises `UserError`."""
    if info.get("format") not in (1, 2) or not isinstance(info.get("network"), dict):
        return dict(info)
    own = network(info["network"]) if info["format"] == 1 else info["network"]
    return {**info, "format": 3, "network": own}


def run(info: Mapping[str, Any]) -> dict[str, Any]:
    """What a training checkpoint says of its run, with settings by the names of today. Raises `UserError`."""
    plan, given = info["plan"], info["given"]
    if "head" in plan.get("network", {}) and not isinstance(plan["network"]["head"], dict):
        plan = {**plan, "network": network(plan["network"])}
    plan = {**plan, "budget": renamed(plan["budget"], BUDGET)[0]}
    info, leg = renamed(info, RUN)[0], renamed(info.get("leg", {}), RUN)[0]
    given = {
        **given,
        "network": renamed(given.get("network") or {})[0],
        "plan": renamed(given.get("plan") or {}, PLAN)[0],
    }
    return {**info, "leg": leg, "plan": renamed(plan, PLAN)[0], "given": given}


def tensors(found: Mapping[str, np.ndarray], weights: Iterable[str]) -> dict[str, np.ndarray]:
    """The tensors of a training checkpoint, `kind/weight` or `kind/weight/quantity`, by the names of today. weights:
    those of the network."""
    today = {weight(name): name for name in weights}
    parts = ((name.split("/"), value) for name, value in found.items())
    return {"/".join(today.get(each, each) for each in name): value for name, value in parts}


def weight(name: str) -> str:
    """What a weight is called in files of format 1. name: that of today."""
    for now, then in WEIGHTS:
        name = re.sub(f"^{now}", then, name)
    return name


def load(
    path: Path, info: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], mark: str
) -> tuple[dict[str, np.ndarray], str]:
    """The weights in a model file of format 1, which has this header, and the model's digest. Raises `UserError`.

    shapes, mark: as of `checkpoint.load_tensors`, by the names of today.
    """
    settings = info["network"]
    stored = {weight(name): shape for name, shape in shapes.items()}
    lead = settings.get("lead", 0)
    if lead:  # the first layer read and predicted so many numbers of a step alone
        stored["layer0.input"] = (shapes["layer0.input"][0], lead)
    found = checkpoint.load_tensors(path, stored, mark)
    named = {name: value for name, value in info.items() if name not in ("format", "facts")}
    digest = checkpoint.digest(json.dumps(named, ensure_ascii=False, sort_keys=True), found)
    weights = {name: found[weight(name)] for name in shapes}
    if lead:
        more = shapes["layer0.input"][1] - lead
        weights["layer0.input"] = np.pad(weights["layer0.input"], ((0, 0), (0, more)))
        led, own = (
            np.arange(n) < limit for n, limit in zip(shapes["output.weight"], (lead, settings["width"]), strict=True)
        )
        weights["output.weight"] = weights["output.weight"] * (led[:, None] == own)
    return weights, digest
