"""`/api/novelty`: what of a text stands in the text that its model was trained on, span by span, and where.

It is the studio's own path, and no server of models has it: whoever may ask it can read the training text.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from rhapsode.errors import UserError
from rhapsode.inference.novelty import Figures, novelty
from rhapsode.inference.reader import as_bytes
from rhapsode.serving.requests import Asked, Name
from rhapsode.serving.served import Served

CHARS = 200_000
"""The most characters of a text."""
BESIDE = 60
"""Characters of the training text that are shown before and behind the longest span."""


class Novel(Asked):
    """`POST /api/novelty`: the spans of a text, of `least` characters or more, that stand in the training text."""

    prompt: Annotated[str, Field(max_length=CHARS)]
    model: Name | None = None
    least: Annotated[int, Field(ge=1, le=100)] = 10


def copies(served: Served, asked: Novel) -> dict[str, Any]:
    """The answer; if it is not known on what the model was trained, it says only why. Raises `UserError`."""
    data = as_bytes(asked.prompt, "prompt")
    _ = served.codec  # it must be a model of text
    try:
        known = served.model.index
    except UserError as error:
        return {"model": served.name, "why": str(error)}
    found, spans = novelty(served.model, data), known.spans(data, asked.least)
    longest = None
    if (span := found.longest) is not None:
        before, after = known.around(span.at, span.chars, BESIDE)
        where = span.place._asdict() | {"name": span.place.name}
        longest = {"start": span.start, "chars": span.chars, "text": span.text, "from": where}
        longest |= {"before": before, "after": after}
    held = found.held_out
    return {
        "model": served.name,
        "chars": found.chars,
        "spans": [[one.start, one.chars] for one in spans],
        "longest": longest,
        **_figures(found.figures),
        "held_out": {"chars": held.chars, "half": _figures(held.half), "most": _figures(held.most)} if held else None,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    found = asdict(figures)
    return {"longest_chars": found["longest"], "in_spans": {str(n): one for n, one in found["in_spans"].items()}}
