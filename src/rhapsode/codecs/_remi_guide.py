"""What may follow in tokens of REMI, and what is known of the place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rhapsode.codecs._bars import Bars
from rhapsode.codecs._remi_echo import Heard
from rhapsode.codecs._remi_tokens import Sign, metres_at
from rhapsode.errors import UserError
from rhapsode.guide import Guide
from rhapsode.music.instruments import DRUMS, listed
from rhapsode.music.outline import Outline, outlined
from rhapsode.music.tune import Tune

if TYPE_CHECKING:
    from rhapsode.codecs.remi import Remi

KIT = 128
"""Drums come after all programs."""


class Playing(Guide):
    """A place in the music of several instruments along an outline.

    After a bar comes its metre, after a place what begins there: perhaps a tempo, then notes, each an instrument, a
    pitch, a level and a length. Places of a bar, instruments of a place and pitches of an instrument rise.
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
        self._kept = self._keep(codec, outline, where)
        signs, values = own.signs, own.values
        scale = outline.scale(tune)
        pitches = np.isin(values % 12, [*scale]) if outline.in_key else np.ones(len(values), bool)
        self._sounds = (signs == Sign.PitchDrum) | ((signs == Sign.Pitch) & pitches)
        lacking = {*(outline.programs or ())} - {*own.programs}
        if lacking:
            raise UserError(
                f"the model does not know the instruments {listed(sorted(lacking))}; it knows {listed(own.programs)}."
            )
        played = [each for each in own.programs if outline.programs is None or each in outline.programs]
        self._highest = {each: self._top(each) for each in played}  # -1 where nothing may be played
        self._players = (signs == Sign.Program) & np.isin(values, [n for n in played if self._highest[n] >= 0])
        self._ranks = np.where(values == DRUMS, KIT, values)
        self._tempo = outline.tempo
        self._heard = Heard(self._bars, scheme.grid, KIT)
        self._band = [KIT if each == DRUMS else each for each in own.programs]
        self._bar, self._at = -1, 0  # which it is, and tokens of it that were read
        self._metre, self._place = 0, -1  # of the bar; the last place in it, in parts of a beat
        self._player, self._pitch = -1, -1  # at this place, the rank of the last instrument, and its last pitch
        self._before = Sign.EOS

    def _top(self, program: int) -> int:
        """The highest pitch that an instrument may play; -1 for none."""
        signs = self._own.signs
        mine = self._sounds & (signs == (Sign.PitchDrum if program == DRUMS else Sign.Pitch))
        return int(self._own.values[mine].max(initial=-1))

    def _keep(self, codec: Remi, outline: Outline, where: str) -> dict[int, list[int]]:
        """The tokens of each bar that is not to be drawn."""
        if outline.bars is None:
            return {}
        if reason := codec.refusal(outline.tune):
            raise UserError(f"{where}: a tune {reason}, and some of it is to be kept. Choose another one.")
        steps = codec.encode(outline.tune)[:-1]
        begins = np.flatnonzero(self._own.signs[steps] == Sign.Bar)
        bars = np.split(steps, begins[1:])
        return {n: bar.tolist() for n, bar in enumerate(bars) if not outline.drawn(n, 0)}

    # --- what is given and allowed ---

    @property
    def _frame(self) -> int:
        starts = self._bars.starts
        if self._bar < 0:
            return 0
        into = max(self._place, 0) // self._own.step(self._metre)
        return min(int(starts[min(self._bar, len(starts) - 1)]) + into, self._bars.end)

    def given(self) -> np.ndarray:
        frame = self._frame
        player = self._player if self._before in (Sign.Program, Sign.Pitch, Sign.PitchDrum, Sign.Velocity) else None
        return np.concatenate([self._bars.numbers(frame), self._heard.numbers(frame, player, self._band), self._key])

    def allowed(self) -> np.ndarray:
        signs, values = self._own.signs, self._own.values
        kept = self._opening if self._loop and self._bar == self._last else self._kept.get(self._bar)
        if kept is not None and self._at < len(kept):
            return np.asarray(np.arange(len(signs)) == kept[self._at])
        match self._before:
            case Sign.Bar:
                return np.asarray((signs == Sign.TimeSig) & (values == self._metres[min(self._bar, self._last)]))
            case Sign.Program:
                sign = Sign.PitchDrum if self._player == KIT else Sign.Pitch
                return np.asarray(self._sounds & (signs == sign) & (values > self._pitch))
            case Sign.Pitch | Sign.PitchDrum:
                return np.asarray(signs == Sign.Velocity)
            case Sign.Velocity:
                step = self._own.step(self._metre)
                left = max(self._end - self._frame, 1) * step
                return np.asarray((signs == Sign.Duration) & (values % step == 0) & (values <= left))
            case Sign.Position if self._first and self._own.scheme.tempos:
                return self._tempos()
        more = signs == (Sign.Bar if self._bar < self._last else Sign.EOS)
        if kept is not None or self._bar < 0:
            return np.asarray(more)
        if self._before == Sign.TimeSig and not self._bar and self._own.scheme.tempos:
            return np.asarray((signs == Sign.Position) & (values == 0))
        notes = self._notes()
        if self._before == Sign.Position:
            tempos = (signs == Sign.Tempo) & (self._tempo is None)
            return np.asarray(notes | tempos)
        return np.asarray(more | self._places() | (notes & (self._before != Sign.TimeSig)))

    @property
    def _last(self) -> int:
        """The number of the last bar."""
        return len(self._metres) - 1

    @property
    def _first(self) -> bool:
        """Whether it is where the tune begins."""
        return self._bar == 0 and self._place == 0

    def _notes(self) -> np.ndarray:
        """[V] bool: instruments that may play (once more) at this place."""
        ranks = self._ranks
        again = self._pitch < self._highest.get(DRUMS if self._player == KIT else self._player, -1)
        return np.asarray(self._players & ((ranks > self._player) | ((ranks == self._player) & again)))

    def _places(self) -> np.ndarray:
        """[V] bool: places of the bar that are still to come."""
        beats, _ = self._own.scheme.metres[self._metre]
        values = self._own.values
        fits = (values > self._place) & (values < beats * self._own.scheme.parts)
        fits &= values % self._own.step(self._metre) == 0
        return np.asarray((self._own.signs == Sign.Position) & fits & bool(self._players.any()))

    def _tempos(self) -> np.ndarray:
        """[V] bool: those that the tune may begin with."""
        found = self._own.signs == Sign.Tempo
        if self._tempo is not None:
            away = np.where(found, np.abs(self._own.values - 100 * self._tempo), np.inf)
            found = np.arange(len(found)) == away.argmin()
        return np.asarray(found)

    def most(self) -> int:
        # At each place each instrument plays each pitch, four tokens a note, after a place and a tempo.
        bars = self._last - self._bar + 1
        chosen = sum(int((self._sounds & (self._own.signs == sign)).sum()) for sign in (Sign.Pitch, Sign.PitchDrum))
        return bars * (2 + self._own.scheme.places * (2 + 4 * chosen * len(self._own.programs))) + 1

    def read(self, step: Any) -> None:
        sign, value = Sign(self._own.signs[int(step)]), int(self._own.values[int(step)])
        self._at += 1
        match sign:
            case Sign.Bar:
                self._bar, self._at, self._place = self._bar + 1, 1, -1
                self._player, self._pitch = -1, -1
            case Sign.TimeSig:
                self._metre = value
            case Sign.Position:
                self._place, self._player, self._pitch = value, -1, -1
            case Sign.Program:
                rank = KIT if value == DRUMS else value
                self._pitch = self._pitch if rank == self._player else -1
                self._player = rank
            case Sign.Pitch | Sign.PitchDrum:
                self._pitch = value
            case Sign.Duration:
                length = value // self._own.step(self._metre)
                self._heard.note(self._frame, length, self._player, max(self._pitch, 0))
        if self._loop and not self._bar:
            self._opening = [*self._opening, int(step)]
        self._before = sign

    def copy(self) -> Self:
        other = copy.copy(self)  # nothing else is changed in place
        other._heard = self._heard.copy()
        return other
