"""What a browser kept may be damaged, or somebody else's; or it keeps nothing. The pages work all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.studio.conftest import furnished  # noqa: F401 (a fixture)

pytest.importorskip("playwright")

from playwright.sync_api import expect  # noqa: E402

from benchmarks.journeys import JOURNEYS, t  # noqa: E402

KEPT = ("works", "settings.used", "settings.home", "settings.train", "settings.train.last", "settings.write")
VALUES = ("5", '"x"', "[null]", '[{"id": {}}]', '{"order": {}, "sources": 5, "top_p": 9, "text": -1}', "{")
WORKS: dict[str, list[Any]] = {
    "write": [5, {"nodes": [{}], "here": 0}],
    "ink": ["x", {"drawn": 5}, {"text": 5}, {"beginning": {"strokes": 5}}],
    "compose": [5, {"drawn": [None]}, {"drawn": [{"id": 1}]}, {"bars": 5}, {"wishes": 5}],
    "speak": [5, {"takes": [None]}, {"takes": [{"changed": 5}]}, {"text": 5}],
    "forecast": [5, {"found": [{}]}, {"found": "x"}, {"drawn": [None]}, {"drawn": 5}],
}
PUT = "(kept) => { localStorage.clear(); for (const [key, value] of kept) localStorage[`rhapsode.${key}`] = value; }"
TYPED = "typed after that"


@pytest.fixture
def page(browser: Any, furnished: str) -> Iterator[Any]:  # noqa: F811
    """One in which no script may fail."""
    context = browser.new_context(reduced_motion="reduce")
    found, wrong = context.new_page(), list[str]()
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.goto(furnished)
    found.get_by_role("heading", name=t("home.title")).wait_for()
    yield found
    assert not wrong
    context.close()


def show(page: Any, address: str) -> None:
    """A page, anew."""
    page.evaluate("location.hash = '#/none/none'")
    expect(page.get_by_role("alert")).to_contain_text("“none”")
    page.evaluate("(to) => (location.hash = to)", address)
    page.wait_for_function("trouble.hidden || !trouble.textContent.includes('“none”')")  # what is said is of this page


def test_settings_that_are_damaged(page: Any) -> None:
    for value in VALUES:
        page.evaluate(PUT, [[name, value] for name in KEPT])
        for view, modality in (("", ""), ("train", ""), ("write", "text")):
            show(page, f"#/{view}/{modality}")
            page.get_by_role("main").get_by_role("button").first.wait_for()
            expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("view", WORKS)
def test_works_that_are_damaged(page: Any, view: str) -> None:
    """They stay as they are, and what is typed then is kept beside them."""
    modality = next(one.modality for one in JOURNEYS if one.view == view)
    for contents in WORKS[view]:
        work = {
            "format": "rhapsode work",
            "version": 1,
            "view": view,
            "model": {"name": modality},
            "contents": contents,
        }
        line = {"id": "old", "view": view, "model": modality, "title": "<b>old", "changed": 1}
        page.evaluate(PUT, [["work.old", json.dumps(work)], ["works", json.dumps([line])]])
        show(page, f"#/{view}/{modality}/old")
        expect(page.get_by_role("alert"), str(contents)).to_be_visible()
        if view == "compose":  # which keeps tunes
            continue
        page.get_by_role("main").get_by_role("textbox").first.fill(TYPED)
        page.wait_for_function("(text) => Object.values(localStorage).some((one) => one.includes(text))", arg=TYPED)
        old = json.loads(page.evaluate("localStorage.getItem('rhapsode.work.old')"))
        assert old["contents"] == contents


def test_a_browser_that_keeps_nothing(browser: Any, furnished: str) -> None:  # noqa: F811
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script("""
      Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
      delete window.AudioContext;
    """)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(furnished)
    for one in JOURNEYS:
        page.evaluate("(to) => (location.hash = to)", f"#/{one.view}/{one.modality}")
        page.get_by_role("main").get_by_role("button").first.wait_for()
        expect(page.get_by_role("alert")).to_be_hidden()
        if one.view in WORKS and one.view != "compose":
            field = page.get_by_role("main").get_by_role("textbox").first
            field.fill(TYPED)
            expect(page.get_by_role("alert")).to_contain_text("Save it as a file")  # it is told once
            page.get_by_role("alert").get_by_role("button").click()
            field.fill(TYPED + "!")
            page.wait_for_timeout(500)
            expect(page.get_by_role("alert")).to_be_hidden()
    assert not wrong
    context.close()


def test_drawings_stay_in_a_work_while_the_server_has_no_time(browser: Any, furnished: str) -> None:  # noqa: F811
    """They are drawn again when the work is opened: what cannot be drawn just then is not left out."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(furnished)
    page.get_by_role("heading", name=t("home.title")).wait_for()
    drawn = [{"asked": {"text": "a", "seed": seed, "bias": 1}, "row": 0} for seed in (1, 2)]
    model = {"name": "ink"}
    work = {"format": "rhapsode work", "version": 1, "view": "ink", "model": model, "contents": {"drawn": drawn}}
    line = {"id": "old", "view": "ink", "model": "ink", "title": "old", "changed": 1}
    page.evaluate(PUT, [["work.old", json.dumps(work)], ["works", json.dumps([line])]])
    busy = {"status": 429, "json": {"error": {"message": "Others wait."}}}
    page.route("**/api/write", lambda route: route.fulfill(**busy))
    page.route("**/api/ink", lambda route: route.fulfill(**busy))
    page.evaluate("location.hash = '#/ink/ink/old'")
    expect(page.get_by_role("alert")).to_contain_text("Others wait.")
    page.get_by_role("main").get_by_role("textbox").first.fill(TYPED)
    page.wait_for_function("(text) => Object.values(localStorage).some((one) => one.includes(text))", arg=TYPED)
    kept = json.loads(page.evaluate("localStorage.getItem('rhapsode.work.old')"))["contents"]
    assert kept["text"] == TYPED and kept["drawn"] == drawn
    context.close()
