"""The codec `abc`: a step is a token of ABC notation, of a tune for one voice with chords.

    [M:6/8] [K:C] "C" e2 c G2 c | "G" ...

Any file of tunes is written so, in the key without accidentals: metre and key, bar lines, chord symbols, notes and
rests, and behind each its length, ties. The end is `|]`. As with the codec `melody`, notes that pass a bar line or a
chord symbol are cut there, and the same is given with each step. What is drawn can always be read: notes fill their
bars, and a tie goes to the same pitch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.errors import UserError
from rhapsode.files.refusals import Unreadable
from rhapsode.modalities.music.codecs._abc_tokens import BAR, END, TIE, AbcSign, AbcVocabulary, Token
from rhapsode.modalities.music.codecs._bars import Bars
from rhapsode.modalities.music.codecs._melody_guide import COVARIATES, MelodyGuide
from rhapsode.modalities.music.codecs._pitches import HELD, REST
from rhapsode.modalities.music.codecs._repertoire import Repertoire
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.codecs._usual import Usual
from rhapsode.modalities.music.formats import abc
from rhapsode.modalities.music.line import alone
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import UNITS, Part, Tune, pitched, rescaled
from rhapsode.steps.symbols import Symbols

Signs = dict[int, list[Token]]
"""What stands before the notes of a frame: a bar line, the metre, the key, a chord; behind the last one the end."""


class Abc(TuneCodec):
    """Tunes of one voice ⇄ tokens of ABC."""

    name = "abc"
    summary = "a step is a token of ABC notation: tunes of one voice, with chords"
    keeps = "its keys, metres, chords, lengths and range"
    unit = "token"
    rank = None
    harmonic = True
    keyed = True
    loops = True
    paced = True
    options = {"grid": 24}
    limits = {"grid": (1, 96)}
    meanings = {"grid": "Frames in a quarter note."}

    def __init__(self, repertoire: Repertoire, metres: list[tuple[int, int]]) -> None:
        """metres: beats and unit of those that there are."""
        self.repertoire, self.grid, self.usual = repertoire, repertoire.grid, repertoire.usual
        self.metres, self.vocabulary = metres, AbcVocabulary(repertoire, metres)
        self._steps = Symbols(len(self.vocabulary.tokens))

    @property
    def steps(self) -> Symbols:
        return self._steps

    @property
    def covariates(self) -> int:
        return COVARIATES + self.usual.placed

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Abc:
        grid = cls.checked(options)["grid"]
        metres = Counter[tuple[int, int]]()
        others = 0

        def suitable() -> Iterator[Tune]:
            nonlocal others
            for tune in records():
                found = {(each.beats, each.unit) for each in tune.metres}
                if alone(pitched(tune)) and all(_writable(*each, grid) for each in found):
                    metres.update(found)
                    yield tune
                else:
                    others += 1

        try:
            repertoire = Repertoire.fit(suitable, grid)
        except UserError:
            if not others:
                raise
            raise UserError(
                f"codec abc: none of the tunes has one note at a time, and bars of whole frames at grid = {grid}. Take "
                "the codec melody, which reads the melody of any tune, or chorale or pianoroll for several voices."
            ) from None
        usual = repertoire.usual.metre
        metres[usual.beats, usual.unit] += 1
        return cls(repertoire, [metre for metre, _ in sorted(metres.items(), key=lambda item: (-item[1], item[0]))])

    def refusal(self, record: Tune) -> str:
        if not alone(pitched(record)):
            return "with several notes at once"
        if not all((each.beats, each.unit) in self.metres for each in record.metres):
            return "in a metre that the training data does not have"
        return self.repertoire.refusal(record)

    # --- tunes ⇄ steps ---

    def signs(self, tune: Tune, bars: Bars) -> Signs:
        """Of a tune in the key without accidentals, in frames."""
        found: Signs = defaultdict(list)
        for frame in bars.starts[1:-1].tolist():
            found[frame].append(BAR)
        for metre in {each.tick: each for each in tune.metres if each.tick in bars.starts[:-1]}.values():
            found[metre.tick].append(Token(AbcSign.METRE, self.metres.index((metre.beats, metre.unit))))
        found[0] += [Token(AbcSign.KEY, tune.keys[0].mode)]
        last = 0
        for tick, symbol in {each.tick: each.symbol for each in tune.chords}.items():
            if (number := self.repertoire.harmony(symbol)) != last:
                found[tick].append(Token(AbcSign.CHORD, last := number))
        return {frame: tokens for frame, tokens in found.items() if frame < bars.end} | {bars.end: [END]}

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        tune = self.usual.natural(record, self.grid)
        bars = Bars(tune, self.grid)
        signs = self.signs(tune, bars)
        tokens: list[Token] = []
        sounding = REST
        for frame, length, value in self.repertoire.segments(tune, bars):
            tokens += [TIE] if value == HELD else []
            sounding = sounding if value == HELD else value
            tokens += [*signs.get(frame, ()), Token(AbcSign.NOTE, sounding), Token(AbcSign.LENGTH, length)]
        if whole:
            tokens.append(END)
        return np.array([self.vocabulary.number[token] for token in tokens], self.steps.dtype)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        """In the key without accidentals, or as the outline has it."""
        tokens = [self.vocabulary.tokens[n] for n in np.asarray(steps).reshape(-1).tolist()]
        if END in tokens:
            tokens = tokens[: tokens.index(END) + 1]
        try:
            tune = rescaled(abc.loads(self.vocabulary.text(tokens, self.usual.tempo)), self.grid)
        except Unreadable:  # there are no notes
            frames = sum(token.value for token in tokens if token.sign == AbcSign.LENGTH)
            tune = replace(self.usual.tune(1, self.grid), length=max(frames, 1))
        tune = replace(tune, parts=(Part("melody"),))
        return tune if outline is None else outline.placed(tune, self.usual.shifts)

    def ends(self, step: np.ndarray) -> bool:
        return self.vocabulary.tokens[int(step)] == END

    def guide(self, record: Tune | Outline) -> AbcGuide:
        return AbcGuide(self, record)

    def show(self, record: Tune) -> str:
        return abc.dumps(record)

    # --- files ---

    def to_json(self) -> dict[str, Any]:
        return {**self.repertoire.to_json(), "metres": [list(each) for each in self.metres]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Abc:
        metres, *values = fields(cls, data, "metres", *Repertoire.fields, optional=Usual.optional)
        repertoire = Repertoire.from_json(cls, *values)
        found = [tuple(each) if isinstance(each, list) else () for each in metres] if isinstance(metres, list) else []
        if (
            not found
            or len({*map(str, found)}) != len(found)
            or not all(_metre(each, repertoire.grid) for each in found)
        ):
            raise damaged(cls, f"metres {str(metres)[:80]} cannot be")
        return cls(repertoire, [(beats, unit) for beats, unit in found])


def _metre(value: tuple[Any, ...], grid: int) -> bool:
    """Whether that is one: beats and unit."""
    return len(value) == 2 and all(type(n) is int for n in value) and _writable(*value, grid)


def _writable(beats: int, unit: int, grid: int) -> bool:
    """Whether ABC can write a metre, and agrees with `Bars` where its bars end: they have a whole number of frames."""
    return 1 <= beats <= 64 and unit in UNITS and 4 * beats * grid % unit == 0


class AbcGuide(MelodyGuide):
    """A place in a melody that is written in ABC."""

    def __init__(self, codec: Abc, record: Tune | Outline) -> None:
        super().__init__(codec.repertoire, record)
        for each in self.tune.metres:
            if (each.beats, each.unit) not in codec.metres:
                repertoire = ", ".join(f"{beats}/{unit}" for beats, unit in codec.metres)
                raise UserError(
                    f"{self.tune.name or 'outline'}: the model has never seen the metre {each.beats}/{each.unit}. "
                    f"It can write {repertoire}."
                )
        self._vocabulary = codec.vocabulary
        self._signs = codec.signs(self.tune, self.bars)
        self._edges = np.array(sorted(self._cuts))
        self._due = self._signs.get(0, [])  # of the signs before the next note, those that are still to be written
        self._before: Token | None = None
        self._sounding, self._tied = REST, False  # the last note, and whether it is tied to the next
        self._harmonies = len(codec.repertoire.harmonies) > 1 and not self.tune.chords  # whether these are to be drawn
        self._chord = False  # whether there was one since the last note
        self._over, self._held = 0, False  # the chord; whether the last note only goes on

    def mask(self) -> np.ndarray:
        signs, values = self._vocabulary.signs, self._vocabulary.values
        kept = self.kept.get(self.frame)
        before = self._before.sign if self._before else None
        if before == AbcSign.NOTE:
            if kept is not None:
                fits = values == kept[0]
            else:
                later = self._edges[self._edges > self.frame]
                room = self.room(HELD if self._held else self._sounding, self._over)
                most = later[0] - self.frame if len(later) else 1
                fits = values <= max(1, most if room is None else min(most, room - 1))
            return np.asarray((signs == AbcSign.LENGTH) & fits)
        if self.frame >= self.bars.end:
            return np.asarray(signs == AbcSign.END)
        ties = np.zeros(len(signs), bool)
        if before == AbcSign.LENGTH and self._sounding != REST:
            ties = signs == AbcSign.TIE
            if kept is not None and kept[1] == HELD:
                return np.asarray(ties)
            ties &= kept is None and (self._harmonies or self._fits(HELD))
        if self._due:
            return np.asarray(ties | ((signs == self._due[0].sign) & (values == self._due[0].value)))
        notes = (signs == AbcSign.NOTE) & self._pitches(kept)[np.where(signs == AbcSign.NOTE, values, REST)]
        chords = (signs == AbcSign.CHORD) & (values != self._over) & (self._harmonies and not self._chord)
        chords &= self.frame not in self.chords
        return np.asarray(ties | notes | chords)

    def _pitches(self, kept: tuple[int, int] | None) -> np.ndarray:
        """[FIRST + places] bool: which the next note may have."""
        if kept is not None and kept[1] != HELD:
            return np.asarray(np.arange(len(self.values)) == kept[1])
        if kept is not None or self._tied:
            fits = kept is not None or self._fits(HELD)
            return np.asarray((np.arange(len(self.values)) == self._sounding) & fits)
        values = self.free()
        values[REST] &= self._fits(REST)
        return values

    def _fits(self, value: int) -> bool:
        """Whether there is a length that the next note may have if it is this value."""
        room = self.room(value, self._over)
        return room is None or room > 1

    def most(self) -> int:
        # At each frame a chord, a note, its length and a tie.
        return 4 * max(0, self.bars.end - self.frame) + sum(map(len, self._signs.values()))

    def read(self, step: Any) -> None:
        token = self._vocabulary.tokens[int(step)]
        self._before = token
        if token.sign == AbcSign.TIE:
            self._tied = True
        elif token.sign == AbcSign.NOTE:
            self._sounding, self._held, self._tied = token.value, self._tied, False
        elif token.sign == AbcSign.LENGTH:
            self.advance(token.value, HELD if self._held else self._sounding, self._over)
            self._due, self._chord = [*self._signs.get(self.frame, ())], False
            if not self.tune.chords and self.chords.get(self.frame, self._over) != self._over:
                self._due.append(Token(AbcSign.CHORD, self.chords[self.frame]))
        elif token.sign == AbcSign.CHORD:
            self._chord, self._over = True, token.value
        if self._due[:1] == [token]:
            self._due = self._due[1:]
