"""A model as a whole: what it is, how well it predicts files, and what it becomes for others."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError
from rhapsode.export._target import targets
from rhapsode.studio.command import answered, checked
from rhapsode.studio.measured import unit_of
from rhapsode.studio.shelf import Found
from rhapsode.training.log import records

LOOK, WORK = 60.0, 600.0
"""Seconds that looking at a model, and that measuring or exporting it may take, at the most."""
OWN = "safetensors"
"""The form in which Rhapsode keeps models."""


def forms() -> list[str]:
    """What a model can become: endings of files."""
    return [OWN, *sorted(suffix.lstrip(".") for suffix in targets() if suffix)]


def inspected(model: Found) -> dict[str, Any]:
    """All that `rhapsode inspect` says of it. Raises `UserError`."""
    return dict(answered(["inspect", str(model.path), "--json"], LOOK))


def learnt(model: Found, codec: str) -> dict[str, Any]:
    """The metrics of its training, and the unit of its losses; no metrics, if they are not beside it. codec: the
    model's. Raises `UserError`."""
    return {"metrics": records(model.folder), "unit": unit_of(codec)}


def measured(model: Found, sources: Sequence[str]) -> dict[str, Any]:
    """How well it predicts files, as `rhapsode score` says. Raises `UserError`."""
    return dict(answered(["score", str(model.path), *sources, "--json"], WORK))


def exported(model: Found, form: str) -> tuple[str, bytes]:
    """The name of a file, and what is in it. Several files become a ZIP file. Raises `UserError`."""
    if form not in forms():
        raise UserError(f"a model can become {', '.join(forms())}, not {form!r}.")
    title = model.folder.resolve().name
    if form == OWN:
        return f"{title}.{OWN}", model.path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="rhapsode-") as folder:
        checked(["export", str(model.path), "-o", str(Path(folder) / f"{title}.{form}")], WORK)
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    if len(files) == 1:
        return files.popitem()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return f"{title}.{form}.zip", packed.getvalue()
