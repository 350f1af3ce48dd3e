"""The page on which a model says how series may go on, in Chromium, with a small model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from tests.modalities.series.tables import folder_of_sales
from tests.studio.conftest import opened, studio, violations


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    folder_of_sales(folder)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with studio(folder) as found:
        yield found


def test_it_forecasts_what_the_command_forecasts(browser: Any, address: str, folder: Path, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    table = (folder / "table.csv").read_text()
    with opened(browser, address, name="sales") as page:
        page.locator("#table-file").set_input_files(folder / "table.csv")
        expect(page.locator("#table")).to_have_value(table)
        page.locator("#horizon").fill("6")
        page.locator("#n").fill("20")
        page.locator("#seed").fill("7")
        page.locator("#go").click()
        expect(page.locator("#status")).to_contain_text("is there", timeout=60_000)
        expect(page.locator(".told")).to_contain_text("80 of 100 paths lie between")
        expect(page.locator("#which option")).to_have_count(3)
        page.locator("#which").select_option(label="s1")
        page.locator(".plot").press("End")
        expect(page.locator(".plot-said")).to_contain_text("middle of the paths")
        page.locator(".plot").press("Home")
        expect(page.locator(".plot-said")).to_have_text(
            re.compile(r"^2001-01-01: the past \d")
        )  # what is shown of the past
        page.locator("figure summary").click()
        expect(page.locator("figure tbody tr")).to_have_count(48 + 6)
        colours = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
        assert page.locator(".plot canvas").evaluate(colours) > 2
        command = ["forecast", str(folder / "sales"), str(folder / "table.csv"), "--seed", "7", "--samples", "20"]
        for form in ("csv", "svg"):
            with page.expect_download() as saved:
                page.locator(f"#save-{form}").click()
            assert main([*command, "--horizon", "6", "-o", str(tmp_path / f"out.{form}")]) == 0
            assert Path(saved.value.path()).read_bytes() == (tmp_path / f"out.{form}").read_bytes()
        told = page.locator(".told").text_content()
        page.locator("#seed").fill("8")
        page.locator("#go").press("Control+Enter")
        expect(page.locator("#earlier option")).to_have_text([f"seed {seed}, 20 paths, 6 ahead" for seed in (8, 7)])
        expect(page.locator(".told")).not_to_have_text(told)
        page.locator("#earlier").select_option("1")
        expect(page.locator(".told")).to_have_text(told)  # the same again
        expect(page.locator("#seed")).to_have_value("7")
        page.wait_for_function("location.hash.split('/').length > 3")
        page.reload()
        expect(page.locator("#table")).to_have_value(table)  # it is kept, and what was drawn
        expect(page.locator(".told")).to_have_text(told)
        expect(page.locator("#save-csv")).to_be_enabled()
        expect(page.locator("#earlier option")).to_have_count(2)
        page.set_viewport_size({"width": 390, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    with opened(browser, address, name="sales", bypass_csp=True) as page:
        page.locator("#go").wait_for()
        assert not violations(page)
