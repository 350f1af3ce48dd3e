"""Draws the house: which packages there are, and which stands on which, from the imports themselves.

    python docs/house.py            # puts the drawing into docs/architecture.md
    python docs/house.py --check    # exit status 1 if the drawing there is an older one

Packages are nodes, a modality is one; an arrow leads from a package to one that it imports. Arrows that follow from
others are left out: cli -> training -> data says that cli may use data, too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import grimp
import networkx

PAGE = Path(__file__).with_name("architecture.md")
BEGIN, END = "<!-- house: python docs/house.py -->", "<!-- /house -->"


def package(module: str) -> str:
    """`rhapsode.nn.cells.lstm` -> `nn`; of a modality, `modalities/ink`."""
    parts = module.split(".")[1:]
    return "/".join(parts[:2]) if parts[0] == "modalities" and len(parts) > 1 else parts[0]


def drawing() -> str:
    """As Mermaid, which GitHub draws, with the layers of pyproject.toml from top to bottom."""
    contracts = tomllib.loads((PAGE.parents[1] / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [re.split(r" [:|] ", layer) for layer in contracts[0]["layers"]]
    modules = grimp.build_graph("rhapsode", exclude_type_checking_imports=True, cache_dir=None)
    graph = networkx.DiGraph()
    for importer in modules.modules - {"rhapsode", "rhapsode.__main__", "rhapsode.modalities"}:
        graph.add_node(package(importer))
        for imported in modules.find_modules_directly_imported_by(importer):
            if imported != "rhapsode" and package(importer) != package(imported):
                graph.add_edge(package(importer), package(imported))
    plain = networkx.transitive_reduction(graph)
    lines = ["```mermaid", "flowchart TD"]
    for layer in layers:
        names = sorted(name for name in graph if name.split("/")[0] in layer)
        if len(names) > 1:
            lines += [f"  subgraph {layer[0]}_ [ ]", "    direction LR", *(f"    {name}" for name in names), "  end"]
        else:
            lines += [f"  {name}" for name in names]
    lines += [f"  {one} --> {other}" for one, other in sorted(plain.edges)]
    return "\n".join([*lines, "```"])


def main() -> int:
    page = PAGE.read_text()
    new = re.sub(f"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}\n{drawing()}\n{END}", page)
    if "--check" in sys.argv[1:]:
        return int(new != page)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
