"""A model as a whole, in Chromium: what it is, how well it predicts a file, and its exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.files import checkpoint
from rhapsode.studio.command import answered
from rhapsode.training.log import LOG
from tests.studio.conftest import opened, violations

pytest.importorskip("playwright")

SLOW = 30_000
"""Milliseconds for a command, on a busy machine."""


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    with opened(browser, address) as found:
        found.get_by_role("link", name="About").click()
        yield found


def test_what_it_is_and_becomes(page: Any, models: Path, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    of = str(models / "book" / checkpoint.MODEL)
    expect(page.get_by_text("rhapsode generate book")).to_be_visible()
    expect(page.get_by_role("heading", name="How it learnt")).to_be_hidden()  # its log is not beside it
    log = [{"update": n, "seconds": 30.0 * n, "train": 3.0 - n / 2, "valid": 3.25 - n / 2} for n in (1, 2)]
    (models / "book" / LOG).write_text("".join(json.dumps(line) + "\n" for line in log))
    page.reload()
    expect(page.get_by_role("heading", name="How it learnt")).to_be_visible()
    page.get_by_text("The values as a table").click()
    expect(page.get_by_role("cell", name="2.25")).to_be_visible()
    (models / "book" / LOG).unlink()
    expect(page.locator(".facts dd").first).to_have_text(of)
    page.locator("summary", has_text="network").click()
    expect(page.locator("details[open] dd", has_text="lstm").first).to_be_visible()
    # Its page, and its own file.
    with page.expect_download() as download:
        page.locator("#save-html").click()
    assert b"<!doctype html>" in Path(download.value.path()).read_bytes()[:200].lower()
    assert download.value.suggested_filename == "book.html"
    with page.expect_download() as download:
        page.locator("#save-safetensors").click()
    assert Path(download.value.path()).read_bytes() == Path(of).read_bytes()
    # How well it predicts a file is what the command says.
    text = tmp_path / "a tale.txt"
    text.write_text("Sing, goddess, the anger\n")
    page.locator("input[type=file]").set_input_files(text)
    expected = answered(["score", of, str(text), "--json"], 60)
    row = page.locator("aside dt", has_text="bits per char").locator("xpath=following-sibling::dd[1]")
    expect(row).to_have_text(f"{expected['bits_per_char']:.5g}", timeout=SLOW)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Any, address: str, scheme: str) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, color_scheme=scheme, bypass_csp=True) as page:
        page.get_by_role("link", name="About").click()
        expect(page.locator(".facts summary").first).to_be_visible()
        assert not violations(page)
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") == 360
