"""What the studio offers of `rhapsode train` and `rhapsode demo`: their options and demos, by their own names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args

from typer.models import ParameterInfo

from rhapsode import registry
from rhapsode.console.brought import every, modality_of
from rhapsode.errors import UserError, choice

COMMON = ("codec", "params", "reset", "dropout", "seed", "as_text", "all_files")
"""Options of `train` that are for all data and are offered, too."""
KINDS = {int: "whole", float: "number", bool: "flag", str: "text"}
"""The type of an option → how a page asks for it."""

Value = str | int | float | bool


def training(codec: str) -> dict[str, Any]:
    """What may be chosen for data that this codec reads: its modality's codecs, and the options that its modality
    brings. Raises `UserError` for an unknown codec."""
    modality = modality_of(codec)
    kinds = [registry.get("codec", name) for name in registry.names("codec")]
    beside = {kind.auxiliary for kind in kinds}
    own = [kind for kind in kinds if registry.modality_of(kind.name) == modality.name and kind.name not in beside]
    return {
        "modality": modality.name,
        "noun": modality.noun,
        "codecs": [{"name": kind.name, "summary": kind.summary} for kind in own],
        "options": [_described(name, kind) for name, kind in modality.training().items()],
    }


def _described(name: str, annotated: Any) -> dict[str, Any]:
    kind, *extras = get_args(annotated)
    info = next(extra for extra in extras if isinstance(extra, ParameterInfo))
    kinds = [one for one in (get_args(kind) or (kind,)) if one is not type(None)]
    return {
        "name": name,
        "kind": KINDS.get(kinds[0], "text"),
        "example": info.metavar or "",
        "help": info.help or "",
    }


def arguments(options: Mapping[str, Value]) -> Sequence[str]:
    """Options as words of a command line. Raises `UserError` for those that are not offered."""
    allowed = {*COMMON, *(name for modality in every() for name in modality.training())}
    words = []
    for name, value in options.items():
        if name not in allowed:
            raise choice("option", name, allowed)
        if "\0" in str(value):
            raise UserError(f"{name}: it cannot have the character NUL.")
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not False and value != "":
            words.append(f"{option}={value}")
    return words


@cache
def demos() -> Mapping[str, Mapping[str, Any]]:
    """The demos: name → what it is, and the minutes that it takes."""
    found = {}
    for modality in every():
        if (demo := modality.demo()) is not None:
            name, command = demo
            minutes = inspect.signature(command).parameters["minutes"].default
            about, _, more = inspect.cleandoc(command.__doc__ or "").partition("\n\n")
            found[name] = {"name": name, "about": about, "more": " ".join(more.split()), "minutes": minutes}
    return found


def demo(name: str) -> Mapping[str, Any]:
    """Raises `UserError`."""
    if name not in demos():
        raise choice("demo", name, demos())
    return demos()[name]
