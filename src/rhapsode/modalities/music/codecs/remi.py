"""The codec `remi`: a step is a token of REMI: music of several instruments, with drums, loudness and tempo.

    Bar TimeSig_4/4 Position_0 Program_33 Pitch_36 Velocity_96 Duration_1.0.4 Program_-1 PitchDrum_36 ...

A note is its instrument, pitch, level and length, at a place in a bar. The tokens are MidiTok's, of the version with
programs (`_remi_tokens`); those that the training data does not have, a model does not have. Tunes are in the key
without accidentals, an instrument is one part, and of notes that begin together those of lower programs, then lower
ones, come first, drums last. So there is one way to write a tune, and what is drawn is always well formed: bars are as
many as they should be, each in its metre, and notes end with the tune. Given with each step is the place in the bar and
in the form, as with the codec `melody`, what sounds, and what was heard there some bars before (`_remi_lookback`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._bars import PLACES
from rhapsode.modalities.music.codecs._remi_guide import RemiGuide
from rhapsode.modalities.music.codecs._remi_lookback import LOOKBACK
from rhapsode.modalities.music.codecs._remi_tokens import (
    BAR,
    END,
    FINEST,
    UNKNOWN,
    RemiSign,
    RemiVocabulary,
    Scheme,
    short,
    usable,
)
from rhapsode.modalities.music.codecs._tunes import TuneCodec, roll
from rhapsode.modalities.music.codecs._usual import Usual, UsualCounts
from rhapsode.modalities.music.instruments import DRUMS
from rhapsode.modalities.music.line import alone
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import Tempo, Tune, pitched, rescaled
from rhapsode.steps.symbols import Symbols

GRIDS = (4, 6, 8, 12, 16, 24, 48)
"""Frames in a quarter that are tried, the coarsest first."""
ON_GRID, NEAR = 0.99, 1 / 40
"""The share of notes that must begin on a grid, or so near it, in quarters; the nearest of 24 is always that near."""
FALLBACKS = (24, 48, 16)
"""Frames in a quarter for tunes that lie on none of these, or whose metre does not."""
TEMPOS, FASTEST = 32, 1000
"""Tempos that are told apart, where there are more; quarter notes a minute."""
SHOWN = 4
"""Characters of a quarter that is shown."""
BANDS = 0.5
"""The share of tunes that must be for several instruments."""


class Remi(TuneCodec):
    """Tunes of several instruments ⇄ tokens of REMI."""

    name = "remi"
    summary = "a step is a token of REMI: several instruments with drums, loudness and tempo"
    keeps = "its tokens (notes, instruments), keys, metres and tempos"
    unit = "token"
    rank = -1
    keyed = True
    loops = True
    drums = True
    options = {"grid": 0, "velocities": 32}
    limits = {"grid": (0, FINEST), "velocities": (1, 127)}
    meanings = {
        "grid": "Frames in a quarter note; 0 for the coarsest grid on which, or nearly, 99 % of the notes begin.",
        "velocities": "Levels of loudness that are told apart.",
    }

    def __init__(self, vocabulary: RemiVocabulary, usual: Usual) -> None:
        self.vocabulary, self.scheme, self.usual = vocabulary, vocabulary.scheme, usual
        self.grid, self.programs = self.scheme.grid, vocabulary.programs
        self._steps = Symbols(len(vocabulary.names))

    @property
    def steps(self) -> Symbols:
        return self._steps

    @property
    def covariates(self) -> int:
        return PLACES + LOOKBACK + self.usual.placed

    @classmethod
    def suits(cls, records: Sequence[Tune]) -> bool:
        """Most have drums, or several instruments of which one plays several notes at once."""
        return sum(map(_band, records)) > BANDS * len(records)

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Remi:
        chosen = cls.checked(options)
        metres, census = Counter[tuple[int, int]](), UsualCounts()
        tempos = set[int]()
        on_grid, count = np.zeros(len(GRIDS), np.int64), 0
        for tune in records():
            if len(tune):
                metres.update({(each.beats, each.unit) for each in tune.metres})
                tempos.update(round(each.quarters) for each in tune.tempos or (Tempo(0, UNKNOWN),))
                at = tune.notes["start"] / tune.ticks
                on_grid += [int((np.abs(at - np.rint(at * grid) / grid) <= NEAR).sum()) for grid in GRIDS]
                count += len(tune)
                census.add(tune)
        if not count:
            raise UserError("the tunes have no notes: there is nothing to learn from.")
        usual = census.usual()
        metres[usual.metre.beats, usual.metre.unit] += 1
        common = [each for each, _ in sorted(metres.items(), key=lambda item: (-item[1], item[0])) if short(*each)]
        grid = chosen["grid"] or _grid(on_grid >= ON_GRID * count, [unit for _, unit in common])
        kept = [each for each in common if usable(*each, grid)]
        if not kept:
            raise UserError(
                f"codec remi: none of the metres of the tunes has bars of whole frames at grid = {grid}, and of 16 "
                "quarter notes at most. Give another grid, or another codec."
            )
        if (usual.metre.beats, usual.metre.unit) not in kept:
            usual = replace(usual, metre=replace(usual.metre, beats=kept[0][0], unit=kept[0][1]))
        scheme = Scheme(grid, chosen["velocities"], _steps(tempos), tuple(kept))
        tokens = set[str]()
        for tune in records():
            arranged = scheme.arranged(usual.natural(tune, grid))
            if len(tune) and _known(arranged, scheme):
                tokens.update(scheme.tokens(arranged))
        if not any(token.startswith("Velocity") for token in tokens):
            raise UserError("none of the tunes has a metre that can be written: there is nothing to learn from.")
        return cls(RemiVocabulary.fitted(scheme, tokens), usual)

    # --- tunes ⇄ steps ---

    def arranged(self, tune: Tune) -> Tune:
        """In the key without accidentals, as its tokens have it."""
        return self.scheme.arranged(self.usual.natural(tune, self.grid))

    def refusal(self, record: Tune) -> str:
        if not len(record):
            return "without notes"
        tune = self.arranged(record)
        if not _known(tune, self.scheme):
            return "in a metre that the training data does not have"
        own = self.vocabulary
        for part, part_of in enumerate(tune.parts):
            if (DRUMS if part_of.drums else part_of.program) not in own.programs:
                return "with instruments that the training data does not have"
            pitches = tune.notes["pitch"][tune.notes["part"] == part]
            sign = RemiSign.PitchDrum if part_of.drums else RemiSign.Pitch
            if not np.isin(pitches, own.values[own.signs == sign]).all():
                return f"with {'drums' if part_of.drums else 'notes'} beyond the range of the training data"
        return ""

    def lost(self, record: Tune) -> dict[str, int]:
        doubled = len(record) - len(self.arranged(record))
        return {"notes that another part of the same instrument plays, too": doubled} if doubled else {}

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        tokens = self.scheme.tokens(self.arranged(record))
        return np.array(self.vocabulary.numbers(tokens + [END] * whole), self.steps.dtype)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        """In the key without accidentals, or as the outline has it; at the tempos that were drawn, if some were."""
        tokens = [self.vocabulary.names[n] for n in np.asarray(steps).reshape(-1).tolist()]
        tokens = tokens[: tokens.index(END)] if END in tokens else tokens
        usual = f"TimeSig_{self.usual.metre.beats}/{self.usual.metre.unit}"
        if tokens[:1] != [BAR] or not tokens[1:2] or not tokens[1].startswith("TimeSig"):
            tokens = [BAR, usual, *tokens]
        tune = self.scheme.tune(tokens)
        tune = replace(tune, tempos=tune.tempos or (self.usual.tempo,), keys=(replace(self.usual.key, sharps=0),))
        if outline is not None:
            own = outline.tune if not self.scheme.tempos else replace(outline.tune, tempos=())
            placed = replace(outline, tune=own).placed(tune, self.usual.shifts)
            tempos = tuple(each for each in placed.tempos if each.tick < placed.length)
            tune = replace(placed, metres=tune.metres, tempos=tempos, chords=())
        return tune if len(pitched(tune)) else replace(tune, keys=())  # drums have no key

    def ends(self, step: np.ndarray) -> bool:
        return self.vocabulary.names[int(step)] == END

    def guide(self, record: Tune | Outline) -> RemiGuide:
        return RemiGuide(self, record)

    def show(self, record: Tune) -> str:
        """A roll of each instrument; of drums, a line for each that is struck."""
        tune = rescaled(record, SHOWN)
        found = []
        for number, part in enumerate(tune.parts):
            rows = tune.notes[tune.notes["part"] == number]
            struck, held = np.zeros((2, max(tune.length, 1), 128), bool)
            for start, length, pitch in rows[["start", "length", "pitch"]].tolist():
                held[start : start + length, pitch] = not part.drums
                struck[start, pitch] = True
            lines = roll(struck, held, 0).splitlines()
            found += [part.name or "Notes", *(line for line in lines if "●" in line or not part.drums)]
        return "\n".join(found)

    # --- files ---

    def to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid,
            "velocities": self.scheme.velocities,
            "tempos": list(self.scheme.tempos),
            "metres": [list(each) for each in self.scheme.metres],
            "tokens": self.vocabulary.names,
            **self.usual.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Remi:
        grid, velocities, tempos, metres, tokens, *common = fields(
            cls, data, "grid", "velocities", "tempos", "metres", "tokens", *Usual.fields, optional=Usual.optional
        )
        usual = Usual.from_json(cls, *common)
        if type(grid) is not int or type(velocities) is not int or not (1 <= grid <= FINEST and 1 <= velocities <= 127):
            raise damaged(cls, f"grid {str(grid)[:20]} and {str(velocities)[:20]} velocities cannot be")
        if not isinstance(tempos, list) or not all(type(n) is int for n in tempos) or not _tempos(tempos):
            raise damaged(cls, f"tempos {str(tempos)[:80]} cannot be")
        known = [tuple(each) if isinstance(each, list) else () for each in metres] if isinstance(metres, list) else []
        if not known or len({*map(str, known)}) != len(known) or not all(_metre(each, grid) for each in known):
            raise damaged(cls, f"metres {str(metres)[:80]} cannot be")
        if (usual.metre.beats, usual.metre.unit) not in known:
            raise damaged(cls, f"metre {usual.metre} is not among {str(metres)[:80]}")
        if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
            raise damaged(cls, f"expected tokens, found {str(tokens)[:80]}")
        scheme = Scheme(grid, velocities, tuple(tempos), tuple((beats, unit) for beats, unit in known))
        try:
            return cls(RemiVocabulary(scheme, tokens), usual)
        except ValueError as error:
            raise damaged(cls, f"expected {error}") from None


def _band(tune: Tune) -> bool:
    """Whether it is for several instruments: with drums, or not only for one voice each."""
    used = [tune.parts[n] for n in np.unique(tune.notes["part"])]
    if any(part.drums for part in used):
        return True
    if len({part.program for part in used}) < 2:
        return False
    return not all(alone(tune.notes[tune.notes["part"] == n]) for n in range(len(tune.parts)))


def _grid(good: np.ndarray, units: list[int]) -> int:
    """The coarsest of those `GRIDS` that are good, on which the commonest metre has whole frames."""
    found = [grid for grid, well in zip(GRIDS, good, strict=True) if well] + [*FALLBACKS]
    return next((grid for grid in found if 4 * grid % units[0] == 0), FALLBACKS[0])


def _steps(tempos: set[int]) -> tuple[int, ...]:
    """See `Scheme.tempos`: each whole number, or some that are further apart where there are many."""
    if len(tempos) < 2:
        return ()
    low, high = (min(max(each, 1), FASTEST) for each in (min(tempos), max(tempos)))
    return low, high, high - low + 1 if len(tempos) <= TEMPOS else TEMPOS


def _tempos(value: list[int]) -> bool:
    """Whether `_steps` makes that."""
    if not value:
        return True
    low, high, steps = value if len(value) == 3 else (0, 0, 0)
    return 1 <= low <= high <= FASTEST and steps in (high - low + 1, TEMPOS)


def _metre(value: tuple[Any, ...], grid: int) -> bool:
    """Whether that is one: beats and unit."""
    return len(value) == 2 and all(type(n) is int for n in value) and usable(*value, grid)


def _known(tune: Tune, scheme: Scheme) -> bool:
    """Whether the metres of an arranged tune are."""
    return all((each.beats, each.unit) in scheme.metres for each in tune.metres)
