"""Verified writing: what was drawn is read again, and drawn anew where it cannot be read.

Two judges look at each piece. The *audit* follows the window along the text: did it stand still, was the end reached,
and were characters passed over? The *recogniser* (`ink.recogniser`) reads the strokes and knows nothing of the
window; where there is one, it says which characters are wrong: those that look otherwise, for an O may be a 0, and the
room around quotes is no blank (`visible`).
Of several tries the one with the fewest errors is kept, and among equals the one that is most like its text. The first
one is taken that has none and of which the recogniser is as sure as of what people have written.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.builders import Sample
from rhapsode.inference.error_rate import edit_distance

if TYPE_CHECKING:
    from rhapsode.inference.model import Model
    from rhapsode.modalities.ink.drawing import Drawing
    from rhapsode.modalities.ink.recogniser import Recogniser

TRIES = 8
ALIKE = ("0O", "1Il|", "'`")
"""Characters that are the same stroke in many hands: no one could say which of them is written, but for what stands
around."""
LONG = 4.0
"""Times the steps a character needs in the mean, after which a window that has not moved on is called stalled."""


@dataclass(frozen=True)
class Verdict:
    """What the judges found in one sample.

    read:     what the recogniser read; None if there was none.
    missing:  characters of the text that were not read or, if nobody read, that the window passed over: (place, which).
    stalled:  whether the window stood still, or the text did not come to its end.
    nats:     of the text, by the recogniser: how little the strokes are like it.
    sure:     whether that is as little as for most drawings by people.
    """

    read: str | None
    missing: tuple[tuple[int, str], ...]
    stalled: bool
    nats: float
    sure: bool = True

    @property
    def good(self) -> bool:
        return not self.missing and not self.stalled


def visible(text: str) -> tuple[str, list[int]]:
    """The characters of a text that show on paper, and the place of each in the text.

    Of characters that look alike, the first of their group stands for all. A blank counts only between letters and
    figures, since marks have room around them.
    """
    places = [
        n
        for n, character in enumerate(text)
        if not character.isspace() or (text[n - 1 : n].isalnum() and text[n + 1 : n + 2].isalnum())
    ]
    return "".join(text[n].translate(_FIRST) for n in places), places


_FIRST = {ord(other): group[0] for group in ALIKE for other in group}


def audit(sample: Sample, pace: float) -> tuple[list[int], bool]:
    """Places of the characters that the window passed over, and whether it stood still or never reached the end.

    pace: characters a step, in the mean of the training data.
    """
    text = sample.text
    if not sample.attention.size or not text:
        return [], sample.stopped != "end"
    seen = sample.attention[:, -(len(text) + 1) :]
    at = seen.argmax(axis=1)
    counts = np.bincount(at, minlength=len(text) + 1)[: len(text)]
    # A window passes narrow letters in a step or two, and its Gaussians stand on several at once.
    share = seen[:, : len(text)].sum(axis=0) / max(float(seen.sum()), 1e-9) * len(text)
    passed = [n for n in range(len(text)) if not counts[n] and share[n] < 0.1 and not text[n].isspace()]
    return passed, sample.stopped != "end" or bool((counts > LONG / pace + 20).any())


def judge(sample: Sample, pace: float, recogniser: Recogniser | None) -> Verdict:
    """Both judges' verdict."""
    passed, stalled = audit(sample, pace)
    if recogniser is None:
        return Verdict(None, tuple((n, sample.text[n]) for n in passed), stalled, -float(sample.log_probs.mean()))
    read = recogniser.read([sample.record])[0]
    wrong: set[int] = set()
    wanted, places = visible(sample.text)
    for what, first, last, _, _ in SequenceMatcher(None, wanted, visible(read)[0], autojunk=False).get_opcodes():
        if what != "equal":  # something that is not in the text counts for the character before it
            wrong.update(places[first:last] or places[max(0, first - 1) :][:1])
    missing = tuple((n, sample.text[n]) for n in sorted(wrong) if n < len(sample.text))
    nats, doubt = float(recogniser.nats([sample.record], [sample.text])[0]), recogniser.config.doubt
    return Verdict(read, missing, stalled, nats, doubt is None or nats <= doubt * len(sample.text))


def draw(
    model: Model,
    text: str,
    recogniser: Recogniser | None,
    *,
    tries: int = TRIES,
    sampling: Sampling | None = None,
    style: Drawing | None = None,
    seed: int = 0,
    number: int = 0,
) -> tuple[Sample, Verdict]:
    """The best of at most `tries` samples of `text`, and what the judges say of it.

    The first good and sure one is taken; a piece has `tries` rows of randomness of its own, from `number` on.
    """
    kind = model.text
    assert kind is not None
    best: tuple[tuple[int, float], Sample, Verdict] | None = None
    first = number * tries
    for row, rows in ((first, 1), (first + 1, tries - 1)):  # most need one try; further ones are drawn together
        if not rows:
            break
        drawn = model.generate(text, samples=rows, sampling=sampling, style=style, seed=seed, row=row)
        for sample in drawn:
            verdict = judge(sample, kind.pace, recogniser)
            errors = len(verdict.missing)
            if verdict.read is not None:
                errors = edit_distance(visible(text)[0], visible(verdict.read)[0])
            rank = (errors + verdict.stalled, verdict.nats)
            if best is None or rank < best[0]:
                best = rank, sample, verdict
        assert best is not None
        if best[2].good and best[2].sure:
            break
    assert best is not None
    return best[1], best[2]
