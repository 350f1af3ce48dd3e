"""Writing by hand: a text of any length, by a model of pen strokes, on pages.

A model writes best what is as long as what it learnt from. So lines are broken into pieces of such a length, at spaces;
each piece is drawn by itself, and put beside the one before it on the line's base line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.files.place import place
from rhapsode.inference.builders import Sample
from rhapsode.modalities.ink.drawing import Drawing, joined_order
from rhapsode.modalities.ink.metrics import Metrics, metrics
from rhapsode.modalities.ink.page import LINE_HEIGHT, NARROWEST, Layout, Page, lay_out
from rhapsode.modalities.ink.wrap import Paragraph, wrap
from rhapsode.report import Report

if TYPE_CHECKING:
    from rhapsode.inference.model import Model
    from rhapsode.modalities.ink.codecs.strokes import HandSize, Strokes

GAP = 0.8
"""Space between pieces, in characters' widths."""
EMPTY = "nothing to write: the text is empty."


@dataclass(frozen=True)
class Written:
    """A text on pages. pieces: what was drawn for it, in order."""

    layout: Layout
    pieces: tuple[Sample, ...]


Draw = Callable[[str, int, Drawing | None], Sample]
"""Text, number of the piece, style → what was drawn."""


def write(
    model: Model,
    text: str,
    page: Page,
    *,
    reflow: bool = False,
    sampling: Sampling | None = None,
    style: Drawing | None = None,
    seed: int = 0,
    draw: Draw | None = None,
    report: Report | None = None,
) -> Written:
    """`text` in the model's hand, or that of `style`, on as many pages as it needs, in lines as `wrap` says.

    draw: how a piece is drawn, by default once and as it comes (see `ink.verified`).
    Raises `UserError`, before anything is drawn, for characters that the model has never seen.
    """
    report = report or Report()
    hand, codec = hand_of(model), model.record_codec
    paragraphs = wrap(text, page.columns(hand.advance * page.x_height / hand.x_height), reflow)
    if not paragraphs:
        raise UserError(EMPTY)
    longest = hand.longest if " " in codec.alphabet else 0
    broken = [[pieces(line, longest) for line in paragraph.lines] for paragraph in paragraphs]
    for piece in (piece for lines in broken for line in lines for piece in line):
        codec.encode_text(_spaced(piece))
    made: list[Sample] = []

    def plain(words: str, number: int, manner: Drawing | None) -> Sample:
        return model.generate(words, sampling=sampling, style=manner, seed=seed, row=number)[0]

    def drawn(words: str) -> Drawing:
        report.stage("writing", min(0.99, sum(len(sample.text) + 1 for sample in made) / len(text)))
        made.append((draw or plain)(_spaced(words), len(made), style))
        drawing: Drawing = made[-1].record
        return drawing

    scale = page.x_height / hand.x_height
    placed = []
    for paragraph, lines in zip(paragraphs, broken, strict=True):
        joined = [_joined([drawn(piece) for piece in line], hand) for line in lines]
        for number, line in enumerate(joined):
            joined[number] = tamed = _tamed(line, page.room / scale, 0.9 * page.height / scale)
            if tamed is not line:
                report.warn(f"{line.text!r} was drawn far too large for the page, and is made smaller")
        placed.append(Paragraph(tuple(joined), paragraph.above, paragraph.indent * hand.advance * scale))
    layout = lay_out(placed, page, Metrics(None, hand.x_height))
    report.stage("writing", 1.0)
    return Written(layout, tuple(made))


def several(model: Model, text: str) -> list[Paragraph[str]]:
    """The lines of a text that a model writes one by one, without pages: each a paragraph; see `stacked`.

    Where line ends are characters that the model knows, the text itself is the only one. Raises `UserError` as `write`.
    """
    codec = model.record_codec
    if model.text is None or "\n" in codec.alphabet:
        return [Paragraph((text,))]
    found = wrap(text)
    if not found:
        raise UserError(EMPTY)
    if len(found) > 1:
        hand_of(model)
    found = [Paragraph((_spaced(each.lines[0]),), each.above, each.indent) for each in found]
    for each in found:
        codec.encode_text(each.lines[0])
    return found


def stacked(model: Model, paragraphs: Sequence[Paragraph[str]], drawn: Sequence[Sample]) -> Sample:
    """The lines of `several`, each of which was drawn, below one another as one drawing."""
    if len(drawn) == 1:
        return drawn[0]
    hand, codec = hand_of(model), model.record_codec
    points, ends, texts, lines = [np.zeros((0, 2))], [np.zeros(0, bool)], [], []
    row = -1.0
    for paragraph, sample in zip(paragraphs, drawn, strict=True):
        line = _joined([sample.record], hand)
        lines.append(line)
        row += 1 + (paragraph.above if math.isfinite(paragraph.above) else 1)
        points.append(line.points + [paragraph.indent * hand.advance, row * LINE_HEIGHT * hand.x_height])
        ends.append(line.ends)
        texts.append(sample.text)
    thin, order = all(line.thin for line in lines), joined_order(lines)
    record = Drawing(np.concatenate(points), np.concatenate(ends), "\n".join(texts), thin=thin, order=order)
    steps = np.concatenate([sample.steps for sample in drawn])
    return replace(
        drawn[0],
        data=codec.dump(record),
        text=record.text or "",
        steps=steps,
        log_probs=np.concatenate([sample.log_probs for sample in drawn]),
        stopped=next((sample.stopped for sample in drawn if sample.stopped != "end"), "end"),
        record=record,
        attention=np.zeros((len(steps), 0), np.float32),  # of several texts
    )


def hand_of(model: Model) -> HandSize:
    """How a model's training data is written. Raises `UserError` for one that writes no texts, and so no lines."""
    codec: Strokes = model.record_codec  # type: ignore[assignment]
    if model.text is None or codec.hand is None:
        raise UserError(
            "lines and pages are for models that write texts; this one was trained on drawings without any."
        )
    return codec.hand


def _spaced(text: str) -> str:
    """With plain spaces for all white space."""
    return "".join(" " if character.isspace() else character for character in text)


def _tamed(line: Drawing, width: float, height: float) -> Drawing:
    """The line made smaller if a page of that size could not hold it: what a model draws can be of any size."""
    left, top, right, bottom = line.bounds
    across = width / (right - left) if (right - left) * NARROWEST > width else 1.0
    down = height / (bottom - top) if bottom - top > height else 1.0
    return line if across == down == 1 else replace(line, points=line.points * (across, down))


def pieces(line: str, longest: int) -> list[str]:
    """The words of a line, as many together as `longest` characters hold."""
    found: list[str] = []
    for word in line.split(" "):
        if found and len(found[-1]) + 1 + len(word) <= longest:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _joined(words: Sequence[Drawing], hand: HandSize) -> Drawing:
    """Pieces beside one another on one base line, as one drawing."""
    points, ends, right = [], [], 0.0
    for word in words:
        if not len(word):
            continue
        low, _, high, bottom = word.bounds
        try:
            known = metrics(word, hand.x_height)
            base = (known.baseline or 0.0) + known.slope * (low + high) / 2
        except UserError:  # a dash
            base = bottom
        moved = word.points - [low - right, base]
        points.append(moved)
        closed = word.ends.copy()
        closed[-1] = True
        ends.append(closed)
        right += high - low + GAP * hand.advance
    if not points:
        return Drawing(np.zeros((0, 2)), np.zeros(0, bool), "")
    text = " ".join(word.text or "" for word in words)
    thin, order = all(word.thin for word in words), joined_order([word for word in words if len(word)])
    return Drawing(np.concatenate(points), np.concatenate(ends), text, thin=thin, order=order)


def attention_picture(sample: Sample, path: Path) -> None:
    """A PNG of what was drawn, and below it which character of the text was seen at each step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    text = [*sample.text, "end"]
    seen = sample.attention.T[-len(text) :]  # without a style's own text
    if not seen.size:
        raise UserError("this model attends to no text, so there is nothing to show.")
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(12, 2.5 + 0.22 * len(text)), layout="constrained", height_ratios=[2, 0.22 * len(text) + 0.5]
    )
    for stroke in sample.record.strokes():
        above.plot(stroke[:, 0], stroke[:, 1], "k.-" if len(stroke) == 1 else "k-", linewidth=1.2)
    above.invert_yaxis()
    above.set_aspect("equal")
    above.axis("off")
    below.imshow(seen, aspect="auto", interpolation="nearest", cmap="magma")
    below.set_yticks(range(len(text)), ["␣" if character == " " else character for character in text])
    below.set_xlabel("step of the pen")
    pictured = BytesIO()
    figure.savefig(pictured, dpi=110, format="png")
    pyplot.close(figure)
    place(path, pictured.getvalue())
