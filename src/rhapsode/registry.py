"""Finds codecs, constraints, cells, heads and attentions by name, and the folders of modalities.

Each public module of certain packages holds one class, whose `name` is the name of the module. So a file
`modalities/music/codecs/abc.py` adds the codec `abc` everywhere: to the command line, to model files, to the
conformance tests. A name that comes from a file is looked up in these lists, and is never used as an import path.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from rhapsode.errors import choice

PACKAGES = {"codec": (), "constraint": (), "cell": ("nn.cells",), "head": ("nn.heads",), "attention": ("nn.attention",)}
"""The packages with the classes of each kind. Modalities have packages of their own, named as in `OWN`."""
OWN = {"codec": "codecs", "constraint": "constraints", "cell": "cells", "head": "heads", "attention": "attention"}


@cache
def modalities() -> tuple[str, ...]:
    """The names of the modalities, sorted: the folders in `rhapsode.modalities`. Imports none of them."""
    return tuple(sorted(name for name, is_package in _modules("modalities") if is_package))


@cache
def _places(kind: str) -> dict[str, str]:
    """Name → module, for all classes of one kind."""
    if kind == "modality":
        return {name: f"rhapsode.modalities.{name}.modality" for name in modalities()}
    packages = [*PACKAGES[kind], *(f"modalities.{name}.{OWN[kind]}" for name in modalities())]
    return {name: f"rhapsode.{package}.{name}" for package in packages for name, _ in _modules(package)}


def _modules(package: str) -> Iterator[tuple[str, bool]]:
    """The public modules of a package, and whether each is itself a package. Nothing if there is no such package."""
    path = importlib.import_module("rhapsode").__path__
    folders = ["/".join([root, *package.split(".")]) for root in path]
    return ((m.name, m.ispkg) for m in pkgutil.iter_modules(folders) if not m.name.startswith("_"))


def modules(package: str) -> dict[str, ModuleType]:
    """Name → module, for the public modules of a package such as `modalities.ink.formats`, sorted by name."""
    return {name: importlib.import_module(f"rhapsode.{package}.{name}") for name, _ in sorted(_modules(package))}


@cache
def names(kind: str) -> tuple[str, ...]:
    """All names of one kind (`codec`, `cell`, `modality` and so on), sorted. Imports none of them."""
    return tuple(sorted(_places(kind)))


def get(kind: str, name: str) -> Any:
    """The class called `name`. Raises `UserError`, which lists the names that exist."""
    if name not in names(kind):
        raise choice(kind, name, names(kind))
    module = importlib.import_module(_places(kind)[name])
    for value in vars(module).values():
        if isinstance(value, type) and vars(value).get("name") == name:
            return value
    raise LookupError(f"{module.__name__} defines no class with name = {name!r}")


def every(kind: str) -> list[Any]:
    """All classes of one kind."""
    return [get(kind, name) for name in names(kind)]


def modality_of(codec: str) -> str:
    """The name of the modality that a codec belongs to, which is the folder it lies in. Raises `UserError`."""
    if codec not in names("codec"):
        raise choice("codec", codec, names("codec"))
    return _places("codec")[codec].removeprefix("rhapsode.modalities.").split(".")[0]
