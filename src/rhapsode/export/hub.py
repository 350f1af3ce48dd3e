"""A folder for the Hugging Face Hub: the model's own files, a model card, and `config.json`.

Rhapsode reads it as a model. The files are those of the model, but for the facts about the training, which are without
the folders of the machine where it ran. What decides predictions is the same, so the digest is the same, too.
"""

from __future__ import annotations

from typing import Any

from rhapsode import __version__
from rhapsode.export._card import card
from rhapsode.export._facts import public
from rhapsode.export._target import Order, Target
from rhapsode.files import checkpoint
from rhapsode.files.json import dumps

CARD, CONFIG = "README.md", "config.json"
"""What the Hub shows on a model's page, and the file by which it counts downloads."""


def make(order: Order) -> dict[str, bytes]:
    """The model card first."""
    model = order.model
    if model.path is None:
        raise ValueError("a model that was not loaded from a file")
    files = {}
    info, _ = checkpoint.stored(model.path)
    for name, needed in checkpoint.parts(info).items():
        path = model.path if name == checkpoint.MODEL else model.path.parent / name
        if needed or path.exists():
            files[name] = _published(order, *checkpoint.stored(path))
    sizes = {name: len(contents) for name, contents in files.items()}
    return {CARD: card(order, sizes).encode(), CONFIG: _config(order), **files}


def _published(order: Order, info: dict[str, Any], tensors: Any) -> bytes:
    facts = public(info.get("facts") or {})
    if order.licence:
        facts["licence"] = order.licence
    return checkpoint.packed(info | {"facts": facts}, tensors)[0]


def _config(order: Order) -> bytes:
    """For the Hub and for people: Rhapsode finds everything in the model file."""
    config, model = order.model.config, order.model
    about = {
        "model_type": "rhapsode",
        "rhapsode_version": __version__,
        "codec": model.codec.name,
        "network": model.network.settings,
        "framing": config.framing.model_dump(),
        "reset": config.reset,
        "arithmetic": config.arithmetic,
        "parameters": model.network.parameters,
        "digest": model.digest,
    }
    return (dumps(about) + "\n").encode()


TARGET = Target("a folder for the Hugging Face Hub, with a model card; Rhapsode reads it as a model", "", make)
