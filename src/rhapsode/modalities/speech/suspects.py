"""Which recordings may not be what their texts say, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhapsode.modalities.speech.align import Aligned
from rhapsode.modalities.speech.utterance import PAUSE

BAD = -6.0
"""Fit below which a text does not belong to its recording."""
USUAL_PAUSE = 0.3
"""Seconds; a pause between words of eight times that is as odd as `BAD`."""


@dataclass(frozen=True)
class Doubt:
    """name and text: of the utterance; why: what is odd, as a sentence; badness: 0 is as usual, 6 is suspect."""

    name: str
    text: str
    why: str
    badness: float


def suspects(aligned: Sequence[Aligned]) -> list[Aligned]:
    """Those whose recording is hardly of their text, worst first.

    Of fewer than some 20 utterances the usual fit is not known well enough, and few or none are found.
    """
    return sorted((each for each in aligned if each.fit < BAD), key=lambda each: each.fit)


def worst(aligned: Sequence[Aligned], count: int) -> list[Doubt]:
    """The oddest utterances, worst first: by their fit, or by their longest phone or pause."""
    lasting: dict[str, list[float]] = {}
    for each in aligned:
        for phone, seconds in zip(each.utterance.phones, np.diff(each.times), strict=True):
            lasting.setdefault(phone.symbol, []).append(seconds)
    usual = {symbol: float(np.median(all_of_it)) for symbol, all_of_it in lasting.items()}
    usual[PAUSE] = USUAL_PAUSE
    doubts = [_doubt(each, usual) for each in aligned]
    return sorted(doubts, key=lambda doubt: -doubt.badness)[:count]


def _doubt(aligned: Aligned, usual: dict[str, float]) -> Doubt:
    utterance = aligned.utterance
    if aligned.fit == -np.inf:
        why = f"{aligned.times[-1]:.2f} s of recording are too short for {len(utterance)} phones"
        return Doubt(utterance.name, utterance.text, why, np.inf)
    seconds = np.diff(aligned.times)
    odd = 2 * np.log2([each / usual[phone.symbol] for phone, each in zip(utterance.phones, seconds, strict=True)])
    odd[[0, -1]] = 0  # silence around it is no one's mistake
    at = int(odd.argmax())
    if odd[at] <= -aligned.fit:
        why = f"it sounds unlike its text (fit {aligned.fit:.1f}; suspect below {BAD:.0f})"
        return Doubt(utterance.name, utterance.text, why, -aligned.fit)
    symbol, begins = utterance.phones[at].symbol, aligned.times[at]
    what = "a pause" if symbol == PAUSE else f"the phone {symbol}"
    rest = "" if symbol == PAUSE else f", usually {usual[symbol]:.2f} s"
    why = f"{what} at {begins:.2f} s lasts {seconds[at]:.2f} s{rest}"
    return Doubt(utterance.name, utterance.text, why, float(odd[at]))
