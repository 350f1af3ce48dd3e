"""The page that plays a tune: what is in it, and how it behaves in a real browser."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.page import page
from rhapsode.modalities.music.tune import Tune, notes
from tests.modalities.music.example_tunes import Q, blues, chorale, one
from tests.modalities.music.test_roll import found

HEARD = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
  constructor() { super(); window.contexts.push(this); }
};
"""


def data(made: bytes) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="tune">(.*?)</script>', made.decode(), re.S)
    return dict(json.loads(text))


def test_what_is_in_it() -> None:
    tune = chorale()
    made = page(tune)
    known = data(made)
    assert known["notes"] == [list(note) for note in tune.notes.tolist()]
    assert [part["name"] for part in known["parts"]] == ["Soprano", "Alto", "Tenor", "Bass"]
    ticks, seconds = zip(*known["time"], strict=True)
    assert ticks == (0, 25 * Q, 28 * Q) and seconds == pytest.approx(tune.time(np.array(ticks)), abs=1e-5)
    assert known["bars"] == [Q + 4 * Q * n for n in range(7)]
    for said in ("Chorale for a test", "C major · 4/4 · ♩ = 84 at first · 7 bars", "0:00 / 0:20"):
        assert said in made.decode()
    svgs = re.findall(r"<svg.*?</svg>", made.decode(), re.S)
    assert [len(found(svg.encode(), "note")) for svg in svgs] == [0, len(tune)]
    assert b"://" not in made
    assert made == page(tune)


def test_what_people_write_cannot_break_it() -> None:
    rude = '</script><script>alert("no")</script> {{data}} & "quoted"'
    tune = replace(one(), title=rude, parts=(replace(one().parts[0], name=rude),))
    made = page(tune).decode()
    assert made.count("</script>") == 2 and "alert(&quot;no" in made and "{{data}} &amp;" in made
    assert data(made.encode())["parts"][0]["name"] == rude


def test_midi_to_download() -> None:
    assert b"Download" not in page(one())
    (link,) = re.findall(r'download="(.*?)" href="data:audio/midi;base64,(.*?)"', page(blues(), midi=b"MThd").decode())
    assert link[0] == "Blues-test-12-bars.mid" and base64.b64decode(link[1]) == b"MThd"
    with pytest.raises(UserError, match="too large"):
        page(one(), midi=bytes(17 << 20))


def test_odd_tunes() -> None:
    assert data(page(Tune(notes([]), Q, 0)))["time"] == [[0, 0.0], [1, pytest.approx(1 / 24, abs=1e-4)]]
    assert b"hollow: given" in page(one(), marks=np.ones(1, bool), marked="given")


def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    tune = blues()
    (tmp_path / "tune.html").write_bytes(page(tune, midi=b"MThd"))
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True)
    sheet = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    sheet.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    sheet.on("pageerror", lambda error: wrong.append(str(error)))
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.add_init_script(HEARD)
    sheet.goto((tmp_path / "tune.html").as_uri())
    expect = pytest.importorskip("playwright.sync_api").expect
    assert sheet.locator(".note").count() == len(tune)
    assert sheet.evaluate("document.documentElement.scrollWidth") <= 390
    assert sheet.evaluate("contexts.length") == 0, "nothing sounds before a person wants it"

    def place() -> float:
        return float(re.findall(r"[\d.]+", sheet.locator("#cursor").get_attribute("style"))[0])

    def until(met: Callable[[], bool]) -> None:
        for _ in range(100):
            if met():
                return
            sheet.wait_for_timeout(100)
        raise AssertionError("in ten seconds it did not happen")

    sheet.locator("#play").click()
    expect(sheet.locator("#play")).to_have_text("Pause")
    until(lambda: place() > 20)
    assert sheet.evaluate("contexts.map((each) => each.state)") == ["running"]
    expect(sheet.locator(".note.on").first).to_be_attached()
    sheet.keyboard.press("Space")
    expect(sheet.locator("#play")).to_have_text("Play")
    stopped = place()
    sheet.wait_for_timeout(200)
    assert place() == stopped

    sheet.locator("#body").click(position={"x": 200, "y": 100})
    assert place() == pytest.approx(200, abs=1)
    bar = place() - place() % 112
    sheet.keyboard.press("ArrowRight")
    assert place() == pytest.approx(bar + 112, abs=0.5)
    sheet.keyboard.press("Home")
    assert place() == 0

    bass = sheet.get_by_role("button", name="Bass")
    bass.click()
    expect(bass).to_have_attribute("aria-pressed", "false")
    assert sheet.locator(".note.muted").count() == int((tune.notes["part"] == 1).sum())
    expect(sheet.get_by_role("button", name="Chords")).to_have_attribute("aria-pressed", "false")
    sheet.get_by_role("button", name="Chords").click()

    sheet.locator("#tempo").fill("200")
    expect(sheet.locator("#speed")).to_have_text("200 %")
    sheet.locator("#seek").fill("990")  # 0.25 s before the end, at double speed
    sheet.keyboard.press("l")
    sheet.locator("#play").click()
    until(lambda: place() < 300)
    expect(sheet.locator("#play")).to_have_text("Pause")
    sheet.keyboard.press("l")
    sheet.locator("#seek").fill("990")
    expect(sheet.locator("#play")).to_have_text("Play")
    assert place() == 0
    with sheet.expect_download() as saved:
        sheet.locator("#midi").click()
    assert Path(saved.value.path()).read_bytes() == b"MThd"
    assert not wrong and len(asked) == 1
