"""What `write` does with a model: it draws, and writes files."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.console.output import as_json, check_suffix, check_writable, numbered, numbers_of, put
from rhapsode.console.progress import Warnings, reporting, tell
from rhapsode.console.records import named
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.model import Model
    from rhapsode.modalities.ink.asked import Order


def write_ink(
    model: Model,
    order: Order,
    style: str | None,
    begin: str | None,
    seed: int | None,
    attention: str | None,
    output: str,
    json: bool,
    overwrite: bool,
) -> None:
    """Draw, and write it where `output` says, in the format that its suffix says. style, begin: name drawings."""
    from rhapsode.files.place import place
    from rhapsode.modalities.ink.asked import Ready, recogniser_beside
    from rhapsode.modalities.ink.write import LINES, SUFFIXES, save
    from rhapsode.modalities.ink.writing import attention_picture

    if json and output != "-":
        raise UserError("--json prints an object instead of a picture: leave -o out, or --json.")
    pen, samples = order.pen, order.samples
    suffix = "" if output == "-" else check_suffix(output, SUFFIXES)
    ready = Ready(model, replace(order, suffix=suffix), Warnings())
    pictured = suffix not in ("", *LINES)
    names = [output] if samples == 1 or not pictured else [numbered(output, n + 1) for n in range(samples)]
    pages = numbers_of(output) if pen.page and pictured else []  # how many there will be is not known yet
    shown = _attention(model, attention, samples, pen.page is not None)
    for name in [*names, *pages, *shown]:
        check_writable(name, overwrite=overwrite)
    manner, begun = (named(each, model) if each is not None else None for each in (style, begin))
    seed = fresh_seed() if seed is None else seed
    recogniser = recogniser_beside(model) if ready.checked else None
    with reporting() if pen.page is not None else nullcontext(Warnings()) as report:
        answer = ready.drawn(seed, manner, begun, recogniser, report)
    for name, part in zip(shown, answer.parts, strict=False):
        attention_picture(part[0], Path(name))
    if answer.layouts:
        for name, layout in zip(names, answer.layouts, strict=True):
            for path in save(layout, name, **pen.look):
                tell(str(path))
    elif json:
        put(as_json({"seed": seed, "samples": answer.objects()}))
    elif output != "-":
        place(Path(output), answer.data)
    elif sys.stdout.isatty():
        for line in (line for part in answer.parts for line in part):
            put(f"{model.record_codec.show(line.record)}\n".encode())
    else:
        put(answer.data)


def _attention(model: Model, name: str | None, samples: int, paged: bool) -> list[str]:
    """Names of the pictures of attention: one of each sample, of its first line; on pages, of the first piece."""
    if name is None:
        return []
    if model.text is None:
        raise UserError("--attention shows which character was seen, and this model was trained without texts.")
    check_suffix(name, [".png"], "--attention")
    return [name] if paged or samples == 1 else [numbered(name, n + 1) for n in range(samples)]
