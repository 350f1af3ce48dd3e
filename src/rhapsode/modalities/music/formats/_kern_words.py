"""Single words of kern: notes, durations, key signatures, instruments."""

from __future__ import annotations

import re
from fractions import Fraction

from rhapsode.files.refusals import Unreadable
from rhapsode.files.values import shown
from rhapsode.modalities.music.formats._sheet import metre as together
from rhapsode.modalities.music.pitch import SEMITONES, place
from rhapsode.modalities.music.tune import Metre

DURATION = re.compile(r"([0-9]+)(?:%([0-9]+))?(\.*)")
PITCH = re.compile(r"([a-gA-G])\1*(#+|-+)?")
METRE = re.compile(r"([0-9]{1,4}(?:\+[0-9]{1,4})*)/([0-9]{1,4})(?:\+|\Z)")
SIGNATURE = re.compile(r"\*k\[((?:[a-g](?:#|-|n))*)\]")
FINAL = re.compile(r"\*([a-gA-G])([#-]?):(dor|phr|lyd|mix|loc|ion|aeo)?")
MODES = {"ion": 0, "dor": 2, "phr": 4, "lyd": 5, "mix": 7, "aeo": 9, "loc": 11}
FINEST = 2048
"""Of durations: this part of a whole note, at most."""
PROGRAMS = {
    **dict.fromkeys(("vox", "soprn", "canto", "mezzo", "alto", "tenor", "barit", "bass"), 52),
    **{"piano": 0, "cemba": 6, "clavi": 7, "clest": 8, "organ": 19, "guitr": 24, "harp": 46, "timpa": 47},
    **{"violn": 40, "viola": 41, "cello": 42, "cbass": 43, "tromp": 56, "tromb": 57, "tuba": 58, "cor": 60},
    **{"oboe": 68, "cangl": 69, "fagot": 70, "clars": 71, "picco": 72, "flt": 73, "recor": 74},
}
"""General MIDI's, by the codes of instruments that follow `*I`."""


def duration(word: str, where: str) -> Fraction | None:
    """In quarters: `4` is one, `4.` one and a half, `6` two thirds, `3%2` two thirds of a whole; `0` is a breve.

    None if the word has none. Raises `Unreadable`.
    """
    found = DURATION.search(word)
    if not found:
        return None
    number, whole, dots = found[1], found[2] or "1", len(found[3])
    if len(number) > 4 or len(whole) > 4 or not (int(number) <= FINEST and 1 <= int(whole) <= FINEST and dots <= 4):
        raise Unreadable("durations that no note has", f"{where}: {shown(word)}")
    breves = Fraction(4 * 2 ** len(number))
    length = Fraction(4 * int(whole), int(number)) if int(number) else breves
    return length * (2 - Fraction(1, 2**dots))


def pitch(word: str) -> int | None:
    """As in MIDI: `c` is middle C, `cc` the C above, `C` the one below and `CC` below that; `#` and `-` alter."""
    found = PITCH.search(word)
    if not found:
        return None
    letter, signs = found[1], found[2] or ""
    times = len(found[0]) - len(signs)
    octave = times - 1 if letter.islower() else -times
    return 60 + 12 * octave + SEMITONES[letter.upper()] + signs.count("#") - signs.count("-")


def metre(token: str) -> Metre | None:
    """Of `*M3/4`, `*M3+2/8`, `*M2/4+3/8`; None if no bar has it."""
    text, found = token.removeprefix("*M"), list[tuple[int, int]]()
    while part := METRE.match(text):
        beats, unit = sum(map(int, part[1].split("+"))), int(part[2])
        # A breve is unit 0.
        found.append((beats, unit) if unit else (2 * beats, 1))
        text = text[part.end() :]
    try:
        return None if text else together(found)
    except ValueError:
        return None


def signature(token: str) -> int | None:
    """Sharps (or, negative, flats) of `*k[f#]`; None if it is none of -7 to 7."""
    found = SIGNATURE.fullmatch(token)
    sharps, flats = (found[1].count("#"), found[1].count("-")) if found else (0, 0)
    return sharps - flats if found and not (sharps and flats) and sharps + flats <= 7 else None


def final(token: str) -> tuple[int, int] | None:
    """(place on the line of fifths, mode as in `Key`) of `*e:` for E minor, `*E-:` for E flat major, `*d:dor`."""
    found = FINAL.fullmatch(token)
    if not found:
        return None
    letter, sign, mode = found.groups()
    known = MODES[mode] if mode else 0 if letter.isupper() else 9
    return place(letter.upper(), {"#": 1, "-": -1, "": 0}[sign]), known
