"""The main job of each page, in Firefox; and how much a page takes to be there, in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.journeys import JOURNEYS, Given, Journey, loaded, opened
from rhapsode.studio.shelf import views
from rhapsode.studio.site import HEADERS
from tests.studio.conftest import furnished, given  # noqa: F401

THERE = [one for one in JOURNEYS if one.view in {"", "train", *views()}]
EACH = pytest.mark.parametrize("journey", THERE, ids=[one.view or "home" for one in THERE])


KILOBYTES, REQUESTS, SHIFT = 400, 45, 0.1
"""Of a page that is opened. SHIFT: the cumulative layout shift that counts as good (web.dev)."""


@pytest.fixture(scope="module", autouse=True)
def _eval() -> Iterator[None]:
    """Playwright's own scripts need `eval` in Firefox. All else is as the policy says."""
    policy = "Content-Security-Policy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(HEADERS, policy, HEADERS[policy].replace("script-src", "script-src 'unsafe-eval'"))
        yield


def test_each_page_has_a_journey() -> None:
    assert {one.view for one in THERE} == {"", "train", *views()}


@EACH
def test_in_chromium_it_is_small_and_stands_still(browser: Any, furnished: str, journey: Journey) -> None:  # noqa: F811
    """The budgets that do not depend on the machine: benchmarks/budgets.py has the others."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    page, others = context.new_page(), list[str]()
    base = furnished.partition("?")[0]
    page.on("request", lambda asked: asked.url.startswith((base, "blob:", "data:")) or others.append(asked.url))
    found = loaded(page, furnished, journey, journey.modality)
    context.close()
    assert found.bytes < KILOBYTES * 1000 and found.requests < REQUESTS and found.shift < SHIFT, found
    assert others == []


@EACH
def test_in_firefox(firefox: Any, furnished: str, given: Given, journey: Journey) -> None:  # noqa: F811
    """Nothing may go wrong, and nobody else is asked."""
    context = firefox.new_context(viewport={"width": 1200, "height": 900})
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda said: wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    base = furnished.partition("?")[0]
    page.on("request", lambda asked: asked.url.startswith((base, "blob:", "data:")) or wrong.append(asked.url))
    opened(page, furnished, journey, journey.modality)
    journey.do(page, given)
    context.close()
    assert wrong == []
