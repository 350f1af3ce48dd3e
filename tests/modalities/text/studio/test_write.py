"""The page on which one writes, in Chromium, with a server and a model."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.model import Model
from tests.studio.conftest import address, models, opened  # noqa: F401

PROMPT = "Sing, goddess,\nthe anger"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:  # noqa: F811
    with opened(browser, address) as found:
        yield found


def text_of(page: Any) -> str:
    found: str = page.locator("textarea").input_value()
    return found


def writes(page: Any, action: Any) -> str:
    """The text when the model has ended what an action made it begin."""
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate("document.getElementById('status').textContent = ''")
    action()
    expect(page.locator("#status")).to_contain_text("written")
    expect(page.locator("#go")).to_have_text("Go on")
    return text_of(page)


def settle(page: Any, **values: str) -> None:
    page.locator("details summary").click()
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)
    page.locator("#suggest").uncheck()


def test_it_writes_what_the_command_writes_and_again_with_one_change(page: Any, models: Path) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    book = Model.load(models / "book")
    settle(page, seed="12345", length="40", temperature="0.7", top_k="9")
    page.locator("#lock").check()
    page.locator("textarea").fill(PROMPT)
    sampling = Sampling(temperature=0.7, top_k=9)
    made = book.generate(PROMPT, length=40, seed=12345, sampling=sampling)[0].text
    assert writes(page, lambda: page.keyboard.press("Control+Enter")) == PROMPT + made
    # The same seed, and one change.
    page.locator("#temperature").fill("0.2")
    cold = book.generate(PROMPT, length=40, seed=12345, sampling=Sampling(temperature=0.2, top_k=9))[0].text
    assert writes(page, lambda: page.locator("#again").click()) == PROMPT + cold != PROMPT + made
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(4)  # the beginning, the prompt, and two branches
    rows.nth(2).click()
    assert text_of(page) == PROMPT + made
    page.locator("textarea").press("Alt+ArrowRight")
    assert text_of(page) == PROMPT + cold
    page.locator("textarea").press("Control+z")
    assert text_of(page) == PROMPT
    page.locator("textarea").press("Control+Shift+Z")
    assert text_of(page) == PROMPT + cold


def test_a_text_is_shaded_by_surprise(page: Any, models: Path) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    book = Model.load(models / "book")
    page.locator("textarea").fill(PROMPT)
    expect(page.locator("#figures")).to_contain_text("bits per character")
    bits = book.score(PROMPT).nats / math.log(2) / len(PROMPT)
    assert f"{bits:.2f} bits" in page.locator("#figures").text_content()
    shades = page.locator(".back span").evaluate_all("all => all.map((one) => [one.textContent, one.className])")
    assert "".join(text for text, _ in shades) == PROMPT.replace("\n", "")
    assert len({name for _, name in shades}) > 2
    # A change in the middle: what is behind it is read again, what is before it is not.
    page.evaluate(
        "(() => { const area = document.querySelector('textarea'); area.focus(); area.setSelectionRange(4, 4); })()"
    )
    page.keyboard.type("!!")
    changed = PROMPT[:4] + "!!" + PROMPT[4:]
    assert text_of(page) == changed
    bits = book.score(changed).nats / math.log(2) / len(changed)
    expect(page.locator("#figures")).to_contain_text(f"{bits:.2f} bits")


def test_another_token_is_taken_and_the_model_goes_on(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    settle(page, seed="5", length="12")
    page.locator("textarea").fill("Sing, goddess")
    expect(page.locator("#figures")).to_contain_text("bits per character")
    page.evaluate("document.querySelector('textarea').setSelectionRange(6, 6)")
    page.locator("textarea").press("Alt+ArrowDown")
    choices = page.locator(".choices button")
    expect(choices).to_have_count(10)
    expect(page.locator(".choices")).to_contain_text("g took")
    choice = page.locator(".choices button:enabled").first
    taken = choice.locator("b").text_content().replace("␣", " ").replace("↵", "\n")
    found = writes(page, choice.click)
    assert found.startswith("Sing, " + taken) and 7 < len(found) <= 7 + 12
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert text_of(page) == "Sing, goddess"
    # Pointing does the same as keys.
    expect(page.locator("#figures")).to_contain_text("bits per character")
    box = page.locator(".back span").nth(3).bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    expect(page.locator(".choices")).to_contain_text("g took")


def test_tab_takes_what_is_suggested(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("#seed").fill("5")  # with which the model does not begin with the end of a line
    page.locator("textarea").fill("Sing, ")
    page.locator("textarea").press("End")
    ghost = page.locator(".ghost")
    expect(ghost).to_be_visible()
    suggested = ghost.text_content()
    page.keyboard.type(suggested[0])  # typing what is suggested leaves the rest
    expect(ghost).to_have_text(suggested[1:])
    page.keyboard.press("Tab")
    assert text_of(page) == "Sing, " + suggested
    assert page.locator(".back .model").count() > 0
    page.keyboard.press("Escape")


def test_nothing_is_lost(page: Any, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    settle(page, seed="77", length="20")
    page.locator("textarea").fill(PROMPT)
    found = writes(page, lambda: page.keyboard.press("Control+Enter"))
    expect(page).to_have_url(re.compile(r"#/write/book/\w+$"))  # it is kept
    page.reload()
    expect(page.locator("textarea")).to_have_value(found)
    expect(page.get_by_role("treeitem")).to_have_count(3)
    with page.expect_download() as download:
        page.locator("#work-save").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert [node["text"] for node in saved["contents"]["nodes"]] == [PROMPT, found[len(PROMPT) :]]
    assert saved["contents"]["nodes"][1]["request"]["seed"] == 77
    page.locator("#work-new").click()
    assert text_of(page) == ""
    (tmp_path / "work.json").write_text(json.dumps(saved))
    page.locator("input[type=file]").set_input_files(tmp_path / "work.json")
    expect(page.locator("textarea")).to_have_value(found)
    wrong = {"its format": {}, "its version": {"version": 9}, "page “Look inside”": {"view": "look"}}
    for why, change in wrong.items():
        (tmp_path / "other.json").write_text(json.dumps(saved | change if change else change))
        page.locator("input[type=file]").set_input_files(tmp_path / "other.json")
        expect(page.locator("#trouble")).to_contain_text(why)
    assert text_of(page) == found
    # The first page names it.
    page.locator("#brand").click()
    page.get_by_role("link", name="Sing, goddess,").first.click()
    expect(page.locator("textarea")).to_have_value(found)


def test_what_comes_next_follows_the_settings(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("textarea").fill("Sing")
    rows = page.locator(".next li")
    expect(rows).to_have_count(8)
    page.locator("details summary").click()
    page.locator("#top_k").fill("2")
    expect(page.locator(".next li.gone")).to_have_count(6)
    page.locator("#temperature").fill("0")
    expect(page.locator(".next li.gone")).to_have_count(7)


def test_always_valid(page: Any) -> None:
    settle(page, seed="3", length="60")
    page.locator("#valid").select_option("python")
    ast.parse(writes(page, lambda: page.locator("#go").click()))


def test_it_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Any, address: str, scheme: str) -> None:  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    expect = pytest.importorskip("playwright.sync_api").expect
    # What looks for faults has styles of its own.
    with opened(browser, address, color_scheme=scheme, bypass_csp=True) as page:
        settle(page, length="30")
        page.locator("textarea").fill(PROMPT)
        writes(page, lambda: page.keyboard.press("Control+Enter"))
        expect(page.locator("#figures")).to_contain_text("bits per character")
        page.locator("textarea").press("Alt+ArrowDown")
        expect(page.locator(".choices button:enabled").first).to_be_focused()
        for name in ("write", "home"):
            found = axe.Axe().run(page, options={"preload": False})
            told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]]
            assert not told, name
            page.locator("#brand").click()
            page.locator(".cards").wait_for()
