"""`rhapsode inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rhapsode.cli._files import as_json, put
from rhapsode.cli._imports import unbroken
from rhapsode.cli._options import Overwrite, TrustPaths
from rhapsode.cli._recordings import are_recordings, inspect_recordings
from rhapsode.errors import UserError
from rhapsode.exchange.inside import trusting

SHOWN = 100
"""Symbols of the vocabulary that are listed."""


def inspect(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A model's folder or file, a file of drawings or tunes, or recordings."),
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
    trust_paths: TrustPaths = False,
    overwrite: Overwrite = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a model is, and how it was trained; or what a file of drawings or tunes, or a folder of recordings,
    holds."""
    with unbroken():
        from rhapsode.codecs._text import TextCodec
        from rhapsode.ink.read import recognised as is_ink
        from rhapsode.model import Model
        from rhapsode.music.read import recognised as is_music

    if picture is not None and beside is None:
        raise UserError(f"--picture {picture}: it shows a comparison, so --beside FILE is needed, too.")
    if against is not None and beside is not None:
        raise UserError("--against and --beside were given; one of them must go.")
    if beside is not None:
        from rhapsode.cli._music import compare_music

        compare_music(model, beside, picture, json, overwrite)
        return
    if against is not None and not is_music(Path(model)):
        raise UserError(f"--against measures tunes, and {model} is no file of tunes. Leave it out.")
    if are_recordings(Path(model)):
        with trusting(trust_paths):
            inspect_recordings(Path(model), language, textgrids, json, overwrite)
        return
    if language is not None or textgrids is not None:
        option = "--language" if language is not None else "--textgrids"
        raise UserError(f"{option} is for recordings with texts, and {model} has none. Leave it out.")
    if is_ink(Path(model)):
        from rhapsode.cli._ink import inspect_ink

        inspect_ink(Path(model), json)
        return
    if is_music(Path(model)):
        from rhapsode.cli._music import inspect_music

        judge = Model.load(against) if against is not None else None
        inspect_music(Path(model), judge, json)
        return
    loaded = Model.load(model)
    assert loaded.path is not None
    codec = loaded.codec
    size = codec.steps.size
    facts: dict[str, Any] = {
        "path": str(loaded.path),
        "digest": loaded.digest,
        "parameters": loaded.network.parameters,
        "file_bytes": loaded.path.stat().st_size,
        "codec": codec.name,
        **(
            {"vocabulary": {"size": size, "first": [codec.label(n) for n in range(min(size, SHOWN))]}}
            if isinstance(codec, TextCodec)
            else {"steps": codec.to_json()}
        ),
        "network": loaded.config.network.model_dump(),
        "framing": loaded.config.framing.model_dump(),
        "reset": loaded.config.reset,
        "facts": loaded.config.facts,
    }
    if json:
        put(as_json(facts))
        return
    if "vocabulary" in facts:
        facts["vocabulary"] = (
            f"{size:,} symbols: {' '.join(facts['vocabulary']['first'])}{' …' if size > SHOWN else ''}"
        )
    _show(facts)


def _show(values: dict[str, Any], indent: str = "") -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            typer.echo(f"{indent}{key}")
            _show(value, indent + "  ")
        else:
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            typer.echo(f"{indent}{key:<{22 - len(indent)}}{shown}")
