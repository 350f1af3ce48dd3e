"""Model cards, made from the facts about a model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from rhapsode.console.brought import modality_of
from rhapsode.console.modality import Modality
from rhapsode.console.output import visible
from rhapsode.data.codecs.text import TextCodec
from rhapsode.export._facts import public, revealed
from rhapsode.export._target import Order
from rhapsode.inference.model import Model
from rhapsode.training.told import QUALITY

NAMED = 20
"""How many sources are named."""


def card(order: Order, sizes: Mapping[str, int]) -> str:
    """Markdown that begins with YAML, as the Hub wants it. sizes: name → bytes of each file of the model."""
    model = order.model
    modality, facts = modality_of(model.codec.name), public(model.config.facts)
    address = order.address or "FOLDER"
    figures = {**_figures(model, facts), "bytes": ", ".join(f"{name} {size:,}" for name, size in sizes.items())}
    lines = [
        "---",
        *_front(order, modality, facts),
        "---",
        "",
        f"# {order.name}",
        "",
        f"A generative LSTM of {modality.noun}, trained with Rhapsode.",
        *_origin(facts),
        "",
        "## How to use it",
        "",
        f"    pip install {'rhapsode' if address == 'FOLDER' else chr(39) + 'rhapsode[hub]' + chr(39)}",
        f"    rhapsode {modality.verb} {address} {model.codec.usage}".rstrip(),
        "",
        f'From Python: `rhapsode.load("{address}")`.',
        "",
        "## Figures",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(value)} |" for name, value in figures.items()),
        *_measured(model, modality),
        "",
        "## What it is for, and what it reveals",
        "",
        f"It makes {modality.noun} like that which it was trained on, and knows nothing else.",
        *revealed(model),
    ]
    return visible("\n".join(lines)) + "\n"


def _cell(value: Any) -> str:
    return (f"{value:,}" if isinstance(value, int) else str(value)).replace("|", "\\|").replace("\n", " ")


def _front(order: Order, modality: Modality, facts: Mapping[str, Any]) -> Iterator[str]:
    """Lines of YAML. Values are JSON, which is YAML, too."""
    entries: dict[str, Any] = {"library_name": "rhapsode"}
    if order.licence:
        entries["license"] = order.licence
    if modality.task:
        entries["pipeline_tag"] = modality.task
    entries["tags"] = list(dict.fromkeys(["rhapsode", "lstm", modality.noun, order.model.codec.name]))
    if (bits := _bits_per_char(order.model, facts)) is not None:
        data = ", ".join(_sources(facts)) or "not named"
        entries["model-index"] = [
            {
                "name": order.name,
                "results": [
                    {
                        "task": {"type": modality.task},
                        "dataset": {"name": data, "type": "held-out-part", "split": "validation"},
                        "metrics": [{"type": "bits_per_character", "value": round(bits, 4)}],
                    }
                ],
            }
        ]
    for key, value in entries.items():
        yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _sources(facts: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in facts.get("sources") or ()][:NAMED]


def _origin(facts: Mapping[str, Any]) -> Iterator[str]:
    """Its data and its training, in sentences."""
    if sources := _sources(facts):
        more = len(facts["sources"]) - len(sources) + int(facts.get("more_sources") or 0)
        size = next((f", {facts[key]:,} {word}" for key, word in SIZES if facts.get(key)), "")
        names = ", ".join(f"`{each}`" for each in sources)
        yield f"Training data: {names}{f' and {more:,} more' * bool(more)}{size}."
    if facts.get("base"):
        yield f"It goes on from another model, `{facts['base']}`."
    if facts.get("updates") and facts.get("seconds"):
        yield f"Training took {facts['seconds'] / 60:.1f} minutes, {facts['updates']:,} updates of the weights."


ARITHMETIC = {
    "integers": "whole numbers: the same seed gives the same output on every machine",
    "float32": "float32: the same seed gives the same output on one machine",
}
"""What the arithmetic of a model means to its user."""
SIZES = (("train_chars", "characters"), ("train_steps", "steps"))
"""The facts about the size of the training data, the first that is known first, and what they count."""


def _bits_per_char(model: Model, facts: Mapping[str, Any]) -> float | None:
    """Of a text: the loss on what was held out, in the unit in which texts are compared."""
    nats, chars = facts.get("valid_nats_per_step"), facts.get("valid_chars")
    steps = facts.get("valid_steps")
    if not isinstance(model.codec, TextCodec) or not nats or not chars or not steps:
        return None
    return float(nats / math.log(2) * steps / chars)


def _figures(model: Model, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Name → value."""
    config = model.config
    carried = "carried from step to step" if model.framing.past.carried else "as the framing has it"
    how = f"on a part of the data that was held out; static weights; state {carried}"
    found: dict[str, Any] = {}
    if (bits := _bits_per_char(model, facts)) is not None:
        found["bits per character"] = f"{bits:.3f} {how}, {facts['valid_chars']:,} characters"
    elif facts.get("valid_nats_per_step") is not None:
        found[f"nats per {model.codec.unit}"] = f"{facts['valid_nats_per_step']:.3f} {how}"
    found |= {
        "network": model.network.description,
        "parameters": model.network.parameters,
        "a step": f"{model.codec.name}: {model.codec.summary.removeprefix('a step is ')}",
        "distribution": model.head.name,
        "reset policy": config.reset,
        "framing": config.framing.name,
        "arithmetic": ARITHMETIC[config.arithmetic],
        "digest of the model": f"`{model.digest}`",
    }
    if digest := facts.get("data_digest"):
        found["digest of the data"] = f"`{digest}`"
    return found


def _measured(model: Model, modality: Modality) -> Iterator[str]:
    """What was measured after the training, see `Codec.quality`."""
    assert model.path is not None
    try:
        quality = json.loads((model.path.parent / QUALITY).read_text(encoding="utf-8"))
        said = list(modality.figures(quality))
    except (OSError, ValueError, TypeError, LookupError):
        return
    yield from (f"| measured | {_cell(line)} |" for line in said)
