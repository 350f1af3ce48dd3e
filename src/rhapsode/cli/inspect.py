"""`rhapsode inspect`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli._contents import Found, contents, framed
from rhapsode.cli._made import lines, made
from rhapsode.console.contents import Contents
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Flip, Overwrite, TrustPaths
from rhapsode.console.output import as_json, put, visible
from rhapsode.console.records import turned
from rhapsode.errors import UserError
from rhapsode.files.inside import trusting


def inspect(
    what: Annotated[
        str,
        typer.Argument(metavar="MODEL|SOURCE", help="A model, or a file, folder, glob or data:NAME of any kind."),
    ],
    beside: Annotated[
        str | None, typer.Option(metavar="FILE", help="Of a file of tunes: compare them with those of another.")
    ] = None,
    picture: Annotated[str | None, typer.Option(metavar="FILE.png", help="Draw the comparison.")] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Of tunes: how many notes in a row are from tunes this model learnt."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of recordings: what is spoken, as in train [default: en-us].")
    ] = None,
    textgrids: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Of recordings: write there when each phone is said, a TextGrid each."),
    ] = None,
    flip: Flip = None,
    trust_paths: TrustPaths = False,
    overwrite: Overwrite = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a model is and what it was trained on; or what a file, a folder or another SOURCE holds: text,
    drawings, tunes, recordings or none of these, and what `train` would make of it."""
    with unbroken():
        from rhapsode.inference.model import Model
        from rhapsode.modalities.music.cli.copies import copied_by
        from rhapsode.modalities.speech.cli.recordings import recordings

    if picture is not None and beside is None:
        raise UserError(f"--picture {picture}: it shows a comparison, so --beside FILE is needed, too.")
    if against is not None and beside is not None:
        raise UserError("--against and --beside were given; one of them must go.")
    if beside is not None:
        from rhapsode.modalities.music.cli.output import compare_music

        compare_music(what, beside, picture, json, overwrite)
        return
    with trusting(trust_paths), turned(flip):
        about = made(what)
        found = Found(what) if about is None else None
        spoken = found is not None and found.record == "utterance" and not found.recording
        if against is not None and (found is None or found.record != "tune"):
            raise UserError(f"--against measures tunes, and {what} is no file of tunes. Leave it out.")
        for option, value in (("--language", language), ("--textgrids", textgrids)):
            if value is not None and not spoken:
                raise UserError(f"{option} is for recordings with texts, and {what} has none. Leave it out.")
        if found is None:
            assert about is not None
            _show(Contents(about, list(lines(about))), json)
        elif against is not None:
            copied_by(found.path, Model.load(against), json)
        elif spoken:
            _show(framed(found, *recordings(what, language, textgrids, overwrite)), json)
        else:
            _show(contents(found), json)


def _show(found: Contents, json: bool) -> None:
    if json:
        put(as_json(found.about))
    else:
        typer.echo("\n".join(visible(line) for line in found.lines))
