"""Humdrum's kern (`.krn`): a voice a column, called a spine, and a moment a line.

Read are notes, chords and rests of all `**kern` spines, as they sound, through splits (`*^`), joins (`*v`), crossings
(`*x`) and new spines (`*+`); ties, bar lines, metres, keys, tempos, names and codes of instruments, and titles. Spines
of one `*part` are one part, and the first part is the rightmost, which is the highest. A file may have several pieces.
A list of sections (`*>[A,A,B]`) is followed, or, if there is none, signs of repeats. Grace notes and spines of other
kinds are left alone. A first bar that is too short is a pick-up, see `Tune`.

partitura reads kern, too, but (1.9) gives notes of a chord half a quarter if only the first has its duration written,
cuts ties between chords, mistakes durations such as `3%2`, drops modes and titles, does not follow `*x` and `*+`, and
goes on after a wrong token with all that follows shifted, without a word. On chorales the two agree in every note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals, Unreadable
from rhapsode.files.source import Source
from rhapsode.modalities.music.formats import _kern_words as words
from rhapsode.modalities.music.formats._form import BarLine, Label
from rhapsode.modalities.music.formats._kern_columns import Column, Spine, TextLine, moved, pieces, tokens
from rhapsode.modalities.music.formats._sheet import Note, WrittenMusic, later
from rhapsode.modalities.music.pitch import ABOVE
from rhapsode.modalities.music.tune import Key, Part, Tempo, Tune

__all__ = ["read", "recognises"]

MARK = re.compile(rb"(?:\xef\xbb\xbf)?(?:![^\r\n]*+|[\r\n]++)*+(?:\*\*[^\t\r\n]++\t++)*\*\*kern(?:[\t\r\n ]|\Z)")
SECTIONS = re.compile(r"\*>(?:\[(?P<list>[^\]]+)\]|(?P<name>[^\[\]]+))")
TITLE = re.compile(r"!!!OTL[^:]*:\s*(.*)")


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    found = list(pieces(source.text()))
    for number, lines in enumerate(found, 1):
        try:
            name = source.name if len(found) == 1 else f"{source.name}#{number}"
            yield _KernReader(source.name, refused).tune(lines, name)
        except Unreadable as error:
            refused.skip(error.reason, error.place)


class _KernReader:
    """Reads one piece. Times are in quarters."""

    def __init__(self, file: str, refused: Refusals) -> None:
        self._file, self._refused = file, refused
        self._sheet = WrittenMusic()
        self._columns: list[Column] = []
        self._spines: dict[Spine, int] = {}  # of kern, and their places from the left
        self._now = Fraction(0)  # when the next line of notes begins
        self._line = Fraction(0)  # of the last bar
        self._signature: tuple[Fraction, int] | None = None  # since when, and sharps
        self._final: tuple[Fraction, int, int] | None = None  # since when, and as in `words.final`

    def tune(self, lines: list[TextLine], name: str) -> Tune:
        """Raises `Unreadable`."""
        title = ""
        for number, line in lines:
            where = f"{self._file}, line {number}"
            if line.startswith("!"):
                found = TITLE.match(line)
                title = title or (" ".join(found[1].split()) if found else "")
                continue
            row = tokens(line)
            if line.startswith("**") and not self._columns:
                self._columns = [Column() for _ in row]
            if len(row) != len(self._columns):
                raise Unreadable(
                    "lines with more or fewer columns than the spines above",
                    f"{where}: {len(row)} instead of {len(self._columns)}",
                )
            self._row(row, where)
        if self._columns:
            self._refused.leave_out("the end, without which a piece is perhaps cut off", f"{self._file}: no '*-'")
        if self._sheet.order:
            # It says all of what is repeated.
            self._sheet.signs = [
                (time, BarLine() if isinstance(sign, BarLine) else sign) for time, sign in self._sheet.signs
            ]
        self._sheet.signs.append((self._sheet.length, BarLine()))
        return self._sheet.tune(self._parts(), title, name, self._refused)

    def _row(self, row: list[str], where: str) -> None:
        kern = [(column, token) for column, token in zip(self._columns, row, strict=True) if column.kern]
        if row[0].startswith("*"):
            for found in filter(None, map(SECTIONS.fullmatch, dict.fromkeys(row))):
                if found["list"] is None:
                    self._sheet.signs.append((self._now, Label(found["name"])))
                else:
                    self._sheet.order = tuple(each.strip() for each in found["list"].split(","))
            for token in dict.fromkeys(token for _, token in kern):
                self._mark(token, where)
            for column, token in zip(self._columns, row, strict=True):
                self._describe(column.spine, token)
            self._columns = moved(self._columns, row, self._now, where)
        elif row[0].startswith("="):
            self._bar_line(row, where)
        else:
            begun = [self._chord(column, token, where) for column, token in kern if token != "."]
            if any(begun):
                self._now = min(column.until for column, _ in kern if column.until > self._now)

    def _describe(self, spine: Spine, token: str) -> None:
        if token.startswith("**"):
            spine.kind = token[2:].strip()
            if spine.kind == "kern":
                self._spines.setdefault(spine, len(self._spines))
        elif token.startswith("*part"):
            spine.part = token
        elif token.startswith('*I"'):
            spine.name = spine.name or " ".join(token[3:].split())
        elif token.startswith("*I"):
            spine.program = words.PROGRAMS.get(token[2:], spine.program)
        elif token.startswith("*clef"):
            spine.pitched = token != "*clefX"

    def _bar_line(self, row: list[str], where: str) -> None:
        ends: dict[Spine, Fraction] = {}
        for column in self._columns:
            if column.kern:
                ends[column.spine] = max(ends.get(column.spine, self._line), column.until)
        end = max(ends.values(), default=self._now)
        # A spine with nothing in a bar is silent there; one with too little has lost something.
        short = [each for each in ends.values() if self._line < each < end]
        if short:
            missing = f"{end - min(short)} of a quarter note is missing in one"
            raise Unreadable("spines that do not reach a bar line together", f"{where}: {missing}")
        closes = any(re.search(":[|!]", token) for token in row)
        opens = any(re.search("[|!]:", token) for token in row)
        self._sheet.signs.append((end, BarLine(closes, opens)))
        self._now = self._line = end

    def _chord(self, column: Column, token: str, where: str) -> bool:
        """Whether it takes time: grace notes do not. Where only the first of a chord has a duration, all have it."""
        found = token.split()
        if "q" in found[0].lower():
            return False
        if column.until > self._now:
            raise Unreadable("notes that begin before those above them end", f"{where}: {token!r}")
        lasting = words.duration(found[0], where)
        if lasting is None:
            raise Unreadable("notes without a duration", f"{where}: {token!r}")
        for word in found:
            if "r" in word:
                continue
            pitch = words.pitch(word)
            if not column.spine.pitched or "R" in word:
                self._refused.leave_out("percussion, of which kern does not say what it is", where)
            elif pitch is None:
                self._refused.leave_out("what is neither note nor rest, and a rest now", f"{where}: {word!r}")
            else:
                self._note(self._spines[column.spine], pitch, words.duration(word, where) or lasting, word)
        column.until = later(self._now, lasting, where)
        self._sheet.length = max(self._sheet.length, column.until)
        return True

    def _note(self, spine: int, pitch: int, length: Fraction, word: str) -> None:
        goes_on, goes_from = "[" in word or "_" in word, "]" in word or "_" in word
        self._sheet.notes.append(Note(self._now, length, pitch, spine, goes_on, goes_from))

    def _mark(self, token: str, where: str) -> None:
        if token.startswith("*MM"):
            quarters = re.fullmatch(r"\*MM([0-9]{1,4}(?:\.[0-9]{1,9})?)", token)
            if quarters and float(quarters[1]):
                self._sheet.marks.append((self._now, Tempo(0, float(quarters[1]))))
            else:
                self._refused.leave_out("tempos that are no numbers", f"{where}: {token!r}")
        elif re.match(r"\*M[0-9?XZ]", token):
            self._metre(token, where)
        elif token.startswith("*k["):
            sharps = words.signature(token)
            if sharps is None:
                self._refused.leave_out("key signatures that no major key has", f"{where}: {token!r}")
            self._signature = None if sharps is None else (self._now, sharps)
            self._key()
        elif (final := words.final(token)) is not None:
            self._final = (self._now, *final)
            self._key()

    def _metre(self, token: str, where: str) -> None:
        found = words.metre(token)
        if found is None:
            self._refused.leave_out("metres that no bar has", f"{where}: {token!r}")
        else:
            self._sheet.marks.append((self._now, found))

    def _key(self) -> None:
        """What signature and final make of each other, of those that are given here."""
        sharps = self._signature[1] if self._signature and self._signature[0] == self._now else None
        mode = 0
        if self._final and self._final[0] == self._now:
            _, final, mode = self._final
            if sharps is not None:
                mode = next((each for each, above in ABOVE.items() if above == final - sharps), mode)
            sharps = final - ABOVE[mode]
        if sharps is not None and -7 <= sharps <= 7:
            self._sheet.marks.append((self._now, Key(0, sharps, mode)))

    def _parts(self) -> tuple[Part, ...]:
        """Also gives the notes of the sheet their parts."""
        groups: dict[Spine | str, list[int]] = {}
        every = list(self._spines)
        for at in reversed(range(len(every))):
            groups.setdefault(every[at].part or every[at], []).append(at)
        part_of = {spine: part for part, spines in enumerate(groups.values()) for spine in spines}
        self._sheet.notes = [note._replace(part=part_of[note.part]) for note in self._sheet.notes]
        found = []
        for spines in groups.values():
            described = [every[at] for at in spines]
            name = next((each.name for each in described if each.name), "")
            found.append(Part(name, next((each.program for each in described if each.program), 0)))
        return tuple(found)


FORMAT = Format("Humdrum's kern", recognises, read=read)
