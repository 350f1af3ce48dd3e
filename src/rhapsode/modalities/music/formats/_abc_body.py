"""The music lines of ABC: one voice's letters and signs → items, as they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.formats._abc_fields import ALTERATIONS, AbcFields
from rhapsode.modalities.music.formats._form import REPEATS, BarLine, Label, Sign, Turn, Volta, numbers, turn
from rhapsode.modalities.music.formats._sheet import Mark, later
from rhapsode.modalities.music.pitch import SEMITONES, tempered
from rhapsode.modalities.music.tune import Chord, Part

LENGTH = r"(?:\d+/\d+|\d+/+|/\d+|/+|\d+)?"
NOTE = re.compile(rf"(?:(\^\^?|__?)(\d+/\d*|/\d*)|(\^\^?|__?|=))?([A-Ga-g])([',]*)({LENGTH})\s*(\.?-)?")
BAR = r"\.? :* \[?\| [|\]]* :* | ::+"
TOKEN = re.compile(
    rf"""
      (?P<space>   [\s`$\\;*?@\#]+ | y{LENGTH} )
    | " (?P<text>  [^"]* ) "
    | (?P<sign>    ! [^!\s|\[\]:"]* ! | \+[a-z0-9().<>]+\+ | [!~H-Wh-w] | \.(?=[^|]) )
    | \[ (?P<field>[A-Za-z]) : (?P<value> C\| | [^\]|]* ) \]
    | \[ \s* (?P<ending> \d[\d,.\-]* )
    | (?P<bar>     {BAR} ) (?:[ \t]* (?P<number> \d[\d,.\-]* ) )?
    | (?P<colons>  : )
    | (?P<grace>   \{{ [^}}]* \}} )
    | \( (?P<p>\d+) (?: : (?P<q>\d*) (?: : (?P<r>\d*) )? )?
    | (?P<slur>    [()] )
    | \[ (?P<chord>[^\]|]*) \] (?P<size>{LENGTH}) \s* (?P<tie>\.?-)?
    | (?P<note>    {NOTE.pattern} )
    | (?P<rest>    [zxZX] ) (?P<silence>{LENGTH})
    | (?P<broken>  >+ | <+ )
    | (?P<overlay> & )
    | (?P<late>    - )
    """,
    re.VERBOSE,
)
NEXT = re.compile(BAR, re.VERBOSE)
ANNOTATION = ("^", "_", "<", ">", "@")
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
TURNS = {
    **{"segno": Turn.SEGNO, "S": Turn.SEGNO, "coda": Turn.CODA, "O": Turn.CODA, "dacoda": Turn.TO_CODA},
    **{"tocoda": Turn.TO_CODA, "fine": Turn.FINE, "dacapo": Turn.DA_CAPO},
}
BROKEN = 8
"""Signs of a broken rhythm; one to three are usual."""


@dataclass
class AbcNote:
    """A note. length in quarters; tied: to the next of its pitch."""

    pitch: int
    length: Fraction
    tied: bool = False


@dataclass
class AbcEvent:
    """Notes that begin together; a rest if there are none. length: until the next, in quarters; may go backwards."""

    length: Fraction
    heads: list[AbcNote] = field(default_factory=list)


Item = AbcEvent | Sign | Mark


class AbcVoice:
    """Reads the lines of one voice. A bar with something that is not ABC becomes a rest, and is counted."""

    def __init__(self, settings: AbcFields, part: Part, propagates: str, refused: Refusals) -> None:
        self.settings, self.part, self.propagates = settings, part, propagates
        self.items: list[Item] = []
        self._refused = refused
        self._accidentals: dict[tuple[str, int], int] = {}  # in this bar
        self._tied: dict[tuple[str, int], int] = {}  # pitches of written notes that are tied to the next
        self._passed = self._longest = Fraction(0)  # since the bar line, in this and in earlier overlays
        self._last: AbcEvent | None = None
        self._next = Fraction(1)  # what a broken rhythm makes of the next note
        self._tuplet, self._left = Fraction(1), 0
        self._begun = 0  # which item is the first of this bar
        self._spoilt = False  # whether there is something in this bar that cannot be read

    def read(self, line: str, where: str) -> None:
        """Raises `Unreadable` for times that no music has."""
        at = 0
        while at < len(line):
            found = TOKEN.match(line, at)
            if not found:
                self._spoil(f"{where}: {line[at : at + 20]!r}")
                following = NEXT.search(line, at + 1)
                at = following.start() if following else len(line)
                continue
            at = found.end()
            try:
                self._take(found, where)
            except (ValueError, ArithmeticError):
                self._spoil(f"{where}: {found[0]!r}")

    def field(self, letter: str, value: str, where: str) -> None:
        try:
            mark = self.settings.read(letter, value)
        except (ValueError, ArithmeticError):
            self._refused.leave_out("fields of no meaning", f"{where}: '{letter}:{value}'")
            return
        if mark is not None:
            self.items.append(mark)

    def end(self) -> None:
        """The last bar is over, with or without its line."""
        self._close()

    def _spoil(self, place: str) -> None:
        if not self._spoilt:
            self._refused.leave_out("bars with something that is not ABC, which are rests now", place)
        self._spoilt = True

    def _take(self, found: re.Match[str], where: str) -> None:
        if found["bar"]:
            self._bar(found["bar"], found["number"])
        elif found["field"]:
            if found["field"] in "KMLQ":
                self.field(found["field"], found["value"].strip(), where)
            elif found["field"] == "P":
                self.items.append(Label(found["value"].strip()))
        elif found["colons"]:
            # Apart from the bar line: `| :` or, at the end of a bar, `: |`.
            begins = self._passed == self._longest == 0
            self.items.append(BarLine(opens=1) if begins else BarLine(closes=1))
        elif found["ending"]:
            self.items.append(Volta(numbers(found["ending"])))
        elif self._spoilt:
            pass
        elif found["note"]:
            self._sound([found["note"]], Fraction(1), False, where)
        elif found["text"] is not None:
            self._text(found["text"].strip(), where)
        elif found["sign"]:
            self._sign(found["sign"].strip("!+"))
        elif found["rest"]:
            length = size(found["silence"])
            self._add(AbcEvent(length * (self.settings.bar if found["rest"] in "ZX" else self.settings.length)))
        elif found["chord"] is not None:
            notes = [each[0] for each in NOTE.finditer(re.sub(r'"[^"]*"|![^!]*!', "", found["chord"]))]
            if notes:
                self._sound(notes, size(found["size"]), bool(found["tie"]), where)
        elif found["p"]:
            self._begin_tuplet(int(found["p"]), found["q"], found["r"])
        elif found["broken"]:
            self._break(found["broken"])
        elif found["overlay"]:
            self._longest = max(self._longest, self._passed)
            self._add_time(-self._passed)
            self._accidentals = {}
        elif found["late"] and self._last:
            for head in self._last.heads:
                head.tied = True

    def _sound(self, notes: list[str], factor: Fraction, tied: bool, where: str) -> None:
        """One note, or several that begin together and last as long as the first."""
        tied_before, self._tied = self._tied, {}
        heads = []
        for note in notes:
            found = NOTE.fullmatch(note)
            if not found:
                raise ValueError
            tempering, part, accidental, letter, marks, length, tie = found.groups()
            alteration = ALTERATIONS[accidental] if accidental else None
            if tempering:
                self._refused.leave_out("alterations of less than a semitone", f"{where}: {note!r}")
                alteration = tempered(size(part) * ALTERATIONS[tempering])
            octave = letter.islower() + marks.count("'") - marks.count(",")
            written = (letter.upper(), octave)
            if alteration is not None or written not in tied_before:
                pitch = self._pitch(alteration, *written)
            else:
                pitch = tied_before[written]
            head = AbcNote(pitch, size(length) * factor * self.settings.length, tied or bool(tie))
            heads.append(head)
            if head.tied:
                self._tied[written] = pitch
        self._add(AbcEvent(heads[0].length, heads))

    def _pitch(self, written: int | None, letter: str, octave: int) -> int:
        """In MIDI; an accidental holds to the end of the bar, as `propagates` says where."""
        key = (letter, octave if self.propagates == "octave" else 0)
        alteration = self._accidentals.get(key, self.settings.signature[letter])
        if written is not None:
            alteration = written
            if self.propagates != "not":
                self._accidentals[key] = alteration
        return 60 + SEMITONES[letter] + alteration + 12 * (octave + self.settings.octave)

    def _add(self, sound: AbcEvent) -> None:
        factor, self._next = self._next, Fraction(1)
        if self._left:
            factor *= self._tuplet
            self._left -= 1
        _scale(sound, factor)
        self.items.append(sound)
        self._last = sound
        self._passed = later(self._passed, sound.length, self.part.name or "a voice")

    def _add_time(self, length: Fraction) -> None:
        if length:
            self.items.append(AbcEvent(length))
            self._passed += length

    def _begin_tuplet(self, notes: int, time: str | None, count: str | None) -> None:
        compound = self.settings.metre is not None and self.settings.metre.beats in (6, 9, 12)
        self._tuplet = Fraction(int(time) if time else TUPLETS.get(notes, 3 if compound else 2), notes)
        self._left = int(count) if count else notes
        if not self._tuplet:
            raise ValueError

    def _break(self, marks: str) -> None:
        """`a>b`: half of b goes to a."""
        if self._last is None or self._next != 1 or len(marks) > BROKEN:
            raise ValueError
        short = Fraction(1, 2 ** len(marks))
        before, self._next = (2 - short, short) if marks[0] == ">" else (short, 2 - short)
        self._passed += self._last.length * (before - 1)
        _scale(self._last, before)

    def _bar(self, sign: str, number: str | None) -> None:
        self._close()
        colons = len(sign) - len(sign.lstrip(":")), len(sign) - len(sign.rstrip(":"))
        closes, opens = colons if sign.strip(":") else (len(sign) // 2, len(sign) // 2)
        double = sign.count("|") + sign.count("]") + sign.count("[") > 1
        self.items.append(BarLine(min(closes, REPEATS), min(opens, REPEATS), double))
        self._begun = len(self.items)
        if number:
            self.items.append(Volta(numbers(number)))

    def _close(self) -> None:
        if self._spoilt:
            self._silence()
        self._add_time(max(self._longest - self._passed, Fraction(0)))
        self._passed = self._longest = Fraction(0)
        self._accidentals = {}
        self._spoilt = False

    def _silence(self) -> None:
        """A rest instead of what this bar has; of what is read of it where no metre says how long it is."""
        length = self.settings.bar if self.settings.metre else max(self._passed, self._longest)
        bar = self.items[self._begun :]
        self.items[self._begun :] = [each for each in bar if not isinstance(each, AbcEvent)]
        self.items.append(AbcEvent(length))
        self._passed = self._longest = length
        self._last, self._tied, self._next, self._left = None, {}, Fraction(1), 0

    def _sign(self, name: str) -> None:
        found = TURNS.get(name) or (turn(name) if name[:2] in ("D.", "d.") else None)
        if found:
            self.items.append(found)

    def _text(self, text: str, where: str) -> None:
        """A chord symbol, unless it is an annotation. `(A7)` is a chord that may be left out, `G(Em)` has another."""
        plain = text.lstrip("".join(ANNOTATION)).strip()
        if found := turn(plain):
            self.items.append(found)
            return
        if text.startswith(ANNOTATION) and plain in chords.NONE[1:]:
            text = plain
        if text.startswith(ANNOTATION) or not text:
            return
        symbol = text[1:-1] if text[0] == "(" and text[-1] == ")" else re.sub(r"\([A-G].*", "", text)
        try:
            harmony = chords.parse(symbol)
        except UserError:
            self._refused.leave_out("text above notes that is no chord symbol", f"{where}: {text!r}")
            return
        self.items.append(Chord(0, symbol if harmony.root >= 0 else ""))


def size(text: str) -> Fraction:
    """`3/2`, `/` (a half), `3//` (three quarters). Raises `ValueError` for none at all."""
    above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    found = Fraction(int(above or 1), int(below) if below else 2 ** len(slashes))
    if not 0 < found <= 1000 or found.denominator > 10_000:
        raise ValueError
    return found


def _scale(sound: AbcEvent, factor: Fraction) -> None:
    sound.length *= factor
    for head in sound.heads:
        head.length *= factor
