"""What is asked of a model of pen strokes, and the answer: the same for the command `write` and the server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.modalities.ink import verified
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import FITTED, LARGEST, LINE_HEIGHT, Layout, Page, Sheet, fit
from rhapsode.modalities.ink.recogniser import FILE, Recogniser
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.modalities.ink.verified import Verdict
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.write import LINES, PAGES, encode, options_of
from rhapsode.modalities.ink.writing import hand_of, several, stacked, write
from rhapsode.report import Report


@dataclass(frozen=True)
class Pen:
    """How drawings are to be made and to look, as the options of `rhapsode write` say; None: their defaults.

    look: options of formats, those that were given.
    """

    tries: int = verified.TRIES
    page: str | None = None
    x_height: float | None = None
    line_height: float | None = None
    margin: float | None = None
    align: str = "left"
    ruled: bool = False
    reflow: bool = False
    look: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """What is to be written. suffix: of the file that is made of it; empty for none. unknown: what to do about
    characters that the model has never seen, see `ink.spelling`."""

    text: str
    pen: Pen
    suffix: str = ""
    unknown: str = "refuse"
    sampling: Sampling | None = None
    samples: int = 1
    length: int | None = None


@dataclass(frozen=True)
class Answer:
    """What was written. samples: each as a whole; parts: its lines; layouts: of each, if the file is a picture, or of
    pages."""

    seed: int
    samples: Sequence[Sample]
    parts: Sequence[Sequence[Sample]]
    layouts: Sequence[Layout]

    @property
    def data(self) -> bytes:
        """All drawings in the package's own format."""
        return b"".join(one.data for one in self.samples)

    def objects(self, more: bool = False) -> list[dict[str, Any]]:
        """Each sample as JSON. more: also in which order points were drawn, and which character was seen at each
        step."""
        found = []
        for one, parts in zip(self.samples, self.parts, strict=True):
            seen = {**_order(one.record), **_attention(parts)} if more else {}
            found.append(
                {
                    "text": one.text,
                    "nats": -math.fsum(one.log_probs),
                    "stopped": one.stopped,
                    "strokes": [stroke.tolist() for stroke in one.record.strokes()],
                    "log_probs": one.log_probs.tolist(),
                    **seen,
                }
            )
        return found


class Ready:
    """An order that was checked, before anything is drawn."""

    def __init__(self, model: Model, order: Order, report: Report) -> None:
        """report: is told what becomes of unknown characters. Raises `UserError`."""
        pen, suffix = order.pen, order.suffix
        self._model, self._order = model, order
        self._pictured = suffix not in ("", *LINES)
        if pen.page is not None and (order.samples != 1 or order.length is not None or not suffix):
            raise UserError("--page writes one text into files: -o FILE.svg, without --samples, --length and --json.")
        if suffix == ".json" and (pen.page is not None or order.samples > 1):
            raise UserError("a .json file holds one drawing. Write several to a .jsonl file.")
        _check_look(pen, suffix)
        spelling = spelled(order.text, model.record_codec.alphabet, order.unknown)
        self._text = spelling.text
        if spelling.told:
            report.warn(spelling.told)
        self._lines = several(model, self._text) if pen.page is None else []
        self._page = _page(model, pen, self._lines)
        if self._pictured:
            _rehearse(self._page, suffix, pen.look)

    @property
    def checked(self) -> bool:
        """Whether what is drawn is read again: a whole text, unless it is begun."""
        order = self._order
        return self._model.text is not None and order.length is None and order.pen.tries > 1

    def drawn(
        self,
        seed: int,
        style: Drawing | None = None,
        begun: Drawing | None = None,
        recogniser: Recogniser | None = None,
        report: Report | None = None,
    ) -> Answer:
        """Draw. style: in this manner; begun: the drawing goes on from these strokes; recogniser: reads what was drawn;
        report: is told what could not be read. Raises `UserError`."""
        model, order, pen, report = self._model, self._order, self._order.pen, report or Report()
        if begun is not None and (pen.page is not None or len(self._lines) > 1):
            raise UserError("--begin is for one line: leave --page and line ends out.")
        checked = self.checked and begun is None

        def draw(words: str, number: int, manner: Drawing | None) -> Sample:
            if not checked:
                return model.generate(
                    words,
                    sampling=order.sampling,
                    style=manner,
                    begun=begun,
                    seed=seed,
                    row=number,
                    length=order.length,
                )[0]
            sample, verdict = verified.draw(
                model,
                words,
                recogniser,
                tries=pen.tries,
                sampling=order.sampling,
                style=manner,
                seed=seed,
                number=number,
            )
            if not verdict.good:
                report.warn(_complaint(model, words, verdict, pen))
            return sample

        lines = self._lines
        if pen.page is not None:
            written = write(
                model, self._text, self._page, reflow=pen.reflow, style=style, seed=seed, draw=draw, report=report
            )
            return Answer(seed, (), [written.pieces], [written.layout])
        parts = [
            [draw(each.lines[0], n * len(lines) + at, style) for at, each in enumerate(lines)]
            for n in range(order.samples)
        ]
        drawn = [stacked(model, lines, part) for part in parts]
        known = hand_of(model).x_height if len(lines) > 1 else None
        layouts = [fit(one.record, pen.x_height, own_x_height=known) for one in drawn] if self._pictured else []
        return Answer(seed, drawn, parts, layouts)


def recogniser_beside(model: Model) -> Recogniser | None:
    """The recogniser that `rhapsode recognise` has put beside the model, if it has."""
    path = model.path.parent / FILE if model.path else None
    return Recogniser.load(path) if path and path.exists() else None


def in_order(record: Drawing) -> np.ndarray:
    """The numbers of a drawing's points [N], as the pen came to them."""
    return np.arange(len(record)) if record.order is None else record.order


def _order(record: Drawing) -> dict[str, Any]:
    """Of each point of each stroke, when the pen came to it, counted from 0."""
    when = np.empty(len(record), np.int64)
    when[in_order(record)] = np.arange(len(record))
    counts = np.cumsum([len(stroke) for stroke in record.strokes()])[:-1]
    return {"order": [part.tolist() for part in np.split(when, counts) if len(part)]}


def _attention(parts: Sequence[Sample]) -> dict[str, Any]:
    """How much of each character of its text, and of the end behind it, was seen at each step, of each line."""
    if not any(one.attention.size for one in parts):
        return {}
    seen = [one.attention[:, -(len(one.text) + 1) :] for one in parts]  # without a style's own text
    return {
        "lines": [one.text for one in parts],
        "attention": [np.round(one.astype(np.float64), 4).tolist() for one in seen],
    }


def _page(model: Model, pen: Pen, lines: list[Paragraph[str]]) -> Page:
    """The page to write on. Without --page, the smallest that the drawing may need, to try what is asked for with.

    Raises `UserError`.
    """
    if pen.page is not None:
        given = {"x_height": pen.x_height, "line_height": pen.line_height}
        sizes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return Page.named(pen.page, margin=pen.margin, align=pen.align, ruled=pen.ruled, **sizes)
    x_height, wide = FITTED if pen.x_height is None else pen.x_height, 0.0
    if not x_height > 0:
        raise UserError(f"--x-height {x_height:g}: it must be more than 0 mm; 2 to 4 are usual.")
    if model.text is not None and (hand := getattr(model.codec, "hand", None)):
        wide = 0.5 * x_height * hand.advance / hand.x_height * max(len(line.lines[0]) for line in lines)
    high = LINE_HEIGHT * x_height * (len(lines) - 1)
    if max(wide, high) > LARGEST:
        raise UserError(
            f"that would be more than {LARGEST:,.0f} mm {'long' if wide > high else 'high'}, which is the most: give "
            "a smaller --x-height, or write on pages: --page a4."
        )
    size = 2 * x_height
    return Page(size + wide, size + high, (0.0,) * 4, x_height, x_height)


def _complaint(model: Model, words: str, verdict: Verdict, pen: Pen) -> str:
    """What is wrong with the best of several tries, and what may help."""
    places = ", ".join(f"{character!r} (character {place + 1})" for place, character in verdict.missing)
    what = f"; it reads {verdict.read!r}" if verdict.read is not None else ""
    what += f"; wrong or passed over: {places}" if places else ""
    what += "; the text did not come to its end, or stood still on the way" if verdict.stalled else ""
    help = "Try another --seed or more --bias."
    hand = getattr(model.codec, "hand", None)
    if pen.page is None and hand is not None and len(words) > 2 * hand.longest:
        help = (
            f"Most texts that the model learnt from have at most {hand.longest} characters: with --page, or line ends "
        )
        help += "in the text, it writes less at a time."
    return f"{words!r} is not right in any of {pen.tries} tries{what}. {help}"


def _check_look(pen: Pen, suffix: str) -> None:
    """Raises `UserError` for options that files of this kind do not have."""
    kinds = {name: [kind for kind in PAGES if name in options_of(kind)] for name in pen.look}
    if pen.ruled:
        kinds["ruled"] = list(PAGES)
    if pen.x_height is not None and pen.page is None:
        kinds["x_height"] = list(PAGES)
    for name, those in kinds.items():
        if suffix not in those:
            raise UserError(
                f"--{name.replace('_', '-')} is for {', '.join(those)} files: write one with -o, or leave it out."
            )


def _rehearse(page: Page, suffix: str, look: dict[str, Any]) -> None:
    """Make the file of an empty page, so that what cannot be done is known before anything is drawn."""
    encode(Layout(page, (Sheet(page, (), ()),)), suffix, **look)
