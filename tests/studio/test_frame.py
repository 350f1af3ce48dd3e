"""The frame of the studio's pages, in Chromium: addresses of what is not there, and where the keyboard goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.conftest import furnished  # noqa: F401


def test_addresses_of_what_is_not_there(browser: Any, furnished: str) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    base = furnished.partition("?")[0]
    page = browser.new_page()
    wrong = list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(base)
    expect(page.locator("body")).to_contain_text("open the address that the terminal shows")
    page.goto(furnished)
    for address, told in {
        "#/write/gone": "no model “gone” here",
        "#/nowhere": "",
        "#/%E0%A4%A": "",
        "#//": "",
    }.items():
        page.goto("about:blank")
        page.goto(base + address)
        expect(page.get_by_role("heading", name="Your models")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text(told) if told else expect(
            page.get_by_role("alert")
        ).to_be_hidden()
    page.goto("about:blank")
    page.goto(f"{base}#/train/gone")
    expect(page.get_by_role("main")).to_contain_text("no training 'gone' here")
    page.get_by_role("link", name="To the other trainings").click()
    expect(page.get_by_role("heading", name="Train a model on your own files")).to_be_visible()
    # A page that this model does not have is its first one.
    page.goto("about:blank")
    page.goto(f"{base}#/compose/text")
    expect(page.get_by_role("link", name="Write")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert page.url.endswith("#/write/text")
    page.close()
    assert not wrong


def test_the_keyboard_goes_on_where_the_new_page_begins(browser: Any, furnished: str) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    page = browser.new_page()
    page.goto(furnished)
    page.get_by_role("article").get_by_role("link", name="series").press("Enter")
    expect(page.get_by_role("button", name="Forecast")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.close()


def test_who_looks_elsewhere_finds_the_work_again(browser: Any, furnished: str) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    page = browser.new_page()
    page.goto(furnished)
    page.get_by_role("article").get_by_role("link", name="text", exact=True).click()
    links = page.get_by_role("navigation")
    sheet = page.get_by_role("textbox", name="Your text.")  # each page has its own, for both have the same text
    looked = page.get_by_role("textbox", name="The text whose states")
    sheet.fill("A tale that is begun")
    links.get_by_role("link", name="Look inside").click()
    expect(looked).to_have_value("A tale that is begun")
    looked.fill("Another")
    links.get_by_role("link", name="Write").click()
    expect(sheet).to_have_value("A tale that is begun")
    links.get_by_role("link", name="Look inside").click()
    expect(looked).to_have_value("Another")
    page.go_back()
    page.get_by_role("button", name="New").click()  # a work of its own
    links.get_by_role("link", name="About").click()
    links.get_by_role("link", name="Write").click()
    expect(sheet).to_have_value("")
    page.close()
