"""The handwriting that `demo:handwriting` has learnt, made by rule, the same every time.

python -m rhapsode.training.shipped_hand FILE.jsonl
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from rhapsode.exchange.place import place
from rhapsode.ink.drawing import Drawing
from rhapsode.ink.formats.own import dumps
from rhapsode.ink.hershey import lines
from rhapsode.ink.sentences import drills, sentences
from rhapsode.training.demo_handwriting import WRITER
from rhapsode.writing import pieces

PIECES = 8000
LONGEST = (14, 14, 28)
"""Characters of the pieces of a sentence, of one sentence after another. Short pieces, a word or a few, are learnt
sooner; long ones teach how to go on. Longer texts are written in pieces."""
DRILLS = 3
"""One piece of so many is of capitals, figures and signs."""
HAND = replace(WRITER, delayed=1.0)
"""Dots and bars come after the word, as in most hands."""


def texts() -> Iterator[str]:
    """What is written."""
    prose = (
        piece
        for sentence, longest in zip(sentences(0), cycle(LONGEST), strict=False)
        for piece in pieces(sentence, longest)
        if len(piece) <= longest
    )
    drilled = drills(0)
    for number in range(PIECES):
        yield next(drilled) if number % DRILLS == 0 else next(prose)


def made() -> Iterator[Drawing]:
    """The pieces, to a thousandth of a mm, as a tablet would have it."""
    for drawing in lines(texts(), 0, HAND):
        yield Drawing(drawing.points.round(3), drawing.ends, drawing.text, drawing.name)


if __name__ == "__main__":
    place(Path(sys.argv[1]), "".join(f"{dumps(drawing)}\n" for drawing in made()).encode())
