"""Notation: what we write, read by others, note for note.

    python benchmarks/notation.py [--tunes 200] [--seed 1] [--show 3] [--data FILES]

Tunes made by rule, in all keys and modes, metres such as 5/8, 11/8 and 7/4, with pick-ups, rests, ties over bars and
chord symbols, a fifth each of a sort: `lines` have one note at a time; `chords` and `parts` what they are called;
`tuplets` some of 3, 5 and 7 on their beats; `loose` ones thirds and twelfths of a quarter anywhere. Or the tunes of
`--data`. Each is written as ABC, MusicXML and MIDI. Each file is read by our own reader and by those that are installed
of music21, Verovio (which plays it into MIDI), abc2midi (Debian's package abcmidi) and mido. A note is equal if a
reader finds one of its pitch, within a fiftieth of a quarter of its beginning and its length; times count from the
first note. Counted are the notes that were written and have an equal one, those that have none (`missing`), and those
that a reader has besides (`extra`). Chord symbols are compared where a reader has them: roots, basses and times.

`--show` prints what is wrong in the first tunes that are not read as written. One object of JSON at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.music import chords
from rhapsode.modalities.music import read as reading
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.pitch import name
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes, separate
from rhapsode.modalities.music.write import encode

TICKS = 1680
"""In a quarter: exact for thirds, fifths, sevenths and 64th notes."""
NEAR = 0.02
"""Quarters."""
METRES = ((4, 4), (3, 4), (2, 4), (6, 8), (9, 8), (12, 8), (5, 8), (11, 8), (7, 4), (7, 8), (2, 2), (3, 8))
MODES = (0, 9, 2, 7, 4, 5, 11)
SCALES = {0: (0, 2, 4, 5, 7, 9, 11), 9: (0, 2, 3, 5, 7, 8, 11)}
LENGTHS = {
    "plain": (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1), Fraction(3, 2), Fraction(2), Fraction(3)),
    "odd": (Fraction(5, 4), Fraction(5, 2), Fraction(7, 8), Fraction(9, 4), Fraction(1, 16), Fraction(13, 4)),
    "loose": (Fraction(1, 3), Fraction(2, 3), Fraction(1, 6), Fraction(1, 12), Fraction(4, 3), Fraction(5, 12)),
}
GROUPS = (
    (Fraction(1, 3),) * 3,
    (Fraction(2, 3),) * 3,
    (Fraction(1, 6),) * 6,
    (Fraction(2, 3), Fraction(1, 3)),
    (Fraction(1, 3), Fraction(1, 6), Fraction(1, 6), Fraction(1, 3)),
    (Fraction(1, 5),) * 5,
    (Fraction(2, 5),) * 5,
    (Fraction(1, 7),) * 7,
)
SORTS = ("lines", "chords", "parts", "tuplets", "loose")
KINDS = ("", "m", "7", "maj7", "m7", "dim", "m7b5", "sus4", "6")

Heard = tuple[float, float, int]
"""Beginning and length in quarters, pitch."""


@dataclass
class Found:
    """What a reader made of a file. chords: (beginning, root, bass), None where it does not tell."""

    notes: list[Heard]
    chords: list[tuple[float, int, int]] | None = None


# --- tunes ---


def made(number: int, seed: int) -> Tune:
    """A tune by rule; the same for the same numbers. Its name begins with its sort."""
    random = np.random.default_rng([seed, number])
    sort = SORTS[number % len(SORTS)]
    beats, unit = METRES[random.integers(len(METRES))]
    bar = Fraction(4 * beats, unit)
    mode = MODES[random.integers(len(MODES))] if random.random() < 0.3 else 9 * int(random.integers(2))
    key = Key(0, int(random.integers(-7, 8)), mode)
    begin = Fraction(int(random.integers(1, int(bar * 2))), 2) if random.random() < 0.4 and bar > 1 else Fraction(0)
    end = bar * int(random.integers(3, 9))
    parts = (Part("upper"), Part("lower", 32)) if sort == "parts" else (Part("melody"),)
    rows: list[tuple[int, int, int, int, int]] = []
    for part in range(len(parts)):
        at = begin
        while at < end:
            for length in _lengths(random, sort, at % bar, bar):
                length = min(length, end - at)
                if at == begin or random.random() > 0.12:
                    rows += [
                        (int(at * TICKS), int(length * TICKS), each, 80, part)
                        for each in _pitches(random, key, part, sort)
                    ]
                at += length
    chord_ticks = [int(each * TICKS) for each in np.arange(0, end, bar) if each >= begin and random.random() < 0.6]
    return Tune(
        separate(notes(rows)),
        TICKS,
        int(end * TICKS),
        parts,
        (Metre(0, beats, unit),),
        (key,),
        (Tempo(0, float(random.integers(60, 180))),),
        tuple(Chord(tick, _symbol(random, key)) for tick in chord_ticks),
        f"Tune {number}",
        f"{sort} {number}",
    )


def _lengths(random: np.random.Generator, sort: str, at: Fraction, bar: Fraction) -> tuple[Fraction, ...]:
    """Of the notes to come, at a place in the bar."""
    group = GROUPS[random.integers(len(GROUPS))]
    if sort in ("tuplets", "loose") and random.random() < 0.3 and at.denominator == 1 and at + sum(group) <= bar:
        return group
    choice = random.random()
    lengths = LENGTHS["odd" if choice < 0.15 else "loose" if choice > 0.6 and sort == "loose" else "plain"]
    return (lengths[random.integers(len(lengths))],)


def _pitches(random: np.random.Generator, key: Key, part: int, sort: str) -> list[int]:
    """One, or a chord, mostly of the scale."""
    tones = [(key.tonic + each) % 12 for each in SCALES.get(key.mode, SCALES[0])]
    low = 60 - 24 * part
    count = int(random.integers(1, 4)) if sort == "chords" else 1
    found = {low + 12 * int(random.integers(2)) + tones[random.integers(7)] for _ in range(count)}
    return sorted(each + int(random.random() < 0.1) for each in found)


def _symbol(random: np.random.Generator, key: Key) -> str:
    if random.random() < 0.1:
        return ""
    tones = SCALES.get(key.mode, SCALES[0])
    root, bass = ((key.tonic + tones[random.integers(7)]) % 12 for _ in range(2))
    below = f"/{name(bass, key.sharps < 0)}" if random.random() < 0.2 else ""
    return name(root, key.sharps < 0) + KINDS[random.integers(len(KINDS))] + below


def given(paths: list[str], count: int) -> Iterator[Tune]:
    for path in paths:
        found = Path(path)
        for file in sorted(found.rglob("*")) if found.is_dir() else [found]:
            if file.is_file() and reading.recognised(file):
                for tune in reading.read(file):
                    yield tune
                    count -= 1
                    if not count:
                        return


# --- readers ---


def written(tune: Tune) -> Found:
    """What a tune has, to be compared."""
    heard = [
        (int(start) / tune.ticks, int(length) / tune.ticks, int(pitch))
        for start, length, pitch in tune.notes[["start", "length", "pitch"]].tolist()
    ]
    symbols = [(each.tick / tune.ticks, chords.parse(each.symbol)) for each in tune.chords]
    return Found(heard, [(at, harmony.root, harmony.bass) for at, harmony in symbols])


def ours(data: bytes, suffix: str) -> Found:
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        (tune,) = reading.read(Path(file.name))
    return written(tune)


def music21(data: bytes, suffix: str) -> Found:
    from music21 import converter, harmony, note

    kinds = {".abc": "abc", ".musicxml": "musicxml", ".mid": "midi"}
    if suffix == ".mid":
        score = converter.parseData(data, format="midi", quantizePost=False)
    else:
        score = converter.parseData(data.decode(), format=kinds[suffix])
    heard, symbols = [], []
    for part in score.parts:
        for each in part.stripTies().flatten():
            if isinstance(each, harmony.ChordSymbol):
                none = isinstance(each, harmony.NoChord)
                root = -1 if none else each.root().pitchClass
                symbols.append((float(each.offset), root, -1 if none else each.bass().pitchClass))
            elif isinstance(each, note.NotRest) and not each.duration.isGrace:
                heard += [(float(each.offset), float(each.quarterLength), pitch.midi) for pitch in each.pitches]
    return Found(heard, symbols if suffix == ".musicxml" else None)


def verovio(data: bytes, suffix: str) -> Found:
    import verovio as library

    library.enableLog(library.LOG_OFF)
    toolkit = library.toolkit()
    toolkit.setInputFrom({".abc": "abc", ".musicxml": "xml"}[suffix])
    if not toolkit.loadData(data.decode()):
        raise ValueError("Verovio cannot read it")
    return _played(b64decode(toolkit.renderToMIDI()))


def abc2midi(data: bytes, suffix: str) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.abc"
        # It would break chords and play chord symbols.
        together = "\n%%MIDI chordattack 0"
        text, voices = re.subn(r"(?m)^V:\d+$", rf"\g<0>{together}", data.decode())
        file.write_text(text if voices else re.sub(r"(?m)^K:.*$", rf"\g<0>{together}", text), "utf-8")
        subprocess.run(["abc2midi", file, "-o", file.with_suffix(".mid"), "-NGUI"], capture_output=True)
        return _played(file.with_suffix(".mid").read_bytes())


def mido(data: bytes, suffix: str) -> Found:
    import mido as library

    found, heard = library.MidiFile(file=io.BytesIO(data)), []
    for track in found.tracks:
        now, sounding = 0, {}
        for message in track:
            now += message.time
            if message.type in ("note_on", "note_off"):
                place = message.channel, message.note
                if place in sounding:
                    begin = sounding.pop(place)
                    heard.append((begin / found.ticks_per_beat, (now - begin) / found.ticks_per_beat, message.note))
                if message.type == "note_on" and message.velocity:
                    sounding[place] = now
    return Found(heard)


def _played(data: bytes) -> Found:
    (tune,) = midi.read(Source("midi", PurePath("a.mid"), lambda: io.BytesIO(data), lambda path: None), Refusals())
    return Found(written(tune).notes)


READERS: dict[str, tuple[Callable[[bytes, str], Found], tuple[str, ...], Callable[[], bool]]] = {
    "rhapsode": (ours, (".abc", ".musicxml", ".mid"), lambda: True),
    "music21": (music21, (".abc", ".musicxml", ".mid"), lambda: find_spec("music21") is not None),
    "verovio": (verovio, (".abc", ".musicxml"), lambda: find_spec("verovio") is not None),
    "abc2midi": (abc2midi, (".abc",), lambda: shutil.which("abc2midi") is not None),
    "mido": (mido, (".mid",), lambda: find_spec("mido") is not None),
}


# --- comparison ---


def compared(wanted: list[Heard], found: list[Heard]) -> tuple[list[Heard], list[Heard]]:
    """What was written and is not there, and what is there and was not written."""
    missing, extra = [], []
    shift = min(found, default=(0.0,))[0] - min(wanted)[0]
    rest: dict[int, list[Heard]] = {}
    for each in sorted(found):
        rest.setdefault(each[2], []).append((each[0] - shift, each[1], each[2]))
    for start, length, pitch in sorted(wanted):
        near = [each for each in rest.get(pitch, ()) if abs(each[0] - start) < NEAR and abs(each[1] - length) < NEAR]
        if near:
            rest[pitch].remove(near[0])
        else:
            missing.append((start, length, pitch))
    extra = [each for group in rest.values() for each in group]
    return missing, extra


def _counted(tune: Tune, reader: Callable[[bytes, str], Found], suffix: str, counts: Counter[str]) -> str:
    """Adds what a reader finds in a tune to the counts; what is wrong, in words."""
    wanted = written(tune)
    # A lead sheet's chords would be notes of MIDI.
    data = encode(replace(tune, chords=()) if suffix == ".mid" else tune, suffix)
    counts["tunes"] += 1
    try:
        found = reader(data, suffix)
    except Exception as error:  # whatever a reader of others raises
        counts["tunes wrong"] += 1
        counts["missing"] += len(tune)
        return f"{type(error).__name__}: {error}"
    missing, extra = compared(wanted.notes, found.notes)
    counts["equal"] += len(tune) - len(missing)
    counts["missing"] += len(missing)
    counts["extra"] += len(extra)
    counts["tunes wrong"] += bool(missing or extra)
    both: Counter[tuple[float, int, int]] = Counter()
    if found.chords is not None and suffix != ".mid" and wanted.chords and found.notes:
        shift = min(found.notes)[0] - min(wanted.notes)[0]
        both = Counter(wanted.chords) & Counter((at - shift, root, bass) for at, root, bass in found.chords)
        counts["chords"] += len(wanted.chords)
        counts["chords equal"] += both.total()
    return f"missing {missing[:4]}, extra {extra[:4]}" if missing or extra else ""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tunes", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--show", type=int, default=0)
    options.add_argument("--data", nargs="*")
    options.add_argument("--readers", default=",".join(READERS))
    chosen = options.parse_args()
    if chosen.data:
        tunes = list(given(chosen.data, chosen.tunes))
    else:
        tunes = [made(number, chosen.seed) for number in range(chosen.tunes)]
    result: dict[str, Any] = {"tunes": len(tunes), "notes": sum(map(len, tunes)), "not installed": []}
    for who, (reader, suffixes, there) in READERS.items():
        if who not in chosen.readers.split(","):
            continue
        if not there():
            result["not installed"].append(who)
            continue
        for suffix in suffixes:
            by_sort: dict[str, Counter[str]] = {}
            shown = 0
            for tune in tunes:
                counts = by_sort.setdefault(tune.name.split()[0] if not chosen.data else "given", Counter())
                wrong = _counted(tune, reader, suffix, counts)
                if wrong and shown < chosen.show:
                    shown += 1
                    print(f"{who} {suffix}: {tune.name}: {wrong}")
                    print(encode(tune, suffix).decode() if suffix == ".abc" else "")
            for sort, counts in by_sort.items():
                result[f"{who} {suffix} {sort}"] = dict(counts)
                print(f"{who} {suffix} {sort}: {dict(counts)}", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
