"""What `write` does with a model: it draws, and writes files."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rhapsode.console.output import as_json, check_suffix, check_writable, numbered, numbers_of, put
from rhapsode.console.progress import reporting, tell
from rhapsode.console.records import named
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.modalities.ink.drawing import Drawing
    from rhapsode.modalities.ink.page import Page
    from rhapsode.modalities.ink.recogniser import Recogniser
    from rhapsode.modalities.ink.verified import Verdict
    from rhapsode.modalities.ink.wrap import Paragraph


@dataclass(frozen=True)
class Pen:
    """How drawings are to be made and to look, as the options of `rhapsode write` say; None: their defaults.

    look: options of formats, those that were given.
    """

    tries: int
    page: str | None
    x_height: float | None
    line_height: float | None
    margin: float | None
    align: str
    ruled: bool
    reflow: bool
    attention: str | None
    look: dict[str, Any]


def write_ink(
    model: Model,
    text: str,
    unknown: str,
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
    """Draw, and write it where `output` says, in the format that its suffix says.

    unknown: what to do about characters that the model has never seen, see `ink.spelling`; it is told.
    """
    from rhapsode.files.place import place
    from rhapsode.modalities.ink import verified
    from rhapsode.modalities.ink.page import fit
    from rhapsode.modalities.ink.spelling import spelled
    from rhapsode.modalities.ink.write import LINES, SUFFIXES, save
    from rhapsode.modalities.ink.writing import attention_picture, hand_of, several, stacked, write

    if json and output != "-":
        raise UserError("--json prints an object instead of a picture: leave -o out, or --json.")
    suffix = "" if output == "-" else check_suffix(output, SUFFIXES)
    pictured = suffix not in ("", *LINES)
    if pen.page is not None and (samples != 1 or length is not None or json or output == "-"):
        raise UserError("--page writes one text into files: -o FILE.svg, without --samples, --length and --json.")
    if suffix == ".json" and (pen.page is not None or samples > 1):
        raise UserError(f"-o {output}: a .json file holds one drawing. Write several to a .jsonl file.")
    _check_look(pen, suffix)
    spelling = spelled(text, model.record_codec.alphabet, unknown)
    text = spelling.text
    if spelling.told:
        typer.echo(f"warning: {spelling.told}", err=True)
    lines = several(model, text) if pen.page is None else []
    page = _page(model, pen, lines)
    if pictured:
        _rehearse(page, suffix, pen.look)
    names = [output] if samples == 1 or not pictured else [numbered(output, n + 1) for n in range(samples)]
    pages = numbers_of(output) if pen.page and pictured else []  # how many there will be is not known yet
    shown = _attention(model, pen, samples)
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
            typer.echo(f"warning: {_complaint(model, words, verdict, pen)}", err=True)
        return sample

    reader = recogniser_beside(model) if checked else None
    if pen.page is not None:
        with reporting() as report:
            written = write(model, text, page, reflow=pen.reflow, style=given, seed=seed, draw=draw, report=report)
        firsts, layouts = [written.pieces[0]], [written.layout]
    else:
        parts = [
            [draw(each.lines[0], n * len(lines) + at, given) for at, each in enumerate(lines)] for n in range(samples)
        ]
        firsts, drawn = [part[0] for part in parts], [stacked(model, lines, part) for part in parts]
        known = hand_of(model).x_height if len(lines) > 1 else None
        layouts = [fit(one.record, pen.x_height, own_x_height=known) for one in drawn] if pictured else []
    for name, one in zip(shown, firsts, strict=False):
        attention_picture(one, Path(name))
    if layouts:
        for name, layout in zip(names, layouts, strict=True):
            for path in save(layout, name, **pen.look):
                tell(str(path))
    elif json:
        put(as_json({"seed": seed, "samples": [_object(model, one) for one in drawn]}))
    elif output != "-":
        place(Path(output), b"".join(one.data for one in drawn))
    elif sys.stdout.isatty():
        for line in (line for part in parts for line in part):
            put(f"{model.record_codec.show(line.record)}\n".encode())
    else:
        put(b"".join(one.data for one in drawn))


def _page(model: Model, pen: Pen, lines: list[Paragraph[str]]) -> Page:
    """The page to write on. Without --page, the smallest that the drawing may need, to try what is asked for with.

    Raises `UserError`.
    """
    from rhapsode.modalities.ink.page import FITTED, LARGEST, LINE_HEIGHT, Page

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


def _attention(model: Model, pen: Pen, samples: int) -> list[str]:
    """Names of the pictures of attention: one of each sample, of its first line; on pages, of the first piece."""
    if pen.attention is None:
        return []
    if model.text is None:
        raise UserError("--attention shows which character was seen, and this model was trained without texts.")
    check_suffix(pen.attention, [".png"], "--attention")
    return [pen.attention] if pen.page or samples == 1 else [numbered(pen.attention, n + 1) for n in range(samples)]


def recogniser_beside(model: Model) -> Recogniser | None:
    """The recogniser that `rhapsode recognise` has put beside the model, if it has."""
    from rhapsode.modalities.ink.recogniser import FILE, Recogniser

    path = model.path.parent / FILE if model.path else None
    return Recogniser.load(path) if path and path.exists() else None


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
    from rhapsode.modalities.ink.write import PAGES, options_of

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
    from rhapsode.modalities.ink.page import Layout, Sheet
    from rhapsode.modalities.ink.write import encode

    encode(Layout(page, (Sheet(page, (), ()),)), suffix, **look)


def _object(model: Model, one: Sample) -> dict[str, Any]:
    return {
        "text": one.text,
        "nats": -math.fsum(one.log_probs),
        "stopped": one.stopped,
        "strokes": [stroke.tolist() for stroke in one.record.strokes()],
        "log_probs": one.log_probs.tolist(),
    }
