"""The file of `rhapsode train --config`, which is also what a recipe is: TOML with options of `train` and tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, create_model

from rhapsode import registry
from rhapsode.config import Config, Dropout, NetworkConfig, Rate, Width, make, unknown
from rhapsode.console.brought import options_of, training
from rhapsode.console.output import read
from rhapsode.errors import UserError, choice
from rhapsode.files import format1

FOLDER = files("rhapsode") / "recipes"
TABLES = ("network", "dropout", "plan", "codec")


class Figure(Config):
    """A published result."""

    value: float
    unit: str
    protocol: str
    """What was measured, on which data, and how."""
    part: str = ""
    """The part of a corpus on which it was measured, `data:NAME/PART`; empty if it is not at hand."""
    dynamic: bool = False
    """Whether by dynamic evaluation."""


class About(Config):
    """The published system of a recipe, and how closely the settings follow it."""

    title: str
    """One line."""
    paper: str
    year: int
    where: str
    """Where it is in the paper."""
    same: list[str]
    differs: list[str]
    """What differs from the paper, and why."""
    reported: list[Figure] = []
    vocabulary: int | None = None
    """How many symbols there are, if steps are symbols: those of the paper, and those that the codec adds."""
    parameters: int | None = None
    """The parameters of the network with that vocabulary."""


class Settings(Config):
    """The options have the names of those of `rhapsode train`. Options on the command line replace them."""

    sources: list[str] = []
    valid: list[str] | None = None
    minutes: float | None = None
    epochs: float | None = None
    updates: int | None = None
    framing: str | None = None
    window: Annotated[int, Field(ge=1)] | None = None
    horizon: Annotated[int, Field(ge=1)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    lr: Annotated[float, Field(gt=0)] | None = None
    reset: str | None = None
    valid_fraction: float | None = None
    valid_by: str | None = None
    keep: str | None = None
    index: bool | None = None
    separator: str | None = None
    field: str | None = None
    encoding: str | None = None
    as_text: bool = False
    all_files: bool = False
    flip: list[str] | None = None
    params: int | str | None = None
    layers: Annotated[int, Field(ge=0, le=64)] | None = None
    width: Width | None = None
    embedding: Annotated[int, Field(ge=0, le=65536)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    device: str | None = None
    precision: str | None = None
    tensorboard: bool | None = None

    network: dict[str, Any] = {}
    dropout: Rate | dict[str, Any] = {}
    plan: dict[str, Any] = {}
    codec: dict[str, Any] = {}
    """`name`, and the options of that codec."""
    about: About | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options in the file."""
        return self.model_dump(exclude={*TABLES, "about"}, exclude_unset=True)


@cache
def with_brought() -> type[Settings]:
    """The same class, with the options that modalities add to `train`."""
    brought: dict[str, Any] = {name: (kind, None) for name, kind in options_of(training).items()}
    return create_model("Settings", __base__=Settings, **brought)


LARGEST = 1 << 16
"""The most bytes of a file of settings; a few thousand are usual. The time of TOML's reader grows with the square of a
key's length."""


def parse(data: bytes, name: str) -> Settings:
    """The settings in a file called `name`. Raises `UserError`."""
    if len(data) > LARGEST:
        raise UserError(
            f"{name}: {len(data):,} bytes; a file of settings has at most {LARGEST:,}. Is it the right file?"
        )
    try:
        found = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not UTF-8, at byte {error.start}. TOML must be.") from None
    except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python reads
        raise UserError(f"{name}: not TOML: {error}.") from None
    except RecursionError:
        raise UserError(f"{name}: not settings: its lists or tables stand in one another too deep.") from None
    found, _ = format1.renamed(found, format1.BUDGET)
    kind = with_brought()
    for key, value in found.items():
        if key not in kind.model_fields:
            what = "table" if isinstance(value, dict) else "option"
            raise unknown(f"{name}: {what}", key, kind.model_fields)
        number = key == "dropout" and isinstance(value, int | float)
        if key in TABLES and not isinstance(value, dict) and not number:
            raise UserError(f"{name}: {key} is {value!r}; it must be a table: [{key}], then a setting a line.")
    if not isinstance(found.get("codec", {}).get("name", ""), str):
        raise UserError(f"{name}: codec.name is {found['codec']['name']!r}; it must be the name of a codec, in quotes.")
    settings = make(kind, found, name)
    _check_tables(settings, name)
    return settings


def _check_tables(settings: Settings, name: str) -> None:
    """Raises `UserError` for keys that the tables do not have, and for values that are already known to be wrong."""
    from rhapsode.training.plan import SETTINGS

    make(NetworkConfig, format1.renamed(settings.network)[0], f"{name}: [network]")
    if isinstance(settings.dropout, dict):
        make(Dropout, settings.dropout, f"{name}: [dropout]")
    for key in format1.renamed(settings.plan, format1.PLAN)[0]:
        if key not in SETTINGS:
            raise unknown(f"{name}: [plan]", key, SETTINGS)
    if "name" in settings.codec:
        options = {key: value for key, value in settings.codec.items() if key != "name"}
        try:
            registry.get("codec", settings.codec["name"]).checked(options)
        except UserError as error:
            raise UserError(f"{name}: [codec]: {error}") from None


def changed(settings: Mapping[str, Any], values: Mapping[str, Any]) -> Settings:
    """The same settings but for some: options by their name, settings of tables by `TABLE.NAME`. Raises
    `UserError`."""
    found = {name: dict(value) if isinstance(value, Mapping) else value for name, value in settings.items()}
    for name, value in values.items():
        *tables, last = name.split(".")
        inner = found
        for table in tables:
            held = inner.get(table, {})
            inner[table] = dict(held) if isinstance(held, dict) else {"name": held}
            inner = inner[table]
        inner[last] = value
    from rhapsode.training.plan import SETTINGS

    kind = with_brought()
    for name in values:
        if (first := name.split(".")[0]) not in kind.model_fields:
            known = {"network": NetworkConfig.model_fields, "dropout": Dropout.model_fields, "plan": SETTINGS}
            if own := next((table for table, names in known.items() if first in names), ""):
                raise UserError(f"--try {name}: this setting is in a table, whose name comes first: {own}.{name}.")
            raise unknown("--try", first, kind.model_fields.keys() - {"about", "sources", "seed"})
    made = make(kind, found, "--try")
    _check_tables(made, "--try")
    return made


def load(name: str) -> Settings:
    """The settings in a file, or, if there is no such file, of the recipe of this name. Raises `UserError`."""
    if name in _names() and not Path(name).exists():
        return recipe(name)
    return parse(read(name), name)


SMALL_MINUTES = 8.0
"""Of training with the small budget: with preparation and a score of the test part, it is ten."""


def small(settings: Settings) -> Settings:
    """The same system at a size that two processor cores train in some minutes: same data, codec, cell, framing and
    resets; size, dropout and batch are chosen, as they are where nothing is given."""
    found = settings.model_dump(exclude_unset=True)
    for name in ("epochs", "updates", "params", "layers", "width", "embedding", "batch_size", "dropout"):
        found.pop(name, None)
    if found.get("framing", "stream") == "stream":
        found.pop("window", None)
    shape = ("layers", "width", "embedding", "tied")
    found["network"] = {name: value for name, value in settings.network.items() if name not in shape}
    found["plan"] = {name: value for name, value in settings.plan.items() if name not in ("batch_size", "threads")}
    return make(with_brought(), found | {"minutes": SMALL_MINUTES}, "small budget")


def recipes() -> dict[str, Settings]:
    """All recipes by name, sorted."""
    return {name: recipe(name) for name in _names()}


def recipe(name: str) -> Settings:
    """The recipe called `name`. Raises `UserError`."""
    if name not in _names():
        raise choice("recipe", name, _names())
    return parse((FOLDER / f"{name}.toml").read_bytes(), f"recipe {name}")


def _names() -> list[str]:
    return sorted(file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml"))
