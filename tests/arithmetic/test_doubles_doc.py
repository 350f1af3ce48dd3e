"""docs/arithmetic.md has the constants of the functions of real numbers."""

from __future__ import annotations

import re
from pathlib import Path

from rhapsode.arithmetic import doubles

PAGE = (Path(__file__).parents[2] / "docs" / "arithmetic.md").read_text(encoding="utf-8")


def test_coefficients() -> None:
    number = r"[−\d.e-]+"
    rows = re.findall(rf"^\| ?([A-Z]*) \|((?: {number} \|){{4}})$", PAGE, re.MULTILINE)
    assert [name for name, _ in rows] == ["EXP", "", "LOG", "", "SIN", "", "COS", "", "STIRLING", ""]
    for (name, low), (_, high) in zip(rows[::2], rows[1::2], strict=True):
        found = [float(one.replace("−", "-")) for one in re.findall(number, low + high)]
        assert found == list(getattr(doubles, f"_{name}")._c)


def test_constants() -> None:
    for constant in (
        doubles.PER_LN_2,
        doubles.LN_2,
        doubles.LN_2_REST,
        doubles.ROOT_HALF,
        doubles.TWO_PI,
        doubles.LOG_TWO_PI,
        doubles.HALF_LOG_TWO_PI,
    ):
        assert repr(constant) in PAGE
