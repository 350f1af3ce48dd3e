"""What `generate` and `inspect` do with tunes."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from rhapsode.cli._copies import copied_by, draw, known_beside, needed, told
from rhapsode.cli._files import as_json, check_suffix, check_writable, numbered, put, visible, write
from rhapsode.cli._records import fresh_seed, named, show
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.codecs._tunes import TuneCodec
    from rhapsode.generate import Sample
    from rhapsode.model import Model
    from rhapsode.music.copies import Copied
    from rhapsode.music.outline import Outline
    from rhapsode.music.tune import Tune
    from rhapsode.samplers import Sampling

PARTICLES = 32
"""Drawn side by side where something is kept."""


@dataclass(frozen=True)
class Wish:
    """What a person asks of a tune, as the command line says it."""

    bars: int | None = None
    chords: str | None = None
    key: str | None = None
    metre: str | None = None
    density: float | None = None
    in_key: bool = False
    primer: str | None = None
    fill: str | None = None
    fill_bars: str | None = None
    fill_parts: str | None = None
    particles: int | None = None


def write_music(
    model: Model,
    wish: Wish,
    sampling: Sampling,
    seed: int | None,
    samples: int,
    length: int | None,
    max_copy: int | None,
    output: str,
    echo: bool,
    json: bool,
) -> None:
    """Draw tunes, and write them where `output` says, in the format that its suffix says; and tell what is copied."""
    from rhapsode.music.write import WRITERS, save

    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    if output != "-":
        check_writable(output)
        check_suffix(output, WRITERS)
    if wish.bars is not None and length is not None:
        raise UserError("--bars and --length were given; one of them must go.")
    primer = named(wish.primer, model) if wish.primer else None
    refusal = codec.refusal(primer) if primer is not None else ""
    if refusal:
        raise UserError(f"--primer {wish.primer}: a tune {refusal}. Choose another one, or transpose it.")
    if wish.fill and max_copy is not None:
        raise UserError("--max-copy does not go with --fill: what is kept would count as copied.")
    known = None if wish.fill else known_beside(model)
    if max_copy is not None:
        needed(known, model, "--max-copy")
    outline = _outline(model, codec, wish, primer, echo)
    chosen = fresh_seed() if seed is None else seed

    def rows(count: int, row: int) -> list[Sample]:
        return model.generate(
            style=primer,
            outline=outline,
            particles=wish.particles or (PARTICLES if wish.fill else 1),
            length=length,
            samples=count,
            seed=chosen,
            sampling=sampling,
            row=row,
        )

    drawn = draw(rows, known, samples, max_copy)
    # Of what was drawn only: a primer may well be a training tune.
    copied = [known.longest(one.record) if known else None for one in drawn]
    tunes = [one.record for one in drawn]
    if primer is not None and echo:
        before = codec.encode(primer, whole=False)
        tunes = [codec.decode(np.concatenate([before, one.steps]), outline=outline) for one in drawn]
    tunes = [replace(tune, name=output, title="") for tune in tunes]
    if json:
        found = [_object(one, run) for one, run in zip(drawn, copied, strict=True)]
        put(as_json({"seed": chosen, "samples": found, **({"held_out": asdict(known.rate)} if known else {})}))
    elif output == "-":
        for tune in tunes:
            put(f"{codec.show(tune)}\n".encode() if sys.stdout.isatty() else codec.dump(tune))
    else:
        names = [output] if samples == 1 else [numbered(output, n + 1) for n in range(samples)]
        for name, tune in zip(names, tunes, strict=True):
            save(tune, Path(name).resolve())
            typer.echo(name, err=True)
    for run in copied:
        if known and run and not json:
            typer.echo(visible(told(run, known.rate)), err=True)


def _outline(model: Model, codec: TuneCodec, wish: Wish, primer: Tune | None, echo: bool) -> Outline:
    """What is known of the tune to be drawn. Raises `UserError`."""
    from rhapsode.codecs._tunes import BARS
    from rhapsode.music import wishes
    from rhapsode.music.describe import key_name
    from rhapsode.music.keys import home
    from rhapsode.music.outline import Outline

    if wish.fill:
        return _filled(model, codec, wish)
    if wish.fill_bars or wish.fill_parts:
        raise UserError("--fill-bars and --fill-parts say what of a tune is to be drawn: name it with --fill FILE.")
    chords = wishes.chords(wish.chords) if wish.chords else None
    if chords and not codec.harmonic:
        raise UserError(
            f"--chords: codec {codec.name} knows no chords; train a model of tunes that have some, with codec melody."
        )
    bars = wish.bars or (len(chords) if chords else BARS)
    usual = codec.outline(1).tune
    metre = replace(((primer.metres if primer else ()) or usual.metres)[0], tick=0)
    metre = wishes.metre(wish.metre) if wish.metre else metre
    bar = metre.beats * 4 * usual.ticks // metre.unit
    if not bar:
        raise UserError(f"--metre {wish.metre}: its bars are shorter than the model's steps.")
    begun = 0
    if primer is not None:
        begun = -(-round(primer.length * usual.ticks / primer.ticks) // bar)
        if echo and bars <= begun:
            raise UserError(f"--bars {bars}: the primer alone has {begun}. Ask for more, or add --no-echo.")
    keys = (wishes.key(wish.key),) if wish.key else (home(primer),) if primer else () if chords else usual.keys
    tune = replace(usual, metres=(metre,), length=(bars if echo else bars + begun) * bar, keys=keys)
    if primer is not None and primer.tempos:
        tune = replace(tune, tempos=(replace(primer.tempos[0], tick=0),))
    if chords:
        tune = wishes.harmonised(tune, chords)
        if not wish.key:
            typer.echo(f"key {key_name(tune.keys[0])} (it goes with the chords; --key sets another)", err=True)
    return Outline(tune, density=wish.density, in_key=wish.in_key)


def _filled(model: Model, codec: TuneCodec, wish: Wish) -> Outline:
    """A tune of which bars or parts are to be drawn. Raises `UserError`."""
    from rhapsode.music.outline import Outline

    for name in ("bars", "chords", "key", "metre", "primer"):
        if getattr(wish, name) is not None:
            raise UserError(f"--{name} does not go with --fill: the tune has its own.")
    tune = named(str(wish.fill), model)
    bars = None if wish.fill_bars is None else _ranges("--fill-bars", wish.fill_bars, len(tune.bars()))
    parts = None
    if wish.fill_parts is not None:
        if codec.voices == 1:
            raise UserError(f"--fill-parts: a model with codec {codec.name} draws no single parts; leave it out.")
        parts = _ranges("--fill-parts", wish.fill_parts, codec.voices)
    elif bars is None:
        silent = codec.silent(tune)
        if not silent:
            raise UserError(
                f"--fill {wish.fill}: all of its parts have notes. Say what is to be drawn, with --fill-bars 5-8 "
                "or --fill-parts 2-4."
            )
        parts = silent
    return Outline(tune, bars, parts, wish.density, wish.in_key)


def _ranges(option: str, text: str, count: int) -> frozenset[int]:
    """`1,5-8`, counted from 1, as numbers from 0. Raises `UserError`."""
    found = set[int]()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= count:
            raise UserError(
                f"{option} {text!r}: it must be numbers from 1 to {count}, such as 1,3 or 2-{max(count, 2)}."
            )
        found |= {*range(first - 1, last)}
    return frozenset(found)


def _object(one: Sample, copied: Copied | None) -> dict[str, Any]:
    return {
        "nats": -float(one.log_probs.sum()),
        "stopped": one.stopped,
        "steps": one.steps.tolist(),
        "log_probs": one.log_probs.tolist(),
        **({"copied": asdict(copied)} if copied else {}),
    }


def inspect_music(path: Path, against: Model | None, json: bool) -> None:
    """What a file of tunes holds; or what of it is copied from tunes that a model knows."""
    if against:
        copied_by(path, against, json)
        return
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
