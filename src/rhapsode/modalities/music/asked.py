"""What is asked of a model of music, and the answer: the same for the command `compose` and the server.

A wish says things as the command line does; it is made into an outline of the tune to be drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.modalities.music.codecs._tunes import TuneCodec
    from rhapsode.modalities.music.copies import Copied, MelodyIndex
    from rhapsode.modalities.music.outline import Outline
    from rhapsode.modalities.music.tune import Tune
    from rhapsode.report import Report

PARTICLES = 32
"""Drawn side by side where something is kept."""


class Known(NamedTuple):
    """A tune that is given, and the name of its file in messages, if it has one."""

    tune: Tune
    name: str = ""


@dataclass(frozen=True)
class Wish:
    """What to compose: see the options of `rhapsode compose`. echo: what is composed begins with the primer."""

    bars: int | None = None
    chords: str | None = None
    key: str | None = None
    metre: str | None = None
    density: float | None = None
    in_key: bool = False
    primer: Known | None = None
    fill: Known | None = None
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
    echo: bool = True

    @property
    def source(self) -> str:
        """What the given tune is called in messages."""
        name, known = ("fill", self.fill) if self.fill else ("primer", self.primer)
        return f"--{name} {known.name if known else ''}".rstrip()

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


@dataclass(frozen=True)
class Composed:
    """tunes: as they are to be written; drawn: the samples they were made of, a tune each; copied: of each, what stands
    in a training tune, if these are known; index: of the training tunes."""

    seed: int
    tunes: Sequence[Tune]
    drawn: Sequence[Sample]
    copied: Sequence[Copied | None]
    index: MelodyIndex | None

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        samples = [
            {
                "nats": -math.fsum(one.log_probs),
                "stopped": one.stopped,
                "steps": one.steps.tolist(),
                "log_probs": one.log_probs.tolist(),
                **({"copied": asdict(run)} if run else {}),
            }
            for one, run in zip(self.drawn, self.copied, strict=True)
        ]
        rate = {"held_out": asdict(self.index.rate)} if self.index else {}
        return {"seed": self.seed, "samples": samples, **rate}


def compose(
    model: Model,
    wish: Wish,
    index: MelodyIndex | None,
    sampling: Sampling,
    seed: Callable[[], int],
    samples: int,
    length: int | None,
    report: Report,
    name: str = "",
) -> Composed:
    """Draw tunes. index: of the training tunes, if it is known; seed: is asked when all has been checked; name: of the
    tunes. Raises `UserError`."""
    from rhapsode.modalities.music.cli.copies import draw, needed
    from rhapsode.modalities.music.tune import Part, after

    codec: TuneCodec = model.record_codec  # type: ignore[assignment]
    # Refused before anything is drawn.
    wish.played(codec, replace(codec.outline(1).tune, parts=(Part(),) * codec.voices))
    if wish.bars is not None and length is not None:
        raise UserError("--bars and --length were given; one of them must go.")
    if wish.fill is not None and wish.max_copy is not None:
        raise UserError("--max-copy does not go with --fill: what is kept would count as copied. Leave it out.")
    outline, primer, octaves = asked(codec, wish, report)
    given = primer if wish.fill is None else outline.tune
    for what, n in (codec.lost(given) if given is not None else {}).items():
        report.note(f"{wish.source}: {n:,} {what} are left out, which codec {codec.name} does not know")
    known = None if wish.fill is not None else index
    if wish.max_copy is not None:
        needed(known, model, "--max-copy")
    chosen = seed()

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
        if not wish.echo:
            begun = codec.decode(before, outline=outline).length
            tunes = [after(tune, begun) for tune in tunes]
    tunes = [replace(wish.played(codec, tune), name=name, title="") for tune in tunes]
    tunes = [placed(tune, octaves, wish.transpose, report) for tune in tunes]
    return Composed(chosen, tunes, drawn, copied, known)


class Asked(NamedTuple):
    """outline: what is known of the tune to be drawn; primer: what it goes on from; octaves: by so many, what a file
    holds was moved up, into the model's range."""

    outline: Outline
    primer: Tune | None
    octaves: int


def asked(codec: TuneCodec, wish: Wish, report: Report) -> Asked:
    """What a wish says. report: is told what becomes of what was given. Raises `UserError`."""
    found = _asked(codec, wish, report)
    if wish.transpose is not None:  # what is wrong with it is said before anything is drawn
        tune = found.outline.tune
        _transposed(replace(tune, notes=tune.notes[:0], keys=tune.keys if codec.keyed else ()), wish.transpose)
    return found


def placed(tune: Tune, octaves: int, to: str | None, report: Report) -> Tune:
    """What was drawn, where it is wanted: back by the octaves of `Asked`, and as `--transpose` says. Raises
    `UserError`."""
    from rhapsode.modalities.music.describe import key_name
    from rhapsode.modalities.music.keys import home, within
    from rhapsode.modalities.music.tune import pitched
    from rhapsode.modalities.music.wishes import interval, moved

    tune = moved(tune, within(-12 * octaves, pitched(tune)["pitch"]))
    if to is None:
        return tune
    found = _transposed(tune, to)
    if interval(to) is None and not tune.keys:
        report.note(f"--transpose {to}: moved from {key_name(home(tune))}, as far as its notes tell")
    if lost := len(tune.chords) - len(found.chords):
        report.note(f"--transpose {to}: {lost} chord symbol{'s' * (lost > 1)} without a meaning left out")
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


def _asked(codec: TuneCodec, wish: Wish, report: Report) -> Asked:
    from rhapsode.modalities.music import instruments

    if wish.density is not None and not codec.paced:
        raise UserError(f"--density: codec {codec.name} is not told of it; codecs melody and abc are. Leave it out.")
    if wish.loop and not codec.loops:
        raise UserError(f"--loop: codec {codec.name} knows no bars, so its tunes cannot be loops. Leave it out.")
    if wish.loop and not wish.echo:
        raise UserError("--loop does not go with --no-echo: what is played again and again begins with the primer.")
    if wish.loop and wish.fill is not None:
        raise UserError("--loop does not go with --fill: a tune that is filled has a beginning and an end of its own.")
    if list(codec.programs) == [instruments.DRUMS]:
        for name in ("key", "in_key", "transpose"):
            if getattr(wish, name):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option}: the model plays drums alone, which have no key. Leave it out.")
    if wish.fill is not None:
        return _filled(codec, wish, report)
    if wish.fill_bars or wish.fill_parts:
        raise UserError("--fill-bars and --fill-parts say what of a tune is to be drawn: name it with --fill FILE.")
    if wish.primer is None:
        return Asked(outlined(codec, wish, None, report), None, 0)

    def readable(tune: Tune) -> None:
        if reason := codec.refusal(tune):
            raise UserError(f"{wish.source}: a tune {reason}. Choose another one.")

    primer, octaves = _fitted(wish.primer.tune, wish.source, readable, report)
    return Asked(outlined(codec, wish, primer, report), primer, octaves)


def outlined(codec: TuneCodec, wish: Wish, primer: Tune | None, report: Report) -> Outline:
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
        if wish.echo and wish.bars is not None and wish.bars <= begun:
            raise UserError(f"--bars {wish.bars}: the primer alone has {begun}. Ask for more, or add --no-echo.")
    form = len(chords) if chords else codec.bars
    full = wish.loop or (primer is not None and not primer.notes["start"].min(initial=1))
    if full and not chords and form > 4 and form % 4 == 1:
        form -= 1  # the bar of a pick-up, which there is not
    bars = begun + wish.bars if wish.bars and not wish.echo else wish.bars or form * (begun // form + 1)
    keys = (wishes.key(wish.key),) if wish.key else (home(primer),) if primer else () if chords else usual.keys
    tune = replace(usual, metres=(metre,), length=bars * bar, keys=keys)
    if primer is not None:
        _tell_of_primer(codec, wish, primer, tune, report)
    if primer is not None and primer.tempos:
        tune = replace(tune, tempos=(replace(primer.tempos[0], tick=0),))
    if chords:
        tune = wishes.harmonised(tune, chords)
        if not wish.key:
            report.note(f"key {key_name(tune.keys[0])} (it goes with the chords; --key sets another)")
    return Outline(
        tune,
        density=wish.density,
        in_key=wish.in_key,
        programs=wish.among(codec),
        tempo=wish.tempo,
        loop=wish.loop,
    )


def _tell_of_primer(codec: TuneCodec, wish: Wish, primer: Tune, tune: Tune, report: Report) -> None:
    """What becomes of a primer in a tune that is to be in another key or metre."""
    from rhapsode.modalities.music.describe import key_name
    from rhapsode.modalities.music.keys import home

    if (
        wish.key
        and codec.keyed
        and (home(primer).sharps, home(primer).mode) != (tune.keys[0].sharps, tune.keys[0].mode)
    ):
        report.note(f"--key {wish.key}: the primer is moved there, from {key_name(home(primer))}")
    for metre in primer.metres[:1]:
        if wish.metre and (metre.beats, metre.unit) != (tune.metres[0].beats, tune.metres[0].unit):
            report.note(f"--metre {wish.metre}: the primer, of {metre.beats}/{metre.unit}, has other bars in it")


def _filled(codec: TuneCodec, wish: Wish, report: Report) -> Asked:
    """A tune of which bars or parts are to be drawn. Raises `UserError`."""
    from rhapsode.modalities.music.outline import Outline

    for name in ("bars", "chords", "key", "metre", "primer"):
        if getattr(wish, name) is not None:
            raise UserError(f"--{name} does not go with --fill: the tune has its own.")
    assert wish.fill is not None
    tune = wish.fill.tune
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
                f"{wish.source}: all of its parts have notes. Say what is to be drawn, with --fill-bars 5-8 "
                "or --fill-parts 2-4."
            )
        parts = silent
    outline = Outline(tune, bars, parts, wish.density, wish.in_key, wish.among(codec), wish.tempo)
    tune, octaves = _fitted(tune, wish.source, lambda moved: codec.guide(replace(outline, tune=moved)), report)
    return Asked(replace(outline, tune=tune), None, octaves)


def _fitted(tune: Tune, what: str, check: Callable[[Tune], object], report: Report) -> tuple[Tune, int]:
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
            report.note(f"{what}: read {way}, in the model's range; what comes out is where the file has it")
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
