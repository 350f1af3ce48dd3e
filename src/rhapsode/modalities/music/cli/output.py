"""What `compose` does with a model, and `inspect` with two files of tunes."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.console.output import as_json, check_suffix, check_writable, numbered, put, visible
from rhapsode.console.progress import tell
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError
from rhapsode.modalities.music.cli.copies import draw, index_beside, needed, told
from rhapsode.modalities.music.cli.wish import asked, placed

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.cli.wish import Wish
    from rhapsode.modalities.music.codecs._tunes import TuneCodec
    from rhapsode.modalities.music.copies import Copied

PARTICLES = 32
"""Drawn side by side where something is kept."""


def write_music(
    model: Model,
    wish: Wish,
    sampling: Sampling,
    seed: int | None,
    samples: int,
    length: int | None,
    output: str,
    echo: bool,
    json: bool,
    overwrite: bool,
) -> None:
    """Draw tunes, and write them where `output` says, in the format that its suffix says; and tell what is copied."""
    from rhapsode.modalities.music.soundfont import playable
    from rhapsode.modalities.music.tune import Part, after
    from rhapsode.modalities.music.write import NOTATION, SUFFIXES, save

    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    if output != "-":
        check_suffix(output, SUFFIXES)
    names = [output] if samples == 1 or output == "-" else [numbered(output, n + 1) for n in range(samples)]
    for name in names:
        check_writable(name, overwrite=overwrite)
    if wish.soundfont is not None and not output.lower().endswith(".wav"):
        raise UserError("--soundfont: it is for sound: write a WAV file, with -o tune.wav.")
    if wish.loudness is not None and Path(output).suffix.lower() in NOTATION:
        raise UserError("--loudness: it is not written into notation. Leave it out, or write .mid, .wav or .html.")
    # Refused before anything is drawn.
    wish.played(codec, replace(codec.outline(1).tune, parts=(Part(),) * codec.voices))
    if wish.soundfont is not None:
        playable(wish.soundfont)
    if wish.bars is not None and length is not None:
        raise UserError("--bars and --length were given; one of them must go.")
    if wish.fill is not None and wish.max_copy is not None:
        raise UserError("--max-copy does not go with --fill: what is kept would count as copied. Leave it out.")
    outline, primer, octaves = asked(model, codec, wish, echo)
    given, where = (primer, f"--primer {wish.primer}") if wish.fill is None else (outline.tune, f"--fill {wish.fill}")
    for what, n in (codec.lost(given) if given is not None else {}).items():
        tell(f"{where}: {n:,} {what} are left out, which codec {codec.name} does not know")
    known = None if wish.fill is not None else index_beside(model, needed=wish.max_copy is not None)
    if wish.max_copy is not None:
        needed(known, model, "--max-copy")
    chosen = fresh_seed() if seed is None else seed

    def rows(count: int, row: int) -> list[Sample]:
        return model.generate(
            style=primer,
            outline=outline,
            particles=wish.particles or (PARTICLES if wish.fill is not None or wish.loop else 1),
            length=length,
            samples=count,
            seed=chosen,
            sampling=sampling,
            row=row,
        )

    drawn = draw(rows, known, samples, wish.max_copy)
    # Of what was drawn only: a primer may well be a training tune.
    copied = [known.longest(one.record) if known else None for one in drawn]
    tunes = [one.record for one in drawn]
    if primer is not None:
        before = codec.encode(primer, whole=False)
        tunes = [codec.decode(np.concatenate([before, one.steps]), outline=outline) for one in drawn]
        if not echo:
            begun = codec.decode(before, outline=outline).length
            tunes = [after(tune, begun) for tune in tunes]
    tunes = [replace(wish.played(codec, tune), name=output, title="") for tune in tunes]
    tunes = [placed(tune, octaves, wish.transpose) for tune in tunes]
    if json:
        found = [_object(one, run) for one, run in zip(drawn, copied, strict=True)]
        put(as_json({"seed": chosen, "samples": found, **({"held_out": asdict(known.rate)} if known else {})}))
    elif output == "-":
        for tune in tunes:
            put(f"{codec.show(tune)}\n".encode() if sys.stdout.isatty() else codec.dump(tune))
    if output != "-":
        for name, tune in zip(names, tunes, strict=True):
            save(tune, Path(name).resolve(), wish.soundfont, loop=wish.loop)
            tell(name)
    for run in copied:
        if known and run and run.of and not json:
            tell(visible(told(run, known.rate)))


def _object(one: Sample, copied: Copied | None) -> dict[str, Any]:
    return {
        "nats": -math.fsum(one.log_probs),
        "stopped": one.stopped,
        "steps": one.steps.tolist(),
        "log_probs": one.log_probs.tolist(),
        **({"copied": asdict(copied)} if copied else {}),
    }
