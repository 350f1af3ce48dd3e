"""Finding codecs, cells, heads and conditions by name.

Each kind is a package whose every public module holds one class named by its `name` attribute, and
the module is called the same. So adding `codecs/abc.py` adds the codec `abc` everywhere: command
line, files, conformance tests. A name that comes from a file is looked up in that list and never
used as an import path.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from rhapsode.errors import choice

KINDS = {"codec": "codecs", "cell": "cells", "head": "heads", "condition": "conditions"}


@cache
def names(kind: str) -> tuple[str, ...]:
    """All names of one kind (`codec`, `cell`, `head`, `condition`), sorted. Imports none of them."""
    package = importlib.import_module(f"rhapsode.{KINDS[kind]}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def get(kind: str, name: str) -> Any:
    """The class called `name`. Raises `UserError` naming what there is."""
    if name not in names(kind):
        raise choice(kind, name, names(kind))
    module = importlib.import_module(f"rhapsode.{KINDS[kind]}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and vars(value).get("name") == name:
            return value
    raise LookupError(f"rhapsode.{KINDS[kind]}.{name} defines no class with name = {name!r}")


def every(kind: str) -> list[Any]:
    """All classes of one kind."""
    return [get(kind, name) for name in names(kind)]
