"""The page on which a voice speaks, in Chromium, with a small voice."""

from __future__ import annotations

import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from tests.modalities.speech.trained import HELD_OUT, contour
from tests.studio.conftest import SAVED, opened, studio, violations

TEXT = " ".join(HELD_OUT)


VOICE = SAVED / "speech-voice"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(
        tmp_path_factory.mktemp("voices"), {"voice": str(VOICE), "free": str(SAVED / "speech-unaligned")}
    ) as at:
        yield at


def spoken(page: Any, text: str = TEXT) -> None:
    from playwright.sync_api import expect

    page.locator("#text").fill(text)
    page.evaluate("document.getElementById('status').textContent = ''")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("were spoken", timeout=60_000)
    expect(page.locator("#play")).to_have_text("Pause")
    page.locator("#play").click()


def again(page: Any, does: Any) -> None:
    """Does something after which the voice speaks again."""
    with page.expect_response("**/api/speak", timeout=60_000) as answer:
        does()
    assert answer.value.ok
    page.wait_for_function("() => document.getElementById('busy').textContent === ''")


def drag(page: Any, one: Any, x: float, y: float) -> None:
    box = one.bounding_box()
    left, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(left, top)
    page.mouse.down()
    for part in (0.4, 1):
        page.mouse.move(left + part * x, top + part * y)
    page.mouse.up()


def saved(page: Any, form: str) -> Path:
    with page.expect_download() as found:
        page.locator(f"#save-{form}").click()
    return Path(found.value.path())


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return float(file.getnframes() / file.getframerate())


def test_it_speaks_what_the_command_speaks(browser: Any, address: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    out = {form: tmp_path / f"a.{form}" for form in ("wav", "textgrid", "csv")}
    also = [part for form in ("textgrid", "csv") for part in ("--also", str(out[form]))]
    assert main(["speak", str(VOICE), TEXT, "-o", str(out["wav"]), *also]) == 0
    with opened(browser, address, name="voice", bypass_csp=True) as page:
        spoken(page)
        assert all(saved(page, form).read_bytes() == path.read_bytes() for form, path in out.items())
        phones = page.locator(".phone")
        words = page.locator(".word:not(.pause)")
        expect(words).to_have_text([*HELD_OUT[0].split(), *HELD_OUT[1].split()])
        assert words.nth(1).bounding_box()["x"] == pytest.approx(phones.nth(3).bounding_box()["x"])
        # A border is dragged by 60 px: at 300 px a second the phone is 0.2 s longer, and so are sound and labels.
        wide = float(page.locator(".track").evaluate("one => one.style.getPropertyValue('--zoom')"))
        again(page, lambda: drag(page, phones.nth(3).locator(".grip"), 0.2 * wide, 0))
        longer = saved(page, "wav")
        assert seconds(longer) == pytest.approx(seconds(out["wav"]) + 0.2, abs=0.012)
        marks = [float(line.split()[-1]) for line in saved(page, "textgrid").read_text().splitlines() if "xmax" in line]
        assert marks[0] == pytest.approx(seconds(longer), abs=1e-3)
        expect(page.locator(".phone.changed")).to_have_count(1)
        page.keyboard.press("Control+z")
        expect(page.locator(".changed")).to_have_count(0)
        assert saved(page, "wav").read_bytes() == out["wav"].read_bytes()
        page.keyboard.press("Control+y")
        expect(page.locator(".phone.changed")).to_have_count(1)
        page.locator("#allback").click()
        expect(page.locator("#status")).to_contain_text("as they were spoken")
        # By keys: the second word four semitones higher.
        words.nth(1).focus()
        for _ in range(4):
            page.keyboard.press("ArrowUp")
        expect(page.locator("#status")).to_contain_text("+4 semitones")
        before, after = contour(out["csv"]), contour(saved(page, "csv"))
        lifted = 12 * np.log2(after[before > 0] / before[before > 0])
        assert len(after) == len(before) and ((after > 0) == (before > 0)).all()
        assert (abs(lifted - 4) < 0.01).sum() > 8 and (abs(lifted) < 0.01).sum() > 50
        assert (np.diff(np.flatnonzero(lifted > 0.01)) <= 2).all(), "one place only"
        # A reload loses nothing.
        expect(page.locator("#busy")).to_have_text("")
        page.wait_for_timeout(500)
        page.reload()
        expect(page.locator(".word.changed")).to_have_count(1, timeout=60_000)
        expect(page.locator("#text")).to_have_value(TEXT)
        assert contour(saved(page, "csv")) == pytest.approx(after)
        page.set_viewport_size({"width": 360, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_what_is_unchanged_sounds_the_same(browser: Any, address: str) -> None:
    """The page's own requests, sentence by sentence: said again to the bit, and only what is changed differs."""
    script = """async (text) => {
      const path = "/page/modalities/speech/studio/";
      const [{ Take }, { waveOf }, { ask }] = await Promise.all(
        [path + "take.js", path + "sound.js", "/page/studio/api.js"].map((one) => import(one)));
      const take = new Take({ model: "voice", text, pitch: 2, temperature: 0.4, seed: 5 });
      await take.speak();
      const same = [];
      for (const one of take.sentences) {
        const answer = await ask("/api/speak", { ...take.how, utterances: [one.asked()], files: ["wav"] });
        const { samples } = waveOf(answer.samples[0].files.wav);
        same.push(samples.length === one.samples.length && samples.every((value, n) => value === one.samples[n]));
      }
      const [one] = take.sentences;
      const before = { times: [...one.times], heights: one.phones.map((_, n) => one.height(n)) };
      const n = before.heights.findIndex((hertz, n) => hertz && n > 1);
      one.change(n, { factor: 2, lift: -3 });
      const answer = await ask("/api/speak", { ...take.how, utterances: [one.asked()] });
      const [said] = answer.samples[0].utterances;
      const off = Math.max(...said.f0.hertz.map((hertz, k) => Math.abs(hertz - one.hertz[k])));
      return { same, n, before, times: [...one.times], heights: one.phones.map((_, k) => one.height(k)), off,
        frames: [said.f0.hertz.length, one.hertz.length], said: said.phones.map((row) => row[2]) };
    }"""
    with opened(browser, address, name="voice", bypass_csp=True) as page:
        found = page.evaluate(script, TEXT)
    n, before = found["n"], found["before"]
    assert found["same"] == [True, True]
    lasting = np.diff(before["times"])
    assert np.diff(found["times"])[n] == pytest.approx(2 * lasting[n])
    assert np.delete(np.diff(found["times"]), n) == pytest.approx(np.delete(lasting, n))
    assert found["said"] == pytest.approx(found["times"][1:]) and found["times"][: n + 1] == before["times"][: n + 1]
    assert found["frames"][0] == found["frames"][1] and found["off"] < 1e-6
    assert 12 * np.log2(found["heights"][n] / before["heights"][n]) == pytest.approx(-3, abs=0.35)
    for k, (height, was) in enumerate(zip(found["heights"], before["heights"], strict=True)):
        assert k in (n - 1, n, n + 1) or height == pytest.approx(was, rel=0.02)


def test_phones_are_typed_and_mistakes_are_told(browser: Any, address: str) -> None:
    from playwright.sync_api import expect

    with opened(browser, address, name="voice") as page:
        spoken(page, HELD_OUT[0])
        page.locator("#asphones").click()
        expect(page.locator("#typed")).to_have_value("_ d e | ˈb o u t | ˈs a t | b a i | d e | ˈg l i n | ˈt l i _")
        page.locator("#typed").fill("d ˈe")
        page.get_by_role("button", name="Insert t", exact=True).click()
        expect(page.locator("#typed")).to_have_value("d ˈe t")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".phone:not(.pause)")).to_have_text(["d", "e", "t"], timeout=60_000)
        expect(page.locator(".drawn button")).to_have_count(2)
        page.locator(".drawn button").last.click()
        expect(page.locator(".word:not(.pause)")).to_have_count(len(HELD_OUT[0].split()))
        # What is wrong is told in the page, and nothing is lost.
        page.locator("#lexicon").evaluate("one => { one.closest('details').open = true }")
        page.locator("#astext").click()
        page.locator("#lexicon").fill("boat kat")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#trouble")).to_contain_text("is not word = phones")
        page.locator("#lexicon").fill("boat = k a t")
        spoken(page, "The boat.")
        expect(page.locator(".phone:not(.pause)")).to_have_text(["d", "e", "k", "a", "t"])


def test_without_espeak(browser: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what is missing; phones are said without it."""
    from playwright.sync_api import expect

    monkeypatch.setattr("rhapsode.modalities.speech.espeak._engine", None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("link", name="voice").click()
    page.locator("#text").fill("The boat.")
    page.locator("#go").click()
    expect(page.locator("#trouble")).to_contain_text("rhapsode[speech]")
    page.locator("#asphones").click()
    page.locator("#typed").fill("d ˈe t")
    page.locator("#go").click()
    expect(page.locator(".phone:not(.pause)")).to_have_text(["d", "e", "t"], timeout=60_000)
    expect(page.locator("#trouble")).to_be_hidden()
    page.context.close()


def test_a_voice_that_finds_its_own_times(browser: Any, address: str) -> None:
    """It speaks, and its phones are seen and heard, but cannot be changed."""
    from playwright.sync_api import expect

    with opened(browser, address, name="free") as page:
        spoken(page, "They saw.")
        expect(page.locator("#here")).to_contain_text("finds its own times")
        expect(page.locator("#asphones")).to_have_count(0)
        phone = page.locator(".phone").nth(2)
        drag(page, phone, 0, 40)
        phone.press("ArrowUp")
        expect(page.locator(".changed")).to_have_count(0)
        expect(page.locator("#longer")).to_have_count(0)
        expect(phone).to_have_attribute("aria-selected", "true")


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    with opened(browser, address, name="voice", bypass_csp=True) as page:
        spoken(page, HELD_OUT[0])
        page.locator(".phone").nth(3).focus()
        page.keyboard.press("Shift+ArrowRight")
        page.locator("#asphones").click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert not violations(page)
