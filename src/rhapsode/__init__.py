"""Rhapsode: generative LSTMs on your own sequences.

    import rhapsode
    rhapsode.train(["book.txt"], "models/book", minutes=5)
    model = rhapsode.load("models/book")
    print(model.generate("Once upon a time", length=300)[0].text)
    print(model.score("Is this how the book sounds?").bits_per_char)

What a model can do are the methods of `Model`. `import rhapsode` loads nothing else: each name brings what it
needs when it is first used, and only `train` and dynamic evaluation need torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling as Sampling
    from rhapsode.errors import UserError as UserError
    from rhapsode.inference.model import Model as Model
    from rhapsode.training.run import train as train

    load = Model.load

__version__ = "0.1.0"

_PLACES = {
    "Model": "rhapsode.inference.model",
    "Sampling": "rhapsode.arithmetic.sampling",
    "UserError": "rhapsode.errors",
    "train": "rhapsode.training.run",
}

__all__ = ["Model", "Sampling", "UserError", "__version__", "load", "train"]


def __getattr__(name: str) -> Any:
    if name == "load":
        return __getattr__("Model").load
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
