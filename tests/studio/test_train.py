"""The page on which one trains, in Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.made import PROSE
from tests.studio.conftest import studio


def _written(path: Path, chars: int) -> Path:
    path.write_text((PROSE * 99)[:chars])
    return path


def test_a_person_trains_a_model_of_a_file(browser: Any, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    (tmp_path / "book.txt").write_text((PROSE * 99)[:40_000])
    (tmp_path / "home").mkdir()
    with studio(tmp_path / "home") as address:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.locator("main")).to_contain_text("There is no model yet")
        there = page.get_by_role("heading", level=2)
        expect(there.nth(0)).to_contain_text("Ready to use")  # what one can do at once stands before demos
        expect(there.nth(1)).to_have_text("demo:handwriting")
        page.get_by_role("link", name="Train a model").first.click()
        page.locator("#files").set_input_files(tmp_path / "book.txt")
        expect(page.locator(".source .told")).to_contain_text("40,000", timeout=60_000)
        expect(page.locator("#name")).to_have_value("book")  # as the file is called
        page.locator("#path").fill(str(tmp_path / "none"))
        page.locator("#add").click()
        expect(page.locator(".source.wrong")).to_contain_text("none", timeout=60_000)
        # What was left out stays left out, if other files come after it.
        for folder, name in (("files", "old"), ("files-2", "new")):
            page.locator("#files").set_input_files([_written(tmp_path / f"{name}{n}.txt", 500) for n in range(4)])
            page.get_by_role("button", name=f"Leave out {tmp_path / 'home' / 'uploads' / 'book' / folder}").click()
            assert len(list((tmp_path / "home" / "uploads" / "book" / folder).iterdir())) == 4
        page.locator("form > details summary").click()
        page.locator("#option-codec").select_option("bytes")
        page.locator("#minutes").fill("0.1")
        page.locator("#begin").click()
        expect(page.locator("#state")).to_contain_text("It learns")
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        expect(page.locator("#more")).to_be_hidden()
        expect(page.locator("#state")).to_contain_text("Finished", timeout=90_000)
        expect(page.locator("#running")).to_have_text("book is trained")
        expect(page.locator(".columns article").last).to_contain_text("Latest")
        expect(page.locator(".known")).to_contain_text("bytes")
        expect(page.locator("#state")).to_contain_text("bits per character")
        assert "network" in page.locator(".notes").text_content()
        expect(page.get_by_label("Minutes of training", exact=True)).to_be_visible()  # of "Train longer"
        expect(page.locator(".tools > :visible").first).to_have_text("Use it")
        page.get_by_role("link", name="Use it").click()
        page.locator("textarea").wait_for()
        assert not wrong
        page.close()
