"""The page on which a model writes by hand, in Chromium, with the hand that comes with Rhapsode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.hershey import lines
from tests.export.opened import untrained
from tests.studio.conftest import opened, studio, violations

HAND = "demo:handwriting"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model of drawings without texts, and a recorded line: of the hand itself, and broader."""
    folder = tmp_path_factory.mktemp("studio")
    drawings = [replace(drawing, text=None) for drawing in lines(["in it", "nod"] * 4, 0)]
    untrained(Strokes.fit(lambda: iter(drawings)), folder / "doodles", 0.7)
    model = Model.load(HAND)
    codec = model.record_codec
    assert isinstance(codec, Strokes) and codec.hand is not None
    strokes = [(100 / codec.hand.x_height * one).round(2) for one in model.generate("on", seed=5)[0].record.strokes()]
    line = {"rhapsode": "ink/1", "text": "on", "strokes": [(one * np.array([1.2, 1])).tolist() for one in strokes]}
    (folder / "hands").mkdir()
    (folder / "hands" / "my-hand.jsonl").write_text(json.dumps(line) + "\n")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with studio(folder) as found:
        yield found


def written(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate("document.getElementById('status').textContent = ''")
    page.locator("#go").click()
    expect(page.locator("#status")).to_contain_text("was written", timeout=30_000)


def stroke(page: Any) -> None:
    """One with the mouse, down to the base line."""
    canvas = page.locator(".beginning .pad")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + 40, box["y"] + 0.2 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 0.4 * box["height"], steps=12)
    page.mouse.up()


def saved(page: Any, kind: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.locator(f"#save-{kind}").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_it_writes_what_the_command_writes(browser: Any, address: str, tmp_path: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, name=HAND) as page:
        page.locator("#text").fill("Hello")
        page.locator("#seed").fill("7")
        page.locator("#bias").fill("1")
        written(page)
        expect(page.locator(".ink.paper")).to_have_attribute("aria-label", "Hello")
        name, data = saved(page, "svg")
        made = ["write", HAND, "Hello", "--seed", "7", "--bias", "1", "--unknown", "nearest"]
        assert main([*made, "-o", str(tmp_path / "hello.svg")]) == 0
        assert name == "Hello.svg" and data == (tmp_path / "hello.svg").read_bytes()
        assert page.locator(".ink.paper path").count() == data.count(b"<path")
        name, data = saved(page, "html")
        assert name == "Hello.html" and b"<title>Hello</title>" in data and b"@keyframes rhapsode-line" in data

        # The pen, and what the network sees.
        page.locator("#attend").check()
        moment = page.locator("#moment")
        moment.fill("0.05")
        expect(page.locator(".seen .now")).to_have_text("H")
        assert page.locator(".ink.paper path").last.evaluate("path => path.style.visibility") == "hidden"
        box = page.locator(".window").bounding_box()
        page.locator(".window").click(position={"x": box["width"] - 3, "y": 10})
        expect(page.locator(".seen .now")).to_have_text("end")
        moment.fill("0.5")
        page.locator("#speed").select_option("10")
        page.locator("#play").click()
        expect(moment).to_have_value("1")
        expect(page.locator("#play")).to_have_text("Play")

        # Once more is another one, and the first can be had again.
        written(page)
        assert page.locator("#seed").input_value() != "7"
        expect(page.locator(".drawn button")).to_have_count(2)
        page.locator(".drawn button").last.click()
        expect(page.locator("#seed")).to_have_value("7")

        # On pages, for a plotter.
        page.locator(".more summary").click()
        page.locator("#more-page").select_option("a6")
        page.locator("#more-lift").select_option("servo")
        page.locator("#text").fill("on it\n\f" * 2)
        page.locator("#seed").fill("3")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".pages")).to_contain_text("page 1 of 2")
        page.locator("#on").press("Enter")
        expect(page.locator("#back")).to_be_focused()
        expect(page.locator(".ink.paper")).to_have_attribute("aria-label", "on it\n\fon it\n\f, page 2 of 2")
        downloads: list[Any] = []
        page.on("download", lambda one: downloads.append(one))
        page.locator("#save-gcode").click()
        while len(downloads) < 2:
            page.wait_for_timeout(20)
        assert [one.suggested_filename for one in downloads] == ["on-it-on-it-1.gcode", "on-it-on-it-2.gcode"]
        assert b"\nM3 S90\n" in Path(downloads[1].path()).read_bytes()
        page.locator("#more-nib").fill("1000")
        page.locator("#go").click()
        expect(page.locator("#trouble")).to_contain_text("Nib")
        page.locator("#trouble button").click()


PREVIEW = """async () => {
  const { Preview } = await import("/page/modalities/ink/studio/preview.js");
  const preview = new Preview(2, 8);
  preview.add({ row: 0, text: "on a", points: [[0, 0], [160, 3]], ends: [false, true] });
  preview.add({ row: 3, text: "on a", points: [[0, 0], [9, 9]], ends: [false, true] });  // again
  preview.add({ row: 0, text: "on a", points: [[161, 0]], ends: [true] });
  preview.add({ row: 8, text: "é", points: [[0, 0]], ends: [true] });
  const paths = [...preview.element.children].map((one) => [one.getAttribute("d"), one.getAttribute("transform")]);
  return [preview.count, paths];
}"""


def test_endings_examples_and_works(browser: Any, address: str) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, name=HAND) as page:
        page.locator("#text").fill("it")
        page.locator(".style summary").click()
        page.locator("#example").select_option(label="on")
        expect(page.locator(".style .thumbnail")).to_be_visible()
        with page.expect_request(lambda one: "style" in (one.post_data or "")) as request:
            written(page)
        style = request.value.post_data_json["style"]
        assert style["text"] == "on" and style["thin"]
        high = max(y for one in style["strokes"] for _, y in one) - min(y for one in style["strokes"] for _, y in one)
        assert 1 < high < 5, "in the model's own units"
        page.locator("#example").select_option("here")
        page.locator("#go").click()
        expect(page.locator("#trouble")).to_contain_text("Draw the example first")
        page.locator("#trouble button").click()
        page.locator("#example").select_option("")

        page.locator(".beginning summary").click()
        stroke(page)
        endings = page.locator(".endings button")
        expect(endings).to_have_count(4, timeout=20_000)
        page.locator("#begin-clear").focus()
        page.keyboard.press("3")
        expect(page.locator(".drawn button")).to_have_count(2)
        name, data = saved(page, "svg")
        assert name == "it.svg" and data.count(b"<path") == page.locator(".ink.paper path").count()
        # Other endings, of strokes of a drawing: without a pointer.
        page.locator("#begin-count").fill("1")
        page.locator("#begin-keep").press("Enter")
        expect(endings).to_have_count(0)
        expect(endings).to_have_count(4, timeout=20_000)
        endings.last.focus()
        before = page.locator("#seed").input_value()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#seed")).not_to_have_value(before)
        expect(endings.first).to_be_focused()
        page.wait_for_timeout(600)  # until the browser has kept it

        page.reload()
        expect(page.locator(".drawn button")).to_have_count(2, timeout=20_000)
        expect(page.locator("#text")).to_have_value("it")
        assert page.locator(".beginning").get_attribute("open") is not None
        assert saved(page, "svg") == (name, data)
        page.locator("#work-new").click()
        expect(page.locator(".drawn button")).to_have_count(0)
        page.set_viewport_size({"width": 360, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_drawings_without_texts(browser: Any, address: str) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, name="doodles") as page:
        expect(page.locator("#go")).to_have_text("Draw")
        assert page.locator("#text").count() == page.get_by_role("link", name="Your hand").count() == 0
        written(page)
        page.locator(".beginning summary").click()
        stroke(page)
        expect(page.locator(".endings button")).to_have_count(4, timeout=20_000)
        page.locator(".endings button").first.click()
        expect(page.locator(".drawn button")).to_have_count(2)
        # Of texts that take long, what is drawn so far is shown.
        first = ["M0.00 0.00L160.00 3.00M161.00 0.00", "translate(0 0)"]
        assert page.evaluate(PREVIEW) == [5, [first, ["M0.00 0.00", "translate(0 8)"]]]


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    with opened(browser, address, name=HAND, bypass_csp=True) as page:
        page.locator("#text").fill("it")
        written(page)
        page.locator("#attend").check()
        for summary in page.locator("summary").all():
            summary.click()
        page.locator("#example").select_option("here")

        def check(scheme: str) -> None:
            page.emulate_media(color_scheme=scheme)
            assert not violations(page)

        check("dark")
        page.get_by_role("link", name="Your hand").click()
        page.locator("#coverage li").first.wait_for()
        check("light")
