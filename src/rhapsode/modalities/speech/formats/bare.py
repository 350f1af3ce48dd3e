"""Phones without times, with white space between: a line is an utterance, or each line one of its phones (`.lab`)."""

from __future__ import annotations

from rhapsode.errors import UserError
from rhapsode.modalities.speech.formats._labels import Labels
from rhapsode.modalities.speech.formats._rows import phone
from rhapsode.modalities.speech.syllables import numbered
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Utterance

BETWEEN = ("|", "/", "\\")
"""What may stand between words."""


def loads(text: str, name: str) -> list[Utterance]:
    """The utterances, each with a pause first and last. Words stand between pauses or signs of `BETWEEN`. Raises
    `UserError`."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if lines and all(len(line) == 1 for line in lines):
        lines = [[each for line in lines for each in line]]
    if not lines:
        raise UserError(f"{name}: there are no phones in it. Write them with spaces between, a line an utterance.")
    return [_utterance(line) for line in lines]


def _utterance(labels: list[str]) -> Utterance:
    found = [Phone(PAUSE)]
    word = 0
    for label in labels:
        if label in BETWEEN:
            word += 1
            continue
        one = phone(label)
        if one.symbol != PAUSE or found[-1].symbol != PAUSE:
            word += one.symbol == PAUSE
            found.append(Phone(one.symbol, one.stress, word=word))
    if found[-1].symbol != PAUSE:
        found.append(Phone(PAUSE, word=word))
    return Utterance(numbered(found))


LABELS = Labels((".lab", ".txt"), loads, rank=2)
