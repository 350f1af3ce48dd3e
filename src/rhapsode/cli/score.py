"""`rhapsode score`."""

from __future__ import annotations

import codecs
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.cli._files import as_json, check_readable, chunks, put, visible
from rhapsode.cli._imports import unbroken
from rhapsode.cli._options import TrustPaths
from rhapsode.cli._progress import reporting
from rhapsode.errors import UserError
from rhapsode.exchange.inside import trusting

if TYPE_CHECKING:
    from rhapsode.score import Score, Surprise

RATIOS = ("nats_per_step", "nats_per_char", "bits_per_char", "bits_per_byte")
COUNTS = ("nats", "steps", "chars", "bytes")
SATURATED = 10.0
"""Bits of surprise at which the colour is as strong as it gets."""


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Texts, each scored as one document; - is stdin.")
    ],
    cold: Annotated[
        int | None, typer.Option(metavar="N", help="Start from zero state every N steps, instead of carrying it.")
    ] = None,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="Let a copy of the weights learn on the way.")] = False,
    per_step: Annotated[
        bool, typer.Option("--per-step", help="The surprise of every step, too (or that of every drawing or tune).")
    ] = False,
    color: Annotated[bool, typer.Option("--color", help="Print the text coloured by surprise.")] = False,
    trust_paths: TrustPaths = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure how well a model predicts texts.

    Exact log-likelihoods: `compress` packs a text to just this size.
    """
    if color and json:
        raise UserError("--color and --json do not go together; one of them must go.")
    check_readable(files)

    with unbroken():
        from rhapsode.codecs._records import RecordCodec
        from rhapsode.model import Model

    loaded = Model.load(model)
    if isinstance(loaded.codec, RecordCodec):
        from rhapsode.cli._records import score_records

        if cold is not None or dynamic or color:
            raise UserError("--cold, --dynamic and --color are for models of text; leave them out.")
        with trusting(trust_paths):
            score_records(loaded, files, per_step, json)
        return
    scores: list[Score] = []
    with reporting() as report:
        for name in files:
            scores.append(
                loaded.score(chunks(name), cold=cold, dynamic=dynamic, per_step=per_step or color, report=report)
            )
    total = scores[0]
    for other in scores[1:]:
        total = total + other
    if json:
        each = [{"file": name, **_numbers(one, per_step)} for name, one in zip(files, scores, strict=True)]
        put(as_json({**_numbers(total, False), "cold": cold, "dynamic": dynamic, "files": each}))
        return
    for name, one in zip(files, scores, strict=True):
        if len(files) > 1:
            typer.echo(f"--- {name}: {one.bits_per_char:.4f} bits per char ---")
        if color:
            _paint(one.surprises or ())
        elif per_step:
            for step in one.surprises or ():
                typer.echo(f"{step.nats:.6f}\t{step.label}")
    for key, value in _numbers(total, False).items():
        typer.echo(f"{key:<13} {value:.6f}" if isinstance(value, float) else f"{key:<13} {value}")


def _numbers(one: Score, per_step: bool) -> dict[str, Any]:
    numbers: dict[str, Any] = {key: getattr(one, key) for key in (*RATIOS, *COUNTS)}
    if per_step:
        numbers["per_step"] = [{"step": s.label, "nats": s.nats} for s in one.surprises or ()]
    return numbers


def _paint(surprises: tuple[Surprise, ...]) -> None:
    """The text; the redder behind a step, the less it was expected."""
    from rich.color import Color
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = Text()
    nats = 0.0
    for at, step in enumerate(surprises):
        nats += step.nats  # of all steps that make up a character
        shown = decoder.decode(step.data, final=at + 1 == len(surprises))
        if shown:
            strength = min(1.0, nats / math.log(2) / SATURATED)
            fade = round(255 * (1 - strength))
            style = Style(color="black", bgcolor=Color.from_rgb(255, fade, fade).name)
            text.append(visible(shown), style)
            nats = 0.0
    Console(force_terminal=True, color_system="truecolor", highlight=False, soft_wrap=True).print(text)
