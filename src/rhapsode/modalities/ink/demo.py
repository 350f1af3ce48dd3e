"""`rhapsode demo handwriting`: learn a hand that is made by rule, then write the user's words in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.demos.run import check_own, free, trained
from rhapsode.errors import UserError
from rhapsode.files.place import place
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.hershey import Hand, lines
from rhapsode.modalities.ink.page import Page
from rhapsode.modalities.ink.recogniser import FILE, Recogniser
from rhapsode.modalities.ink.recogniser_training import train_recogniser
from rhapsode.modalities.ink.sentences import drills, sentences
from rhapsode.modalities.ink.verified import Verdict, draw
from rhapsode.modalities.ink.write import save
from rhapsode.modalities.ink.writing import Written, attention_picture, pieces, write
from rhapsode.report import Report
from rhapsode.training.log import PICTURE

PIECES, HELD_OUT = 8000, 400
"""Pieces of handwriting made, and how many of them the recogniser is tried on."""
LONGEST = (14, 14, 28)
"""Characters of the pieces of a sentence, of one sentence after another. Short pieces, a word or a few, are learnt
sooner; long ones teach how to go on. Longer texts are written in pieces."""
DRILLS = 3
"""One piece of so many is of capitals, figures and signs."""
WRITER = Hand(
    slant=(0.2, 0.32), height=(2.4, 2.7), spacing=(0.02, 0.1), width=(0.92, 1.02), gap=(1.0, 1.3), delayed=1.0
)
"""One writer, so that the pieces of a text look alike. Dots and bars come after the word, as in most hands."""
READING = 0.25
"""Part of the time for the recogniser."""
BIAS = 1.0


@dataclass(frozen=True)
class HandwritingResult:
    """What the demo has to show. files: what was written; verdicts: of each piece of the text, if it was read again."""

    model: Path
    picture: Path
    attention: Path
    files: list[Path]
    written: Written
    verdicts: list[Verdict]


def demo(folder: Path, minutes: float, text: str, report: Report, seed: int = 1) -> HandwritingResult:
    """Train in `folder`, or take what an earlier demo left there, and write `text`. Raises `UserError`."""
    corpus, home = folder / "pieces.ink.jsonl", folder / "model"
    strange = sorted({c for c in text if not c.isspace()} - set("".join(texts())))
    if strange:
        raise UserError(f"the demo's hand cannot write {', '.join(map(repr, strange))}. Write it in other words.")
    check_own(folder, corpus.name)
    if not corpus.exists():
        report.stage("making handwriting", 0.0)
        place(corpus, "".join(f"{dumps(drawing)}\n" for drawing in made()).encode())
        report.stage("making handwriting", 1.0)
    trained(corpus, home, report, minutes=minutes * (1 - READING))
    reader = home / FILE
    if not reader.exists():
        report.note("a recogniser learns to read the same lines, to check what is written")
        known = list(made())
        train_recogniser(known[HELD_OUT:], reader, minutes=minutes * READING, valid=known[:HELD_OUT], report=report)
    model, recogniser = Model.load(home), Recogniser.load(reader)
    verdicts: list[Verdict] = []

    def drawn(words: str, number: int, style: object) -> Sample:
        sample, verdict = draw(model, words, recogniser, sampling=Sampling(bias=BIAS), seed=seed, number=number)
        verdicts.append(verdict)
        return sample

    written = write(model, text, Page.named("a6-landscape", x_height=3.0, margin=8.0), draw=drawn, report=report)
    page, attention = free(folder, "handwriting.svg", "attention.png")
    files = save(written.layout, page, animated=True)
    attention_picture(written.pieces[0], attention)
    return HandwritingResult(home, home / PICTURE, attention, files, written, verdicts)


def texts() -> Iterator[str]:
    """What is written in the corpus."""
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
    """The corpus, the same every time: to a thousandth of a mm, as a tablet would have it."""
    for drawing in lines(texts(), 0, WRITER):
        yield Drawing(drawing.points.round(3), drawing.ends, drawing.text, drawing.name)
