"""`rhapsode generate --beam`: the likeliest completions, in the place of samples."""

from __future__ import annotations

import base64
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.options import MORE_SAMPLING, SAMPLING
from rhapsode.console.output import visible
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.beam import Completion
    from rhapsode.inference.model import Model

Beam = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        metavar="N",
        rich_help_panel=SAMPLING,
        help="Draw nothing: search the N likeliest completions, and print them with log p, in nats (beam search).",
    ),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="A",
        rich_help_panel=MORE_SAMPLING,
        help="With --beam, compare completions by log p / ((5 + symbols) / 6) ** A; 0 is log p itself [default: 0].",
    ),
]


def searched(
    model: Model, prompt: bytes, width: int | None, penalty: float | None, how: dict[str, Any]
) -> list[Completion]:
    """The completions. how: the options of generation. Raises `UserError` for those that mean nothing here."""
    if width is None:
        raise UserError("--length-penalty is for a beam search: add --beam N.")
    sampling = how.pop("sampling")
    drawn = {"--seed": how.pop("seed") is not None, "--samples": how.pop("samples") != 1}
    drawn["--novelty"] = how.pop("novelty")
    for name in type(sampling).model_fields:
        drawn[f"--{name.replace('_', '-')}"] = getattr(sampling, name) != type(sampling).model_fields[name].default
    for option, given in drawn.items():
        if given:
            raise UserError(f"--beam draws nothing, so {option} has no meaning with it. Leave one of the two out.")
    return model.beam(prompt, width=width, length_penalty=penalty or 0.0, **how)


def text_of(model: Model, echo: bytes, found: list[Completion]) -> bytes:
    """All completions, each below a line with its log p; lines as a table."""
    if model.policy.lines and all(one.data.count(b"\n", 0, -1) == 0 for one in found):
        rows = [b"%.3f\t" % math.fsum(one.log_probs) + echo + one.data.removesuffix(b"\n") + b"\n" for one in found]
        text = b"".join(rows)
    else:
        parts = [
            b"--- %d: log p = %.3f ---\n" % (n, math.fsum(one.log_probs)) + echo + one.data
            for n, one in enumerate(found, start=1)
        ]
        text = b"\n".join(parts) + b"\n"
    return visible(text.decode("utf-8", "replace")).encode() if sys.stdout.isatty() else text


def json_of(model: Model, echo: bytes, found: list[Completion]) -> dict[str, Any]:
    """As one object."""
    entries = []
    for one in found:
        entry = {
            "text": one.text,
            "nats": -math.fsum(one.log_probs),
            "score": one.score,
            "stopped": one.stopped,
            "steps": [model.text_codec.label(symbol) for symbol in one.steps.tolist()],
            "log_probs": one.log_probs.tolist(),
        }
        if one.text.encode() != one.data:  # not UTF-8: the text alone would lose something
            entry["base64"] = base64.b64encode(one.data).decode("ascii")
        entries.append(entry)
    return {"prompt": echo.decode("utf-8", "replace"), "completions": entries}
