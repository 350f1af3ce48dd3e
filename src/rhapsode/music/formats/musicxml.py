"""MusicXML (`.musicxml`, `.xml`, packed `.mxl`), written part by part (score-partwise).

Read are notes of all voices, chords, ties, keys, metres, tempos, chord symbols, programs and percussion; transposing
instruments as they sound. Repeats and endings are not played: each bar is there once, and this is counted. Grace and
cue notes, words and signs are left alone. A first bar that is too short is a pick-up, see `Tune`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from rhapsode.errors import UserError
from rhapsode.exchange.archive import is_zip, members, opened
from rhapsode.exchange.refusals import Refusals, Unreadable
from rhapsode.exchange.source import Source
from rhapsode.exchange.values import fraction, shown
from rhapsode.exchange.xml import Node, parse, root
from rhapsode.music.chords import parse as parse_chord
from rhapsode.music.formats._musicxml_chords import symbol
from rhapsode.music.formats._musicxml_write import MODES, dumps
from rhapsode.music.formats._sheet import Mark, Sheet, later
from rhapsode.music.pitch import SEMITONES, shifted
from rhapsode.music.tune import UNITS, Chord, Key, Metre, Part, Tempo, Tune

__all__ = ["dumps", "is_mxl", "read", "recognises"]

CONTAINER = "META-INF/container.xml"
OTHERS = (".opf", ".mscx")
"""Suffixes of what books (EPUB) and files of MuseScore have, which have such a container, too."""
NAMED = {"whole": "4", "half": "2", "quarter": "1", "eighth": "1/2", "16th": "1/4"}
DRUMS = 10
"""The channel of percussion, counted from 1."""


def recognises(head: bytes) -> bool:
    return root(head) in ("score-partwise", "score-timewise")


def is_mxl(source: Source) -> bool:
    """Whether an archive is a packed score. Raises `UserError` if it is damaged."""
    with opened(source) as archive:
        names = archive.namelist()
    return CONTAINER in names and not any(name.endswith(OTHERS) for name in names)


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    if is_zip(source.head()):
        with opened(source) as archive:
            inside = {each.path.as_posix(): each for each in members(archive, source.name)}
            named = [
                node.attributes.get("full-path", "")
                for node in parse(inside[CONTAINER]).walk()
                if node.name == "rootfile"
            ]
            score = next((inside[each] for each in named if each in inside), None)
            if score is None:
                raise UserError(f"{source.name}: its {CONTAINER} names no score that is there. Save the file anew.")
            yield from _read(score, source.name, refused)
    else:
        yield from _read(source, source.name, refused)


def _read(source: Source, name: str, refused: Refusals) -> Iterator[Tune]:
    top = parse(source)
    if top.name != "score-partwise":
        raise UserError(f"{name}: a <{top.name}>; a <score-partwise> is read. Save it anew from a notation program.")
    if any(node.name == "repeat" for node in top.walk()):
        refused.leave_out("repeats, which are not played", name)
    known = {each.attributes.get("id"): each for each in top.walk() if each.name == "score-part"}
    sheet = Sheet()
    try:
        parts = [_Reader(node, known, name, refused, first=at == 0) for at, node in enumerate(top.all("part"))]
        playing = list(enumerate(parts))
        for number in range(max((len(part.measures) for part in parts), default=0)):
            playing = [(at, part) for at, part in playing if number < len(part.measures)]
            _join(sheet, playing, number, name)
        if parts and len({len(part.measures) for part in parts}) == 1:
            sheet.bars.append(sheet.length)
        described = tuple(part.described for part in parts)
        title = top.text_of("movement-title", "") or top.text_of("work/work-title", "")
        yield sheet.tune(described, " ".join(title.split()), name)
    except Unreadable as error:
        refused.skip(error.reason, error.place)


def _join(sheet: Sheet, playing: list[tuple[int, _Reader]], number: int, name: str) -> None:
    """Write a measure of all parts that have it into the sheet, behind what is there. Raises `Unreadable`."""
    begin = sheet.length
    sheet.bars += [begin] if begin else []
    measures = [(at, part, part.measures[number]) for at, part in playing]
    for at, part, measure in measures:
        for start, length, pitch, goes_on, before in measure.notes:
            known = part.tied.pop(pitch, None) if before else None
            if known is not None and sum(sheet.notes[known][:2], Fraction(0)) == begin + start:
                first, so_far, _, _ = sheet.notes[known]
                sheet.notes[known] = (first, so_far + length, pitch, at)
            else:
                known = len(sheet.notes)
                sheet.notes.append((begin + start, length, pitch, at))
            if goes_on:
                part.tied[pitch] = known
        sheet.marks += [(begin + time, mark) for time, mark in measure.marks]
    longest = max(measure.length for _, _, measure in measures)
    sheet.length = later(sheet.length, longest or measures[0][2].usual, name)


@dataclass
class _Measure:
    """Times in quarters from its beginning. notes: (start, length, pitch, tied to the next, tied to the one before)."""

    usual: Fraction
    notes: list[tuple[Fraction, Fraction, int, bool, bool]] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    length: Fraction = Fraction(0)


class _Reader:
    """Reads one <part>. described: each <score-part> by its id. Raises `UserError`, `Unreadable`."""

    def __init__(
        self, node: Node, described: Mapping[str | None, Node], name: str, refused: Refusals, first: bool
    ) -> None:
        self.described = Part()
        self.tied: dict[int, int] = {}  # which notes of the sheet go on, by pitch
        self._name, self._refused, self._first = name, refused, first
        self._divisions, self._transposed = Fraction(1), 0
        self._usual = Fraction(4)
        self._drums: dict[str, int] = {}  # pitches by instruments
        if about := described.get(node.attributes.get("id")):
            self._describe(about)
        self.measures = [self._measure(each) for each in node.all("measure")]

    def _describe(self, node: Node) -> None:
        program, drums = 0, False
        for each in node.all("midi-instrument"):
            program = self._whole(each, "midi-program", 1) - 1
            drums = drums or self._whole(each, "midi-channel", 1) == DRUMS
            if each.first("midi-unpitched"):
                self._drums[each.attributes.get("id", "")] = self._whole(each, "midi-unpitched", 1) - 1
        name = " ".join(node.text_of("part-name", "").split())
        self.described = Part(name, program if 0 <= program < 128 else 0, drums)

    def _measure(self, node: Node) -> _Measure:
        found = _Measure(self._usual)
        at = before = Fraction(0)
        for each in node.children:
            if each.name == "note" and not (each.first("grace") or each.first("cue")):
                length = self._duration(each)
                start = before if each.first("chord") else at
                self._note(each, start, length, found)
                before, at = start, max(at, later(start, length, self._where(each)))
            elif each.name in ("forward", "backup"):
                moved = self._duration(each) * (1 if each.name == "forward" else -1)
                at = max(later(at, moved, self._where(each)), Fraction(0))
            elif each.name == "attributes":
                self._attributes(each, at, found)
            elif each.name == "harmony":
                self._harmony(each, at, found)
            elif each.name in ("direction", "sound"):
                self._tempo(each, at, found)
            found.length = max(found.length, at)
        found.usual = self._usual
        return found

    def _note(self, node: Node, start: Fraction, length: Fraction, measure: _Measure) -> None:
        if node.first("rest") or not length:
            return
        if (pitch := node.first("pitch")) is not None:
            number = self._pitch(pitch, "step", "octave") + self._alteration(pitch) + self._transposed
        elif (unpitched := node.first("unpitched")) is not None:
            instrument = node.first("instrument")
            known = self._drums.get(instrument.attributes.get("id", "") if instrument else "")
            number = self._pitch(unpitched, "display-step", "display-octave") if known is None else known
        else:
            return
        ties = {tie.attributes.get("type") for tie in node.all("tie")}
        measure.notes.append((start, length, number, "start" in ties, "stop" in ties))

    def _pitch(self, node: Node, step: str, octave: str) -> int:
        letter = node.text_of(step, "B").strip()
        if letter not in SEMITONES:
            raise UserError(f"{self._where(node)}: {shown(letter)} is no note. Letters are A to G; correct the file.")
        return 12 * (self._whole(node, octave, 4) + 1) + SEMITONES[letter]

    def _alteration(self, node: Node) -> int:
        found = self._fraction(node, "alter", "0")
        if found.denominator != 1:
            self._refused.leave_out("alterations of less than a semitone", self._where(node))
        return round(found)

    def _attributes(self, node: Node, at: Fraction, measure: _Measure) -> None:
        if node.first("divisions"):
            self._divisions = max(self._fraction(node, "divisions", "1"), Fraction(1))
        if (transpose := node.first("transpose")) is not None:
            self._transposed = self._whole(transpose, "chromatic", 0) + 12 * self._whole(transpose, "octave-change", 0)
        if (time := node.first("time")) is not None and time.first("beats"):
            beats = [self._number(each, time) for each in time.text_of("beats", "4").split("+")]
            unit = self._whole(time, "beat-type", 4)
            if min(beats) < 1 or unit not in UNITS:
                raise UserError(f"{self._where(time)}: no such metre. Units are 1, 2, 4 … 64; correct the file.")
            self._usual = Fraction(4 * sum(beats), unit)
            if self._first:
                measure.marks.append((at, Metre(0, sum(beats), unit)))
        if self._first and (key := node.first("key")) is not None and key.first("fifths"):
            sharps = shifted(self._whole(key, "fifths", 0), self._transposed)
            if -7 <= sharps <= 7:
                mode = MODES.get(key.text_of("mode", "major").strip(), 0)
                measure.marks.append((at, Key(0, sharps, mode)))

    def _harmony(self, node: Node, at: Fraction, measure: _Measure) -> None:
        found = symbol(node)
        try:
            parse_chord(found or "")
        except UserError:
            found = None
        if found is None:
            self._refused.leave_out("chord symbols without a known root and kind", self._where(node))
        else:
            offset = self._fraction(node, "offset", "0") / self._divisions
            measure.marks.append((max(at + offset, Fraction(0)), Chord(0, found)))

    def _tempo(self, node: Node, at: Fraction, measure: _Measure) -> None:
        """From <sound tempo="">, or else from a metronome mark."""
        quarters = Fraction(0)
        for each in node.walk():
            try:
                if each.name == "metronome" and not quarters and each.first("per-minute"):
                    unit = Fraction(NAMED.get(each.text_of("beat-unit", "").strip(), "0"))
                    dots = Fraction(3, 2) if each.first("beat-unit-dot") else Fraction(1)
                    quarters = unit * dots * fraction(each.text_of("per-minute", "").strip())
                elif each.name == "sound" and "tempo" in each.attributes:
                    quarters = fraction(each.attributes["tempo"].strip())
            except (ValueError, ZeroDivisionError):
                # Such as "about 120".
                self._refused.leave_out("tempos that are no numbers", self._where(each))
        if 0 < quarters < 10_000:
            measure.marks.append((at, Tempo(0, float(quarters))))

    def _duration(self, node: Node) -> Fraction:
        found = self._fraction(node, "duration", "0") / self._divisions
        if not 0 <= found <= 10_000:
            raise UserError(f"{self._where(node)}: lasts {shown(float(found))} quarter notes. Correct the file.")
        return found

    def _whole(self, node: Node, name: str, default: int) -> int:
        return self._number(node.text_of(name, str(default)), node)

    def _number(self, text: str, node: Node) -> int:
        try:
            found = int(text)
        except ValueError:
            raise UserError(f"{self._where(node)}: expected a whole number, found {shown(text.strip())}.") from None
        if abs(found) > 1000:
            raise UserError(f"{self._where(node)}: {found} is far too large. Correct the file.")
        return found

    def _fraction(self, node: Node, name: str, default: str) -> Fraction:
        text = node.text_of(name, default).strip()
        try:
            return fraction(text)
        except (ValueError, ZeroDivisionError):
            raise UserError(f"{self._where(node)}, {name}: expected a number, found {shown(text)}.") from None

    def _where(self, node: Node) -> str:
        return f"{self._name}, line {node.line}"
