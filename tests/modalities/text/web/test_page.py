"""The page of a model of text, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.files import checkpoint
from tests.conftest import MakeModel

PROMPT = "Sing, goddess,\nthe anger"
PHONE = {"width": 390, "height": 780}


@pytest.fixture(scope="module")
def folder(tiny_model: MakeModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and its page `page.html` in its folder."""
    folder = tmp_path_factory.mktemp("model")
    tiny_model(layers=2, sharpness=1.5).quantised().save(folder / checkpoint.MODEL)
    assert main(["export", str(folder), "-o", str(folder / "page.html"), "--licence", "cc0-1.0"]) == 0
    return folder


@pytest.fixture
def sheet(browser: Any, folder: Path) -> Iterator[Any]:
    """The page on a phone. It must have asked for nothing, and told of no error."""
    context = browser.new_context(viewport=PHONE, has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / "page.html").as_uri())
    yield page
    assert not wrong and len(asked) == 1
    context.close()


def written(page: Any) -> list[str]:
    """What each symbol adds to the text, when it is complete."""
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(page.locator("#generate")).to_have_text("Write")
    expect(page.locator("#continue")).to_be_enabled()
    found: list[str] = page.evaluate("Array.from(document.getElementById('text').children, (each) => each.textContent)")
    return found


@pytest.mark.parametrize("options", [{}, {"temperature": "0.6", "top_k": "9", "repetition_penalty": "1.3"}], ids=str)
def test_it_writes_what_the_command_writes(sheet: Any, folder: Path, options: dict[str, str]) -> None:
    assert "WebAssembly" in sheet.evaluate("document.getElementById('about').textContent")
    sheet.locator("#more summary").click()
    sheet.locator("#prompt").fill(PROMPT)
    for name, value in {"seed": "12345678901234567890", "length": "70", **options}.items():
        sheet.locator(f"#{name}").fill(value)
    sheet.locator("#generate").click()
    written(sheet)
    sheet.locator("#continue").click()
    found = "".join(written(sheet))
    with sheet.expect_download() as saved:
        sheet.locator("#save").click()
    assert saved.value.suggested_filename == "page.txt"
    assert Path(saved.value.path()).read_bytes().decode() == found
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    made = ["--seed", "12345678901234567890", "--length", "140", *given, "-o", str(folder / "made.txt"), "--overwrite"]
    assert main(["generate", str(folder), PROMPT, *made]) == 0
    assert found == (folder / "made.txt").read_bytes().decode("utf-8", "replace").rstrip("\ufffd")
    shown = sheet.evaluate("document.getElementById('command').textContent")
    assert "--length 140" in shown and all(each.replace("=", " ") in shown for each in given)


def test_what_else_was_likely(sheet: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    assert sheet.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    sheet.locator("#prompt").fill(PROMPT)
    expect(sheet.locator("#figures")).to_contain_text(re.compile(r"Yours: 24 characters, \d+\.\d\d bits per character"))
    sheet.locator("#seed").fill("3")
    sheet.locator("#prompt").press("Control+Enter")
    first = written(sheet)
    # By touch.
    sheet.locator("#text span").nth(30).tap()
    choices = sheet.locator("#choices button")
    expect(choices).to_have_count(10)
    expect(sheet.locator("#status")).to_contain_text("Likeliest:")
    assert sheet.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shares = [float(re.findall(r"[\d.]+ %", label)[0][:-2]) for label in choices.all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    another = sheet.locator("#choices button[aria-selected=false]").first
    wanted = another.locator("b").inner_text()
    another.tap()
    second = written(sheet)
    assert second[:30] == first[:30] and second != first
    assert wanted in ("␣", "↵", second[30]) or len(wanted) > 1
    # By keyboard.
    sheet.locator("#text").focus()
    sheet.keyboard.press("Home")
    sheet.keyboard.press("ArrowRight")
    expect(sheet.locator("#text span.here")).to_have_attribute("data-at", "1")
    sheet.keyboard.press("Enter")
    sheet.keyboard.press("ArrowDown")
    expect(choices.nth(1)).to_be_focused()
    sheet.keyboard.press("Enter")
    third = written(sheet)
    assert third[0] == second[0] and third != second
    expect(sheet.locator("#choices")).to_be_hidden()


def test_it_stops(sheet: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    sheet.locator("#more summary").click()
    sheet.locator("#length").fill("100000")
    sheet.locator("#generate").click()
    expect(sheet.locator("#generate")).to_have_text("Stop")
    sheet.locator("#generate").click()
    assert 0 < len(written(sheet)) < 100_000
    sheet.locator("#top_p").fill("7")
    sheet.locator("#generate").click()
    expect(sheet.locator("#top_p:invalid")).to_be_focused()


def test_it_goes_on_after_an_end(browser: Any, tiny_model: MakeModel, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    tiny_model("chars+end", reset="document", sharpness=0.5).quantised().save(tmp_path / checkpoint.MODEL)
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "page.html")]) == 0
    page = browser.new_page(reduced_motion="reduce")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator("#seed").fill("1")
    page.locator("#generate").click()
    expect(page.locator("#generate")).to_have_text("Write")
    expect(page.locator("#text span.end")).to_have_count(1)
    expect(page.locator("#continue")).to_be_disabled()
    page.locator("#more summary").click()
    page.locator("#ignore_end").check()
    page.locator("#continue").click()
    expect(page.locator("#text span.end").nth(1)).to_be_attached()
    page.close()
