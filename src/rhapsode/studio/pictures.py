"""A picture of what a model makes, drawn by the model itself once and kept in the cache."""

from __future__ import annotations

import threading
from pathlib import Path

from rhapsode.console.brought import modality_of
from rhapsode.console.modality import Modality
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache, cache_folder
from rhapsode.inference.model import Model
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Sampled

SEED = 1
FOLDER = "pictures"
"""The folder in the cache."""
LARGEST = 64 << 20
"""Bytes of a model that is loaded to be shown."""

_one = threading.Lock()


def drawable(modality: Modality) -> bool:
    """Whether what its models make has a picture."""
    endpoint = modality.endpoint()
    return endpoint is not None and endpoint.example is not None


def picture(path: Path, digest: str) -> bytes | None:
    """An SVG of what a model makes; None if there is none. One is drawn at a time. digest: of the model. Raises
    `UserError` for a file that is damaged."""
    if path.stat().st_size > LARGEST:
        return None

    def draw() -> bytes:
        model = Model.load(path)
        modality = modality_of(model.codec.name)
        endpoint: Endpoint[Sampled, object] | None = modality.endpoint()
        if endpoint is None or endpoint.example is None:
            return b""
        asked = endpoint.request.model_validate({"format": "svg", "seed": SEED, **endpoint.example(model)})
        try:
            content = endpoint.answer(model, endpoint.beside(model), asked, Report()).content
        except UserError:  # a model of hardly any training may draw nothing
            return b""
        return content if isinstance(content, bytes) else b"".join(content or ())

    with _one:
        return Cache(cache_folder() / FOLDER).file(f"{digest}.svg", draw) or None
