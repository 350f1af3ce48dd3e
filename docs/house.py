"""Draws the house: the packages of `rhapsode`, and which of them imports which.

    python docs/house.py            # puts the drawing into docs/architecture.md
    python docs/house.py --check    # exit status 1 if the drawing there is an older one

Each box is a package or a module, with the first sentence of its docstring. An arrow leads from an importer to what it
imports. Arrows that follow from others are left out: from cli -> training -> inference follows that cli may import
inference, too. The modalities are one box for the arrows, because they do not import each other.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import grimp
import networkx

PAGE = Path(__file__).with_name("architecture.md")
SOURCE = PAGE.parents[1] / "src" / "rhapsode"
BEGIN, END = "<!-- house: python docs/house.py -->", "<!-- /house -->"
MODALITIES = "modalities"


def box(name: str) -> str:
    """A node of the drawing for a package or module, given its path in the source, e.g. `modalities/ink`."""
    path = SOURCE / name
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = " ".join((ast.get_docstring(ast.parse(module.read_text())) or "").split())
    text = docstring.split(". ")[0].rstrip(".").replace("`", "").replace('"', "'")
    return f'{name.replace("/", "_")}["<b>{name}</b><br/>{text}"]'


def drawing() -> str:
    """As Mermaid, which GitHub draws."""
    modules = grimp.build_graph("rhapsode", exclude_type_checking_imports=True, cache_dir=None)
    graph = networkx.DiGraph()
    for importer in modules.modules - {"rhapsode", "rhapsode.__main__"}:
        name = importer.split(".")[1]
        graph.add_node(name)
        for imported in modules.find_modules_directly_imported_by(importer):
            if imported != "rhapsode" and imported.split(".")[1] != name:
                graph.add_edge(name, imported.split(".")[1])
    plain = networkx.transitive_reduction(graph)
    kinds = sorted(path.parent.name for path in (SOURCE / MODALITIES).glob("*/modality.py"))
    lines = [
        "```mermaid",
        "flowchart TD",
        f"  subgraph {MODALITIES} [modalities: the registry finds them for cli]",
        "    direction TB",
    ]
    lines += [*(f"    {box(f'{MODALITIES}/{kind}')}" for kind in kinds), "  end"]
    lines += [f"  {box(name)}" for name in sorted(graph) if name != MODALITIES]
    lines += [f"  {importer} --> {imported}" for importer, imported in sorted(plain.edges)]
    return "\n".join([*lines, f"  cli -.-> {MODALITIES}", "```"])


def main() -> int:
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    new = f"{before}{BEGIN}\n{drawing()}\n{END}{rest.split(END)[1]}"
    if "--check" in sys.argv[1:]:
        return int(new != page)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
