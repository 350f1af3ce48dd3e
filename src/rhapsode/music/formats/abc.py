"""ABC notation 2.1 (`.abc`): any number of tunes in a file.

Read are T, M, L, Q, K (all modes, explicit accidentals, pipes) and V, notes with accidentals, lengths, broken rhythms,
tuplets, ties, chords, rests, overlays, repeats and endings, which are written out, and chord symbols. Grace notes,
slurs, decorations, lyrics and words above the notes are not. Clefs and `transpose=` do not move pitches; the order of
parts in P, and signs such as D.C., are not followed: each part is there once. A tune that cannot be read is skipped,
the others go on. A first bar that is too short is a pick-up, see `Tune`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction

from rhapsode.exchange.refusals import Refusals, Unreadable
from rhapsode.exchange.source import Source, decoded
from rhapsode.music.formats._abc_body import Voice
from rhapsode.music.formats._abc_fields import Settings, part
from rhapsode.music.formats._abc_repeats import Bar, Ending, Sound, unfolded
from rhapsode.music.formats._abc_write import dumps
from rhapsode.music.formats._sheet import Mark, Sheet, later
from rhapsode.music.tune import Key, Metre, Part, Tempo, Tune

__all__ = ["dumps", "loads", "read", "recognises"]

FIELD = re.compile(r"([A-Za-z+]):(?![|:\]])\s*(.*)")
COMMENT = re.compile(r"(?<!\\)%.*")
PROGRAM = re.compile(r"(?:%%|I:)\s*MIDI\s+(program|channel)\s+(?:\d+\s+)?(\d{1,9})")
PROPAGATES = re.compile(r"(?:%%|I:)\s*propagate-accidentals\s+(not|octave|pitch)")
TEXT = re.compile(r"%%\s*begin(\w+)")
NUMBER = re.compile(r"X:[ \t]*+\d*+[ \t]*+(?:%.*)?")
VOICES = 64


def recognises(head: bytes) -> bool:
    text = _lines_of(decoded(head))
    begun = False
    for line in text.split("\n"):
        begun = begun or NUMBER.fullmatch(line) is not None
        if begun and line.startswith("K:"):
            return True
    return text.startswith("%abc")


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    common = _Reader(source.name, refused)  # what stands before the first tune holds for all
    number = 0
    for lines in _tunes(_lines_of(source.text())):
        if not lines[0][1].startswith("X:"):
            if not number:
                common.begin(lines)
            elif any("|" in line for _, line in lines):
                refused.leave_out("lines behind an empty line, which ends a tune", f"{source.name}, line {lines[0][0]}")
            continue
        number += 1
        name = f"{source.name}#{number}"
        try:
            yield common.like(name).tune(lines)
        except Unreadable as error:
            refused.skip(error.reason, error.place)


def loads(text: str) -> Tune:
    """The first tune of a text. Raises `Unreadable`."""
    return _Reader("", Refusals()).tune(next(_tunes(_lines_of(text))))


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


class _Reader:
    """Reads the lines of one tune."""

    def __init__(self, name: str, refused: Refusals) -> None:
        self.name, self.title = name, ""
        self._refused = refused
        self._settings = Settings()
        self._voices: dict[str, Voice] = {}
        self._voice: Voice | None = None
        self._fields: dict[str, str] = {}  # M, Q and K of the header, for each voice
        self._header: list[Mark] = []  # what the tune begins with
        self._propagates = "pitch"
        self._body = False
        self._until = ""  # the end of typeset text
        self._wrong: Unreadable | None = None  # what is wrong with what holds for all tunes

    def begin(self, lines: list[tuple[int, str]]) -> None:
        """Take lines before the first tune."""
        for number, line in lines:
            # Free text may stand there too.
            if self._wrong is None and line.startswith(("M:", "L:", "Q:", "I:", "%%")):
                try:
                    self._line(line, f"{self.name}, line {number}")
                except Unreadable as error:
                    self._wrong = error

    def like(self, name: str) -> _Reader:
        """A new one for a tune of this name, which knows what this one was told. Raises `Unreadable`."""
        if self._wrong is not None:
            raise Unreadable(self._wrong.reason, self._wrong.place)
        found = _Reader(name, self._refused)
        found._settings, found._fields = deepcopy(self._settings), dict(self._fields)
        found._propagates, found._until = self._propagates, self._until
        found._voices = {each: found._new(voice.part) for each, voice in self._voices.items()}
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
        if found := FIELD.match(line):
            try:
                self._field(found[1], found[2].strip())
            except (ValueError, ArithmeticError):
                raise Unreadable(f"a field {found[1]} of no meaning", f"{where}: {line.strip()!r}") from None
        elif self._body:
            self._music(line, where)
        elif line.strip():
            raise Unreadable("music before the field K", f"{where}: {line.strip()[:20]!r}")

    def _tune(self) -> Tune:
        if not self._body:
            raise Unreadable("no field K", self.name)
        sheet = Sheet(marks=[(Fraction(0), mark) for mark in self._header])
        parts: list[Part] = []
        for voice in self._voices.values():
            voice.end()
            sounds = any(isinstance(item, Sound) and item.heads for item in voice.items)
            _play(voice, self._header, len(parts), sheet, self.name, bars=sounds and not parts)
            parts += [voice.part] if sounds else []
        return sheet.tune(tuple(parts), self.title, self.name)

    def _field(self, letter: str, value: str) -> None:
        if letter == "T":
            self.title = self.title or value
        elif letter == "V":
            self._choose(value)
        elif letter not in "KMLQ":
            return
        elif self._body:
            self._current().field(letter, value)
        elif letter == "K":
            self._fields["K"] = value
            self._begin()
        elif letter == "L":
            self._settings.read("L", value)
        else:
            self._fields[letter] = value
            if letter == "M":
                self._settings.read("M", value)

    def _begin(self) -> None:
        """The header is over."""
        self._body = True
        voices = list(self._voices)
        self._voice = None
        self._voices = {each: self._new(voice.part) for each, voice in self._voices.items()}
        for voice in self._voices.values():
            self._start(voice)
        if voices:
            self._voice = self._voices[voices[0]]

    def _start(self, voice: Voice) -> None:
        """What the header says holds from its beginning; the tune has it once."""
        for letter in ("M", "Q", "K"):
            if letter in self._fields:
                voice.field(letter, self._fields[letter])
        self._header = [item for item in voice.items if isinstance(item, Mark)]
        voice.items.clear()

    def _new(self, part: Part) -> Voice:
        return Voice(deepcopy(self._settings), part, self._propagates, self._refused)

    def _current(self) -> Voice:
        if self._voice is None:
            self._choose("1")
        assert self._voice is not None
        return self._voice

    def _choose(self, value: str) -> None:
        """Go on in this voice, which may be a new one. Raises `ValueError`, `Unreadable`."""
        number, described = part(value)
        if number not in self._voices:
            if len(self._voices) == VOICES:
                raise Unreadable(f"more than {VOICES} voices", self.name)
            self._voices[number] = self._new(described)
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


def _play(voice: Voice, header: list[Mark], number: int, sheet: Sheet, name: str, bars: bool) -> None:
    """Write what a voice plays into the sheet, its ties joined, perhaps its bar lines. Raises `Unreadable`."""
    time = Fraction(0)
    tied: dict[int, int] = {}  # which of the notes goes on, by pitch
    # Fields before the first note belong to the header, and are no part of what is repeated.
    begins: list[Mark] = []
    for item in voice.items:
        if not isinstance(item, Key | Metre | Tempo):
            break
        begins.append(item)
    sheet.marks += [(time, mark) for mark in begins]
    try:
        items = unfolded(voice.items[len(begins) :], [*header, *begins])
    except ValueError:
        raise Unreadable("too many repeats", name) from None
    for item in items:
        if isinstance(item, Sound):
            for head in item.heads:
                before = tied.pop(head.pitch, None)
                if before is not None and sum(sheet.notes[before][:2], Fraction(0)) == time:
                    start, length, pitch, part = sheet.notes[before]
                    sheet.notes[before] = (start, length + head.length, pitch, part)
                else:
                    before = len(sheet.notes)
                    sheet.notes.append((time, head.length, head.pitch, number))
                if head.tied:
                    tied[head.pitch] = before
            time = later(time, item.length, name)
        elif isinstance(item, Bar):
            if bars:
                sheet.bars.append(time)
        elif not isinstance(item, Ending):
            sheet.marks.append((time, item))
        sheet.length = max(sheet.length, time)
