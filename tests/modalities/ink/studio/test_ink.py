"""The page on which a model writes by hand, in Chromium, with the hand that comes with Rhapsode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from tests.studio.conftest import opened, studio


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("empty")) as found:
        yield found


def written(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate("document.getElementById('status').textContent = ''")
    page.locator("#go").click()
    expect(page.locator("#status")).to_contain_text("was written", timeout=30_000)


def test_it_writes_what_the_command_writes(browser: Any, address: str, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, name="demo:handwriting") as page:
        page.locator("#text").fill("Hello")
        page.locator("#seed").fill("7")
        page.locator("#bias").fill("1")
        written(page)
        expect(page.locator("#picture")).to_be_visible()
        expect(page.locator("#picture")).to_have_attribute("alt", "Hello")
        assert page.locator("#picture").evaluate("image => image.complete && image.naturalWidth") > 0
        with page.expect_download() as saved:
            page.locator("#save-svg").click()
        assert saved.value.suggested_filename == "Hello.svg"
        made = ["write", "demo:handwriting", "Hello", "--seed", "7", "--bias", "1", "--unknown", "nearest"]
        assert main([*made, "-o", str(tmp_path / "hello.svg")]) == 0
        assert Path(saved.value.path()).read_bytes() == (tmp_path / "hello.svg").read_bytes()
        # Once more is another one, and the first can be had again.
        written(page)
        assert page.locator("#seed").input_value() != "7" and page.locator(".drawn button").count() == 2
        page.locator(".drawn button").last.click()
        expect(page.locator("#seed")).to_have_value("7")
        page.set_viewport_size({"width": 390, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with opened(browser, address, name="demo:handwriting", bypass_csp=True) as page:
        page.locator("#text").fill("it")
        written(page)
        found = axe.Axe().run(page, options={"preload": False})
        assert not [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]]
