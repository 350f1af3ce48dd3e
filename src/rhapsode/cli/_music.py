"""What `generate` and `inspect` do with tunes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from rhapsode.cli._files import as_json, check_suffix, check_writable, numbered, put, write
from rhapsode.cli._records import named, show
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.codecs.pianoroll import PianoRoll
    from rhapsode.generate import Sample
    from rhapsode.model import Model
    from rhapsode.samplers import Sampling

BARS = 16
"""How long a tune is if nothing is said."""


def write_music(
    model: Model,
    bars: int | None,
    primer: str | None,
    sampling: Sampling,
    seed: int | None,
    samples: int,
    length: int | None,
    output: str,
    echo: bool,
    json: bool,
) -> None:
    """Draw tunes, and write them where `output` says, in the format that its suffix says."""
    from rhapsode.music.write import WRITERS, save

    codec: PianoRoll = model.record_codec  # type: ignore[assignment]
    if output != "-":
        check_writable(output)
        check_suffix(output, WRITERS)
    if bars is not None and length is not None:
        raise UserError("--bars and --length were given; one of them must go.")
    given = named(primer, model) if primer else None
    refusal = codec.refusal(given) if given is not None else ""
    if refusal:
        raise UserError(f"--primer {primer}: a tune {refusal}. Choose another one, or transpose it.")
    before = np.empty((0, *codec.steps.shape), codec.steps.dtype)
    if given is not None:
        before = codec.encode(given, whole=False)
    if length is None:
        # Bars are those of the file, so a primer that is in it counts.
        length = (BARS if bars is None else bars) * codec.usual.bar(codec.grid) - (len(before) if echo else 0)
        if length <= 0:
            raise UserError(f"--bars {bars}: the primer alone has as many. Ask for more, or add --no-echo.")
    drawn = model.generate(style=given, length=length, samples=samples, seed=seed, sampling=sampling)
    if seed is None:
        typer.echo(f"seed {drawn[0].seed}", err=True)
    steps = [np.concatenate([before, one.steps]) if echo else one.steps for one in drawn]
    tunes = [replace(codec.decode(each), name=output) for each in steps]
    if json:
        put(as_json({"seed": drawn[0].seed, "samples": [_object(one) for one in drawn]}))
    elif output == "-":
        for tune in tunes:
            put(f"{codec.show(tune)}\n".encode() if sys.stdout.isatty() else codec.dump(tune))
    else:
        names = [output] if samples == 1 else [numbered(output, n + 1) for n in range(samples)]
        for name, tune in zip(names, tunes, strict=True):
            save(tune, Path(name).resolve())
            typer.echo(name, err=True)


def _object(one: Sample) -> dict[str, Any]:
    return {
        "nats": -float(one.log_probs.sum()),
        "stopped": one.stopped,
        "frames": [np.flatnonzero(step).tolist() for step in one.steps],
        "log_probs": one.log_probs.tolist(),
    }


def inspect_music(path: Path, json: bool) -> None:
    """What a file of tunes holds."""
    from rhapsode.music.describe import describe
    from rhapsode.music.read import parts, read
    from rhapsode.music.refusals import Refusals

    for part in parts(path) or (None,):
        refused = Refusals()
        show(path, part, describe(read(path, part, refused=refused), refused), json)


def compare_music(name: str, beside: str, picture: str | None, json: bool) -> None:
    """The tunes of a file compared with held-out ones: those of another, less its training part if it has one."""
    from rhapsode.music.compare import compare
    from rhapsode.music.panels import picture as drawn
    from rhapsode.music.read import parts, read
    from rhapsode.music.refusals import Refusals

    if picture is not None:
        check_writable(picture)
        check_suffix(picture, [".png"], "--picture")
    for each in (name, beside):
        if not Path(each).is_file():
            raise UserError(f"{each} is not a file. --beside compares the tunes of two files: name them.")
    refused = Refusals()
    held: list[str | None] = [each for each in parts(Path(beside)) if each != "train"]
    found = compare(
        read(Path(name), refused=refused),
        (tune for part in held or [None] for tune in read(Path(beside), part, refused=refused)),
    )
    for line in refused.lines():
        typer.echo(f"warning: {line}", err=True)
    if picture is not None:
        write(picture, drawn(found))
    put(as_json(found.to_json()) if json else f"{found}\n".encode())
