"""What docs/glossary.md names in the code is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import rhapsode
from rhapsode import registry

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "glossary.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
NAMES = sorted(set(re.findall(r"`([^`]+)`", PAGE)))
SYMBOLS = {"B", "T", "V", "n", "-"}
"""Numbers, and standard input."""


@cache
def defined() -> dict[str, set[str]]:
    """Name of each class and function → what a class has."""
    found: dict[str, set[str]] = {}
    for path in Path(rhapsode.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                own = found.setdefault(node.name, set())
                own |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                own |= {part.target.id for part in node.body if isinstance(part, ast.AnnAssign)}
            elif isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, set())
    return found


@cache
def options() -> str:
    return "\n".join(path.read_text() for path in Path(rhapsode.__file__).parent.rglob("*.py"))


def test_there_are_words() -> None:
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SYMBOLS])
def test_what_it_names_is_there(name: str) -> None:
    registered = {each for kind in registry.PACKAGES for each in registry.names(kind)}
    if name.startswith("--"):
        parameter = name.removeprefix("--").replace("-", "_")
        assert f'"{name}"' in options() or re.search(rf"^    {parameter}: ", options(), re.MULTILINE)
    elif name.startswith("["):
        assert name in SETTINGS
    elif re.fullmatch(r"[A-Z]\w+(\.\w+)?", name):
        owner, _, attribute = name.partition(".")
        assert owner in defined() and (not attribute or attribute in defined()[owner])
    elif re.fullmatch(r"[a-z_]+", name):
        assert name in registered or name in defined() or f"| `{name}` |" in SETTINGS
    else:  # a command, a file, a source
        assert name.split()[-1].split(":")[0] in options()
