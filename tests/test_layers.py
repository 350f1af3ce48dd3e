"""Imports point down only. The layers are explained in docs/architecture.md."""

import ast
from pathlib import Path

import rhapsode

ROOT = Path(rhapsode.__file__).parent

# Lowest first. A package stands for all its modules. Modules of one layer may not import each other, except
# inside the packages named in GROUPS.
LAYERS: list[set[str]] = [
    {"errors"},
    {"report", "steps", "arithmetic", "catalogue", "engine", "baselines", "legibility"},
    {"exchange"},
    {"config", "registry", "samplers", "resets", "download", "_streams", "guide", "ink", "music", "speech"},
    {"codecs", "cells", "heads"},
    {"conditions"},
    {"context"},
    {"checkpoint", "network", "datasets"},
    {"_files", "_encode"},
    {"sources", "_records", "_validation", "recognition"},
    {"reader", "framing", "corpus", "texts", "_writers"},
    {"generate", "score", "compress"},
    {"model", "lines", "writing", "recogniser", "verified", "speaking"},
    {"training"},
    {"inkpad"},
    {"cli"},
    {"__main__"},
]
# Packages whose modules see one another.
GROUPS = {"training", "cli", "codecs", "ink", "inkpad", "music", "speech", "exchange"}
# In cells and heads, a module sees only the base class beside it.
BLIND = {"cells", "heads", "conditions"}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


def name_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def is_module(parts: tuple[str, ...]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").exists()


class Imports(ast.NodeVisitor):
    """Names of the modules of this package that a module imports, anywhere but for type checking."""

    def __init__(self) -> None:
        self.found: set[tuple[str, ...]] = set()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.generic_visit(node)
        else:
            for child in node.orelse:
                self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(tuple(alias.name.split(".")))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, f"line {node.lineno}: imports are absolute here"
        base = tuple((node.module or "").split("."))
        for alias in node.names:
            longer = (*base, alias.name)
            self._add(longer if base[0] == "rhapsode" and is_module(longer[1:]) else base)

    def _add(self, parts: tuple[str, ...]) -> None:
        if parts[0] == "rhapsode" and len(parts) > 1:
            self.found.add(parts[1:])


def imports_of(source: str) -> set[tuple[str, ...]]:
    visitor = Imports()
    visitor.visit(ast.parse(source))
    return visitor.found


def wrong(importer: tuple[str, ...], imported: tuple[str, ...]) -> bool:
    if importer[0] != imported[0]:
        return LEVEL[imported[0]] >= LEVEL[importer[0]]
    if importer[0] in BLIND:
        return len(importer) > 1 and not imported[-1].startswith("_")
    return importer[0] not in GROUPS


def test_every_module_has_a_layer() -> None:
    missing = {name_of(p)[0] for p in modules()} - set(LEVEL)
    assert not missing, f"say in tests/test_layers.py and docs/architecture.md where these belong: {missing}"


def test_imports_point_down() -> None:
    bad = [
        f"{'.'.join(name_of(path))} imports {'.'.join(other)}"
        for path in modules()
        for other in sorted(imports_of(path.read_text()))
        if wrong(name_of(path), other)
    ]
    assert not bad, "\n".join(bad)


def test_the_test_sees_what_it_should() -> None:
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from rhapsode.cli import main
def f():
    from rhapsode.training import run
    import rhapsode.model
    from rhapsode.errors import UserError
"""
    assert imports_of(source) == {("training", "run"), ("model",), ("errors",)}
    assert wrong(("model",), ("training", "run"))
    assert wrong(("cells", "lstm"), ("heads", "categorical"))
    assert wrong(("cells", "lstm"), ("cells", "gru"))
    assert not wrong(("cells", "lstm"), ("cells", "_cell"))
    assert not wrong(("training", "trainer"), ("generate",))


def test_import_is_light() -> None:
    """Neither the package nor a loaded model needs torch."""
    import subprocess
    import sys

    code = "import rhapsode, sys; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules)\n"
    code += "rhapsode.load, rhapsode.Sampling, rhapsode.UserError; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
