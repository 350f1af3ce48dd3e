"""The tokens of REMI (Huang & Yang, "Pop Music Transformer", 2020) with programs (von Rütte et al., "FIGARO", 2022), as
MidiTok has them:

    Bar TimeSig_4/4 Position_0 Tempo_120 Program_33 Pitch_36 Velocity_96 Duration_1.0.4 Program_-1 PitchDrum_36 ...

MidiTok makes tokens of tunes and tunes of tokens. What is here says which tokens a model has, and what each means, so
that a guide can tell which may follow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from symusic import core

from rhapsode.errors import UserError
from rhapsode.modalities.music.instruments import DRUMS, name_of
from rhapsode.modalities.music.tune import NOTE, Metre, Part, Tempo, Tune, changing_tempos, rescaled, separate

LONGEST = 32
"""Beats of a note, at most."""
WIDEST = 16
"""Quarter notes in a bar, at most."""
FINEST = 48
"""Frames in a quarter note, at most."""
PITCHES, QUARTER = (0, 127), 4
PLAYED = ("pitch", "velocity")
UNKNOWN, SLOWEST = 120.0, 1.0
"""Quarter notes a minute where no tempo is known; and what slower ones are taken for."""
BAR, END = "Bar_None", "EOS_None"


class RemiSign(IntEnum):
    """What a token is, by MidiTok's names; and what its value is: of a metre its number among those known, of a
    position and of a length so many parts of a beat, of a tempo hundredths of quarter notes a minute."""

    Bar, EOS, TimeSig, Position, Tempo, Program, Pitch, PitchDrum, Velocity, Duration = range(10)


def short(beats: int, unit: int) -> bool:
    """Whether bars of a metre are not too long, and MIDI knows it."""
    return beats >= 1 and unit >= 1 and unit & (unit - 1) == 0 and 4 * beats <= WIDEST * unit


def usable(beats: int, unit: int, grid: int) -> bool:
    """Whether bars of a metre can be written in frames of `grid` to a quarter."""
    return short(beats, unit) and 4 * grid % unit == 0


@dataclass(frozen=True)
class Scheme:
    """What decides the tokens of a tune.

    grid:       frames in a quarter note.
    velocities: levels of loudness that are told apart.
    tempos:     the lowest and highest, quarter notes a minute, and how many steps there are; () for no tokens of tempo.
    metres:     beats and unit of each.
    """

    grid: int
    velocities: int
    tempos: tuple[int, ...]
    metres: tuple[tuple[int, int], ...]

    @cached_property
    def coarsest(self) -> int:
        """The unit of the longest beat, a quarter at least: MidiTok needs it."""
        return min(QUARTER, *(unit for _, unit in self.metres))

    @property
    def parts(self) -> int:
        """Of a beat, that are told apart, whatever the beat's unit; of the longest beat they are frames."""
        return 4 * self.grid // self.coarsest

    @cached_property
    def tokenizer(self) -> Any:
        """MidiTok's. Raises `UserError` if it is not installed."""
        miditok = _miditok()
        metres = [*self.metres, (4, QUARTER)]
        config = miditok.TokenizerConfig(
            pitch_range=PITCHES,
            drums_pitch_range=PITCHES,
            use_pitchdrum_tokens=True,
            beat_res={(0, LONGEST): self.parts},
            num_velocities=self.velocities,
            special_tokens=["EOS"],
            use_programs=True,
            one_token_stream_for_programs=True,
            programs=list(range(DRUMS, 128)),
            use_time_signatures=True,
            time_signature_range={unit: sorted({beats for beats, own in metres if own == unit}) for _, unit in metres},
            delete_equal_successive_time_sig_changes=True,
            use_tempos=bool(self.tempos),
            **self._tempos,
        )
        return miditok.REMI(config)

    @cached_property
    def places(self) -> int:
        """In the bar of most beats."""
        return max(beats for beats, _ in self.metres) * self.parts

    def length(self, value: int) -> str:
        """The token of so many parts of a beat."""
        return f"Duration_{value // self.parts}.{value % self.parts}.{self.parts}"

    @property
    def _tempos(self) -> dict[str, Any]:
        if not self.tempos:
            return {}
        low, high, steps = self.tempos
        return {
            "tempo_range": (low, high),
            "num_tempos": steps,
            "log_tempos": steps != high - low + 1,
            "delete_equal_successive_tempo_changes": True,
        }

    # --- tunes ⇄ MidiTok's tokens ---

    def arranged(self, found: Tune) -> Tune:
        """A tune in frames as its tokens have it: an instrument is one part, and metres change at bar lines. Its metres
        need not be usable."""
        own = np.array([DRUMS if part.drums else part.program for part in found.parts])
        used = sorted({*own[np.unique(found.notes["part"])].tolist()}, key=lambda program: (program < 0, program))
        notes = found.notes.copy()
        notes["part"] = np.searchsorted([program % 129 for program in used], own[notes["part"]] % 129)
        parts = tuple(_part(max(program, 0), program == DRUMS) for program in used)
        tempos = [each for each in found.tempos if each.tick < found.length]
        first = [] if tempos and tempos[0].tick == 0 else [Tempo(0, UNKNOWN)]
        return replace(
            found,
            notes=separate(notes),
            parts=parts or (Part(),),
            metres=_regular(found),
            tempos=changing_tempos([*first, *tempos]),
            chords=(),
        )

    def tokens(self, tune: Tune) -> list[str]:
        """Of an `arranged` tune, all of whose metres are known; its last bars are empty if they have no notes."""
        finest = max(metre.unit for metre in tune.metres)
        factor = finest // self.coarsest
        score = core.ScoreTick(self.grid * factor)
        for number, part in enumerate(tune.parts):
            track = core.TrackTick(part.name, part.program, part.drums)
            rows = tune.notes[tune.notes["part"] == number]
            columns = [factor * rows["start"], factor * rows["length"], *(rows[n].astype("i1") for n in PLAYED)]
            track.notes = core.NoteTickList.from_numpy(*map(np.ascontiguousarray, columns))
            score.tracks.append(track)
        for metre in tune.metres:
            score.time_signatures.append(core.TimeSignatureTick(factor * metre.tick, metre.beats, metre.unit))
        for tempo in tune.tempos if self.tempos else ():
            pace = min(max(tempo.quarters, SLOWEST), self.tempos[1])
            score.tempos.append(core.TempoTick(factor * tempo.tick, None, round(60e6 / pace)))
        found: list[str] = self.tokenizer.encode(score).tokens
        for metre in metres_at(tune, tune.bars()[found.count(BAR) :]):
            found += [BAR, f"TimeSig_{metre.beats}/{metre.unit}"]
        return found

    def tune(self, tokens: Sequence[str]) -> Tune:
        """Of any tokens that begin with a bar and its metre; without tempos, if there are no tokens of such. Raises
        `UserError` for tokens that this version of MidiTok does not have."""
        numbers = self.tokenizer.vocab
        others = sorted({*tokens} - {*numbers})
        if others:
            raise UserError(
                f"MidiTok {version('miditok')} does not know {', '.join(others[:3])}: the model was made with another "
                "version of it. Install the one that the model was trained with: pip install 'miditok==3.1.*'"
            )
        score = self.tokenizer.decode([numbers[token] for token in tokens])
        tracks = sorted(score.tracks, key=lambda track: (track.is_drum, track.program))
        rows = []
        for number, track in enumerate(tracks):
            columns = track.notes.numpy()
            names = ("time", "duration", "pitch", "velocity")
            rows.append(np.stack([*(columns[n].astype(np.int64) for n in names), np.full(len(track.notes), number)]))
        table = np.concatenate(rows, axis=1).T.tolist() if rows else []
        notes = separate(np.array([tuple(row) for row in table], NOTE))
        ends = notes["start"] + notes["length"]
        metres = {each.time: Metre(each.time, each.numerator, each.denominator) for each in score.time_signatures}
        marks = score.tempos if self.tempos else ()  # MidiTok says one where there is none
        tempos = {each.time: Tempo(each.time, round(60e6 / each.mspq, 2)) for each in marks}
        found = Tune(
            notes,
            score.ticks_per_quarter,
            max(self._length(tokens, score.ticks_per_quarter), int(ends.max(initial=1))),
            tuple(_part(track.program, track.is_drum) for track in tracks) or (Part(),),
            tuple(metres[tick] for tick in sorted(metres)),
            tempos=changing_tempos([tempos[tick] for tick in sorted(tempos)]),
        )
        return rescaled(found, self.grid)

    def _length(self, tokens: Iterable[str], ticks: int) -> int:
        """Of all bars together, with so many ticks in a quarter."""
        length = bar = 0
        for token in tokens:
            if token == BAR:
                length += bar
            elif token.startswith("TimeSig_"):
                beats, unit = map(int, token.removeprefix("TimeSig_").split("/"))
                bar = 4 * ticks * beats // unit
        return length + bar


class RemiVocabulary:
    """The tokens that a model has, numbered from 0.

    signs, values: [V] int64: of each token, see `RemiSign`.
    """

    def __init__(self, scheme: Scheme, names: Sequence[str]) -> None:
        """Raises `ValueError` for names that are no tokens of the scheme, or too few to write any tune."""
        self.scheme, self.names = scheme, list(names)
        self.number = {name: n for n, name in enumerate(self.names)}
        read = [self._read(name) for name in self.names]
        self.signs, self.values = np.array(read, np.int64).reshape(-1, 2).T
        lacking = {*self.needed(scheme)} - {*self.names}
        kinds = {*self.signs.tolist()}
        sounds = {RemiSign.Pitch, RemiSign.PitchDrum} & kinds
        if lacking or len(self.number) < len(self.names) or not sounds or RemiSign.Velocity not in kinds:
            raise ValueError(f"tokens that differ, among them {', '.join(sorted(lacking)[:3]) or 'notes'}")
        self.programs = sorted(self.values[self.signs == RemiSign.Program].tolist())
        pitched = any(program >= 0 for program in self.programs)
        if (RemiSign.PitchDrum in sounds) != (DRUMS in self.programs) or (RemiSign.Pitch in sounds) != pitched:
            raise ValueError("instruments for all notes, and notes for all instruments")
        if (RemiSign.Tempo in kinds) != bool(scheme.tempos):
            raise ValueError("tempos, or none")

    @staticmethod
    def needed(scheme: Scheme) -> list[str]:
        """What every model of the scheme must be able to write: bars, all places in them, and the shortest notes."""
        return [
            BAR,
            END,
            *(f"TimeSig_{beats}/{unit}" for beats, unit in scheme.metres),
            *(f"Position_{place}" for place in range(scheme.places)),
            *(scheme.length(unit // scheme.coarsest) for unit in sorted({unit for _, unit in scheme.metres})),
        ]

    @staticmethod
    def fitted(scheme: Scheme, tokens: Iterable[str]) -> RemiVocabulary:
        """For tunes of these tokens: also with all pitches between the lowest and the highest."""
        found = {*tokens}
        pitches = [int(name.removeprefix("Pitch_")) for name in found if name.startswith("Pitch_")]
        between = range(min(pitches), max(pitches) + 1) if pitches else ()
        found |= {*RemiVocabulary.needed(scheme), *(f"Pitch_{pitch}" for pitch in between)}
        order = scheme.tokenizer.vocab
        return RemiVocabulary(scheme, sorted(found, key=lambda name: int(order[name])))

    def _read(self, name: str) -> tuple[int, int]:
        """Sign and value. Raises `ValueError`."""
        word, _, text = name.partition("_")
        sign = RemiSign.__members__.get(word)
        if sign is None:
            raise ValueError(f"tokens of REMI, not {name!r}")
        value = 0
        if sign == RemiSign.TimeSig:
            beats, _, unit = text.partition("/")
            value = self.scheme.metres.index((int(beats), int(unit)))
        elif sign == RemiSign.Duration:
            whole, part, parts = map(int, text.split("."))
            value = whole * parts + part
            if name != self.scheme.length(value) or not 1 <= value <= LONGEST * self.scheme.parts:
                raise ValueError(f"lengths in parts of a beat, not {name!r}")
        elif sign == RemiSign.Tempo:
            value = round(100 * float(text))
            if not 1 <= value <= 1_000_00:
                raise ValueError(f"tempos, not {name!r}")
        elif sign not in (RemiSign.Bar, RemiSign.EOS):
            value = int(text)
            low, high = LIMITS.get(sign, (0, self.scheme.places - 1))
            if not low <= value <= high or name != f"{word}_{value}":
                raise ValueError(f"{word} of {low} … {high}, not {name!r}")
        elif text != "None":
            raise ValueError(f"{word}_None, not {name!r}")
        return int(sign), value

    def numbers(self, tokens: Iterable[str]) -> list[int]:
        """Of tokens of the scheme; levels and tempos that the model does not have are the nearest that it has, lengths
        the nearest that are shorter. Raises `KeyError` for others."""
        found, step = [], 1
        for token in tokens:
            number = self.number.get(token)
            if number is None:
                number = self._nearest(token, step)
            elif self.signs[number] == RemiSign.TimeSig:
                step = self.step(int(self.values[number]))
            found.append(number)
        return found

    def step(self, metre: int) -> int:
        """Parts of a beat in a frame, in bars of a metre."""
        return self.scheme.metres[metre][1] // self.scheme.coarsest

    def _nearest(self, token: str, step: int) -> int:
        sign, value = self._read(token)
        if sign not in (RemiSign.Duration, RemiSign.Velocity, RemiSign.Tempo):
            raise KeyError(token)
        own = self.signs == sign
        if sign == RemiSign.Duration:
            own &= (self.values <= value) & (self.values % step == 0)
        numbers = np.flatnonzero(own)
        return int(numbers[np.abs(self.values[numbers] - value).argmin()])


LIMITS = {
    RemiSign.Program: (DRUMS, 127),
    RemiSign.Pitch: PITCHES,
    RemiSign.PitchDrum: PITCHES,
    RemiSign.Velocity: (1, 127),
}


def metres_at(tune: Tune, ticks: Sequence[int] | np.ndarray) -> list[Metre]:
    """Those that hold at these ticks, of a tune that has one from the beginning on."""
    begins = [each.tick for each in tune.metres]
    return [tune.metres[n] for n in np.searchsorted(begins, ticks, side="right") - 1]


def _regular(tune: Tune) -> tuple[Metre, ...]:
    """Its metres, from the beginning on, each from the next bar line on."""
    found: list[Metre] = []
    marks = tune.metres if tune.metres and tune.metres[0].tick == 0 else (Metre(0, 4, 4), *tune.metres)
    for metre in marks:
        if found:
            last = found[-1]
            bar = max(4 * tune.ticks * last.beats // last.unit, 1)
            metre = replace(metre, tick=last.tick + max(0, -(-(metre.tick - last.tick) // bar)) * bar)
            if metre.tick == last.tick:
                found.pop()
        same = bool(found) and (found[-1].beats, found[-1].unit) == (metre.beats, metre.unit)
        if not same and metre.tick < max(tune.length, 1):
            found.append(metre)
    return tuple(found)


def _part(program: int, drums: bool) -> Part:
    return Part(name_of(DRUMS if drums else program), program, drums)


def _miditok() -> Any:
    """The library. Raises `UserError` if it is not installed."""
    # It has data sets for PyTorch, too, which it leaves out where there is none; loading that takes seconds.
    unwanted = "miditok.pytorch_data"
    absent = unwanted not in sys.modules
    if absent:
        sys.modules[unwanted] = None  # type: ignore[assignment]
    try:
        import miditok
    except ImportError:
        raise UserError(
            "tunes of several instruments or with drums are learnt through MidiTok, which is not installed. Install "
            "it: pip install 'rhapsode[midi]'; or give --codec pianoroll, which knows neither drums nor instruments."
        ) from None
    finally:
        if absent:
            del sys.modules[unwanted]
    return miditok
