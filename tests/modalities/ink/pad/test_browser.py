"""The page in a real browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from rhapsode.modalities.ink.read import read
from tests.modalities.ink.pad.served import TEXTS, scribble, serving, texts


def test_in_a_browser(browser: Any, path: Path) -> None:
    with serving(path, [*TEXTS, "and a third"]) as server:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        scribble(page)
        page.get_by_role("button", name="Undo").click()
        page.keyboard.press("Enter")  # although Undo was the last button pressed
        expect(page.locator("#text")).to_have_text(TEXTS[1])
        expect(page.locator("#told")).to_have_text(f"Saved: {TEXTS[0]}")
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_contain_text("Write the line first")
        scribble(page, 4)
        page.get_by_role("button", name="Clear").click()
        page.keyboard.press("Control+z")
        page.get_by_role("button", name="Save and next").click()
        expect(page.locator("#count")).to_have_text("2 of 3")
        expect(page.locator("#told")).to_have_text(f"Saved: {TEXTS[1]}")
        assert [len(list(drawing.strokes())) for drawing in read(path)] == [2, 4]
        first = next(iter(read(path)))
        assert first.pressure is None, "a mouse has none"
        assert first.seconds is not None and first.seconds[0] == 0 and (first.seconds[1:] >= first.seconds[:-1]).all()
        assert first.points[0, 0] < first.points[-1, 0] and abs(first.points[:, 1]).max() < 300

        page.reload()
        expect(page.locator("#text")).to_have_text("and a third")
        page.locator("[data-line='0']").click()
        page.keyboard.press("Delete")
        scribble(page, 5)
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_have_text("and a third")
        expect(page.locator("#told")).to_have_text(f"Saved: {TEXTS[0]}")
        assert [len(list(drawing.strokes())) for drawing in read(path)] == [5, 4]
        scribble(page)
        page.keyboard.press("Enter")
        expect(page.locator("#after")).to_contain_text("All lines are written")
        expect(page.locator("#told")).to_have_text("Saved: and a third")
        assert page.locator("#commands").text_content().count("rhapsode") == 2
        assert not wrong
    assert texts(path) == [*TEXTS, "and a third"]


def test_a_pen_is_felt_and_palms_are_not(browser: Any, path: Path) -> None:
    with serving(path) as server:
        context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 780})
        page = context.new_page()
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        box = page.locator("#pad").bounding_box()
        devtools = context.new_cdp_session(page)

        def pen(kind: str, x: float, force: float) -> None:
            at = {"x": box["x"] + x, "y": box["y"] + 60, "pointerType": "pen", "force": force}
            held = {"button": "left", "buttons": 1} if kind != "mouseReleased" else {"button": "left"}
            devtools.send("Input.dispatchMouseEvent", {"type": kind, "clickCount": 1, **at, **held})

        def touch(kind: str, x: float = 0) -> None:
            points = [{"x": box["x"] + x, "y": box["y"] + 100}] if kind != "touchEnd" else []
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        pen("mousePressed", 20, 0.2)
        for n in range(1, 8):
            pen("mouseMoved", 20 + 5 * n, 0.2 + n / 10)
        pen("mouseReleased", 60, 0)
        touch("touchStart", 100)
        touch("touchMove", 130)
        touch("touchEnd")
        expect(page.locator("#pad")).to_have_attribute("aria-label", "Writing area, strokes: 1")
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_have_text(f"Saved: {TEXTS[0]}")
        found = next(iter(read(path)))
        assert found.pressure is not None and found.pressure[0] == pytest.approx(0.2, abs=0.01)
        assert found.pressure.max() == pytest.approx(0.9, abs=0.01)


def test_a_failed_save_is_told_and_tried_again(browser: Any, path: Path) -> None:
    """Also when the page is left. And what was not saved yet is there when it is opened again."""
    expect = pytest.importorskip("playwright.sync_api").expect
    with serving(path) as server:
        page = browser.new_page()
        page.goto(server.url)
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        page.route("**/api/hand?*", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
        scribble(page)
        page.keyboard.press("Enter")
        expect(page.locator("#told")).to_contain_text("Not saved yet")
        expect(page.locator("#lines")).to_contain_text("not saved yet")
        assert not path.exists()
        scribble(page, 2)
        page.reload()
        expect(page.locator("#pad")).to_have_attribute("aria-label", "Writing area, strokes: 3")
        page.get_by_role("button", name="Skip").click()
        expect(page.locator("#pad")).to_have_attribute("aria-label", "Writing area, strokes: 2")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Rhapsode").click()
        expect(page.get_by_role("heading", name="Your models")).to_be_visible()
        page.unroute("**/api/hand?*")
        until = time.monotonic() + 20
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert texts(path) == [TEXTS[1]]


def test_a_finger_writes_on_a_phone(browser: Any, path: Path) -> None:
    """The line is longer than the screen: the sheet moves on, and places stay those on the sheet."""
    asked = "a line that is much longer than it"
    with serving(path, [asked]) as server:
        context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 780})
        page = context.new_page()
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(asked)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        box = page.locator("#pad").bounding_box()
        devtools = context.new_cdp_session(page)
        for _ in range(2):
            for kind, x in (("touchStart", 300), ("touchMove", 320), ("touchMove", 350), ("touchEnd", 0)):
                points = [{"x": box["x"] + x, "y": box["y"] + 80}] if x else []
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(1500)
        page.get_by_role("button", name="Save and next").tap()
        expect(page.locator("#told")).to_have_text(f"Saved: {asked}")
        one, two = next(iter(read(path))).strokes()
        width, height = page.evaluate("(({clientWidth: w, clientHeight: h}) => [w, h])(document.querySelector('#pad'))")
        assert two[0, 0] - one[0, 0] == pytest.approx(0.55 * width / height * 440, rel=0.02)
