"""What a person asks of a tune, as the command line says it; made into an outline of the tune."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rhapsode.cli._progress import tell
from rhapsode.cli._records import named
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.codecs._tunes import TuneCodec
    from rhapsode.model import Model
    from rhapsode.music.outline import Outline
    from rhapsode.music.tune import Tune


@dataclass(frozen=True)
class Wish:
    """See the options of `rhapsode generate`."""

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
    max_copy: int | None = None
    soundfont: str | None = None
    tempo: float | None = None
    program: str | None = None
    loudness: str | None = None

    @property
    def programs(self) -> list[int] | None:
        """Raises `UserError`."""
        from rhapsode.music.instruments import programs

        return None if self.program is None else programs(self.program, "--program")

    def played(self, codec: TuneCodec, tune: Tune) -> Tune:
        """A tune that was drawn, at the tempo, by the instruments and as loud as they are asked for; what a model knows
        it has heeded when it drew. Raises `UserError`."""
        from rhapsode.music import instruments, wishes

        tune = tune if self.tempo is None else wishes.at_tempo(tune, self.tempo)
        if self.programs is not None and not codec.programs:
            try:
                tune = wishes.played_by(tune, self.programs)
            except UserError as error:
                raise UserError(f"--program {self.program}: {error}") from None
        if self.loudness is not None:
            tune = wishes.as_loud(tune, instruments.loudness(self.loudness, "--loudness"))
        return tune

    def among(self, codec: TuneCodec) -> frozenset[int] | None:
        """The instruments that may be drawn; None for all. Raises `UserError`."""
        return None if self.programs is None or not codec.programs else frozenset(self.programs)


def outlined(model: Model, codec: TuneCodec, wish: Wish, primer: Tune | None, echo: bool) -> Outline:
    """What is known of the tune to be drawn. Raises `UserError`."""
    from rhapsode.codecs._tunes import BARS
    from rhapsode.music import wishes
    from rhapsode.music.describe import key_name
    from rhapsode.music.keys import home
    from rhapsode.music.outline import Outline

    if wish.density is not None and not codec.paced:
        raise UserError(f"--density: codec {codec.name} is not told of it; codecs melody and abc are. Leave it out.")
    if wish.fill is not None:
        return _filled(model, codec, wish)
    if wish.fill_bars or wish.fill_parts:
        raise UserError("--fill-bars and --fill-parts say what of a tune is to be drawn: name it with --fill FILE.")
    chords = None if wish.chords is None else wishes.chords(wish.chords)
    if chords and not codec.harmonic:
        raise UserError(
            f"--chords: codec {codec.name} knows no chords; train a model of tunes that have some, with codec melody."
        )
    if wish.key and not codec.keyed and not wish.in_key:
        raise UserError(
            f"--key: what codec {codec.name} draws is not moved into a key. Add --in-key, which draws only notes of "
            "its scale, or leave it out."
        )
    bars = wish.bars or (len(chords) if chords else BARS)
    usual = codec.outline(1).tune
    metre = replace(((primer.metres if primer else ()) or usual.metres)[0], tick=0)
    metre = wishes.metre(wish.metre) if wish.metre else metre
    bar = metre.beats * 4 * usual.ticks // metre.unit
    if not bar:
        raise UserError(f"metre {metre.beats}/{metre.unit}: its bars are shorter than the model's steps.")
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
            tell(f"key {key_name(tune.keys[0])} (it goes with the chords; --key sets another)")
    return Outline(tune, density=wish.density, in_key=wish.in_key, programs=wish.among(codec), tempo=wish.tempo)


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
    return Outline(tune, bars, parts, wish.density, wish.in_key, wish.among(codec), wish.tempo)


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
