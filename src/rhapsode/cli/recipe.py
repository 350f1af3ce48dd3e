"""`rhapsode recipe`."""

from __future__ import annotations

import textwrap
from json import dumps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.cli import train
from rhapsode.console import complete
from rhapsode.console.commands import Commands
from rhapsode.console.options import Device, Json, Overwrite, Precision, Resume, Seed, TrustPaths
from rhapsode.console.output import as_json, put
from rhapsode.errors import choice

if TYPE_CHECKING:
    from rhapsode.cli._settings import Settings

app = Commands(no_args_is_help=True, help="Published systems as settings: list them, show one, train one.")
Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete.recipes, help="A name of the list.")]
INDENT, WIDTH = 14, 110


@app.command("list")
def list_(json: Json = False) -> None:
    """What there is."""
    from rhapsode.cli._settings import recipes

    found = {name: one.about for name, one in recipes().items() if one.about}
    if json:
        shown = [{"name": name, "year": about.year, "title": about.title} for name, about in found.items()]
        put(as_json({"recipes": shown}))
        return
    width = max(map(len, found))
    for name, about in found.items():
        typer.echo(f"{name:<{width}}  {about.year}  {about.title}")


@app.command("show")
def show(name: Name, json: Json = False) -> None:
    """Show what was published, what is the same here and what is not, and all settings."""
    from rhapsode.cli._settings import recipe

    found = recipe(name)
    if json:
        put(as_json({"name": name, **found.model_dump(exclude_unset=True)}))
        return
    typer.echo("\n".join(_described(name, found)))


def _described(name: str, found: Settings) -> list[str]:
    lines = [name]
    if found.about:
        about = found.about
        lines += [f"{about.title}.", ""]
        lines += _entry("published", [f"{about.paper} ({about.year}), {about.where}"])
        lines += _entry("reported", [f"{one.value:g} {one.unit}: {one.protocol}" for one in about.reported] or ["-"])
        lines += _entry("the same", about.same) + _entry("differs", about.differs)
        if about.parameters:
            symbols = f" with {about.vocabulary:,} symbols" if about.vocabulary else ""
            lines += _entry("parameters", [f"{about.parameters:,}{symbols}"])
    sources = found.sources or ["none: name a SOURCE"]
    options = {key: value for key, value in found.options.items() if key != "sources"}
    lines += _entry("data", [" ".join(sources)]) + ["", *_settings(options)]
    for table in ("codec", "network", "dropout", "plan"):
        values = getattr(found, table)
        if isinstance(values, float):  # one for all rates
            lines += ["", f"{table} = {values}"]
        elif values:
            lines += _table(table, values)
    source = "" if found.sources else " SOURCE"
    return [*lines, "", f"train it with: rhapsode recipe run {name}{source} -o MODEL"]


def _entry(label: str, texts: list[str]) -> list[str]:
    """Paragraphs beside a label."""
    indent = " " * INDENT
    paragraphs = [textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent) for text in texts]
    first, *rest = [line for paragraph in paragraphs for line in paragraph]
    return [label.ljust(INDENT) + first[INDENT:], *rest]


def _table(name: str, values: dict[str, Any]) -> list[str]:
    """A table of TOML, and those in it."""
    own = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = ["", f"[{name}]", *_settings(own)]
    for key, value in values.items():
        lines += _table(f"{name}.{key}", value) if key not in own else []
    return lines


def _settings(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {dumps(value, ensure_ascii=False)}" for key, value in values.items()]


@app.command("settings")
def settings() -> None:
    """Every setting of train and of its file, as Markdown."""
    from rhapsode.cli._reference import page

    put(page().encode())


@app.command("run")
def run(
    name: Name,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...", autocompletion=complete.sources, help="As for train [default: the recipe's data]."
        ),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="MODEL", help="The folder to write.")] = ...,  # type: ignore[assignment]
    budget: Annotated[
        str | None,
        typer.Option(metavar="small", help="The same system, small enough for ten minutes on two processor cores."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Train for this long, instead of the recipe's time.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Or for this many passes over the data.")] = None,
    updates: Annotated[int | None, typer.Option(help="Or for this many updates of the weights.")] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    trust_paths: TrustPaths = False,
    json: Json = False,
) -> None:
    """Train as a recipe says, or with --budget small, a little of it.

    To change more than its length: rhapsode train --config NAME, with any option of train."""
    from rhapsode.cli._settings import recipe, small

    if budget not in (None, "small"):
        raise choice("--budget", budget, ["small"])
    found = recipe(name)
    train.begin(
        small(found) if budget else found,
        output,
        sources=sources,
        minutes=minutes,
        epochs=epochs,
        updates=updates,
        resume=resume,
        overwrite=overwrite,
        seed=seed,
        device=device,
        precision=precision,
        trust_paths=trust_paths,
        json=json,
    )
