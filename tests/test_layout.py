"""The layout that docs/architecture.md draws. That imports point down, `lint-imports` checks (see pyproject.toml)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import rhapsode
from rhapsode import registry

ROOT = Path(rhapsode.__file__).parent


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_a_cell_a_head_or_an_attention_sees_no_other() -> None:
    """So each is one file, which can be taken away."""
    for package in (ROOT / "nn" / "heads", ROOT / "nn" / "cells", ROOT / "nn" / "attention"):
        public = {path.stem for path in package.glob("*.py") if not path.stem.startswith("_")}
        assert public
        for path in package.glob("*.py"):
            prefix = f"rhapsode.nn.{package.name}."
            seen = {name.removeprefix(prefix).split(".")[0] for name in imported(path) if name.startswith(prefix)}
            assert not seen & public, f"{path.name} imports {seen & public}"


COMMON = {"text", "bytes", "chars", "words", "c", "json", "regex", "schema"}
"""Names that are words of the core, too: what texts are counted in, the memory c of a cell, a form of output,
what OpenAPI says of a value."""


def core() -> Iterator[Path]:
    """The modules that belong to no modality."""
    return (path for path in ROOT.rglob("*.py") if "modalities" not in path.relative_to(ROOT).parts)


def test_the_core_names_no_modality_and_no_codec_or_head_of_one() -> None:
    names = {*registry.modalities()}
    for kind in registry.PACKAGES:
        names |= {name for name in registry.names(kind) if ".modalities." in registry.get(kind, name).__module__}
    assert {"chars", "strokes", "melody", "mixture"} <= names
    for path in core():
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}, line {getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant):
                assert node.value not in names - COMMON, f"{where}: {node.value!r} is of a modality"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("registry.get", "get"):
                assert not isinstance(node.args[-1], ast.Constant), f"{where}: {ast.unparse(node)}"
            if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".name"):
                compared = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                assert not compared & names, f"{where}: {ast.unparse(node)}"


def test_what_uses_a_model_makes_no_circle() -> None:
    """No module of `inference` imports another that imports it, not even in functions or for type checkers."""
    prefix = "rhapsode.inference."
    graph = {
        path.stem: {name.removeprefix(prefix).split(".")[0] for name in imported(path) if name.startswith(prefix)}
        for path in (ROOT / "inference").glob("[!_]*.py")
    }
    assert {"generate", "score", "compress"} <= graph["model"]
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_import_is_light() -> None:
    """Neither the package nor a loaded model needs torch."""
    code = "import rhapsode, sys; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules)\n"
    code += "rhapsode.load, rhapsode.Sampling, rhapsode.UserError; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_house_is_drawn_as_it_is() -> None:
    done = subprocess.run([sys.executable, "docs/house.py", "--check"], cwd=Path(__file__).parents[1])
    assert done.returncode == 0, "run: python docs/house.py"


def test_a_package_has_all_files() -> None:
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["rhapsode"]
    others = {".py", ".pyc", ".so", ".dylib", ".dll"}  # which are packed anyway, or built
    every = {path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in others}
    assert every == {path for pattern in patterns for path in ROOT.glob(pattern)}
