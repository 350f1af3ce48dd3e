"""Names of pitches: letters, accidentals, key signatures, all of them places on the line of fifths (C is 0, G is 1)."""

from __future__ import annotations

from fractions import Fraction

FIFTHS = "FCGDAEB"
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MODES = {0: "", 2: "dor", 4: "phr", 5: "lyd", 7: "mix", 9: "m", 11: "loc"}
"""`Key.mode`, as ABC writes it."""
ABOVE = {0: 0, 2: 2, 4: 4, 5: -1, 7: 1, 9: 3, 11: 5}
"""Fifths from the major key of a signature to the final of a mode."""


def place(letter: str, alteration: int) -> int:
    """Of a letter with so many sharps (or, negative, flats) on the line of fifths."""
    return FIFTHS.index(letter) - 1 + 7 * alteration


def named(place: int) -> tuple[str, int]:
    """Letter and alteration of a place on the line of fifths."""
    return FIFTHS[(place + 1) % 7], (place + 1) // 7


def signature(sharps: int) -> dict[str, int]:
    """The alteration of each letter in a key signature of -7 to 7 sharps."""
    return {letter: (sharps - at + 6) // 7 for at, letter in enumerate(FIFTHS)}


def shifted(sharps: int, semitones: int) -> int:
    """The signature so many semitones higher, of at most 6 accidentals if it is another one."""
    return sharps if semitones % 12 == 0 else (sharps + 7 * semitones + 5) % 12 - 5


def spelled(pitch: int, sharps: int) -> tuple[str, int, int]:
    """Letter, alteration and octave (that of middle C is 4) of a pitch in a key.

    Of the names a pitch can have, the one that lies in the twelve fifths about the key: in C those from E flat to
    G sharp, which are what major and minor use.
    """
    letter, alteration = named(nearby(pitch, sharps - 3))
    return letter, alteration, (pitch - SEMITONES[letter] - alteration) // 12 - 1


def tempered(alteration: Fraction) -> int:
    """An alteration in semitones as a whole number of them, the nearest; of two, the one nearer to none."""
    whole = int(abs(alteration) + Fraction(1, 2))
    whole -= 2 * (whole - abs(alteration)) == 1
    return whole if alteration > 0 else -whole


def nearby(pitch_class: int, lowest: int) -> int:
    """Its place among the twelve on the line of fifths from `lowest` on."""
    return lowest + (7 * pitch_class - lowest) % 12


def letters(place: int) -> str:
    """The name of a place on the line of fifths."""
    letter, alteration = named(place)
    return letter + accidental(alteration)


def name(pitch_class: int, flats: bool) -> str:
    """Of a pitch class, with a flat or a sharp if it is a black key."""
    return letters(nearby(pitch_class, -5 if flats else -1))


def accidental(alteration: int) -> str:
    return "#" * alteration if alteration > 0 else "b" * -alteration
