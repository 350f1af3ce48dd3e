"""The scripts of pages, joined into one."""

from __future__ import annotations

import re

import pytest

from rhapsode.export._html import bundle, styles
from tests.node import PACKAGE

PAGES = [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.glob("modalities/*/web/page.js"))]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_modules_is_left(page: str) -> None:
    """Browsers would stop at it: a form of `import` or `export` that is not understood must not be used."""
    assert not re.findall(r"^(?:import|export)\b.*", bundle(page), re.MULTILINE)
    assert "@import" not in styles(page.replace(".js", ".css"))
