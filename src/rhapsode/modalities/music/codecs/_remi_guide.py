"""What may follow in tokens of REMI, and what is known of the place."""

from __future__ import annotations

import copy
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._bars import Bars
from rhapsode.modalities.music.codecs._remi_lookback import RemiLookback
from rhapsode.modalities.music.codecs._remi_tokens import RemiSign, metres_at
from rhapsode.modalities.music.instruments import DRUMS, listed
from rhapsode.modalities.music.outline import Outline, outlined
from rhapsode.modalities.music.tune import Tune

if TYPE_CHECKING:
    from rhapsode.modalities.music.codecs.remi import Remi

KIT = 128
"""Drums come after all programs."""


def _rank(program: int) -> int:
    """Where an instrument stands among those of a place."""
    return KIT if program == DRUMS else program


class RemiGuide(Guide):
    """A place in the music of several instruments along an outline.

    After a bar comes its metre, after a place what begins there: perhaps another tempo, then notes, each an instrument,
    a pitch, a level and a length. Places of a bar, instruments of a place and pitches of an instrument rise, and
    nothing is struck while it sounds: so steps that are drawn are those that encoding writes.
    """

    def __init__(self, codec: Remi, record: Tune | Outline) -> None:
        """Raises `UserError` for what the model cannot draw or keep."""
        self._own = own = codec.vocabulary
        scheme = own.scheme
        outline = outlined(record)
        where = outline.tune.name or "outline"
        if outline.parts is not None:
            raise UserError(f"{where}: codec remi draws all instruments together; none can be kept. Say which bars.")
        tune = codec.arranged(outline.drawn_along)
        unknown = [each for each in tune.metres if (each.beats, each.unit) not in scheme.metres]
        if unknown:
            metre = f"{unknown[0].beats}/{unknown[0].unit}"
            known = ", ".join(f"{beats}/{unit}" for beats, unit in scheme.metres)
            raise UserError(f"{where}: the model has never seen the metre {metre}. It can write {known}.")
        self._bars = Bars(tune, scheme.grid, tune.keys[0].mode, outline.beyond)
        self._end = int(self._bars.starts[-2]) if outline.loop else self._bars.end  # that no note passes
        self._loop, self._opening = outline.loop, list[int]()  # of a loop, the tokens of its first bar
        self._key = codec.usual.place(outline.tune)
        self._metres = [
            scheme.metres.index((each.beats, each.unit)) for each in metres_at(tune, self._bars.starts[:-1])
        ]
        self._struck: dict[tuple[int, int], list[int]] = {}  # frames of what is kept, by instrument and pitch
        self._kept = self._keep(codec, outline, where)
        signs, values = own.signs, own.values
        scale = outline.scale(tune)
        pitches = np.isin(values % 12, [*scale]) if outline.in_key else np.ones(len(values), bool)
        self._sounds = (signs == RemiSign.PitchDrum) | ((signs == RemiSign.Pitch) & pitches)
        lacking = {*(outline.programs or ())} - {*own.programs}
        if lacking:
            raise UserError(
                f"the model does not know the instruments {listed(sorted(lacking))}; it knows {listed(own.programs)}."
            )
        self._ranks = np.where(values == DRUMS, KIT, values)
        self._pitches = {
            _rank(each): values[self._sounds & (signs == (RemiSign.PitchDrum if each == DRUMS else RemiSign.Pitch))]
            for each in own.programs
            if outline.programs is None or each in outline.programs
        }  # that each instrument may play
        self._ends = {
            each: np.zeros(128, np.int64) for each in map(_rank, own.programs)
        }  # of the last note of each pitch
        self._tempos, self._pace = self._known_tempos(codec, outline), 0  # see there; the last one
        self._lookback = RemiLookback(self._bars, scheme.grid, KIT)
        self._band = [*self._ends]
        self._bar, self._at = -1, 0  # which it is, and tokens of it that were read
        self._metre, self._place = 0, -1  # of the bar; the last place in it, in parts of a beat
        self._player, self._pitch = -1, -1  # at this place, the rank of the last instrument, and its last pitch
        self._before = RemiSign.EOS

    def _keep(self, codec: Remi, outline: Outline, where: str) -> dict[int, list[int]]:
        """The tokens of each bar that is not to be drawn."""
        if outline.bars is None:
            return {}
        if reason := codec.refusal(outline.tune):
            raise UserError(f"{where}: a tune {reason}, and some of it is to be kept. Choose another one.")
        steps = codec.encode(outline.tune)[:-1]
        begins = np.flatnonzero(self._own.signs[steps] == RemiSign.Bar)
        bars = np.split(steps, begins[1:])
        kept = {n: bar.tolist() for n, bar in enumerate(bars) if not outline.drawn(n, 0)}
        tune = codec.arranged(outline.tune)
        for start, pitch, part in tune.notes[["start", "pitch", "part"]].tolist():
            if self._bars.number(start) in kept:
                played = tune.parts[part]
                self._struck.setdefault((_rank(DRUMS if played.drums else played.program), pitch), []).append(start)
        return kept

    # --- what is given and allowed ---

    @property
    def _frame(self) -> int:
        starts = self._bars.starts
        if self._bar < 0:
            return 0
        into = max(self._place, 0) // self._own.step(self._metre)
        return min(int(starts[min(self._bar, len(starts) - 1)]) + into, self._bars.end)

    def covariates(self) -> np.ndarray:
        frame = self._frame
        player = (
            self._player
            if self._before in (RemiSign.Program, RemiSign.Pitch, RemiSign.PitchDrum, RemiSign.Velocity)
            else None
        )
        return np.concatenate(
            [self._bars.covariates(frame), self._lookback.covariates(frame, player, self._band), self._key]
        )

    def mask(self) -> np.ndarray:
        signs, values = self._own.signs, self._own.values
        kept = self._opening if self._loop and self._bar == self._last else self._kept.get(self._bar)
        if kept is not None and self._at < len(kept):
            return np.asarray(np.arange(len(signs)) == kept[self._at])
        match self._before:
            case RemiSign.Bar:
                return np.asarray((signs == RemiSign.TimeSig) & (values == self._metres[min(self._bar, self._last)]))
            case RemiSign.Program:
                sign = RemiSign.PitchDrum if self._player == KIT else RemiSign.Pitch
                return np.asarray(self._sounds & (signs == sign) & np.isin(values, self._free(self._player)))
            case RemiSign.Pitch | RemiSign.PitchDrum:
                return np.asarray(signs == RemiSign.Velocity)
            case RemiSign.Velocity:
                step = self._own.step(self._metre)
                frame = self._frame
                later = self._struck.get((self._player, self._pitch), [])
                end = next(iter(later[bisect_right(later, frame) :]), self._end)
                left = max(min(end, self._end) - frame, 1) * step
                return np.asarray((signs == RemiSign.Duration) & (values % step == 0) & (values <= left))
            case RemiSign.Position if (known := self._tempos.get((self._bar, self._place))) is not None:
                return np.asarray((signs == RemiSign.Tempo) & (values == known))
            case RemiSign.Position if self._own.scheme.tempos and not self._bar and not self._place:
                return np.asarray(signs == RemiSign.Tempo)
        more = signs == (RemiSign.Bar if self._bar < self._last else RemiSign.EOS)
        if kept is not None or self._bar < 0:
            return np.asarray(more)
        if self._before == RemiSign.TimeSig and not self._bar and self._own.scheme.tempos:
            return np.asarray((signs == RemiSign.Position) & (values == 0))
        notes, places = self._notes(), self._places()
        if self._before == RemiSign.Position:
            return np.asarray(notes | ((signs == RemiSign.Tempo) & (values != self._pace) & (not self._tempos)))
        due = min((place for bar, place in self._tempos if bar == self._bar and place > self._place), default=None)
        if due is not None:  # a tempo that is known comes at that place
            more = (signs == RemiSign.Position) & (values == due)
            places = places & (values < due)
        return np.asarray(more | places | (notes & (self._before != RemiSign.TimeSig)))

    @property
    def _last(self) -> int:
        """The number of the last bar."""
        return len(self._metres) - 1

    def _free(self, player: int) -> np.ndarray:
        """Pitches that an instrument may play (once more) at this place."""
        pitches = self._pitches[player]
        pitches = pitches[self._ends[player][pitches] <= self._frame]
        return np.asarray(pitches[pitches > self._pitch] if player == self._player else pitches)

    def _notes(self) -> np.ndarray:
        """[V] bool: instruments that may play (once more) at this place."""
        players = [each for each in self._pitches if each >= self._player and len(self._free(each))]
        return np.asarray((self._own.signs == RemiSign.Program) & np.isin(self._ranks, players))

    def _places(self) -> np.ndarray:
        """[V] bool: places of the bar that are still to come, and at which something may be played."""
        beats, _ = self._own.scheme.metres[self._metre]
        values, step = self._own.values, self._own.step(self._metre)
        free = [int(self._ends[each][pitches].min()) for each, pitches in self._pitches.items() if len(pitches)]
        begin = int(self._bars.starts[min(self._bar, self._last)])
        fits = (values > self._place) & (values < beats * self._own.scheme.parts) & (values % step == 0)
        fits &= begin + values // step >= min(free, default=self._bars.end)
        return np.asarray((self._own.signs == RemiSign.Position) & fits)

    def _known_tempos(self, codec: Remi, outline: Outline) -> dict[tuple[int, int], int]:
        """Tempos that are not to be drawn, by bar and place: all, or there are none. Of a tune whose bars are drawn
        anew, its own; one, if that was asked for."""
        own = self._own
        found: dict[tuple[int, int], int] = {}
        if own.scheme.tempos and outline.tempo is not None:
            away = np.where(own.signs == RemiSign.Tempo, np.abs(own.values - 100 * outline.tempo), np.inf)
            found[0, 0] = int(own.values[away.argmin()])
        elif own.scheme.tempos and outline.bars is not None:
            bar = place = -1
            for step in codec.encode(outline.tune).tolist():
                sign, value = own.signs[step], int(own.values[step])
                bar += sign == RemiSign.Bar
                place = value if sign == RemiSign.Position else place
                if sign == RemiSign.Tempo:
                    found[bar, place] = value
        return found

    def most(self) -> int:
        # At each place each instrument plays each pitch, four tokens a note, after a place and a tempo.
        bars = self._last - self._bar + 1
        chosen = sum(
            int((self._sounds & (self._own.signs == sign)).sum()) for sign in (RemiSign.Pitch, RemiSign.PitchDrum)
        )
        return bars * (2 + self._own.scheme.places * (2 + 4 * chosen * len(self._own.programs))) + 1

    def read(self, step: Any) -> None:
        sign, value = RemiSign(self._own.signs[int(step)]), int(self._own.values[int(step)])
        self._at += 1
        match sign:
            case RemiSign.Bar:
                self._bar, self._at, self._place = self._bar + 1, 1, -1
                self._player, self._pitch = -1, -1
            case RemiSign.TimeSig:
                self._metre = value
            case RemiSign.Position:
                self._place, self._player, self._pitch = value, -1, -1
            case RemiSign.Tempo:
                self._pace = value
            case RemiSign.Program:
                rank = _rank(value)
                self._pitch = self._pitch if rank == self._player else -1
                self._player = rank
            case RemiSign.Pitch | RemiSign.PitchDrum:
                self._pitch = value
            case RemiSign.Duration:
                length = value // self._own.step(self._metre)
                pitch = max(self._pitch, 0)
                self._lookback.add(self._frame, length, self._player, pitch)
                ends = self._ends[self._player].copy()
                ends[pitch] = self._frame + length
                self._ends = {**self._ends, self._player: ends}
        if self._loop and not self._bar:
            self._opening = [*self._opening, int(step)]
        self._before = sign

    def copy(self) -> Self:
        other = copy.copy(self)  # nothing else is changed in place
        other._lookback = self._lookback.copy()
        return other
