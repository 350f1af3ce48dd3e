"""A picture of what a model makes, drawn by the model itself once and kept in the cache."""

from __future__ import annotations

import threading
from pathlib import Path

from rhapsode.console.brought import modality_of
from rhapsode.console.modality import Modality
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
    return modality.example is not None and modality.endpoint() is not None


def picture(path: Path, digest: str) -> bytes | None:
    """An SVG of what a model makes; None if it has none. One is drawn at a time. digest: of the model. Raises
    `UserError`."""
    if path.stat().st_size > LARGEST:
        return None

    def draw() -> bytes:
        model = Model.load(path)
        modality = modality_of(model.codec.name)
        endpoint: Endpoint[Sampled, object] | None = modality.endpoint()
        if endpoint is None or modality.example is None:
            return b""
        asked = endpoint.request.model_validate({"format": "svg", "seed": SEED, **modality.example_of(model)})
        content = endpoint.answer(model, endpoint.beside(model), asked, Report()).content
        return content if isinstance(content, bytes) else b"".join(content or ())

    with _one:
        return Cache(cache_folder() / FOLDER).file(f"{digest}.svg", draw) or None
