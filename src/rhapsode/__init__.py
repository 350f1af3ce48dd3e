"""Rhapsode: generative LSTMs on your own sequences.

    import rhapsode
    rhapsode.train(["book.txt"], "models/book", minutes=5)
    model = rhapsode.load("models/book")
    print(rhapsode.generate(model, "Once upon a time", length=300)[0].text)
    print(rhapsode.score(model, "Is this how the book sounds?").bits_per_char)

`import rhapsode` loads nothing else: each name brings what it needs when it is first used, and only
`train` needs torch.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rhapsode.errors import UserError as UserError
    from rhapsode.generate import generate as generate
    from rhapsode.generate import stream as stream
    from rhapsode.model import Model as Model
    from rhapsode.samplers import Sampling as Sampling
    from rhapsode.score import score as score
    from rhapsode.training.run import train as train

    load = Model.load

__version__ = "0.1.0"

_PLACES = {
    "Model": "rhapsode.model",
    "Sampling": "rhapsode.samplers",
    "UserError": "rhapsode.errors",
    "generate": "rhapsode.generate",
    "score": "rhapsode.score",
    "stream": "rhapsode.generate",
    "train": "rhapsode.training.run",
}

__all__ = ["Model", "Sampling", "UserError", "__version__", "generate", "load", "score", "stream", "train"]


def __getattr__(name: str) -> Any:
    if name == "load":
        return __getattr__("Model").load
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Python makes each imported submodule an attribute of its package. `generate` and `score` are modules
    and functions; here the name is always the function, whoever has imported what before."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
