"""Tunes as MusicXML 4.0, score-partwise: one voice in each part, with chords and ties."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from xml.sax.saxutils import escape, quoteattr

from rhapsode.modalities.music import chords
from rhapsode.modalities.music.formats._engraved import Stretch, bars, pickup
from rhapsode.modalities.music.formats._musicxml_chords import harmony
from rhapsode.modalities.music.pitch import spelled
from rhapsode.modalities.music.tune import Tune

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">"""
MODES = {"major": 0, "ionian": 0, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "aeolian": 9, "minor": 9}
MODES |= {"locrian": 11}
MODE_NAMES = {mode: name for name, mode in MODES.items() if name != "ionian"}
TYPES = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    Fraction(1, 8): "32nd",
    Fraction(1, 16): "64th",
    Fraction(1, 32): "128th",
}
DOTS = {Fraction(1): 0, Fraction(3, 2): 1, Fraction(7, 4): 2}


def dumps(tune: Tune, *, whole: bool = False) -> str:
    """A whole file. whole: a pick-up has its rests before it, so that all bars are full.

    Raises `UserError` for chord symbols that are not known.
    """
    lines = [HEAD, f"<work><work-title>{escape(tune.title)}</work-title></work>", "<part-list>"]
    for number, part in enumerate(tune.parts, 1):
        instrument = f"P{number}-I1"
        lines += [
            f"<score-part id={quoteattr(f'P{number}')}><part-name>{escape(part.name)}</part-name>",
            f"<score-instrument id={quoteattr(instrument)}><instrument-name>{escape(part.name or 'Music')}"
            "</instrument-name></score-instrument>",
            f"<midi-instrument id={quoteattr(instrument)}>"
            + ("<midi-channel>10</midi-channel>" if part.drums else "")
            + f"<midi-program>{part.program + 1}</midi-program></midi-instrument></score-part>",
        ]
    lines.append("</part-list>")
    for number in range(len(tune.parts)):
        lines += [f'<part id="P{number + 1}">', *_part(tune, number, whole), "</part>"]
    return "\n".join([*lines, "</score-partwise>"]) + "\n"


def _part(tune: Tune, number: int, whole: bool) -> Iterator[str]:
    short = pickup(tune, whole=whole) > 0
    keys = {key.tick: key for key in tune.keys}
    sharps = 0
    for at, stretches in enumerate(bars(tune, number, whole=whole)):
        yield f'<measure number="{at if short else at + 1}"' + (' implicit="yes">' if short and at == 0 else ">")
        if at == 0:
            yield f"<attributes><divisions>{tune.ticks}</divisions></attributes>"
        for which, stretch in enumerate(stretches):
            # What holds from the beginning stands at the pick-up, if there is one.
            begin = 0 if at == which == 0 else stretch.begin
            sharps = keys[begin].sharps if begin in keys else sharps
            yield from _attributes(tune, begin)
            if number == 0:
                yield from _above(tune, begin, stretch.begin)
            yield from _notes(stretch, sharps, tune.ticks)
        yield "</measure>"


def _attributes(tune: Tune, tick: int) -> Iterator[str]:
    """Key and metre that hold from here."""
    found = [
        f"<key><fifths>{key.sharps}</fifths><mode>{MODE_NAMES[key.mode]}</mode></key>"
        for key in tune.keys
        if key.tick == tick
    ]
    found += [
        f"<time><beats>{metre.beats}</beats><beat-type>{metre.unit}</beat-type></time>"
        for metre in tune.metres
        if metre.tick == tick
    ]
    if found:
        yield f"<attributes>{''.join(found)}</attributes>"


def _above(tune: Tune, begin: int, sounding: int) -> Iterator[str]:
    """Tempo and chord symbol from here."""
    for tempo in tune.tempos:
        if tempo.tick == begin:
            pace = f"{tempo.quarters:.10g}"
            yield (
                '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
                f'<per-minute>{pace}</per-minute></metronome></direction-type><sound tempo="{pace}"/></direction>'
            )
    for chord in tune.chords:
        if chord.tick == sounding:
            yield _harmony(chord.symbol)


def _harmony(symbol: str) -> str:
    found = chords.parse(symbol)
    if found.root < 0:
        return '<harmony><root><root-step text="">C</root-step></root><kind text="N.C.">none</kind></harmony>'
    kind, degrees = harmony(symbol)
    root, _, bass = chords.written(symbol)
    below = _place("bass", bass) if bass else ""
    added = "".join(
        f"<degree><degree-value>{number}</degree-value><degree-alter>{alteration}</degree-alter>"
        f"<degree-type>{how}</degree-type></degree>"
        for number, alteration, how in degrees
    )
    return f"<harmony>{_place('root', root)}<kind>{kind}</kind>{below}{added}</harmony>"


def _place(what: str, name: str) -> str:
    alteration = name.count("#") - name.count("b")
    return f"<{what}><{what}-step>{name[0]}</{what}-step><{what}-alter>{alteration}</{what}-alter></{what}>"


def _notes(stretch: Stretch, sharps: int, ticks: int) -> Iterator[str]:
    duration = f"<duration>{stretch.end - stretch.begin}</duration>"
    kind = _kind(stretch.sign(ticks))
    bracket = ""
    if tuplet := stretch.tuplet:
        kind += (
            f"<time-modification><actual-notes>{tuplet.parts}</actual-notes>"
            f"<normal-notes>{tuplet.normal}</normal-notes></time-modification>"
        )
        bracket += '<tuplet type="start"/>' if stretch.at == 0 else ""
        bracket += '<tuplet type="stop"/>' if stretch.at + 1 == tuplet.count else ""
    if not stretch.notes:
        yield f"<note><rest/>{duration}<voice>1</voice>{kind}{_notations(bracket)}</note>"
    for at, (pitch, before, goes_on) in enumerate(stretch.notes):
        letter, alteration, octave = spelled(pitch, sharps)
        ties = [each for each, there in (("stop", before), ("start", goes_on)) if there]
        tied = "".join(f'<tied type="{each}"/>' for each in ties)
        yield "".join(
            [
                "<note>",
                "<chord/>" if at else "",
                f"<pitch><step>{letter}</step><alter>{alteration}</alter><octave>{octave}</octave></pitch>",
                duration,
                *(f'<tie type="{each}"/>' for each in ties),
                f"<voice>1</voice>{kind}",
                _notations(tied + ("" if at else bracket)),
                "</note>",
            ]
        )


def _notations(inside: str) -> str:
    return f"<notations>{inside}</notations>" if inside else ""


def _kind(length: Fraction) -> str:
    """<type> and dots; nothing where no sign is so long."""
    for dotted, count in DOTS.items():
        if length / dotted in TYPES:
            return f"<type>{TYPES[length / dotted]}</type>" + "<dot/>" * count
    return ""
