"""What `compose` does with a model: it composes, and writes files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.console.output import as_json, check_suffix, check_writable, numbered, put, visible
from rhapsode.console.progress import tell
from rhapsode.console.records import named
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError
from rhapsode.modalities.music.cli.copies import index_beside, told
from rhapsode.report import Report

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.asked import Wish
    from rhapsode.modalities.music.codecs._tunes import TuneCodec


class Notes(Report):
    """Told as the command tells all else."""

    def note(self, text: str) -> None:
        tell(text)


def write_music(
    model: Model,
    wish: Wish,
    primer: str | None,
    fill: str | None,
    sampling: Sampling,
    seed: int | None,
    samples: int,
    length: int | None,
    output: str,
    json: bool,
    overwrite: bool,
) -> None:
    """Draw tunes, and write them where `output` says, in the format that its suffix says; and tell what is copied.

    primer, fill: name tunes, those of the wish.
    """
    from rhapsode.modalities.music.asked import Known, compose
    from rhapsode.modalities.music.soundfont import playable
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
    if wish.soundfont is not None:
        playable(wish.soundfont)
    begun, kept = (None if each is None else Known(named(each, model), each) for each in (primer, fill))
    wish = replace(wish, primer=begun, fill=kept)
    index = None if fill is not None else index_beside(model, needed=wish.max_copy is not None)
    found = compose(
        model, wish, index, sampling, lambda: fresh_seed() if seed is None else seed, samples, length, Notes(), output
    )
    if json:
        put(as_json(found.fields()))
    elif output == "-":
        for tune in found.tunes:
            put(f"{codec.show(tune)}\n".encode() if sys.stdout.isatty() else codec.dump(tune))
    if output != "-":
        for name, tune in zip(names, found.tunes, strict=True):
            save(tune, Path(name).resolve(), wish.soundfont, loop=wish.loop)
            tell(name)
    for run in found.copied:
        if found.index and run and run.of and not json:
            tell(visible(told(run, found.index.rate)))
