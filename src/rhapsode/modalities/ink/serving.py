"""`/api/write`: `rhapsode write` over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.files.source import of_bytes
from rhapsode.inference.generate import Request
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.asked import Answer, Order, Pen, Ready, in_order, recogniser_beside
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats import own
from rhapsode.modalities.ink.page import Layout
from rhapsode.modalities.ink.recogniser import Recogniser
from rhapsode.modalities.ink.write import LINES, encode, options_of
from rhapsode.report import Report
from rhapsode.serving.endpoint import Endpoint, Follow, Given, Number, Sampled, Steps, embedded
from rhapsode.serving.requests import Asked

MEDIA = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "gcode": "text/x-gcode",
    "hpgl": "application/vnd.hp-hpgl",
    "jsonl": "application/jsonl",
}
"""Format of a file → its type. The format is the suffix that the command's file would have."""
POINTS = 20_000
"""The most points that a request may hold."""
LONGEST = 2000
"""The most characters of a text: with tries, each is drawn up to `TRIES` times."""
TRIES, PAGES = 16, 50

Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
Millimetres = Annotated[float, Field(gt=0, le=5000)]


class Drawn(Asked):
    """Strokes, each a list of its points [x, y], y down, in units of their own; and what they say.

    thin: a model drew them; its points are not thinned out, as those of pens are."""

    strokes: Annotated[
        list[Annotated[list[Point], Field(min_length=1, max_length=POINTS)]], Field(min_length=1, max_length=POINTS)
    ]
    text: Annotated[str, Field(max_length=LONGEST)] | None = None
    thin: bool = False

    @model_validator(mode="after")
    def _few(self) -> Self:
        if sum(map(len, self.strokes)) > POINTS:
            raise ValueError(f"strokes: more than {POINTS:,} points.")
        return self

    def drawing(self, name: str) -> Drawing:
        """Raises `UserError`."""
        value = {"rhapsode": own.VERSION, "text": self.text, "strokes": self.strokes, "thin": self.thin}
        return next(own.read(of_bytes(json.dumps(value).encode(), name)))


class Begun(Drawn):
    """open: the last stroke is not at its end; the pen goes on with it."""

    open: bool = False

    def drawing(self, name: str) -> Drawing:
        found = super().drawing(name)
        if self.open:
            found.ends[-1] = False
        return found


class Write(Sampled):
    """`POST /api/write`. Fields are options of `rhapsode write`, with their defaults.

    files: an answer as JSON has these, too, in base64: of each sample in `files`; with `page`, of each page in `pages`,
    and no numbers.
    """

    text: Annotated[str, Field(max_length=LONGEST)] = ""
    format: Literal["json", "svg", "png", "gcode", "hpgl", "jsonl"] = "json"
    files: Annotated[list[Literal["svg", "png", "gcode", "hpgl"]], Field(max_length=4)] = Field(default_factory=list)
    bias: Annotated[float, Field(ge=0, le=100)] = 0.0
    style: Drawn | None = None
    begin: Begun | None = None
    """The beginning of the text, on which n endings are drawn."""
    unknown: Literal["refuse", "nearest", "skip"] = "refuse"
    tries: Annotated[int, Field(ge=1, le=TRIES)] = 8
    length: Steps | None = None
    page: Annotated[str, Field(max_length=40)] | None = None
    sheet: Annotated[int, Field(ge=1, le=PAGES)] | None = None
    """Which page, counted from 1, of a text that takes several."""
    x_height: Millimetres | None = None
    line_height: Millimetres | None = None
    margin: Annotated[float, Field(ge=0, le=5000)] | None = None
    align: Literal["left", "right", "centre", "justify"] = "left"
    reflow: bool = False
    ruled: bool = False
    colour: Annotated[str, Field(max_length=40)] | None = None
    nib: Annotated[float, Field(gt=0, le=100)] | None = None
    mode: Literal["plotter", "ink"] | None = None
    animated: bool | None = None
    dpi: Annotated[float, Field(ge=10, le=600)] | None = None
    lift: Literal["z", "servo", "laser", "marlin"] | None = None
    up: Annotated[str, Field(max_length=100)] | None = None
    down: Annotated[str, Field(max_length=100)] | None = None
    dwell: Annotated[float, Field(ge=0, le=60)] | None = None
    feed: Annotated[float, Field(gt=0, le=100_000)] | None = None
    travel: Annotated[float, Field(gt=0, le=100_000)] | None = None
    pen: Annotated[int, Field(ge=1, le=64)] | None = None
    sampled = ("bias",)

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        if self.n > 1 and self.format not in ("json", "jsonl"):
            raise ValueError(f"n: a file of {self.format} holds one drawing; ask for json, or draw one by one.")
        if self.stream and self.format != "json":
            raise ValueError("stream: events are JSON; leave format out.")
        if self.page and self.format == "json" and not self.files:
            raise ValueError("page: pages are files: ask for svg, png, gcode, hpgl or jsonl, or for files.")
        if self.files and self.format != "json":
            raise ValueError("files: an answer as JSON has them; leave format out.")
        return self

    @property
    def suffixes(self) -> list[str]:
        """Of the files that are made; one that is empty where there is none."""
        names: Sequence[str] = self.files or (() if self.format == "json" else (self.format,))
        return [f".{name}" for name in names] or [""]

    @property
    def look(self) -> dict[str, Any]:
        """The options of formats that were given."""
        return {
            name: value
            for name in (
                "mode",
                "nib",
                "colour",
                "dpi",
                "animated",
                "lift",
                "up",
                "down",
                "dwell",
                "feed",
                "travel",
                "pen",
            )
            if (value := getattr(self, name)) is not None and value is not False
        }

    def order(self, suffix: str) -> Order:
        """suffix: one of `suffixes`. Of several files, each has the options that its format knows."""
        look = self.look
        if len(self.suffixes) > 1:
            look = {name: value for name, value in look.items() if name in options_of(suffix)}
        pen = Pen(
            self.tries,
            self.page,
            self.x_height,
            self.line_height,
            self.margin,
            self.align,
            self.ruled,
            self.reflow,
            look,
        )
        return Order(self.text, pen, suffix, self.unknown, Sampling(**self.how), self.n, self.length)


def answer(model: Model, recogniser: Recogniser | None, asked: Write, report: Report) -> Given:
    """See `Endpoint`."""
    orders, seed = [asked.order(suffix) for suffix in asked.suffixes], asked.chosen
    if lost := [name for name in asked.look if not any(name in one.pen.look for one in orders)]:
        raise UserError(f"--{lost[0]} is for none of these files. Leave it out.")
    ready, *_ = [Ready(model, one, Report() if n else report) for n, one in enumerate(orders)]
    order = orders[0]
    style = None if asked.style is None else asked.style.drawing("style")
    begun = None if asked.begin is None else asked.begin.drawing("begin")
    found = ready.drawn(seed, style, begun, recogniser, report)
    if asked.format == "json":
        return Given(seed, {"samples": _samples(found, asked.text, orders if asked.files else ())})
    if not found.layouts or (asked.page is not None and order.suffix in LINES):
        content = encode(found.layouts[0], order.suffix) if found.layouts else found.data
        return Given(seed, content=content, media=MEDIA[asked.format], name=f"writing{order.suffix}")
    [layout] = found.layouts
    sheets = len(layout.sheets)
    if asked.sheet is None and sheets > 1:
        raise UserError(f"the text takes {sheets} pages: say which one with sheet, from 1.")
    if asked.sheet is not None and asked.sheet > sheets:
        raise UserError(f"sheet {asked.sheet}: the text takes {sheets} page{'s' * (sheets > 1)}.")
    options: dict[str, Any] = dict(order.pen.look)
    if sheets > 1:
        options["sheet"] = (asked.sheet or 1) - 1
    content = encode(layout, order.suffix, **options)
    return Given(seed, content=content, media=MEDIA[asked.format], name=f"writing{order.suffix}")


def _samples(found: Answer, text: str, orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Of an answer as JSON. orders: of the files that it is to have."""

    def files(layout: Layout, sheet: int) -> dict[str, str]:
        made = {one.suffix[1:]: encode(layout, one.suffix, sheet=sheet, **one.pen.look) for one in orders}
        return embedded(made)

    if not found.samples:  # but pages
        [layout] = found.layouts
        return [{"text": text, "pages": [files(layout, sheet) for sheet in range(len(layout.sheets))]}]
    samples = found.objects(more=True)
    return (
        [{**one, "files": files(layout, 0)} for one, layout in zip(samples, found.layouts, strict=True)]
        if orders
        else samples
    )


def follow(model: Model, prompt: str, request: Request) -> Follow:
    """New points, in the order of drawing, and whether the pen is lifted after each."""
    codec, style, begun = model.codec, request.get("style"), request.get("begun")
    assert isinstance(codec, Strokes)
    before = np.empty((0, 3), np.float32) if begun is None else codec.beginning(begun)
    told = 0

    def new(steps: Sequence[Any]) -> Mapping[str, Any] | None:
        nonlocal told
        drawn = codec.decode(np.concatenate([before, np.array(steps, np.float32)]), begun=style is not None)
        order = in_order(drawn)[told:]
        told += len(order)
        if not len(order):
            return None
        return {"points": drawn.points[order].tolist(), "ends": drawn.ends[order].tolist()}

    return new


def about(model: Model) -> Mapping[str, Any]:
    """texts: the characters that it writes, if it writes texts. longest: about so many at a time. x_height: of its
    hand, in the units of its strokes."""
    hand = getattr(model.codec, "hand", None)
    texts = model.record_codec.alphabet if model.text is not None else ""
    return {
        "texts": texts,
        "longest": hand.longest if hand is not None else None,
        "x_height": hand.x_height if hand is not None else None,
        "formats": ["json", *MEDIA],
    }


def example(model: Model) -> Mapping[str, Any]:
    """A line of its hand, of the characters that it knows; or a drawing."""
    return {"text": "a line of its hand", "unknown": "skip"} if model.text is not None else {}


ENDPOINT = Endpoint(
    "/api/write",
    "Write a text by hand, or draw.",
    Write,
    answer,
    tuple(MEDIA.values()),
    recogniser_beside,
    about,
    follow,
    example,
)
