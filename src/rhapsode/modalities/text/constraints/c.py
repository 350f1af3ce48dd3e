"""C, through the parser of tree-sitter."""

from __future__ import annotations

from rhapsode.modalities.text.constraints.treesitter import Treesitter


class C(Treesitter):
    """The same as `treesitter:c`."""

    name = "c"
    argument = ""

    def __init__(self, argument: str = "") -> None:
        super().__init__("c")
