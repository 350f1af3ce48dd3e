"""What a person asks of a tune, as the command line says it; made into an outline of the tune."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rhapsode.console.progress import tell
from rhapsode.console.records import named
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.codecs._tunes import TuneCodec
    from rhapsode.modalities.music.outline import Outline
    from rhapsode.modalities.music.tune import Tune


@dataclass(frozen=True)
class Wish:
    """What to compose: see the options of `rhapsode compose`."""

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
    transpose: str | None = None
    loop: bool = False
    tempo: float | None = None
    program: str | None = None
    loudness: str | None = None

    @property
    def programs(self) -> list[int] | None:
        """Raises `UserError`."""
        from rhapsode.modalities.music.instruments import programs

        return None if self.program is None else programs(self.program, "--program")

    def played(self, codec: TuneCodec, tune: Tune) -> Tune:
        """A tune that was drawn, at the tempo, by the instruments and as loud as they are asked for; what a model knows
        it has heeded when it drew. Raises `UserError`."""
        from rhapsode.modalities.music import instruments, wishes

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


class Asked(NamedTuple):
    """outline: what is known of the tune to be drawn; primer: what it goes on from; octaves: by so many, what a file
    holds was moved up, into the model's range."""

    outline: Outline
    primer: Tune | None
    octaves: int


def asked(model: Model, codec: TuneCodec, wish: Wish, echo: bool) -> Asked:
    """What a wish says, with the files that it names. Raises `UserError`."""
    found = _asked(model, codec, wish, echo)
    if wish.transpose is not None:  # what is wrong with it is said before anything is drawn
        tune = found.outline.tune
        _transposed(replace(tune, notes=tune.notes[:0], keys=tune.keys if codec.keyed else ()), wish.transpose)
    return found


def placed(tune: Tune, octaves: int, to: str | None) -> Tune:
    """What was drawn, where it is wanted: back by the octaves of `Asked`, and as `--transpose` says. Raises
    `UserError`."""
    from rhapsode.modalities.music.describe import key_name
    from rhapsode.modalities.music.keys import home, within
    from rhapsode.modalities.music.tune import pitched
    from rhapsode.modalities.music.wishes import interval, moved

    tune = moved(tune, within(-12 * octaves, pitched(tune)["pitch"]))
    if to is None:
        return tune
    if interval(to) is None and not tune.keys:
        tell(f"--transpose {to}: moved from {key_name(home(tune))}, as far as its notes tell")
    found = _transposed(tune, to)
    if lost := len(tune.chords) - len(found.chords):
        tell(f"--transpose {to}: {lost} chord symbol{'s' * (lost > 1)} without a meaning left out")
    return found


def _transposed(tune: Tune, to: str) -> Tune:
    """Raises `UserError`; of a tune of which neither notes nor keys are known, only for what can never be."""
    from rhapsode.modalities.music.wishes import interval, moved

    try:
        semitones = interval(to)
        if semitones is None and not (tune.keys or len(tune.notes)):
            return tune
        return moved(tune, to if semitones is None else semitones)
    except UserError as error:
        raise UserError(f"--transpose: {error}") from None


def _asked(model: Model, codec: TuneCodec, wish: Wish, echo: bool) -> Asked:
    from rhapsode.modalities.music import instruments

    if wish.density is not None and not codec.paced:
        raise UserError(f"--density: codec {codec.name} is not told of it; codecs melody and abc are. Leave it out.")
    if wish.loop and not codec.loops:
        raise UserError(f"--loop: codec {codec.name} knows no bars, so its tunes cannot be loops. Leave it out.")
    if wish.loop and not echo:
        raise UserError("--loop does not go with --no-echo: what is played again and again begins with the primer.")
    if wish.loop and wish.fill is not None:
        raise UserError("--loop does not go with --fill: a tune that is filled has a beginning and an end of its own.")
    if list(codec.programs) == [instruments.DRUMS]:
        for name in ("key", "in_key", "transpose"):
            if getattr(wish, name):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option}: the model plays drums alone, which have no key. Leave it out.")
    if wish.fill is not None:
        return _filled(model, codec, wish)
    if wish.fill_bars or wish.fill_parts:
        raise UserError("--fill-bars and --fill-parts say what of a tune is to be drawn: name it with --fill FILE.")
    if wish.primer is None:
        return Asked(outlined(codec, wish, None, echo), None, 0)

    def readable(tune: Tune) -> None:
        if reason := codec.refusal(tune):
            raise UserError(f"--primer {wish.primer}: a tune {reason}. Choose another one.")

    primer, octaves = _fitted(named(wish.primer, model), f"--primer {wish.primer}", readable)
    return Asked(outlined(codec, wish, primer, echo), primer, octaves)


def outlined(codec: TuneCodec, wish: Wish, primer: Tune | None, echo: bool) -> Outline:
    """What is known of the tune to be drawn. Raises `UserError`."""
    from rhapsode.modalities.music import wishes
    from rhapsode.modalities.music.describe import key_name
    from rhapsode.modalities.music.keys import home
    from rhapsode.modalities.music.outline import Outline

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
    usual = codec.outline(1).tune
    metre = replace(((primer.metres if primer else ()) or usual.metres)[0], tick=0)
    metre = wishes.metre(wish.metre) if wish.metre else metre
    bar = metre.beats * 4 * usual.ticks // metre.unit
    if not bar:
        raise UserError(f"metre {metre.beats}/{metre.unit}: its bars are shorter than the model's steps.")
    begun = 0
    if primer is not None:
        begun = -(-round(primer.length * usual.ticks / primer.ticks) // bar)
        if echo and wish.bars is not None and wish.bars <= begun:
            raise UserError(f"--bars {wish.bars}: the primer alone has {begun}. Ask for more, or add --no-echo.")
    form = len(chords) if chords else codec.bars
    full = wish.loop or (primer is not None and not primer.notes["start"].min(initial=1))
    if full and not chords and form > 4 and form % 4 == 1:
        form -= 1  # the bar of a pick-up, which there is not
    bars = begun + wish.bars if wish.bars and not echo else wish.bars or form * (begun // form + 1)
    keys = (wishes.key(wish.key),) if wish.key else (home(primer),) if primer else () if chords else usual.keys
    tune = replace(usual, metres=(metre,), length=bars * bar, keys=keys)
    if primer is not None:
        _tell_of_primer(codec, wish, primer, tune)
    if primer is not None and primer.tempos:
        tune = replace(tune, tempos=(replace(primer.tempos[0], tick=0),))
    if chords:
        tune = wishes.harmonised(tune, chords)
        if not wish.key:
            tell(f"key {key_name(tune.keys[0])} (it goes with the chords; --key sets another)")
    return Outline(
        tune,
        density=wish.density,
        in_key=wish.in_key,
        programs=wish.among(codec),
        tempo=wish.tempo,
        loop=wish.loop,
    )


def _tell_of_primer(codec: TuneCodec, wish: Wish, primer: Tune, tune: Tune) -> None:
    """What becomes of a primer in a tune that is to be in another key or metre."""
    from rhapsode.modalities.music.describe import key_name
    from rhapsode.modalities.music.keys import home

    if (
        wish.key
        and codec.keyed
        and (home(primer).sharps, home(primer).mode) != (tune.keys[0].sharps, tune.keys[0].mode)
    ):
        tell(f"--key {wish.key}: the primer is moved there, from {key_name(home(primer))}")
    for metre in primer.metres[:1]:
        if wish.metre and (metre.beats, metre.unit) != (tune.metres[0].beats, tune.metres[0].unit):
            tell(f"--metre {wish.metre}: the primer, of {metre.beats}/{metre.unit}, has other bars in it")


def _filled(model: Model, codec: TuneCodec, wish: Wish) -> Asked:
    """A tune of which bars or parts are to be drawn. Raises `UserError`."""
    from rhapsode.modalities.music.outline import Outline

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
    outline = Outline(tune, bars, parts, wish.density, wish.in_key, wish.among(codec), wish.tempo)
    tune, octaves = _fitted(tune, f"--fill {wish.fill}", lambda moved: codec.guide(replace(outline, tune=moved)))
    return Asked(replace(outline, tune=tune), None, octaves)


def _fitted(tune: Tune, what: str, check: Callable[[Tune], object]) -> tuple[Tune, int]:
    """The tune moved up by the fewest octaves such that `check` raises nothing; and how many. Raises `UserError`, what
    `check` says of the tune itself, if there are none."""
    from rhapsode.modalities.music.wishes import moved

    first: UserError | None = None
    for octaves in sorted(range(-10, 11), key=abs):
        try:
            found = moved(tune, 12 * octaves)
            check(found)
        except UserError as error:
            first = first or error
            continue
        if octaves:
            way = f"{abs(octaves)} octave{'s' * (abs(octaves) > 1)} {'higher' if octaves > 0 else 'lower'}"
            tell(f"{what}: read {way}, in the model's range; what comes out is where the file has it")
        return found, octaves
    assert first is not None
    raise first


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
