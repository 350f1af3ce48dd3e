"""What modalities bring to commands that all have in common: options of their own, each with one meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_type_hints

from typer.models import ParameterInfo

from rhapsode import registry
from rhapsode.console.modality import Modality, Options
from rhapsode.console.options import Further
from rhapsode.errors import UserError

Bring = Callable[[Modality], Options]
"""Which of a modality's options: `training` or `inspecting`."""
GIVEN = "brought"
"""The parameter through which a command gets the options of modalities that were given."""


def training(modality: Modality) -> Options:
    """The options of `train`."""
    return modality.training()


def inspecting(modality: Modality) -> Options:
    """The options of `inspect`."""
    return modality.inspecting()


def every() -> list[Modality]:
    """All modalities, in the order of their names."""
    return [kind() for kind in registry.every("modality")]


def modality_of(codec: str) -> Modality:
    """The modality of a codec. Raises `UserError` for an unknown codec."""
    found: Modality = registry.get("modality", registry.modality_of(codec))()
    return found


def with_options(
    command: Callable[..., None], bring: Bring, panels: Mapping[str, Sequence[str]] | None = None, further: bool = False
) -> Callable[..., None]:
    """The command with the options that modalities bring, in a panel for each modality. further: `--help` only names
    them.

    The command has a parameter `brought`: the options that were given, by name. panels: heading → the command's own
    parameters, in the order in which help shows them.
    """
    options = options_of(bring, Further if further else str)
    headings = {name: heading for heading, names in (panels or {}).items() for name in names}
    order = list(headings)

    @wraps(command)
    def run(**values: Any) -> None:
        brought = {name: value for name in options if (value := values.pop(name)) is not None}
        command(**values, **{GIVEN: brought})

    own = signature(command)
    hints = get_type_hints(command, include_extras=True) | options
    hints |= {name: _in_panel(hints[name], heading) for name, heading in headings.items()}
    kept = [each.replace(annotation=hints[name]) for name, each in own.parameters.items() if name != GIVEN]
    kept.sort(key=lambda each: order.index(each.name) if each.name in order else -1)
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in options.items()]
    run.__signature__ = own.replace(parameters=[*kept, *more])  # type: ignore[attr-defined]
    run.__annotations__ = {name: hint for name, hint in hints.items() if name != GIVEN}
    del run.__wrapped__  # else its own signature counts
    return run


def options_of(bring: Bring, heading: Callable[[str], str] = str) -> dict[str, Any]:
    """Name → annotated type, of all modalities. heading: makes that of their panel of the modality's
    noun. Raises `ValueError` if two of them bring an option of one name."""
    found = dict[str, Any]()
    for modality in every():
        for name, kind in bring(modality).items():
            if name in found:
                raise ValueError(f"modality {modality.name}: another one brings the option {name!r}, too")
            found[name] = _in_panel(kind, heading(modality.noun.capitalize()))
    return found


def _in_panel(kind: Any, panel: str) -> Any:
    annotated, *extras = get_args(kind)
    placed = []
    for extra in extras:
        if isinstance(extra, ParameterInfo):
            extra = copy(extra)
            extra.rich_help_panel = panel
        placed.append(extra)
    return Annotated[annotated, *placed]


def refuse_others(brought: Mapping[str, Any], bring: Bring, modality: Modality | None, otherwise: str) -> None:
    """Raises `UserError` for options that were given and are another modality's. otherwise: what was named instead, for
    the message, e.g. `a.txt is text`."""
    for other in every():
        if modality is None or other.name != modality.name:
            for name in bring(other):
                if name in brought:
                    option = name.replace("_", "-")
                    raise UserError(f"--{option} is for {other.noun}, but {otherwise}. Leave it out.")
