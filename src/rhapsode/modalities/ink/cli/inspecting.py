"""What `inspect` says of drawings, and of what lies beside models of handwriting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rhapsode.console.contents import Contents, Found, of_records
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.ink.describe import DrawingStatistics, describe
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.recogniser import Recogniser


def contents(found: Found) -> Contents | None:
    """Of drawings; None for files that hold none."""

    def described(drawings: Iterator[Drawing], refused: Refusals) -> DrawingStatistics:
        one = describe(drawings)
        return replace(one, warnings=(*refused.lines(), *one.warnings))

    return of_records(found, described)


def beside(path: Path, info: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a recogniser."""
    if info.get("kind") != "recogniser":
        return None
    reader = Recogniser.load(path)
    size = sum(weight.size for weight in reader.weights.values())
    return {"kind": "recogniser", "parameters": size, **reader.config.model_dump(exclude={"format", "kind"})}
