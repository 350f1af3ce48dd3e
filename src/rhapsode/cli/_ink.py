"""What `generate` and `inspect` do with drawings."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rhapsode.cli._files import as_json, check_suffix, check_writable, numbered, numbers_of, put
from rhapsode.cli._progress import reporting, tell
from rhapsode.cli._records import fresh_seed, named
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode._writers import Sample
    from rhapsode.ink.drawing import Drawing
    from rhapsode.model import Model
    from rhapsode.recogniser import Recogniser
    from rhapsode.samplers import Sampling
    from rhapsode.verified import Verdict


@dataclass(frozen=True)
class Pen:
    """How drawings are to be made and to look, as the options of `rhapsode generate` say; None: their defaults."""

    tries: int
    page: str | None
    x_height: float | None
    pitch: float | None
    margin: float | None
    align: str
    ruled: bool
    mode: str
    animated: bool
    attention: str | None


def write_ink(
    model: Model,
    text: str,
    pen: Pen,
    sampling: Sampling,
    style: str | None,
    seed: int | None,
    samples: int,
    length: int | None,
    output: str,
    json: bool,
    overwrite: bool,
) -> None:
    """Draw, and write it where `output` says, in the format that its suffix says."""
    from rhapsode import verified
    from rhapsode.exchange.place import place
    from rhapsode.ink.page import Page, fit
    from rhapsode.ink.write import LINES, SUFFIXES, save
    from rhapsode.writing import attention_picture, write

    if json and output != "-":
        raise UserError("--json prints an object instead of a picture: leave -o out, or --json.")
    suffix = "" if output == "-" else check_suffix(output, SUFFIXES)
    look, pictured = _look(pen, suffix), suffix not in ("", *LINES)
    if pen.x_height is not None and not pictured and not pen.page:
        raise UserError("--x-height is for pictures, and for --page: write one, e.g. -o words.svg, or leave it out.")
    names = [output] if samples == 1 or not pictured else [numbered(output, n + 1) for n in range(samples)]
    pages = numbers_of(output) if pen.page and pictured else []  # how many there will be is not known yet
    shown = _attention(pen, samples)
    for name in [*names, *pages, *shown]:
        check_writable(name, overwrite=overwrite)
    given = named(style, model) if style is not None else None
    seed = fresh_seed() if seed is None else seed
    checked = model.text is not None and length is None and pen.tries > 1

    def draw(words: str, number: int, manner: Drawing | None) -> Sample:
        if not checked:
            return model.generate(words, sampling=sampling, style=manner, seed=seed, row=number, length=length)[0]
        sample, verdict = verified.draw(
            model, words, reader, tries=pen.tries, sampling=sampling, style=manner, seed=seed, number=number
        )
        if not verdict.good:
            typer.echo(f"warning: {_complaint(words, verdict, pen.tries)}", err=True)
        return sample

    reader = recogniser_beside(model) if checked else None
    if pen.page is not None:
        if samples != 1 or length is not None or json or output == "-":
            raise UserError("--page writes one text into files: -o FILE.svg, without --samples, --length and --json.")
        given_sizes = {"x_height": pen.x_height, "pitch": pen.pitch}
        sizes: dict[str, Any] = {name: value for name, value in given_sizes.items() if value is not None}
        page = Page.named(pen.page, margin=pen.margin, align=pen.align, ruled=pen.ruled, **sizes)
        with reporting() as report:
            written = write(model, text, page, style=given, seed=seed, draw=draw, report=report)
        drawn, layouts = list(written.pieces), [written.layout]
    else:
        drawn = [draw(text, number, given) for number in range(samples)]
        layouts = [fit(one.record, pen.x_height) for one in drawn] if pictured else []
    for name, one in zip(shown, drawn, strict=False):
        attention_picture(one, Path(name))
    if json:
        put(as_json({"seed": drawn[0].seed, "samples": [_object(model, one) for one in drawn]}))
    elif output == "-":
        for one in drawn:
            put(f"{model.record_codec.show(one.record)}\n".encode() if sys.stdout.isatty() else one.data)
    elif layouts:
        for name, layout in zip(names, layouts, strict=True):
            for path in save(layout, name, **look):
                tell(str(path))
    else:
        place(Path(output), b"".join(one.data for one in drawn))


def _attention(pen: Pen, samples: int) -> list[str]:
    """Names of the pictures of attention: one of each sample; on pages, of the first piece."""
    if pen.attention is None:
        return []
    check_suffix(pen.attention, [".png"], "--attention")
    return [pen.attention] if pen.page or samples == 1 else [numbered(pen.attention, n + 1) for n in range(samples)]


def recogniser_beside(model: Model) -> Recogniser | None:
    """The recogniser that `rhapsode recognise` has put beside the model, if it has."""
    from rhapsode.recogniser import FILE, Recogniser

    path = model.path.parent / FILE if model.path else None
    return Recogniser.load(path) if path and path.exists() else None


def _complaint(words: str, verdict: Verdict, tries: int) -> str:
    """What is wrong with the best of several tries."""
    places = ", ".join(f"{character!r} (character {place + 1})" for place, character in verdict.missing)
    what = f"; it reads {verdict.read!r}" if verdict.read is not None else ""
    what += f"; wrong or passed over: {places}" if places else ""
    what += "; the text did not come to its end, or stood still on the way" if verdict.stalled else ""
    return f"{words!r} is not right in any of {tries} tries{what}. Try another --seed or more --bias."


def _look(pen: Pen, suffix: str) -> dict[str, Any]:
    """Options of the format. Raises `UserError` for those that it does not have."""
    look: dict[str, Any] = {}
    if pen.mode != "plotter":
        if suffix not in (".svg", ".png"):
            raise UserError(f"--mode {pen.mode} is for .svg and .png files: write one with -o, or leave it out.")
        look["mode"] = pen.mode
    if pen.animated:
        if suffix != ".svg":
            raise UserError("--animated is for .svg files: write one with -o, or leave it out.")
        look["animated"] = True
    return look


def _object(model: Model, one: Sample) -> dict[str, Any]:
    return {
        "text": one.text,
        "nats": -float(one.log_probs.sum()),
        "stopped": one.stopped,
        "strokes": [stroke.tolist() for stroke in one.record.strokes()],
        "log_probs": one.log_probs.tolist(),
    }
