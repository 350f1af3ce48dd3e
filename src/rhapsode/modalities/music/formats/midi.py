"""Standard MIDI files (`.mid`, `.midi`), through symusic.

A part is what one track plays on one channel with one program. Lyrics, markers, controllers and pitch bends are left
alone. Of modes MIDI knows major and minor; other modes, and titles, do not come back from a file that was written.
MIDI has no chord symbols: we write them as the lyrics of a track named `chords`, and a marker `end` where silence ends
a tune, and read both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

import numpy as np
from symusic import core

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.formats._sheet import LONGEST, PARTS, TICKS
from rhapsode.modalities.music.tune import (
    NOTE,
    Chord,
    Key,
    Metre,
    Part,
    Tempo,
    Tune,
    changing_keys,
    changing_metres,
    changing_tempos,
    rescaled,
    separate,
)
from rhapsode.modalities.music.voicing import ACCOMPANIMENT, accompanied, unaccompanied

MAJOR, MINOR = 0, 9
MINUTE = 60_000_000
"""Microseconds."""
SHORTEST = 128
"""The unit of a metre is at least this part of a whole note; so many bars are not much more than quarters."""
END, NO_CHORD = "end", "NC"
HEADER, LATER = 14, b"\x01\xff\x2f\x00"
"""Bytes before the first track; the end of a track, a tick after its last event."""
SILENCE = 64
"""Quarters after the last note in which `END` is believed."""
FINEST = 0x7FFF
"""Ticks in a quarter that a file can have."""


def recognises(head: bytes) -> bool:
    return head.startswith(b"MThd")


def read(source: Source, refused: Refusals) -> Iterator[Tune]:
    try:
        score = core.ScoreTick.from_midi(source.data(), True)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"{source.name}: a damaged MIDI file, or one in seconds in place of beats ({error}). Fetch it again, or "
            "save it anew with another program."
        ) from None
    if score.ticks_per_quarter < 1:
        raise UserError(f"{source.name}: has no ticks in a quarter note. Save it anew with another program.")
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        refused.skip("no notes", source.name)
        return
    if len(tracks) > PARTS:
        refused.skip(f"more than {PARTS:,} parts", source.name)
        return
    notes = separate(_notes(tracks))
    if not 0 <= notes["start"].min() <= notes["start"].max() <= LONGEST or notes["length"].max() >= LONGEST:
        raise UserError(f"{source.name}: longer than {LONGEST:,} ticks. It is damaged, or no music.")
    tick = attrgetter("tick")
    sounding = int((notes["start"] + notes["length"]).max())
    ends = (each.time for each in score.markers if each.text == END)
    tune = Tune(
        notes,
        score.ticks_per_quarter,
        max((each for each in ends if 0 <= each - sounding <= SILENCE * score.ticks_per_quarter), default=sounding),
        tuple(Part(track.name, track.program, track.is_drum) for track in tracks),
        changing_metres(sorted(_metres(score), key=tick), score.ticks_per_quarter),
        changing_keys(sorted(_keys(score), key=tick)),
        changing_tempos(sorted(_tempos(score), key=tick)),
        _chords(score),
        name=source.name,
    )
    yield unaccompanied(tune)


def dumps(tune: Tune) -> bytes:
    """The contents of a file."""
    tune = tune if tune.ticks <= FINEST else rescaled(tune, TICKS)
    score = core.ScoreTick(tune.ticks)
    for number, part in enumerate(tune.parts):
        track = core.TrackTick(part.name, part.program, part.drums)
        rows = tune.notes[tune.notes["part"] == number]
        columns = [rows["start"], rows["length"], rows["pitch"].astype(np.int8), rows["velocity"].astype(np.int8)]
        track.notes = core.NoteTickList.from_numpy(*map(np.ascontiguousarray, columns))
        score.tracks.append(track)
    for metre in tune.metres:
        score.time_signatures.append(core.TimeSignatureTick(metre.tick, metre.beats, metre.unit))
    for key in tune.keys:
        score.key_signatures.append(core.KeySignatureTick(key.tick, key.sharps, int(key.mode == MINOR)))
    for tempo in tune.tempos:
        score.tempos.append(core.TempoTick(tempo.tick, None, round(MINUTE / tempo.quarters)))
    if tune.chords:
        track = core.TrackTick(ACCOMPANIMENT.name)
        for chord in tune.chords:
            track.lyrics.append(core.TextMetaTick(chord.tick, chord.symbol or NO_CHORD))
        score.tracks.append(track)
    if tune.length > int((tune.notes["start"] + tune.notes["length"]).max(initial=0)):
        score.markers.append(core.TextMetaTick(tune.length, END))
    return _exact(score.dumps_midi())


def _exact(data: bytes) -> bytes:
    """A file whose tracks end with their last event, and not a tick later, as symusic writes them: loops are exact."""
    found, at = bytearray(data), HEADER
    while at + 8 <= len(found):
        at += 8 + int.from_bytes(found[at + 4 : at + 8], "big")
        if found[at - len(LATER) : at] == LATER:
            found[at - len(LATER)] = 0
    return bytes(found)


def _notes(tracks: Sequence[core.TrackTick]) -> np.ndarray:
    """[N] of `NOTE`, in no order."""
    found = np.empty(sum(len(track.notes) for track in tracks), NOTE)
    at = 0
    for part, track in enumerate(tracks):
        columns = track.notes.numpy()
        rows = found[at : at + len(columns["time"])]
        rows["start"], rows["length"] = columns["time"], columns["duration"]
        rows["pitch"], rows["velocity"] = columns["pitch"], np.maximum(columns["velocity"], 1)
        rows["part"] = part
        at += len(rows)
    return found


def _chords(score: core.ScoreTick) -> tuple[Chord, ...]:
    """What the lyrics of a track without notes say that is named as ours; without those that are no chords."""
    texts = [
        text
        for track in score.tracks
        if track.name == ACCOMPANIMENT.name and not len(track.notes)
        for text in track.lyrics
        if text.time >= 0 and chords.is_known(text.text)
    ]
    found = {text.time: "" if text.text == NO_CHORD else text.text for text in sorted(texts, key=attrgetter("time"))}
    return tuple(Chord(tick, symbol) for tick, symbol in found.items())


def _metres(score: core.ScoreTick) -> list[Metre]:
    return [
        Metre(each.time, each.numerator, each.denominator)
        for each in score.time_signatures
        if each.time >= 0 and each.numerator > 0 and 0 < each.denominator <= SHORTEST
    ]


def _keys(score: core.ScoreTick) -> list[Key]:
    return [
        Key(each.time, each.key, MINOR if each.tonality else MAJOR)
        for each in score.key_signatures
        if each.time >= 0 and -7 <= each.key <= 7
    ]


def _tempos(score: core.ScoreTick) -> list[Tempo]:
    return [Tempo(each.time, _pace(each.mspq)) for each in score.tempos if each.time >= 0 and each.mspq > 0]


def _pace(microseconds: int) -> float:
    """Quarters a minute: the roundest number that makes so many microseconds a quarter."""
    rounded = (float(f"{MINUTE / microseconds:.{digits}g}") for digits in range(1, 10))
    return next((each for each in rounded if round(MINUTE / each) == microseconds), MINUTE / microseconds)


def _midi(tune: Tune) -> bytes:
    return dumps(accompanied(tune))


FORMAT = Format("MIDI", recognises, read=read, writes={".mid": _midi, ".midi": _midi})
