"""The values of ABC's fields: keys, metres, lengths, tempos."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from rhapsode.modalities.music.formats._form import ORDER
from rhapsode.modalities.music.formats._sheet import Mark
from rhapsode.modalities.music.formats._sheet import metre as together
from rhapsode.modalities.music.pitch import ABOVE, place, signature
from rhapsode.modalities.music.tune import Key, Metre, Part, Tempo

FINEST = 1024
"""Of the unit of lengths: this part of a whole note at most, and so many quarters."""
ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
MODE_NAMES = {"maj": 0, "ion": 0, "dor": 2, "phr": 4, "lyd": 5, "mix": 7, "min": 9, "aeo": 9, "loc": 11}
TONIC = re.compile(r"([A-G])([#b♯♭]?)[ \t]*([A-Za-z]*)")
SMALL = re.compile(r"[a-g][#b♯♭]?[ \t]*(?:m|(?:maj|ion|dor|phr|lyd|mix|min|aeo|loc)[a-z]*)?", re.IGNORECASE)
"""A key in small letters, as some write it."""
ATONAL = re.compile(r"none\b|exp\b|[\^_=]|$")
"""A field K that names no tonic but says all that it has to."""
CLEF = re.compile(r"[a-z]+\s*=|bass|treble|alto|tenor|perc")
OCTAVE = re.compile(r"octave=(-?\d)")
ACCIDENTAL = re.compile(r"(?<![\w=])(\^\^?|__?|=)([A-Ga-g])(?![A-Za-z])")
RATIO = re.compile(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)")
TEMPO = re.compile(r"((?:\d{1,9}+/\d{1,9}+\s*+)+)=\s*(\d{1,9}(?:\.\d{1,9})?)")
PLAIN_TEMPO = re.compile(r"(?:C(\d*)\s*=)?\s*(\d+(?:\.\d+)?)")


@dataclass
class AbcFields:
    """What fields say holds for the notes after them. unit: of lengths, in quarters, None until L or M is read."""

    unit: Fraction | None = None
    metre: Metre | None = None
    signature: dict[str, int] = field(default_factory=lambda: signature(0))
    octave: int = 0

    @property
    def length(self) -> Fraction:
        """Of a note without a number, in quarters: where L is not given, the metre decides."""
        if self.unit is not None:
            return self.unit
        short = self.metre is not None and self.metre.beats * 4 < 3 * self.metre.unit
        return Fraction(1, 4) if short else Fraction(1, 2)

    @property
    def bar(self) -> Fraction:
        """Quarters in a bar."""
        return Fraction(4 * self.metre.beats, self.metre.unit) if self.metre else Fraction(4)

    def read(self, letter: str, value: str) -> Mark | None:
        """Take a field's value; what there is to write into the tune, if anything. Raises `ValueError`."""
        if letter == "M":
            self.metre = metre(value)
            return self.metre
        if letter == "L":
            found = RATIO.match(value)
            if not found or not int(found[1]) or not 0 < int(found[2]) <= FINEST:
                raise ValueError
            self.unit = Fraction(4 * int(found[1]), int(found[2]))
            if not Fraction(1, FINEST) <= self.unit <= FINEST:
                raise ValueError
        if letter == "Q":
            return self._tempo(value)
        if letter == "K":
            return self._key(value)
        return None

    def _key(self, value: str) -> Key | None:
        octave = OCTAVE.search(value)
        self.octave = int(octave[1]) if octave else self.octave
        value = value.capitalize() if SMALL.fullmatch(value) else value
        if re.match(r"H[pP]\b", value):
            # Pipes have no other tones, whether the signature is shown (Hp) or not (HP).
            self.signature = signature(2)
            return Key(0, 2, 7)
        found = TONIC.match(value)
        if not found:
            if not CLEF.match(value):
                if not ATONAL.match(value):
                    raise ValueError
                self.signature = signature(0)
                self._alter(value)
            return None
        letter, accidental, word = found.groups()
        mode = 9 if word == "m" else MODE_NAMES.get(word[:3].lower(), 0)
        final = place(letter, {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental])
        sharps = final - ABOVE[mode]
        explicit = re.search(r"\bexp\b", value) is not None
        self.signature = signature(0 if explicit else sharps)
        self._alter(value[found.end(2) :])
        if explicit:
            sharps = max(-7, min(7, sum(self.signature.values())))
            mode = 7 * (final - sharps) % 12
        # G sharp major, of eight sharps, sounds as A flat major.
        return Key(0, sharps - 12 * (sharps > 7) + 12 * (sharps < -7), mode)

    def _alter(self, value: str) -> None:
        for marks, letter in ACCIDENTAL.findall(value):
            self.signature[letter.upper()] = ALTERATIONS[marks]

    def _tempo(self, value: str) -> Tempo | None:
        """None where it is in words only, such as Allegro."""
        value = re.sub(r'"[^"]*"', "", value).strip()
        if found := TEMPO.match(value):
            beats = [each.split("/") for each in found[1].split()]
            quarters = sum((Fraction(4 * int(top), int(bottom) or 1) for top, bottom in beats), Fraction(0))
        elif found := PLAIN_TEMPO.match(value):
            # In unit lengths a minute, as old files have it.
            quarters = self.length * int(found[1] or 1)
        else:
            return None
        pace = float(quarters) * float(found[2])
        return Tempo(0, pace) if 0 < pace < 10_000 else None


def metre(value: str) -> Metre | None:
    """None where it is free. Raises `ValueError`."""
    if value.startswith("C|"):
        return Metre(0, 2, 2)
    if value.startswith("C"):
        return Metre(0, 4, 4)
    if value in ("", "none"):
        return None
    found: list[tuple[int, int]] = []
    while ratio := RATIO.match(value.lstrip(" +")):
        found.append((sum(map(int, ratio[1].split("+"))), int(ratio[2])))
        value = value.lstrip(" +")[ratio.end() :]
        if not value.lstrip().startswith("+"):
            break
    return together(found)


def order(value: str) -> tuple[str, ...]:
    """Of parts: `AABB`, `(AB)3`, `A3.B`. Raises `ValueError`."""
    found: list[list[str]] = [[]]
    last: list[str] = []  # what a number would repeat
    for token in re.findall(r"[A-Z()]|\d{1,9}|[^\s.,]", value):
        if token == "(":
            found.append([])
            continue
        if token == ")" and len(found) > 1:
            last = found.pop()
        elif token.isdecimal() and int(token):
            last = last * (min(int(token), ORDER) - 1)
        elif "A" <= token <= "Z":
            last = [token]
        else:
            raise ValueError
        found[-1] += last
        if len(found[-1]) > ORDER:
            raise ValueError
    if len(found) > 1:
        raise ValueError
    return tuple(found[0])


def part(value: str) -> tuple[str, Part, int]:
    """The id of a voice, and what is said of it; by how many octaves it sounds higher. Raises `ValueError`."""
    words = value.split(maxsplit=1)
    if not words:
        raise ValueError
    name = re.search(r'(?:name|nm)="([^"]*)"', value)
    octave = OCTAVE.search(value)
    return words[0], Part(name[1] if name else ""), int(octave[1]) if octave else 0
