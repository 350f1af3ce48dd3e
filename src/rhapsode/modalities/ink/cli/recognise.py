"""`rhapsode recognise`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.complete import models
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Flip, Json, Overwrite
from rhapsode.console.output import as_json, put
from rhapsode.console.progress import reporting, tell
from rhapsode.console.records import turned
from rhapsode.errors import UserError


def recognise(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Drawings with texts: files, folders.")],
    model: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="MODEL", autocompletion=models, help="The model whose writing it will check."
        ),
    ],
    minutes: Annotated[float, typer.Option(min=0.01, help="Learn for this long.")] = 3.0,
    width: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Hidden size of its layers, in each direction [default: 128].")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", autocompletion=models, help="Go on from the recogniser of that model."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same start.")] = 1,
    flip: Flip = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Learn to read handwriting, so that `write` can check itself.

    Give the drawings that the model was trained on. A tenth of the texts is held out, to tell how well it reads."""
    with unbroken():
        from rhapsode.data.encode_records import split_hash
        from rhapsode.data.sources import open_sources
        from rhapsode.data.validation import held_out
        from rhapsode.files.checkpoint import SHIPPED_PREFIX, locate
        from rhapsode.files.refusals import Refusals
        from rhapsode.inference.model import Model
        from rhapsode.modalities.ink.codecs.strokes import Strokes
        from rhapsode.modalities.ink.read import read
        from rhapsode.modalities.ink.recogniser import FILE, Recogniser
        from rhapsode.modalities.ink.recogniser_training import WIDTH, check_free, train_recogniser

    if model.startswith(SHIPPED_PREFIX):
        raise UserError(f"{model} comes with Rhapsode and stays as it is. Train a model of your own, and name that.")
    Model.load(model)  # whatever else it is, a recogniser beside it would never be found
    folder = locate(model).parent
    begun = None
    if base is not None:
        reader = locate(base).parent / FILE
        if not reader.exists():
            raise UserError(f"{base} has no recogniser to go on from. Leave --from out, or give a model that has one.")
        begun = Recogniser.load(reader)
    if base is not None and width is not None:
        raise UserError("--width is that of the recogniser given with --from. One of them must go.")
    if not overwrite:
        check_free(folder / FILE)
    opened, refused = open_sources(sources, accepts=Strokes.recognises), Refusals()
    with turned(flip):
        drawings = list(opened.each(lambda file: read(file.path, None, file.name, refused)))
    lots = [split_hash(Strokes, drawing, number) for number, drawing in enumerate(drawings)]
    below = held_out(lots, 0.1)
    sides: tuple[list[object], list[object]] = [], []
    for drawing, at in zip(drawings, lots, strict=True):
        sides[at < below].append(drawing)
    if not any(drawing.text for drawing in drawings):
        raise UserError(
            "no drawing has a text, so there is nothing to learn to read. Give drawings whose text is known."
        )
    with reporting() as report:
        for told in [*refused.told("In files"), *opened.damage]:
            report.warn(told)
        known = train_recogniser(
            sides[0],  # type: ignore[arg-type]
            folder / FILE,
            minutes=minutes,
            seed=seed,
            valid=sides[1],  # type: ignore[arg-type]
            width=width or WIDTH,
            base=begun,
            overwrite=overwrite,
            report=report,
        )
    rate = known.config.facts.get("valid_cer")
    if json:
        put(as_json({"recogniser": str(folder / FILE), "alphabet": known.config.alphabet, **known.config.facts}))
    if rate is not None:
        tell(f"misreads {100 * rate:.1f} % of the characters of texts that it had not seen")
    noticed = known.config.facts.get("valid_noticed")
    if noticed is not None:
        tell(f"notices {100 * noticed:.0f} % of dots and bars that were removed, moved or added there")
    tell(f'next  rhapsode write {folder} "any words" -o words.svg')
