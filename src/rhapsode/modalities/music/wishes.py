"""What a person may ask of a tune, in words: its chords, key and metre, made into a tune without notes; and how one
that is drawn is to be played, and where it is to be moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music import chords as symbols
from rhapsode.modalities.music.facts import key_name
from rhapsode.modalities.music.formats._abc_fields import AbcFields
from rhapsode.modalities.music.formats._abc_fields import metre as read_metre
from rhapsode.modalities.music.instruments import DRUMS, name_of
from rhapsode.modalities.music.keys import estimated, home, shift, within
from rhapsode.modalities.music.pitch import ABOVE, place
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Metre, Part, Tempo, Tune, pitched, transposed

TICKS = 48
FURTHEST = 60
"""Semitones by which a tune may be moved."""


def key(text: str) -> Key:
    """`D`, `F#m`, `Bb`, `Ddor`: as ABC has them. Raises `UserError`."""
    try:
        found = AbcFields().read("K", text.strip())
    except ValueError:
        found = None
    if not isinstance(found, Key):
        raise UserError(f"key {text!r}: it must be a tonic and perhaps a mode, such as D, F#m, Bb, Ddor or G mix.")
    return found


def interval(text: str) -> int | None:
    """Semitones, `-2` or `+12`; None for a key, such as `F` or `Bbm`. Raises `UserError` for anything else."""
    if re.fullmatch(r"\s*[+-]?\d{1,3}\s*", text):
        if abs(int(text)) > FURTHEST:
            raise UserError(f"{text.strip()} semitones: tunes are moved by at most {FURTHEST}.")
        return int(text)
    _named(text, 0)
    return None


def moved(tune: Tune, to: int | str) -> Tune:
    """The tune so many semitones higher; or in the key `to`, whichever way is nearer (upwards, by six semitones).

    A tonic alone means the tune's own mode. Chords that have no meaning stay as they are by whole octaves, and are left
    out otherwise. Raises `UserError`.
    """
    wanted = None
    if isinstance(to, str):
        here = home(tune)
        wanted = _named(to, here.mode)
        if wanted.mode != here.mode:
            raise UserError(
                f"{to}: the tune is in {key_name(here)}, and moving it does not change its mode. Name the tonic alone, "
                f"such as {key_name(wanted).split()[0]}."
            )
        to = within(shift(Key(0, here.sharps - wanted.sharps)), pitched(tune)["pitch"])
    found = transposed(replace(tune, chords=()), to)
    # Spelled as it was asked for.
    keys = found.keys if wanted is None else (replace(wanted, tick=0), *found.keys[1:])
    if to % 12 == 0:
        return replace(found, keys=keys, chords=tune.chords)
    known = tuple(each for each in tune.chords if symbols.is_known(each.symbol))
    return transposed(replace(tune, chords=known), to, keys)


def _named(text: str, mode: int) -> Key:
    """A key, of this mode if only its tonic is named. Raises `UserError`."""
    tonic = re.fullmatch("([A-Ga-g])([#b♯♭]?)", text.strip())
    if not tonic:
        return key(text)
    sharps = place(tonic[1].upper(), {"": 0, "#": 1, "♯": 1}.get(tonic[2], -1)) - ABOVE[mode]
    return Key(0, sharps - 12 * (sharps > 7) + 12 * (sharps < -7), mode)


def metre(text: str) -> Metre:
    """`4/4`, `6/8`. Raises `UserError`."""
    try:
        found = read_metre(text.strip())
    except ValueError:
        found = None
    if found is None or found.unit > 32:
        raise UserError(f"metre {text!r}: it must be beats over their unit, such as 4/4, 3/4, 6/8 or 5/4.")
    return found


def chords(text: str) -> list[list[str]]:
    """`Dm7 G7 | Cmaj7`: the chords of each bar, in equal parts of it; without bar lines, each is a bar. `%` is the one
    before. Raises `UserError`."""
    bars = [part.split() for part in text.split("|")] if "|" in text else [[word] for word in text.split()]
    last, found = "", list[list[str]]()
    for bar in filter(None, bars):
        row = []
        for word in bar:
            last = last if word == "%" else word
            symbols.parse(last)
            row.append(last)
        found.append(row)
    if not found or not found[0][0]:
        raise UserError('chords: there are none. Write them with bar lines, such as "Dm7 G7 | Cmaj7".')
    return found


def harmonised(tune: Tune, bars: list[list[str]]) -> Tune:
    """The tune over these chords, again and again to its end; in the key that goes with them best, if it has none."""
    starts = [*tune.bars(), tune.length]
    found = list[Chord]()
    for number, (start, end) in enumerate(zip(starts, starts[1:], strict=False)):
        row = bars[number % len(bars)]
        for at, symbol in enumerate(row):
            if not found or found[-1].symbol != symbol:
                found.append(Chord(start + (end - start) * at // len(row), symbol))
    return replace(tune, chords=tuple(found), keys=tune.keys or (_fitting(word for row in bars for word in row),))


def at_tempo(tune: Tune, quarters: float) -> Tune:
    """The tune at so many quarter notes a minute all along."""
    return replace(tune, tempos=(Tempo(0, quarters),))


def played_by(tune: Tune, programs: Sequence[int]) -> Tune:
    """The tune with these instruments for its parts that are not drums: one for all, or one for each. Raises
    `UserError`."""
    pitched = [n for n, part in enumerate(tune.parts) if not part.drums]
    if DRUMS in programs:
        raise UserError("drums cannot play what has pitches. Name instruments, or numbers from 0 to 127.")
    if len(programs) not in (1, len(pitched)):
        count = len(pitched)
        raise UserError(
            f"{len(programs)} instruments for {count} {'part' if count == 1 else 'parts'}. Give one for all"
            + (f", or {count} with commas between." if count > 1 else ".")
        )
    parts = [*tune.parts]
    for at, n in enumerate(pitched):
        program = programs[at % len(programs)]
        parts[n] = Part(parts[n].name or name_of(program), program)
    return replace(tune, parts=tuple(parts))


def as_loud(tune: Tune, velocity: int) -> Tune:
    """The tune with notes of this velocity in the mean: what is louder than the rest still is."""
    found = tune.notes.copy()
    if len(found):
        by = velocity - round(float(found["velocity"].mean()))
        found["velocity"] = np.clip(found["velocity"].astype(np.int64) + by, 1, 127)
    return replace(tune, notes=found)


def _fitting(words: Iterable[str]) -> Key:
    """The key of notes that are these chords, each once."""
    rows = [(n, 1, 60 + tone, 80, 0) for n, word in enumerate(words) for tone in symbols.parse(word).tones]
    return estimated(Tune(np.array(rows, NOTE), 1, len(rows) + 1))
