"""What a person does on each page of the studio, step by step.

pages.py makes pictures of it, budgets.py measures it, and tests do it in Firefox. A new page needs one entry in
`JOURNEYS`. Buttons and fields are found by their roles and names, which are those of studio/texts.js.
"""

from __future__ import annotations

import functools
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from playwright.sync_api import Page, expect

import rhapsode

TEXTS = Path(rhapsode.__file__).parent / "studio" / "texts.js"
LONG = 90_000
"""Milliseconds that drawing and a short training may take."""


class Given(NamedTuple):
    """What a person brings. text: in the manner of the model. table: a file for forecasts. book: a file to train with,
    for so many minutes."""

    text: str
    table: Path
    book: Path
    minutes: float


class Journey(NamedTuple):
    """view: as the address names the page. modality: of the models that have it; "" for pages without a model.
    do: its main job, to the end."""

    view: str
    modality: str
    do: Callable[[Page, Given], None]


@functools.cache
def _texts() -> dict[str, str]:
    found = re.findall(r'^\s*("[\w.]+"): ("(?:[^"\\]|\\.)*")', TEXTS.read_text(), re.MULTILINE)
    return {json.loads(name): json.loads(text) for name, text in found}


def t(key: str, /, **values: object) -> str:
    """What the studio says, by its name in texts.js."""
    return _texts()[key].format(**values)


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=t(name), exact=True)


def address(url: str, journey: Journey, model: str) -> str:
    """The address of a page, with the key."""
    return url + (f"#/{'/'.join(filter(None, [journey.view, quote(model, safe='')]))}" if journey.view else "")


def opened(page: Page, url: str, journey: Journey, model: str) -> None:
    """From the first page to that of a journey."""
    page.goto(url)
    page.get_by_role("heading", name=t("home.title")).wait_for()
    if not journey.view:
        return
    if model:
        page.get_by_role("article").get_by_role("link", name=model, exact=True).click()
        page.get_by_role("navigation").get_by_role("heading", name=model).wait_for()
    link = page.get_by_role("navigation").get_by_role("link", name=t(f"view.{journey.view}"), exact=True)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")
    ready(page)


def ready(page: Page) -> None:
    """The page is there, and can be used."""
    page.get_by_role("main").get_by_role("button").first.wait_for()


def enter(field: Any, value: object) -> None:
    """Another value into a field. (In Firefox, Playwright sets the new one behind the old one of a number.)"""
    field.fill("")
    field.fill(str(value))


def draws(page: Page, view: str) -> None:
    """Press the button that draws, and wait until it is done."""
    go = button(page, f"{view}.go")
    go.click()
    expect(go).to_be_visible(timeout=LONG)  # while it draws, it says "Stop"
    well(page)
    expect(page.get_by_role("status").last).not_to_be_empty()


def before(page: Page, view: str) -> None:
    """What was drawn can be gone back to."""
    page.get_by_role("group", name=t(f"{view}.drawn")).get_by_role("button").first.wait_for()


def well(page: Page) -> None:
    """Nothing has gone wrong."""
    expect(page.get_by_role("alert")).to_be_hidden()


def home(page: Page, given: Given) -> None:
    page.get_by_role("article").first.wait_for()
    well(page)


def write(page: Page, given: Given) -> None:
    sheet = page.get_by_role("textbox", name=t("write.sheet"))
    sheet.fill(given.text[:220])
    sheet.press("Control+End")
    draws(page, "write")
    draws(page, "write")
    expect(page.get_by_role("main")).to_contain_text("bits per character")


def look(page: Page, given: Given) -> None:
    page.get_by_role("textbox", name=t("look.sheet")).fill(given.text[:400])
    page.get_by_role("list", name=t("look.units")).get_by_role("button").first.wait_for()
    page.get_by_role("img", name=t("look.path.note")).wait_for()
    well(page)


def train(page: Page, given: Given) -> None:
    page.get_by_label(t("train.path")).fill(str(given.book))
    button(page, "train.add").click()
    enter(page.get_by_label(t("train.minutes"), exact=True), given.minutes)
    expect(button(page, "train.begin")).to_be_enabled(timeout=LONG)
    button(page, "train.begin").click()
    page.get_by_role("heading", name=t("train.of", name="")).wait_for()
    button(page, "train.longer").wait_for(timeout=LONG + 60_000 * given.minutes)
    well(page)


def ink(page: Page, given: Given) -> None:
    page.get_by_role("textbox", name=t("ink.text")).fill("Hello! I was drawn\nby a small network.")
    draws(page, "ink")
    before(page, "ink")


def teach(page: Page, given: Given) -> None:
    """A line is drawn, as a hand may do it, and saved."""
    pad = page.get_by_role("img", name=t("teach.pad", count="").split(":")[0])
    page.get_by_text(re.compile(r"^\d+ of \d+$")).wait_for()
    box = pad.bounding_box()
    assert box is not None
    for begin in range(4):
        for n in range(20):
            x, y = box["width"] * (0.1 + 0.15 * begin + 0.005 * n), box["height"] * (0.5 + 0.2 * math.sin(n / 3))
            page.mouse.move(box["x"] + x, box["y"] + y)
            page.mouse.down() if n == 0 else None
        page.mouse.up()
    button(page, "teach.save").click()
    page.get_by_role("list").get_by_role("listitem").first.wait_for()
    well(page)


def compose(page: Page, given: Given) -> None:
    enter(page.get_by_label(t("compose.bars"), exact=True), 4)
    draws(page, "compose")
    before(page, "compose")
    page.get_by_role("option", name=t("compose.bar", bar=2), exact=True).click()
    anew = t("compose.anew", what=t("compose.which.bar", bars=2))
    page.get_by_role("button", name=anew, exact=True).click()
    page.get_by_role("group", name=t("compose.drawn")).get_by_role("button").nth(1).wait_for(timeout=LONG)
    well(page)


def speak(page: Page, given: Given) -> None:
    page.get_by_role("textbox", name=t("speak.text"), exact=True).fill("The boat was red and low.")
    draws(page, "speak")
    before(page, "speak")
    phones = page.get_by_role("listbox", name=t("speak.phones")).get_by_role("option")
    phones.nth(4).press("ArrowUp")
    with page.expect_response("**/api/speak", timeout=LONG) as answer:
        phones.nth(4).press("Shift+ArrowRight")
    assert answer.value.ok
    expect(phones.nth(4)).to_have_accessible_name(re.compile(r"\+1 semitones · changed"))
    well(page)


def about(page: Page, given: Given) -> None:
    page.get_by_role("main").get_by_role("group").first.wait_for()
    well(page)


def forecast(page: Page, given: Given) -> None:
    page.get_by_role("textbox", name=t("forecast.table")).fill(given.table.read_text())
    draws(page, "forecast")
    expect(page.get_by_role("group", name=t("forecast.picture"))).to_be_visible(timeout=LONG)


JOURNEYS = (
    Journey("", "", home),
    Journey("train", "", train),
    Journey("write", "text", write),
    Journey("look", "text", look),
    Journey("ink", "ink", ink),
    Journey("compose", "music", compose),
    Journey("speak", "speech", speak),
    Journey("forecast", "series", forecast),
    Journey("teach", "ink", teach),
    Journey("about", "text", about),
)


WATCH = """
  window.seen = { content: 0, shift: 0, blocked: 0 };
  const watch = (type, each) =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
  watch("largest-contentful-paint", (one) => (seen.content = one.startTime));
  watch("layout-shift", (one) => one.hadRecentInput || (seen.shift += one.value));
  watch("longtask", (one) => (seen.blocked += Math.max(0, one.duration - 50)));
"""
SEEN = """() => new Promise((resolve) => setTimeout(() => resolve({
  ...seen, paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0 }), 300))"""


class Figures(NamedTuple):
    """Of a page that was opened: ms, ms, a share of the screen, ms, bytes, how many."""

    paint: float
    content: float
    shift: float
    blocked: float
    bytes: int
    requests: int


def loaded(page: Any, url: str, journey: Journey, model: str, slow: float = 1) -> Figures:
    """Open a page by its address, and see what that takes."""
    session, heard = page.context.new_cdp_session(page), list[float]()
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send("Emulation.setCPUThrottlingRate", {"rate": slow})
    session.on("Network.loadingFinished", lambda one: heard.append(one["encodedDataLength"]))
    page.add_init_script(WATCH)
    page.goto(address(url, journey, model))
    if journey.view:
        ready(page)
    else:
        page.get_by_role("article").first.wait_for()
    seen = page.evaluate(SEEN)
    return Figures(seen["paint"], seen["content"], seen["shift"], seen["blocked"], round(sum(heard)), len(heard))


@contextmanager
def studio(models: dict[str, Path | str], folder: Path | None = None) -> Iterator[str]:
    """The address of a studio that was started for this, with these models by name. folder: where it trains; one that
    is deleted afterwards otherwise."""
    named = [f"{name}={path if isinstance(path, str) else path.resolve()}" for name, path in models.items()]
    command = [sys.executable, "-m", "rhapsode", "studio", *named, "--no-browser"]
    with tempfile.TemporaryDirectory() as other:
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder or other)
        try:
            assert server.stderr is not None
            said = server.stderr.readline()
            found = re.search(r"http\S+", said)
            assert found is not None, said + server.stderr.read()
            yield found[0]
        finally:
            server.terminate()
            server.wait()
