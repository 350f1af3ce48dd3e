"""Tokens of ABC: what each says, and how it is spelled.

A note is two tokens, its pitch and its length, as Sturm et al. have them ("Music transcription modelling and
composition using deep learning", 2016). So all pitches of the range can have all lengths. Accidentals hold for their
note alone (`propagate-accidentals not`), so that a token always means the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from rhapsode.modalities.music.codecs._pitches import FIRST, REST
from rhapsode.modalities.music.codecs._repertoire import Repertoire
from rhapsode.modalities.music.formats._abc_write import (
    ACCIDENTALS,
    key_text,
    metre_text,
    note_text,
    size_text,
    tempo_text,
)
from rhapsode.modalities.music.pitch import MODES, spelled
from rhapsode.modalities.music.tune import Key, Metre, Tempo

UNIT = 8
"""Lengths count in eighths."""


class AbcSign(IntEnum):
    """What a token is; and what its value is: of a note as in `_pitches`, of a length frames, of a chord and a metre
    its number, of a key its mode."""

    BAR, END, TIE, NOTE, LENGTH, CHORD, METRE, KEY = range(8)


class Token(NamedTuple):
    sign: AbcSign
    value: int = 0


BAR, END, TIE = Token(AbcSign.BAR), Token(AbcSign.END), Token(AbcSign.TIE)


class AbcVocabulary:
    """Tokens, numbered from 0.

    signs, values: [V] int64: of each token.
    """

    def __init__(self, repertoire: Repertoire, metres: Sequence[tuple[int, int]]) -> None:
        """metres: beats and unit of each."""
        self._known, self._metres = repertoire, metres
        self.tokens = [
            BAR,
            END,
            TIE,
            *(Token(AbcSign.NOTE, value) for value in (REST, *range(FIRST, FIRST + repertoire.places))),
            *(Token(AbcSign.LENGTH, frames) for frames in repertoire.lengths),
            *(Token(AbcSign.CHORD, number) for number in range(len(repertoire.harmonies))),
            *(Token(AbcSign.METRE, number) for number in range(len(metres))),
            *(Token(AbcSign.KEY, mode) for mode in MODES),
        ]
        self.number = {token: n for n, token in enumerate(self.tokens)}
        self.signs, self.values = np.array(self.tokens, np.int64).T

    def text(self, tokens: Iterable[Token], tempo: Tempo) -> str:
        """A tune in ABC that any reader takes, of any tokens: a length that has no note before it is left out."""
        found = [f"X:1\nL:1/{UNIT}\nQ:{tempo_text(tempo)}\n%%propagate-accidentals not\nK:none\n"]
        before = None
        for token in tokens:
            if token.sign != AbcSign.LENGTH or before == AbcSign.NOTE:
                found.append(self._spelled(token))
            before = token.sign
        return "".join(found)

    def _spelled(self, token: Token) -> str:
        value = token.value
        match token.sign:
            case AbcSign.BAR:
                return " |"
            case AbcSign.END:
                return " |]"
            case AbcSign.TIE:
                return "-"
            case AbcSign.NOTE if value == REST:
                return " z"
            case AbcSign.NOTE:
                letter, alteration, octave = spelled(self._known.lowest + value - FIRST, 0)
                return f" {ACCIDENTALS[alteration] if alteration else ''}{note_text(letter, octave)}"
            case AbcSign.LENGTH:
                return size_text(Fraction(value * UNIT, 4 * self._known.grid))
            case AbcSign.CHORD:
                return f' "{self._known.harmonies[value] or "N.C."}"'
            case AbcSign.METRE:
                return f" [M:{metre_text(Metre(0, *self._metres[value]))}]"
            case AbcSign.KEY:
                return f" [K:{key_text(Key(0, 0, value))}]"
