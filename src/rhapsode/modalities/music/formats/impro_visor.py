"""Lead sheets of Impro-Visor (`.ls`): a melody and the chords above it.

Settings stand in parentheses, `(meter 4 4)`; notes are a small letter, `#` or `b`, octave signs `+` and `-` (c is
middle C) and a length: `c4` a quarter, `eb8/3` of a triplet of eighths, `g+4.` dotted, `r1+4` a rest of five quarters.
Chords are divided by `|` into bars, and share a bar evenly; `/` goes on with the one before. A file with several
melodies, which are choruses, gives a tune for each, with the same chords. Styles and layout are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals, Unreadable
from rhapsode.files.source import Source
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.formats._sheet import Note, WrittenMusic, later
from rhapsode.modalities.music.pitch import SEMITONES
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune

MARK = re.compile(rb"\s*\([\s\S]*\(\s*part\s*\(\s*type\s+(?:chords|melody)\s*\)")
TOKEN = re.compile(r"[()]|[^\s()]+")
NOTE = re.compile(
    r"([a-gr])([#b]?)([+-]*?)((?:LENGTH)(?:\+LENGTH)*|)".replace("LENGTH", r"\d{1,4}(?:/\d{1,4})?\.{0,8}")
)
LENGTH = re.compile(r"(\d{1,4})(?:/(\d{1,4}))?(\.{0,8})")
EIGHTH = Fraction(1, 2)
DEPTH = 50
CHORUSES = 256
"""Melodies of a file, at most: each is a tune with all the chords."""

Form = list["str | Form"]


@dataclass
class _Chorus:
    notes: list[Note] = field(default_factory=list)
    length: Fraction = Fraction(0)


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    """Raises `UserError` for parentheses that do not match."""
    settings: dict[str, list[str]] = {}
    melodies: list[_Chorus] = []
    bars: list[list[str]] = [[]]
    for item in _forms(source.text(), source.name):
        if isinstance(item, list):
            words = [each for each in item if isinstance(each, str)]
            if words[:1] == ["part"] and ["type", "melody"] in item:
                melodies.append(_Chorus())
            elif words:
                settings.setdefault(words[0], words[1:])
        elif item == "|":
            bars.append([])
        elif item[0].isupper() or item in ("/", "_"):
            bars[-1].append(item)
        else:
            melodies += [] if melodies else [_Chorus()]
            try:
                if not _add(melodies[-1], item, source.name):
                    refused.leave_out("what is neither note nor chord", f"{source.name}: {item!r}")
            except Unreadable as error:
                refused.skip(error.reason, error.place)
                return
    if len(melodies) > CHORUSES:
        raise UserError(
            f"{source.name}: {len(melodies):,} melodies; at most {CHORUSES} are read, as each is a tune with all "
            "chords. Cut it into several files."
        )
    for number, melody in enumerate(melodies, 1):
        name = source.name if len(melodies) == 1 else f"{source.name}#{number}"
        try:
            yield _tune(melody, bars, settings, name, refused)
        except (ValueError, ZeroDivisionError):
            refused.skip("a metre, key or tempo of no meaning", name)
        except Unreadable as error:
            refused.skip(error.reason, error.place)
    if not melodies:
        refused.skip("no melody", source.name)


def _forms(text: str, name: str) -> Iterator[str | Form]:
    """What stands outside of all parentheses: words, and lists of what is inside."""
    waiting: list[Form] = []
    for token in TOKEN.findall(text):
        if token == "(":
            waiting.append([])
            if len(waiting) > DEPTH:
                raise UserError(f"{name}: parentheses stand in one another more than {DEPTH} deep.")
        elif token == ")":
            if not waiting:
                raise UserError(f"{name}: a ')' without its '('. Save the file anew in Impro-Visor.")
            form = waiting.pop()
            if waiting:
                waiting[-1].append(form)
            else:
                yield form
        elif waiting:
            waiting[-1].append(token)
        else:
            yield token
    if waiting:
        raise UserError(f"{name}: a '(' is never closed. If the file was cut off, fetch it again.")


def _add(melody: _Chorus, word: str, where: str) -> bool:
    """Whether the word is a note or a rest. Raises `Unreadable`."""
    found = NOTE.fullmatch(word)
    if not found:
        return False
    letter, accidental, octaves, lengths = found.groups()
    length = sum((_length(*each) for each in LENGTH.findall(lengths)), Fraction(0)) or EIGHTH
    if letter != "r":
        pitch = 60 + SEMITONES[letter.upper()] + {"#": 1, "b": -1, "": 0}[accidental]
        pitch += 12 * (octaves.count("+") - octaves.count("-"))
        melody.notes.append(Note(melody.length, length, pitch, 0))
    melody.length = later(melody.length, length, where)
    return True


def _length(number: str, tuplet: str, dots: str) -> Fraction:
    """In quarters: of n in a tuplet each lasts (n - 1)/n as long as written."""
    found = Fraction(4, max(int(number), 1))
    if tuplet and int(tuplet) > 1:
        found *= Fraction(int(tuplet) - 1, int(tuplet))
    return found * (2 - Fraction(1, 2 ** len(dots)))


def _tune(melody: _Chorus, bars: list[list[str]], settings: dict[str, list[str]], name: str, refused: Refusals) -> Tune:
    """Raises `ValueError`, `Unreadable`."""
    beats, unit = (int(each) for each in settings.get("meter", ["4", "4"])[:2])
    sharps = int((settings.get("key") or ["0"])[0])
    tempo = float((settings.get("tempo") or ["0"])[0])
    if not (0 < beats <= 64 and unit in (1, 2, 4, 8, 16, 32) and -7 <= sharps <= 7 and 0 <= tempo < 10_000):
        raise ValueError
    bar = Fraction(4 * beats, unit)
    # A line break is no bar line, and bars without chords are none.
    filled = [each for each in bars if each]
    sheet = WrittenMusic(list(melody.notes), length=max(melody.length, bar * len(filled)))
    sheet.marks.append((Fraction(0), Metre(0, beats, unit)))
    # It writes key 0 into files whose key nobody has set, blues in all keys among them.
    sheet.marks += [(Fraction(0), Key(0, sharps))] if sharps else []
    sheet.marks += [(Fraction(0), Tempo(0, tempo))] if tempo else []
    for number, symbols in enumerate(filled):
        for at, symbol in enumerate(symbols):
            time = bar * (number + Fraction(at, len(symbols)))
            if symbol not in ("/", "_"):
                try:
                    harmony = chords.parse(symbol)
                except UserError:
                    refused.leave_out("chords that are not known", f"{name}: {symbol!r}")
                    continue
                sheet.marks.append((time, Chord(0, symbol if harmony.root >= 0 else "")))
    return sheet.tune((Part(),), " ".join(settings.get("title", [])), name, refused)


FORMAT = Format("Impro-Visor's lead sheets", recognises, read=read)
