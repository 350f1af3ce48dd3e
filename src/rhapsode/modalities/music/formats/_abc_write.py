"""Tunes as ABC: a voice for each part, one below the other; chords and held notes in brackets, ties where bars or chord
symbols change. Where readers differ, what all of them take: lengths stand within chords, no accidental lasts."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TypeVar

from rhapsode.modalities.music.formats._engraved import Stretch, Tuplet, bars
from rhapsode.modalities.music.pitch import ABOVE, MODES, accidental, named, signature, spelled
from rhapsode.modalities.music.tune import Key, Metre, Tempo, Tune

Mark = TypeVar("Mark", Metre, Key, Tempo)
PER_LINE = 4
"""Bars in a line."""
ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}


def dumps(tune: Tune, *, whole: bool = False) -> str:
    """One tune, with its number X:1. whole: a pick-up has its rests before it, so that all bars are full."""
    unit = 16 if _has_short(tune) else 8
    metre, key = _first(tune.metres), _first(tune.keys)
    lines = ["X:1", f"T:{_clean(tune.title)}", f"M:{metre_text(metre) if metre else 'none'}", f"L:1/{unit}"]
    if tempo := _first(tune.tempos):
        lines.append(f"Q:{tempo_text(tempo)}")
    several = len(tune.parts) > 1
    if several:
        lines += [f'V:{number} name="{_clean(part.name)}"' for number, part in enumerate(tune.parts, 1)]
    lines.append(f"K:{key_text(key) if key else 'none'}")
    for number, part in enumerate(tune.parts):
        lines += [f"V:{number + 1}"] if several else []
        lines += [f"%%MIDI program {part.program}"] if part.program else []
        lines += ["%%MIDI channel 10"] if part.drums else []
        voice = [bar.rstrip() for bar in _PartWriter(tune, number, unit).bars(whole)]
        for at in range(0, len(voice), PER_LINE):
            line = "|".join(voice[at : at + PER_LINE]) + ("|]" if at + PER_LINE >= len(voice) else "|")
            lines.append(line.lstrip("\n"))
    return "\n".join(lines) + "\n"


class _PartWriter:
    """Writes one part, bar by bar."""

    def __init__(self, tune: Tune, number: int, unit: int) -> None:
        self._tune, self._number = tune, number
        self._unit = unit  # of lengths: this part of a whole note
        self._key = _first(tune.keys)
        self._spoken: dict[tuple[str, int], int] = {}  # alterations heard in this bar, by letter and octave
        self._letters: dict[str, int] = {}  # the same of any octave, as ABC 2.1 has it; some readers forget them
        # Letters and octaves that the last sound had twice, as C and C sharp, or ties with an accidental to the next.
        self._again: set[tuple[str, int]] = set()
        # Of the tune by tick, for the first voice.
        self._fields: dict[int, list[str]] = {}
        self._symbols = {chord.tick: f'"{_clean(chord.symbol) or "^N.C."}"' for chord in tune.chords}
        before: Metre | None = None
        for metre in tune.metres:
            if metre.tick and (before is None or (before.beats, before.unit) != (metre.beats, metre.unit)):
                self._fields.setdefault(metre.tick, []).append(f"M:{metre_text(metre)}")
            before = metre
        for tempo in tune.tempos:
            if tempo.tick:
                self._fields.setdefault(tempo.tick, []).append(f"Q:{tempo_text(tempo)}")

    def bars(self, whole: bool) -> Iterator[str]:
        """Without their bar lines."""
        for stretches in bars(self._tune, self._number, whole=whole):
            self._spoken, self._letters = {}, {}
            yield "".join(self._pieces(stretches))

    def _pieces(self, stretches: list[Stretch]) -> Iterator[str]:
        """Signs and notes; tuplets gathered, and spaces between beats."""
        first = stretches[0].begin if stretches else 0
        beat = _beat(self._tune, first)
        for stretch in stretches:
            fields = self._changes(stretch.begin)
            # On lines of their own, where more readers look for them.
            yield "".join(f"[{each}]" if stretch.at else f"\n{each}" for each in fields)
            yield "\n" if fields and not stretch.at else ""
            if stretch.tuplet and not stretch.at:
                yield tuplet_text(stretch.tuplet)
            yield self._symbols.get(stretch.begin, "") if self._number == 0 else ""
            yield self._sound(stretch, stretch.sign(self._tune.ticks) * self._unit / 4)
            last = stretch.tuplet is None or stretch.at + 1 == stretch.tuplet.count
            if last and (stretch.end - first) % beat == 0:
                yield " "

    def _changes(self, tick: int) -> list[str]:
        """The fields that change here."""
        found = []
        for key in self._tune.keys:
            if key.tick == tick > 0:
                self._key = key
                found.append(f"K:{key_text(key)}")
        return found + (self._fields.get(tick, []) if self._number == 0 else [])

    def _sound(self, stretch: Stretch, length: Fraction) -> str:
        places = [self._spelled(pitch)[::2] for pitch, _, _ in stretch.notes]
        marked = self._again | {each for each in places if places.count(each) > 1}
        heads = [
            (self._head(pitch, place in marked), "-" if goes_on else "")
            for place, (pitch, _, goes_on) in zip(places, stretch.notes, strict=True)
        ]
        self._again = {
            place
            for place, (head, tie) in zip(places, heads, strict=True)
            if places.count(place) > 1 or (tie and head[0] in "^_=")
        }
        if not heads:
            return f"z{size_text(length)}"
        found = "".join(f"{head}{size_text(length)}{tie}" for head, tie in heads)
        return found if len(heads) == 1 else f"[{found}]"

    def _spelled(self, pitch: int) -> tuple[str, int, int]:
        return spelled(pitch, self._key.sharps if self._key else 0)

    def _head(self, pitch: int, marked: bool) -> str:
        """A note without its length. Its accidental is left out only where no reader can mistake it, unless `marked`:
        a tie could be that of the other note of its letter."""
        letter, alteration, octave = self._spelled(pitch)
        usual = signature(self._key.sharps if self._key else 0)[letter]
        heard = self._spoken.get((letter, octave), usual), self._letters.get(letter, usual)
        mark = "" if {alteration} == {usual, *heard} and not marked else ACCIDENTALS[alteration]
        self._spoken[letter, octave] = self._letters[letter] = alteration
        return mark + note_text(letter, octave)


def _beat(tune: Tune, tick: int) -> int:
    """Ticks of the beat there: a quarter, or in 6/8 and the like three eighths."""
    metre = next((each for each in reversed(tune.metres) if each.tick <= tick), Metre(0, 4, 4))
    compound = metre.unit >= 8 and metre.beats % 3 == 0
    return max(1, 3 * 4 * tune.ticks // metre.unit) if compound else tune.ticks


def note_text(letter: str, octave: int) -> str:
    """A note without accidental and length."""
    return letter.lower() + "'" * (octave - 5) if octave >= 5 else letter + "," * (4 - octave)


def size_text(length: Fraction) -> str:
    """A length behind its note, in units of the length L; nothing for one."""
    above = str(length.numerator) if length.numerator > 1 else ""
    below = "" if length.denominator == 1 else f"/{length.denominator}" if length.denominator > 2 else "/"
    return above + below


def tuplet_text(tuplet: Tuplet) -> str:
    """What stands before it."""
    usual = tuplet == Tuplet(3, 2, 3)
    return "(3" if usual else f"({tuplet.parts}:{tuplet.normal}:{tuplet.count}"


def _has_short(tune: Tune) -> bool:
    """Whether many notes, more than a quarter, are shorter than an eighth."""
    return len(tune) > 0 and float((tune.notes["length"] * 2 < tune.ticks).mean()) > 0.25


def _first(marks: tuple[Mark, ...]) -> Mark | None:
    """What holds from the beginning."""
    return marks[0] if marks and marks[0].tick == 0 else None


def metre_text(metre: Metre) -> str:
    return f"{metre.beats}/{metre.unit}"


def tempo_text(tempo: Tempo) -> str:
    return f"1/4={tempo.quarters:.6g}"


def key_text(key: Key) -> str:
    letter, alteration = named(key.sharps + ABOVE[key.mode])
    return letter + accidental(alteration) + MODES[key.mode]


def _clean(text: str) -> str:
    return " ".join(text.replace('"', "'").replace("%", "").split())
