"""A model as data for a page: one file of safetensors, with the program and all settings in its metadata.

`model.js` unpacks it, and `kernel.js` runs the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.numpy import save

from rhapsode.inference.trained import KEPT, Trained
from rhapsode.nn.network import Network
from rhapsode.nn.program import Layer, program
from rhapsode.steps.symbols import Symbols


def packed(model: Trained, about: Mapping[str, Any]) -> bytes:
    """The model, with `about` beside what every page needs. Raises `UserError` if its network has no form in whole
    numbers."""
    tensors = {name: one for name, one in model.quantised().tensors.items() if not name.startswith(f"{KEPT}.")}
    steps = model.codec.steps
    known = {
        "codec": model.config.codec,
        "head": model.config.network.head.model_dump(),
        "past": asdict(model.framing.past),
        "symbols": asdict(steps) if isinstance(steps, Symbols) else None,
        "program": described(model.network),
        "start": np.asarray(steps.start).tolist(),
        **about,
    }
    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    return save(whole, {"about": json.dumps(known, ensure_ascii=False)})


def described(network: Network) -> dict[str, Any]:
    """What a network computes, for `Network` of `kernel.js`."""
    found = program(network)
    attention = network.attention
    return {
        "layers": [_layer(layer) for layer in found.layers],
        "steering": found.steering and _layer(found.steering),
        "output": found.output and _layer(found.output),
        "attention": attention and {"width": attention.width, "components": attention.state[0]},
        "embedding": _embedding(network) if network.config.autoregressive else None,
        "covariates": network.encoded,
        "feedback": found.feedback,
        "fine": found.fine,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "cell": layer.cell,
        "width": layer.width,
        "whole": layer.whole,
        "activations": [one.source for one in layer.activations],
        "numbers": [one.source for one in layer.numbers],
    }


def _embedding(network: Network) -> dict[str, Any]:
    """kind: `table`; `one-hot`, where a group begins at each of `begins`; or `numbers`, none greater than `most`.
    symbols: how many there are, the start too; 0 if steps are no symbols."""
    steps, embedding = network.steps, network.embedding
    found: dict[str, Any] = {"width": embedding.width, "symbols": steps.symbols}
    if embedding.table:
        return {"kind": "table", **found}
    if embedding.groups:
        return {"kind": "one-hot", "begins": np.cumsum([0, *embedding.groups[:-1]]).tolist(), **found}
    return {"kind": "numbers", "most": embedding.most, **found}
