"""The targets of `rhapsode export`. Each is one module of this package with a constant `TARGET`.

The ending of the output's name says which target is meant. What differs between modalities (the page of a drawing is
not that of a tune), a target asks of the modality: see `rhapsode.console.modality`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rhapsode import registry
from rhapsode.arithmetic.quantise import Unfit
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.model import Model


@dataclass(frozen=True)
class Order:
    """What is to be exported.

    model:   it comes from a file (`model.path`), beside which its other parts lie: see `Codec.beside`.
    name:    the name of the output, without its folder, e.g. `book.onnx`.
    licence: the licence of the model, e.g. `cc-by-4.0`; empty if its owner has not said.
    address: where Rhapsode will find the export, if that is known, e.g. `hf://ann/book`.
    """

    model: Model
    name: str
    licence: str = ""
    address: str = ""


@dataclass(frozen=True)
class Target:
    """One form in which models are exported.

    title:  what it is, in one line for help.
    suffix: the ending of the output's name, in small letters; empty: the output is a folder.
    make:   name → contents of each file. If the output is a file, it comes first, under `order.name`, and the others
            get their places beside it; if it is a folder, all lie in it, perhaps in folders of their own. Raises
            `UserError` for a model that has no such form, with the reason.
    """

    title: str
    suffix: str
    make: Callable[[Order], Mapping[str, bytes]]


def targets() -> dict[str, Target]:
    """Suffix → target."""
    return {module.TARGET.suffix: module.TARGET for module in registry.modules("export").values()}


@contextmanager
def whole_numbers(order: Order) -> Iterator[None]:
    """For exports that compute in whole numbers: `Unfit` becomes a `UserError` that says what else there is."""
    try:
        yield
    except Unfit as error:
        raise UserError(
            f"{order.name} would compute in whole numbers, and this model cannot: {error}. "
            "Export it as .onnx, which computes in float32."
        ) from None
