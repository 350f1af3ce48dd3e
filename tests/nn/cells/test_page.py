"""docs/cells.md names every cell, with the weights that it has."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from rhapsode import registry

PAGE = (Path(__file__).parents[3] / "docs" / "cells.md").read_text()
ROWS = {
    name: (state, weights)
    for name, state, weights in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
}


@pytest.mark.parametrize("name", registry.names("cell"))
def test_state_and_weights(name: str) -> None:
    inputs, width = 11, 8
    cell = registry.get("cell", name)(inputs, width)
    state, weights = ROWS[name]
    assert state.split(", ") == list(cell.state)
    formula = re.sub(r"(?<=[\dA-Z)])(?=[A-Z(])", "*", weights)
    expected = eval(formula, {"H": width, "I": inputs, "F": width})
    found = sum(math.prod(shape) for own, shape in cell.shapes.items() if not own.endswith("bias"))
    assert found == expected, formula
