"""The music lines of ABC: one voice's letters and signs → items, as they are written."""

from __future__ import annotations

import re
from fractions import Fraction

from rhapsode.errors import UserError
from rhapsode.exchange.refusals import Refusals, Unreadable
from rhapsode.music import chords
from rhapsode.music.formats._abc_fields import ALTERATIONS, Settings
from rhapsode.music.formats._abc_repeats import Bar, Ending, Head, Item, Sound
from rhapsode.music.formats._sheet import later
from rhapsode.music.pitch import SEMITONES
from rhapsode.music.tune import Chord, Part

LENGTH = r"(?:\d+/\d+|\d+/+|/\d+|/+|\d+)?"
NOTE = re.compile(rf"(\^\^?|__?|=)?([A-Ga-g])([',]*)({LENGTH})\s*(\.?-)?")
TOKEN = re.compile(
    rf"""
      (?P<space>   [\s`$\\;*?@\#]+ | y{LENGTH} )
    | " (?P<text>  [^"]* ) "
    | (?P<sign>    ! [^!\s|\[\]:"]* ! | \+[a-z0-9().<>]+\+ | [!~H-Wh-w] | \.(?=[^|]) )
    | \[ (?P<field>[A-Za-z]) : (?P<value>[^\]|]*) \]
    | \[ \s* (?P<ending> \d[\d,.\-]* )
    | (?P<bar>     \.? :* \[?\| [|\]]* :* | ::+ ) (?:[ \t]* (?P<number> \d[\d,.\-]* ) )?
    | (?P<grace>   \{{ [^}}]* \}} )
    | \( (?P<p>\d) (?: : (?P<q>\d?) (?: : (?P<r>\d*) )? )?
    | (?P<slur>    [()]+ )
    | \[ (?P<chord>[^\]|]*) \] (?P<size>{LENGTH}) \s* (?P<tie>\.?-)?
    | (?P<note>    {NOTE.pattern} )
    | (?P<rest>    [zxZX] ) (?P<silence>{LENGTH})
    | (?P<broken>  >+ | <+ )
    | (?P<overlay> & )
    | (?P<late>    - )
    """,
    re.VERBOSE,
)
ANNOTATION = ("^", "_", "<", ">", "@")
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
REPEATS = 16
BROKEN = 8
"""Signs of a broken rhythm; one to three are usual."""


class Voice:
    """Reads the lines of one voice. What is not ABC raises `Unreadable`."""

    def __init__(self, settings: Settings, part: Part, propagates: str, refused: Refusals) -> None:
        self.settings, self.part, self.propagates = settings, part, propagates
        self.items: list[Item] = []
        self._refused = refused
        self._accidentals: dict[tuple[str, int], int] = {}  # in this bar
        self._tied: dict[tuple[str, int], int] = {}  # pitches of written notes that are tied to the next
        self._passed = self._longest = Fraction(0)  # since the bar line, in this and in earlier overlays
        self._last: Sound | None = None
        self._next = Fraction(1)  # what a broken rhythm makes of the next note
        self._tuplet, self._left = Fraction(1), 0

    def read(self, line: str, where: str) -> None:
        at = 0
        while at < len(line):
            found = TOKEN.match(line, at)
            if not found:
                raise Unreadable("something that is not ABC", f"{where}: {line[at : at + 20]!r}")
            at = found.end()
            try:
                self._take(found, where)
            except (ValueError, ArithmeticError):
                raise Unreadable("a sign with an impossible value", f"{where}: {found[0]!r}") from None

    def field(self, letter: str, value: str) -> None:
        """Raises `ValueError`."""
        mark = self.settings.read(letter, value)
        if mark is not None:
            self.items.append(mark)

    def end(self) -> None:
        """The last bar is over, with or without its line."""
        self._close()

    def _take(self, found: re.Match[str], where: str) -> None:
        if found["note"]:
            self._sound([found["note"]], Fraction(1), tied=False)
        elif found["bar"]:
            self._bar(found["bar"], found["number"])
        elif found["text"] is not None:
            self._text(found["text"].strip(), where)
        elif found["rest"]:
            length = size(found["silence"])
            self._add(Sound(length * (self.settings.bar if found["rest"] in "ZX" else self.settings.length)))
        elif found["chord"] is not None:
            notes = [each[0] for each in NOTE.finditer(re.sub(r'"[^"]*"|![^!]*!', "", found["chord"]))]
            if notes:
                self._sound(notes, size(found["size"]), tied=bool(found["tie"]))
        elif found["p"]:
            self._begin_tuplet(int(found["p"]), found["q"], found["r"])
        elif found["broken"]:
            self._break(found["broken"])
        elif found["ending"]:
            self.items.append(Ending(_numbers(found["ending"])))
        elif found["field"] and found["field"] in "KMLQ":
            self.field(found["field"], found["value"].strip())
        elif found["overlay"]:
            self._longest = max(self._longest, self._passed)
            self._add_time(-self._passed)
            self._accidentals = {}
        elif found["late"] and self._last:
            for head in self._last.heads:
                head.tied = True

    def _sound(self, notes: list[str], factor: Fraction, tied: bool) -> None:
        """One note, or several that begin together and last as long as the first."""
        tied_before, self._tied = self._tied, {}
        heads = []
        for note in notes:
            found = NOTE.fullmatch(note)
            if not found:
                raise ValueError
            accidental, letter, marks, length, tie = found.groups()
            octave = letter.islower() + marks.count("'") - marks.count(",")
            written = (letter.upper(), octave)
            if accidental or written not in tied_before:
                pitch = self._pitch(accidental, *written)
            else:
                pitch = tied_before[written]
            head = Head(pitch, size(length) * factor * self.settings.length, tied or bool(tie))
            heads.append(head)
            if head.tied:
                self._tied[written] = pitch
        self._add(Sound(heads[0].length, heads))

    def _pitch(self, accidental: str | None, letter: str, octave: int) -> int:
        """In MIDI; an accidental holds to the end of the bar, as `propagates` says where."""
        key = (letter, octave if self.propagates == "octave" else 0)
        alteration = self._accidentals.get(key, self.settings.signature[letter])
        if accidental:
            alteration = ALTERATIONS[accidental]
            if self.propagates != "not":
                self._accidentals[key] = alteration
        return 60 + SEMITONES[letter] + alteration + 12 * (octave + self.settings.octave)

    def _add(self, sound: Sound) -> None:
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
            self.items.append(Sound(length))
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
        self.items.append(Bar(min(closes, REPEATS), min(opens, REPEATS), double))
        if number:
            self.items.append(Ending(_numbers(number)))

    def _close(self) -> None:
        self._add_time(max(self._longest - self._passed, Fraction(0)))
        self._passed = self._longest = Fraction(0)
        self._accidentals = {}

    def _text(self, text: str, where: str) -> None:
        """A chord symbol, unless it is an annotation. `(A7)` is a chord that may be left out, `G(Em)` has another."""
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


def _scale(sound: Sound, factor: Fraction) -> None:
    sound.length *= factor
    for head in sound.heads:
        head.length *= factor


def _numbers(text: str) -> frozenset[int]:
    """`1,3` or `1-3`. Raises `ValueError`."""
    found: set[int] = set()
    for each in re.split(r"[,.]+", text.strip(",.-")):
        first, _, last = each.partition("-")
        found |= set(range(int(first), min(int(last or first), REPEATS) + 1))
    if not found or max(found) > REPEATS or min(found) < 1:
        raise ValueError
    return frozenset(found)
