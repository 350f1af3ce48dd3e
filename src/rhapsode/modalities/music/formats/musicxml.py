"""MusicXML (`.musicxml`, `.xml`, packed `.mxl`), written part by part (score-partwise).

Read are notes of all voices, chords, ties, keys, metres, tempos, chord symbols, programs and percussion; transposing
instruments as they sound. Repeats, endings, D.C. and D.S. are written out. Percussion among other notes becomes a part
of its own. Quarter tones become the nearest semitone. Grace and cue notes are left alone. A first bar that is too short
is a pick-up, see `Tune`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from zipfile import ZipFile

from rhapsode.errors import UserError
from rhapsode.files.archive import is_zip, members, opened
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals, Unreadable
from rhapsode.files.source import Source
from rhapsode.files.values import fraction, shown
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.music.chords import parse as parse_chord
from rhapsode.modalities.music.formats._form import BarLine, Sign
from rhapsode.modalities.music.formats._musicxml_chords import symbol
from rhapsode.modalities.music.formats._musicxml_form import bar_line, turns
from rhapsode.modalities.music.formats._musicxml_write import MODES, dumps
from rhapsode.modalities.music.formats._sheet import BEATS, Mark, Note, WrittenMusic, later
from rhapsode.modalities.music.formats._sheet import metre as together
from rhapsode.modalities.music.pitch import SEMITONES, shifted, tempered
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune

__all__ = ["dumps", "is_mxl", "read", "recognises"]

CONTAINERS = ("META-INF/container.xml", "METAINF/container.xml")
OTHERS = (".opf", ".mscx")
"""Suffixes of what books (EPUB) and files of MuseScore have, which have such a container, too."""
NAMED = {"whole": "4", "half": "2", "quarter": "1", "eighth": "1/2", "16th": "1/4"}
DRUMS = 10
"""The channel of percussion, counted from 1."""


def recognises(head: bytes) -> bool:
    return root(head) in ("score-partwise", "score-timewise")


def is_mxl(archive: ZipFile) -> bool:
    """Whether an archive is a packed score."""
    names = archive.namelist()
    return any(each in names for each in CONTAINERS) and not any(name.endswith(OTHERS) for name in names)


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    if is_zip(source.head()):
        with opened(source) as archive:
            inside = {each.path.as_posix(): each for each in members(archive, source.name)}
            container = next(inside.pop(each) for each in CONTAINERS if each in inside)
            named = [
                node.attributes.get("full-path", "").removeprefix("./")
                for node in parse(container).walk()
                if node.name == "rootfile"
            ]
            scores = [inside[each] for each in named if each in inside]
            scores = scores or [each for each in inside.values() if recognises(each.head())]
            if not scores:
                raise UserError(f"{container.name} names no score that is there. Save the file anew.")
            yield from _read(scores[0], source.name, refused)
    else:
        yield from _read(source, source.name, refused)


def _read(source: Source, name: str, refused: Refusals) -> Iterator[Tune]:
    top = parse(source)
    if top.name != "score-partwise":
        raise UserError(f"{name}: a <{top.name}>; a <score-partwise> is read. Save it anew from a notation program.")
    known = {each.attributes.get("id"): each for each in top.walk() if each.name == "score-part"}
    sheet = WrittenMusic()
    try:
        parts = [_PartReader(node, known, name, refused, first=at == 0) for at, node in enumerate(top.all("part"))]
        described = [part.described for part in parts]
        for at, part in enumerate(parts):
            part.places = (at, at)
            if part.pitched and part.drums:
                part.places = (at, len(described))
                described.append(replace(part.described, drums=True))
            elif part.drums:
                described[at] = replace(part.described, drums=True)
        playing = parts
        for number in range(max((len(part.measures) for part in parts), default=0)):
            playing = [part for part in playing if number < len(part.measures)]
            _join(sheet, playing, number, name)
        title = top.text_of("movement-title", "") or top.text_of("work/work-title", "")
        yield sheet.tune(tuple(described), " ".join(title.split()), name, refused)
    except Unreadable as error:
        refused.skip(error.reason, error.place)


def _join(sheet: WrittenMusic, playing: list[_PartReader], number: int, name: str) -> None:
    """Write a measure of all parts that have it into the sheet, behind what is there. Raises `Unreadable`."""
    begin = sheet.length
    measures = [(part.measures[number], part.places) for part in playing]
    longest = max(measure.length for measure, _ in measures)
    sheet.length = later(begin, longest or measures[0][0].usual, name)
    signs: list[tuple[Fraction, Sign]] = []
    for measure, places in measures:
        sheet.notes += [note._replace(start=begin + note.start, part=places[note.part]) for note in measure.notes]
        sheet.marks += [(begin + time, mark) for time, mark in measure.marks]
        signs += [(min(begin + time, sheet.length), sign) for time, sign in measure.signs]
    sheet.signs += sorted(dict.fromkeys(signs), key=lambda each: each[0])
    ends = dict.fromkeys(sign for measure, _ in measures for sign in measure.ends)
    sheet.signs += [(sheet.length, sign) for sign in (*ends, BarLine())]


@dataclass
class _Measure:
    """Times in quarters from its beginning. notes: their part is 1 for percussion, else 0; ends: signs at its end."""

    usual: Fraction
    notes: list[Note] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    signs: list[tuple[Fraction, Sign]] = field(default_factory=list)
    ends: list[Sign] = field(default_factory=list)
    length: Fraction = Fraction(0)


class _PartReader:
    """Reads one <part>. described: each <score-part> by its id. Raises `UserError`, `Unreadable`.

    pitched, drums: whether it has such notes. places: which parts of the tune these are.
    """

    def __init__(
        self, node: Node, described: Mapping[str | None, Node], name: str, refused: Refusals, first: bool
    ) -> None:
        self.described = Part()
        self.pitched = self.drums = False
        self.places = (0, 0)
        self._name, self._refused, self._first = name, refused, first
        self._divisions, self._transposed = Fraction(1), 0
        self._usual = Fraction(4)
        self._instruments: dict[str, int] = {}  # pitches by instruments
        if about := described.get(node.attributes.get("id")):
            self._describe(about)
        self.measures = [self._measure(each) for each in node.all("measure")]

    def _describe(self, node: Node) -> None:
        program, drums = 0, False
        for each in node.all("midi-instrument"):
            program = self._whole(each, "midi-program", 1) - 1
            drums = drums or self._whole(each, "midi-channel", 1) == DRUMS
            if each.first("midi-unpitched"):
                self._instruments[each.attributes.get("id", "")] = self._whole(each, "midi-unpitched", 1) - 1
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
                found.signs += [(at, sign) for sign in turns(each)]
            elif each.name == "barline":
                self._bar_line(each, found)
            found.length = max(found.length, at)
        found.usual = self._usual
        return found

    def _note(self, node: Node, start: Fraction, length: Fraction, measure: _Measure) -> None:
        if node.first("rest") or not length:
            return
        drum = False
        if (pitch := node.first("pitch")) is not None:
            number = self._pitch(pitch) + self._alteration(pitch) + self._transposed
            self.pitched = True
        elif node.first("unpitched") is not None:
            instrument = node.first("instrument")
            known = self._instruments
            # Where there is but one, notes need not name it.
            named = (
                instrument.attributes.get("id", "") if instrument else next(iter(known), "") if len(known) == 1 else ""
            )
            if named not in known:
                self._refused.leave_out("percussion, of which is not said what it is", self._where(node))
                return
            number, drum = known[named], True
            self.drums = True
        else:
            return
        ties = {tie.attributes.get("type") for tie in node.all("tie")}
        ties = ties or {tie.attributes.get("type") for each in node.all("notations") for tie in each.all("tied")}
        on, behind = "start" in ties or "continue" in ties, "stop" in ties or "continue" in ties
        measure.notes.append(Note(start, length, number, int(drum), on, behind))

    def _bar_line(self, node: Node, measure: _Measure) -> None:
        signs = bar_line(node)
        if signs is None:
            self._refused.leave_out("repeats and endings without numbers", self._where(node))
        elif node.attributes.get("location") == "left":
            measure.signs += [(Fraction(0), sign) for sign in signs]
        else:
            measure.ends += signs

    def _pitch(self, node: Node) -> int:
        letter = node.text_of("step", "B").strip()
        if letter not in SEMITONES:
            raise UserError(f"{self._where(node)}: {shown(letter)} is no note. Letters are A to G; correct the file.")
        return 12 * (self._whole(node, "octave", 4) + 1) + SEMITONES[letter]

    def _alteration(self, node: Node) -> int:
        found = self._fraction(node, "alter", "0")
        if found.denominator != 1:
            self._refused.leave_out("alterations of less than a semitone", self._where(node))
        return tempered(found)

    def _attributes(self, node: Node, at: Fraction, measure: _Measure) -> None:
        if node.first("divisions"):
            self._divisions = max(self._fraction(node, "divisions", "1"), Fraction(1))
        if (transpose := node.first("transpose")) is not None:
            self._transposed = self._whole(transpose, "chromatic", 0) + 12 * self._whole(transpose, "octave-change", 0)
        if (time := node.first("time")) is not None and time.first("beats"):
            metre = self._metre(time)
            self._usual = Fraction(4 * metre.beats, metre.unit)
            if self._first:
                measure.marks.append((at, metre))
        if self._first and (key := node.first("key")) is not None and key.first("fifths"):
            sharps = shifted(self._whole(key, "fifths", 0), self._transposed)
            if -7 <= sharps <= 7:
                mode = MODES.get(key.text_of("mode", "major").strip(), 0)
                measure.marks.append((at, Key(0, sharps, mode)))

    def _metre(self, node: Node) -> Metre:
        """3/8, 3+2/8, and several in a row, which are added."""
        found = [
            (sum(self._number(each, node) for each in beats.text.split("+")), self._number(unit.text, node))
            for beats, unit in zip(node.all("beats"), node.all("beat-type"), strict=False)
        ]
        try:
            return together(found)
        except ValueError:
            raise UserError(
                f"{self._where(node)}: no such metre. A bar has 1 to {BEATS} beats of unit 1, 2, 4 … 64; correct the "
                "file."
            ) from None

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


def _musicxml(tune: Tune, *, loop: bool = False) -> str:
    """loop: it is played again and again, so a pick-up keeps its rests."""
    return dumps(tune, whole=loop)


FORMAT = Format("MusicXML", recognises, packed=is_mxl, read=read, writes={".musicxml": _musicxml})
