"""Exported pages in Firefox: each is opened from the disk, and its main button pressed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.export.opened import exported, opened

SAVED = Path(__file__).parents[1] / "saved"


@pytest.mark.parametrize("name", ["text-documents", "pens-window", "music-melody", "series-whole"])
def test_an_exported_page(firefox: Any, tmp_path: Path, name: str) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    shutil.copytree(SAVED / name, tmp_path / name)
    page = exported(tmp_path / name)
    # Playwright's own scripts need `eval` in Firefox. All else is as the policy says.
    page.write_text(page.read_text().replace("script-src", "script-src 'unsafe-eval'", 1))
    with opened(firefox, page) as found:
        expect(found.locator("#save")).to_be_disabled()
        found.locator("#generate").click()
        expect(found.locator("#save")).to_be_enabled(timeout=60_000)
        expect(found.get_by_role("alert")).to_have_count(0)
