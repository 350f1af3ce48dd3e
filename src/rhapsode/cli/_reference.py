"""The page docs/settings.md, made of the classes that check what is set: `rhapsode recipe settings`."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from rhapsode import registry
from rhapsode.cli._settings import TABLES, with_brought
from rhapsode.config import Dropout, EncoderConfig, NetworkConfig, Part
from rhapsode.console.brought import options_of, training
from rhapsode.training.plan import SETTINGS, Plan

INTRODUCTION = """\
# Settings

All settings of training. All are optional: settings that you leave out are chosen from the data and the time, and the
choice is printed with its reason. (`rhapsode recipe settings > docs/settings.md` makes this page.)

The most common settings are options of `rhapsode train`. All go into a file, `rhapsode train --config FILE.toml`, which
has the options by their names, and four tables:

```toml
minutes = 20
lr = 0.004

[network]
layers = 2
width = 512

[dropout]
output = 0.3

[plan]
batch_size = 32

[codec]
name = "words"
max_size = 20_000
```

Options of the command line win over those of the file. From Python, the same names are arguments of
`rhapsode.train`, and the tables are mappings: `network={"layers": 2}`, `dropout={"output": 0.3}`,
`plan={"batch_size": 32}`, `codec="words"`, `codec_options={"max_size": 20_000}`. The error for an unknown name lists
the known ones.
"""
DERIVED = {
    "network": {"width": "from data and time"},
    "plan": {
        "batch_size": "from the data",
        "sequence_length": "32, 64 for wide networks, 128 where a text is attended",
        "warmup": "a tenth of the updates, at most 50",
        "precision": "bf16 where the machine multiplies it",
        "threads": "measured",
        "most": "all processors",
    },
    "dropout": dict.fromkeys(("input", "between", "output", "recurrent", "locked"), "from the epochs"),
}
"""Defaults that training chooses, and that are therefore not those of the class."""
PARTS = ("head", "attention", "encoder")
"""The settings of a network that have tables of their own, and no row in that of [network]."""


def page() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION, _options(), *_tables(), _codecs()]
    return "\n".join(parts)


def _options() -> str:
    """The file's own options, told as the command line tells them."""
    import typer

    from rhapsode.cli import app

    told = {str(option.name): option for option in typer.main.get_command(app).commands["train"].params}  # type: ignore[attr-defined]
    brought = options_of(training)
    rows = [
        (f"`{name}`", f"{told[name].rich_help_panel}: " * (name in brought) + " ".join(str(told[name].help).split()))
        for name in with_brought().model_fields
        if name not in (*TABLES, "about")
    ]
    rows.append(("`dropout`", f"One rate, instead of the table. {told['dropout'].help}"))
    return f"## Options\n\n{_table(('option', 'meaning'), rows)}"


def _tables() -> Iterator[str]:
    for title, kind, names, about in (
        (
            "network",
            NetworkConfig,
            [name for name in NetworkConfig.model_fields if name not in PARTS],
            "The shape of the network. Codecs have networks that suit them; the defaults here are those of text. Its "
            f"parts have tables of their own: {', '.join(f'[network.{part}]' for part in ('cell', *PARTS))}.",
        ),
        ("dropout", Dropout, Dropout.model_fields, "Rates. With this table, what it does not name is 0."),
        ("plan", Plan, SETTINGS, "How the weights are learnt."),
    ):
        rows = _rows(kind, names, title)
        yield f"## [{title}]\n\n{about}\n\n{_table(('setting', 'default', 'allowed', 'meaning'), rows)}"
        if kind is NetworkConfig:
            yield from _network_parts()


def _network_parts() -> Iterator[str]:
    """The tables in [network]."""
    for kind, about in (
        ("cell", "What a layer is made of. `name` is one of these, the others are its"),
        ("head", "The distribution of the next step; the codec says which. `name` is one of these, the others are its"),
        (
            "attention",
            "How the text that goes with the steps is attended. `name` is one of these, or none; the others are its",
        ),
    ):
        rows = list[tuple[str, ...]]()
        for part in registry.every(kind):
            rows.append((f"`{part.name}`", "", "", "", (sys.modules[part.__module__].__doc__ or "").splitlines()[0]))
            rows += [("", *row) for row in _rows(part.Settings) if row[0] != "`name`"]
        yield (
            f"### [network.{kind}]\n\n{about} settings. `{kind} = NAME` under [network] is short for a name alone.\n\n"
            f"{_table(('name', 'setting', 'default', 'allowed', 'meaning'), rows)}"
        )
    about = (EncoderConfig.__doc__ or "").split("; ")[0]
    rows = _rows(EncoderConfig)
    yield f"### [network.encoder]\n\n{about}.\n\n{_table(('setting', 'default', 'allowed', 'meaning'), rows)}"


def _rows(kind: type[BaseModel], names: Iterable[str] = (), title: str = "") -> list[tuple[str, ...]]:
    """The name, default, allowed values and meaning of each setting of a class."""
    meanings, schema = documented(kind), kind.model_json_schema()["properties"]
    rows: list[tuple[str, ...]] = []
    for name in names or kind.model_fields:
        default = DERIVED.get(title, {}).get(name) or _value(schema[name].get("default"))
        if isinstance(part := kind.model_fields[name].default, Part):
            default = part.name
        rows.append((f"`{name}`", default, _allowed(name, schema[name]), meanings.get(name, "")))
    return rows


def _codecs() -> str:
    parts = [
        "## [codec]\n\n`name` is one of these; the others are options of that codec, `codec_options` from Python. "
        "Without a name, files say which codec suits them; text is read by `chars`.\n"
    ]
    for codec in registry.every("codec"):
        parts.append(f"### {codec.name}\n\n{_sentence(codec.summary)}\n")
        rows = []
        for name, default in codec.options.items():
            allowed = "a name" if isinstance(default, str) else _range(*codec.limits[name])
            rows.append((f"`{name}`", _value(default), allowed, codec.meanings[name]))
        if rows:
            parts.append(_table(("option", "default", "allowed", "meaning"), rows))
    return "\n".join(parts)


def documented(kind: type[BaseModel]) -> dict[str, str]:
    """Name of a setting → its docstring, on one line."""
    if kind.__base__ is None or not kind.__annotations__:
        return {}
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = documented(kind.__base__)
    for one, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(below, ast.Expr):
            found[one.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def _allowed(name: str, schema: dict[str, Any]) -> str:
    if name == "cell":
        return ", ".join(registry.names(name))
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema.get("type") == "boolean":
        return "true, false"
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']:g}"
    if "exclusiveMaximum" in schema:
        return f"{low:g} or more, below {schema['exclusiveMaximum']:g}"
    if low is None:
        return "a whole number" if schema.get("type") == "integer" else ""
    return f"{low:g} or more" if high is None else _range(low, high)


def _range(low: int, high: int) -> str:
    if (low, high) == (0, 1):
        return "0 or 1"
    return f"{low:,} or more" if high > 10**9 else f"{low:,} to {high:,}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value) or "none"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
