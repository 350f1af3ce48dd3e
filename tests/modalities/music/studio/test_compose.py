"""The page on which a model composes, in Chromium, with a small model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode import registry
from rhapsode.cli import main
from tests.modalities.music.score import lead, untrained
from tests.studio.conftest import opened, studio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tunes")
    (folder / "songs").mkdir()
    untrained(registry.get("codec", "melody").fit(lambda: iter([lead(n) for n in range(6)])), folder / "songs")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with studio(folder) as found:
        yield found


def composed(page: Any, name: str = "go") -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate("document.getElementById('status').textContent = ''")
    page.locator(f"#{name}").click()
    expect(page.locator("#status")).to_contain_text("is there", timeout=60_000)


def test_it_composes_what_the_command_composes(browser: Any, address: str, folder: Path, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, name="songs") as page:
        page.locator("#bars").fill("4")
        page.locator("#tempo").fill("90")
        page.locator("#seed").fill("7")
        composed(page)
        assert page.locator("#picture").evaluate("image => image.complete && image.naturalWidth") > 0
        expect(page.locator("#sound")).to_be_visible()
        command = ["compose", str(folder / "songs"), "--seed", "7", "--bars", "4", "--tempo", "90"]
        for form in ("abc", "musicxml"):
            with page.expect_download() as saved:
                page.locator(f"#save-{form}").click()
            assert main([*command, "-o", str(tmp_path / f"tune.{form}")]) == 0
            assert Path(saved.value.path()).read_bytes() == (tmp_path / f"tune.{form}").read_bytes()
        # Two bars anew: the others stay.
        expect(page.locator("#fill")).to_be_disabled()
        page.locator("#which").fill("2-3")
        composed(page, "fill")
        with page.expect_download() as saved:
            page.locator("#save-abc").click()
        bars = [
            Path(path).read_text().split("\n")[-2].split("|") for path in (tmp_path / "tune.abc", saved.value.path())
        ]
        assert bars[0][0] == bars[1][0] and bars[0][3] == bars[1][3]
        assert page.locator(".drawn button").count() == 2
        page.locator(".drawn button").last.click()
        expect(page.locator("#seed")).to_have_value("7")
        page.set_viewport_size({"width": 390, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with opened(browser, address, name="songs", bypass_csp=True) as page:
        composed(page)
        found = axe.Axe().run(page, options={"preload": False})
        assert not [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]]
