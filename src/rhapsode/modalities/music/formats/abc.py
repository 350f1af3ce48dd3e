"""ABC notation 2.1 (`.abc`): any number of tunes in a file.

Read are T, M, L, Q, K (all modes, explicit accidentals, pipes), P, V, `octave=` of K and V, notes with accidentals,
lengths, broken rhythms, tuplets, ties, chords, rests, overlays, and chord symbols. Repeats, endings, D.C., D.S. and
an order of parts (`P:AABB`) are written out. Grace notes, slurs, decorations, lyrics and words above the notes are
not read. Clefs and `transpose=` do not move pitches. Quarter tones become the nearest semitone. A bar that cannot be
read becomes a rest, and what is wrong outside of bars is left out; a tune is skipped if nothing is left of it. A
first bar that is too short is a pick-up, see `Tune`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from itertools import takewhile

from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals, Unreadable
from rhapsode.files.source import Source, decoded
from rhapsode.modalities.music.formats._abc_body import AbcEvent, AbcVoice
from rhapsode.modalities.music.formats._abc_fields import AbcFields, order, part
from rhapsode.modalities.music.formats._abc_write import dumps
from rhapsode.modalities.music.formats._form import BarLine, Label, Sign
from rhapsode.modalities.music.formats._sheet import Mark, Note, WrittenMusic, later
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune

__all__ = ["dumps", "loads", "read", "recognises"]

FIELD = re.compile(r"(?:[H-WYh-wy+]:|[A-GXZa-gxz]:(?![|:\]]))\s*(.*)")
"""In music, a line may also begin with a note and a repeat sign."""
HEAD = re.compile(r"[A-Za-z+]:|%")
COMMENT = re.compile(r"(?<!\\)%.*")
PROGRAM = re.compile(r"(?:%%|I:)\s*MIDI\s+(program|channel)\s+(?:\d+\s+)?(\d{1,9})")
PROPAGATES = re.compile(r"(?:%%|I:)\s*propagate-accidentals\s+(not|octave|pitch)")
TEXT = re.compile(r"%%\s*begin(\w+)")
NUMBER = re.compile(r"X:[ \t]*+\d*+[ \t]*+(?:%.*)?")
VOICES = 64
PLAIN = (BarLine(), BarLine(double=True))


def recognises(head: bytes) -> bool:
    lines = _lines_of(decoded(head)).split("\n")
    begun = False
    for line in lines:
        begun = begun or NUMBER.fullmatch(line) is not None
        if begun and line.startswith("K:"):
            return True
    return lines[0].startswith("%abc") or any(map(_lacks_number, _tunes("\n".join(lines))))


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    common = _AbcReader(source.name, refused)  # what stands before the first tune holds for all
    number = 0
    for lines in _tunes(_lines_of(source.text())):
        place = f"{source.name}, line {lines[0][0]}"
        if _lacks_number(lines):
            refused.leave_out("the field X, with which a tune begins", place)
        elif not lines[0][1].startswith("X:"):
            if not number:
                common.begin(lines)
            elif any("|" in line for _, line in lines):
                refused.leave_out("lines behind an empty line, which ends a tune", place)
            continue
        number += 1
        try:
            yield common.like(f"{source.name}#{number}").tune(lines)
        except Unreadable as error:
            refused.skip(error.reason, error.place)


def loads(text: str) -> Tune:
    """The first tune of a text. Raises `Unreadable`."""
    return _AbcReader("", Refusals()).tune(next(_tunes(_lines_of(text))))


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tunes(text: str) -> Iterator[list[tuple[int, str]]]:
    """(number, line) of the lines of each tune, and of the fields and free text between."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if found and (not line.strip() or line.startswith("X:")):
            yield found
            found = []
        if line.strip():
            found.append((number, line))
    if found:
        yield found


def _lacks_number(lines: list[tuple[int, str]]) -> bool:
    """Whether these are a tune without its field X: fields, at the end of them K, of which one says something of
    lengths, and below them bars."""
    head = list(takewhile(HEAD.match, (line for _, line in lines)))
    letters = [line[0] for line in head]
    whole = "X" not in letters and "K" in letters and ("M" in letters or "L" in letters)
    return whole and any("|" in line for _, line in lines[len(head) :])


class _AbcReader:
    """Reads the lines of one tune."""

    def __init__(self, name: str, refused: Refusals) -> None:
        self.name, self.title = name, ""
        self._refused = refused
        self._settings = AbcFields()
        self._voices: dict[str, AbcVoice] = {}
        self._voice: AbcVoice | None = None
        self._fields: dict[str, str] = {}  # M, Q and K of the header, for each voice
        self._header: list[Mark] = []  # what the tune begins with
        self._propagates = "pitch"
        self._body = False
        self._until = ""  # the end of typeset text
        self._order: tuple[str, ...] = ()  # of parts

    def begin(self, lines: list[tuple[int, str]]) -> None:
        """Take lines before the first tune."""
        for number, line in lines:
            # Free text may stand there too.
            if line.startswith(("M:", "L:", "Q:", "I:", "%%")):
                self._line(line, f"{self.name}, line {number}")

    def like(self, name: str) -> _AbcReader:
        """A new one for a tune of this name, which knows what this one was told."""
        found = _AbcReader(name, self._refused)
        found._settings, found._fields = deepcopy(self._settings), dict(self._fields)
        found._propagates, found._until = self._propagates, self._until
        found._voices = {each: found._new(voice.part, voice.settings.octave) for each, voice in self._voices.items()}
        found._voice = next(iter(found._voices.values()), None)
        return found

    def tune(self, lines: list[tuple[int, str]]) -> Tune:
        """Raises `Unreadable`."""
        for number, line in lines:
            self._line(line, f"{self.name}, line {number}")
        return self._tune()

    def _line(self, line: str, where: str) -> None:
        """Raises `Unreadable`."""
        if self._until or (begun := TEXT.match(line)):
            self._until = self._until or f"end{begun[1]}"  # type: ignore[index]
            if line.startswith("%%") and line[2:].strip() == self._until:
                self._until = ""
            return
        if found := PROPAGATES.match(line):
            self._propagates = found[1]
        elif found := PROGRAM.match(line):
            self._instrument(found[1], int(found[2]))
        line = COMMENT.sub("", line)
        if FIELD.match(line) or (not self._body and HEAD.match(line)):
            self._field(line[0], line[2:].strip(), where)
        elif self._body:
            self._music(line, where)
        elif line.strip():
            self._refused.leave_out("lines before the field K that are no fields", f"{where}: {line.strip()[:20]!r}")

    def _tune(self) -> Tune:
        if not self._body:
            raise Unreadable("no field K", self.name)
        sheet = WrittenMusic(marks=[(Fraction(0), mark) for mark in self._header], order=self._order)
        parts: list[Part] = []
        signs: list[list[tuple[Fraction, Sign]]] = []
        for voice in self._voices.values():
            voice.end()
            sounds = any(isinstance(item, AbcEvent) and item.heads for item in voice.items)
            found = _write(voice, len(parts), sheet, self.name)
            signs += [found] if sounds else []
            parts += [voice.part] if sounds else []
        # One voice says for all what is repeated, though labels of parts may stand in any.
        speaks = (each for each in signs if any(sign not in PLAIN for _, sign in each))
        own = next(speaks, signs[0] if signs else [])
        labels = [each for found in signs for each in found if isinstance(each[1], Label)]
        sheet.signs = sorted(dict.fromkeys([*own, *labels]), key=lambda each: each[0])
        return sheet.tune(tuple(parts), self.title, self.name, self._refused)

    def _field(self, letter: str, value: str, where: str) -> None:
        """Raises `Unreadable`."""
        if letter == "T":
            self.title = self.title or value
        elif letter not in "KMLQPV":
            return
        elif self._body and letter in "KMLQ":
            self._current().field(letter, value, where)
        elif self._body and letter == "P":
            self._current().items.append(Label(value))
        else:
            try:
                self._header_field(letter, value)
            except (ValueError, ArithmeticError):
                self._refused.leave_out("fields of no meaning", f"{where}: '{letter}:{value}'")

    def _header_field(self, letter: str, value: str) -> None:
        """Or one that chooses a voice. Raises `ValueError`, `Unreadable`."""
        if letter == "V":
            self._choose(value)
        elif letter == "P":
            self._order = order(value)
        elif letter == "K":
            self._fields.pop("K", None)
            try:
                deepcopy(self._settings).read("K", value)
                self._fields["K"] = value
            finally:
                self._begin()
        else:
            self._settings.read(letter, value)
            if letter != "L":
                self._fields[letter] = value

    def _begin(self) -> None:
        """The header is over."""
        self._body = True
        voices = list(self._voices)
        self._voice = None
        self._voices = {each: self._new(voice.part, voice.settings.octave) for each, voice in self._voices.items()}
        for voice in self._voices.values():
            self._start(voice)
        if voices:
            self._voice = self._voices[voices[0]]

    def _start(self, voice: AbcVoice) -> None:
        """What the header says holds from its beginning; the tune has it once."""
        for letter in ("M", "Q", "K"):
            if letter in self._fields:
                voice.field(letter, self._fields[letter], self.name)
        self._header = [item for item in voice.items if isinstance(item, Mark)]
        voice.items.clear()

    def _new(self, part: Part, octave: int) -> AbcVoice:
        return AbcVoice(replace(deepcopy(self._settings), octave=octave), part, self._propagates, self._refused)

    def _current(self) -> AbcVoice:
        if self._voice is None:
            self._choose("1")
        assert self._voice is not None
        return self._voice

    def _choose(self, value: str) -> None:
        """Go on in this voice, which may be a new one. Raises `ValueError`, `Unreadable`."""
        number, described, octave = part(value)
        if number not in self._voices:
            if len(self._voices) == VOICES:
                raise Unreadable(f"more than {VOICES} voices", self.name)
            self._voices[number] = self._new(described, octave)
            if self._body:
                self._start(self._voices[number])
        self._voice = self._voices[number]

    def _instrument(self, what: str, value: int) -> None:
        part = self._current().part
        if what == "channel":
            part = Part(part.name, part.program, value == 10)
        elif value < 128:
            part = Part(part.name, value, part.drums)
        self._current().part = part

    def _music(self, line: str, where: str) -> None:
        for piece in re.split(r"(\[V:[^\]\[]*\])", line):
            if piece.startswith("[V:"):
                try:
                    self._choose(piece[3:-1])
                except ValueError:
                    raise Unreadable("a voice without a name", f"{where}: {piece!r}") from None
            elif piece.strip():
                self._current().read(piece, where)


def _write(voice: AbcVoice, number: int, sheet: WrittenMusic, name: str) -> list[tuple[Fraction, Sign]]:
    """Write what a voice has into the sheet, but for its signs, which are the result. Raises `Unreadable`."""
    time = Fraction(0)
    signs: list[tuple[Fraction, Sign]] = []
    for item in voice.items:
        if isinstance(item, AbcEvent):
            sheet.notes += [Note(time, head.length, head.pitch, number, head.tied) for head in item.heads]
            time = later(time, item.length, name)
        elif isinstance(item, Chord | Key | Metre | Tempo):
            sheet.marks.append((time, item))
        else:
            signs.append((time, item))
        sheet.length = max(sheet.length, time)
    return signs


def _abc(tune: Tune, *, loop: bool = False) -> str:
    """loop: it is played again and again, so a pick-up keeps its rests."""
    return dumps(tune, whole=loop)


FORMAT = Format("ABC", recognises, read=read, writes={".abc": _abc}, rank=1)
