"""What `inspect` says of texts, and of models of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.data.corpus import MIN_TRAIN, MIN_VALID
from rhapsode.data.finder import reasons
from rhapsode.data.sources import open_sources
from rhapsode.data.text_index import KIND, TextIndex
from rhapsode.modalities.text.describe import describe

if TYPE_CHECKING:
    from rhapsode.console.contents import Contents, Found
    from rhapsode.inference.model import Model

LISTED = 100
"""Symbols of the vocabulary that are listed."""


def contents(found: Found, encoding: str | None = None, as_text: bool = False) -> Contents | None:
    """Of what can be read as text; None for other files."""
    if not found.plain:
        return None
    sources = open_sources([found.name], encoding=encoding, as_text=as_text, all_files=found.all_files)
    texts = describe(sources)
    texts = replace(texts, warnings=(*sources.damage, *texts.warnings))
    if texts.characters < MIN_TRAIN + MIN_VALID:
        texts = replace(texts, warnings=(*texts.warnings, "this is too little to train on."))
    lines = [f"read as         {note}" for note in sources.notes]
    left_out = {"left_out": reasons(sources.skipped)} if sources.skipped else {}
    lines += [f"left out        {why}" for why in left_out.values()]
    about = {"kind": "text", **texts.to_json(), "notes": list(sources.notes), **left_out}
    return found.framed(about, [*lines, *texts.lines()])


def beside(path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
    """Of the training text."""
    if info.get("index") != KIND:
        return None
    index = TextIndex.restored(info, dict(tensors), str(path))
    held = len(index.arrays["held"])
    return {"kind": "training index", "bytes": len(index), "files": info["files"], "held_out_chars": held}


def about(model: Model) -> Mapping[str, Any]:
    """Its symbols, and where it begins anew."""
    codec = model.text_codec
    size = codec.steps.size
    first = [codec.label(n) for n in range(min(size, LISTED))]
    return {"vocabulary": {"size": size, "first": first}, "reset": model.config.reset}
