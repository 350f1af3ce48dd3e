"""The page on which a model composes, in Chromium, with small models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.files import checkpoint
from rhapsode.modalities.music.copies import MelodyIndex
from rhapsode.modalities.music.write import save
from tests.modalities.music.score import Q, lead, quartet, untrained
from tests.studio.conftest import opened, studio, violations

BAR = 3 * Q
MIDI = """
window.sent = [];
const output = { id: "synth", name: "A synthesiser", state: "connected",
  send: (data, at) => window.sent.push([[...data], at, performance.now()]) };
navigator.requestMIDIAccess = () => Promise.resolve({ outputs: new Map([["synth", output]]) });
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tunes")
    for name, codec, tune in (("songs", "melody", lead), ("choir", "chorale", quartet), ("piano", "performance", lead)):
        (folder / name).mkdir()
        tunes = [tune(n) for n in range(6)]
        untrained(registry.get("codec", codec).fit(lambda tunes=tunes: iter(tunes)), folder / name)
    index = MelodyIndex.of([lead(n) for n in range(6)], [lead(7)])
    checkpoint.save(folder / "songs" / checkpoint.INDEX, index.info, index.arrays)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with studio(folder) as found:
        yield found


def expect(what: Any) -> Any:
    return pytest.importorskip("playwright.sync_api").expect(what)


def answered(page: Any, act: Any) -> dict[str, Any]:
    """What the server answers, whole, when something is done; the page shows it."""
    with page.expect_response("**/api/compose") as found:
        act()
    text = found.value.text()
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line and "[DONE]" not in line]
    before = page.locator(".drawn button").count()
    expect(page.locator("#going")).to_be_empty()
    assert before <= page.locator(".drawn button").count()
    (sample,) = json.loads(lines[-1])["samples"]
    return dict(sample)


def saved(page: Any, form: str) -> bytes:
    with page.expect_download() as found:
        page.locator(f"#save-{form}").click()
    return Path(found.value.path()).read_bytes()


def notes_of(sample: dict[str, Any], part: int, but: set[int], bar: int) -> list[list[int]]:
    """Of a part, in all bars but some."""
    return [note for note in sample["tune"]["notes"] if note[4] == part and note[0] // bar not in but]


def held(sample: dict[str, Any], tick: int) -> str:
    """The chord at a tick."""
    return str([symbol for at, symbol in sample["tune"]["chords"] if at <= tick][-1])


def test_a_tune_and_some_of_it_anew(browser: Any, address: str, folder: Path, tmp_path: Path) -> None:
    with opened(browser, address, name="songs") as page:
        expect(page.locator("#tune")).to_be_hidden()
        page.evaluate(
            """new MutationObserver((all) => {
                window.lived ||= all.some(({ target }) => target.classList.contains("live"));
            }).observe(document.getElementById("tune"), { attributes: true })"""
        )
        page.locator("#wish-bars").fill("6")
        page.locator("#wish-tempo").fill("90")
        page.locator("#seed").fill("7")
        page.locator("#lock").check()
        first = answered(page, lambda: page.locator("#go").click())
        assert page.evaluate("window.lived"), "notes were shown as they were drawn"
        expect(page.locator("#body .note")).to_have_count(len(first["tune"]["notes"]))
        expect(page.locator(".chords button")).to_have_count(6)
        command = ["compose", str(folder / "songs"), "--seed", "7", "--bars", "6", "--tempo", "90"]
        for form in ("abc", "musicxml"):
            assert main([*command, "-o", str(tmp_path / f"tune.{form}")]) == 0
            assert saved(page, form) == (tmp_path / f"tune.{form}").read_bytes()
        assert b"rhapsode" in saved(page, "html").lower()

        # Bars by the mouse: 2, and on to 3.
        page.locator("#bar-2").click()
        page.locator("#bar-3").click(modifiers=["Shift"])
        expect(page.locator("#go")).to_have_text("Draw bars 2–3 anew")
        expect(page.locator("#wish-key")).to_be_disabled()
        second = answered(page, lambda: page.keyboard.press("Control+Enter"))
        assert notes_of(first, 0, {1, 2}, BAR) == notes_of(second, 0, {1, 2}, BAR)
        assert notes_of(first, 0, set(), BAR) != notes_of(second, 0, set(), BAR)
        # By keys, and the other way round: 1 is kept.
        page.locator(".ruler").focus()
        for key in ("Escape", "Home", "Space"):
            page.keyboard.press(key)
        expect(page.locator("#bar-1")).to_have_attribute("aria-selected", "true")
        page.locator("#others").click()
        expect(page.locator("#go")).to_have_text("Draw bars 2–6 anew")
        page.locator(".ruler").focus()
        for key in ("End", "Shift+ArrowLeft"):
            page.keyboard.press(key)
        expect(page.locator("#go")).to_have_text("Draw bars 5–6 anew")
        third = answered(page, lambda: page.locator("#go").click())
        assert notes_of(second, 0, {4, 5}, BAR) == notes_of(third, 0, {4, 5}, BAR)

        # Other chords over a bar, which then is drawn anew with them.
        page.locator("#none").click()
        page.locator(".chords button").nth(1).click()
        page.locator(".chords input").fill("G A7")
        other = answered(page, lambda: page.keyboard.press("Enter"))
        assert [held(other, tick) for tick in (BAR, BAR * 3 // 2, 2 * BAR - 1)] == ["G", "A7", "A7"]
        for tick in (0, BAR - 1, 2 * BAR, 4 * BAR):
            assert held(other, tick) == held(third, tick)
        assert other["tune"]["notes"] == third["tune"]["notes"]
        expect(page.locator(".chords button").nth(1)).to_be_focused()
        expect(page.locator("#go")).to_have_text("Draw bar 2 anew")
        fourth = answered(page, lambda: page.locator("#go").click())
        assert fourth["tune"]["chords"] == other["tune"]["chords"]

        # All is there again when the page is.
        kept = saved(page, "abc")
        expect(page).to_have_url(re.compile(r"#/compose/songs/\w+$"))
        page.reload()
        expect(page.locator(".drawn button")).to_have_count(5)
        expect(page.locator("#go")).to_have_text("Draw bar 2 anew")
        assert saved(page, "abc") == kept
        page.locator("#none").click()
        page.locator(".drawn button").last.click()
        expect(page.locator("#seed")).to_have_value("7")
        assert saved(page, "abc") == (tmp_path / "tune.abc").read_bytes()
        page.set_viewport_size({"width": 360, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_tunes_that_are_opened(browser: Any, address: str, tmp_path: Path) -> None:
    save(lead(3), tmp_path / "three.abc")
    with opened(browser, address, name="songs") as page:
        read = answered(page, lambda: page.locator("#file").set_input_files(tmp_path / "three.abc"))
        (copied,) = read["shown"]["copies"]
        assert len(copied["notes"]) == 11
        expect(page.locator("#copies li")).to_have_text("bar 1: 11 notes as in “lead 3”, bar 1")
        assert page.locator("#body .note[stroke]").count() == 11, "they are hollow"
        page.locator("#wish-bars").fill("2")
        more = answered(page, lambda: page.locator("#on").click())
        assert len(more["shown"]["bars"]) == 6
        begun, given = (
            [(note[0] * Q // one["tune"]["ticks"], note[2]) for note in one["tune"]["notes"]] for one in (more, read)
        )
        assert begun[: len(given)] == given
        # A model of melodies has no place for four voices, and says so.
        save(quartet(1), tmp_path / "four.musicxml")
        answered(page, lambda: page.locator("#file").set_input_files(tmp_path / "four.musicxml"))
        expect(page.locator("#told")).to_be_empty()
        page.locator("#bar-2").click()
        answered(page, lambda: page.locator("#go").click())
        expect(page.locator("#told")).to_contain_text("notes that were to stay are gone")
        page.locator(".drawn button").nth(2).click()
        expect(page.locator("#told")).to_be_empty()
        page.locator("#file").set_input_files({"name": "a.abc", "mimeType": "", "buffer": b"X:1" * 300_000})
        expect(page.locator("#trouble")).to_contain_text("more than 700,000 bytes")
        expect(page.locator("#body .note")).to_have_count(len(more["tune"]["notes"]))  # of what was shown


def test_parts_and_how_they_are_heard(browser: Any, address: str) -> None:
    with opened(browser, address, name="choir") as page:
        page.evaluate(f"() => {{ {MIDI} }}")
        page.locator("#wish-bars").fill("3")
        page.locator("#seed").fill("1")
        page.locator("#lock").check()
        first = answered(page, lambda: page.locator("#go").click())
        page.locator("[data-chosen='1']").click()
        page.locator("#bar-2").click()
        expect(page.locator("#go")).to_have_text("Draw bar 2 of alto anew")
        bar = 4 * first["tune"]["ticks"]
        anew = [note for note in first["tune"]["notes"] if note[4] == 1 and note[0] // bar == 1]
        expect(page.locator(".note.anew")).to_have_count(len(anew))
        second = answered(page, lambda: page.keyboard.press("Control+Enter"))
        for part in (0, 2, 3):
            assert notes_of(first, part, set(), bar) == notes_of(second, part, set(), bar)
        alto = [[(note[0], note[2]) for note in notes_of(one, 1, {1, 2}, bar)] for one in (first, second)]
        assert alto[0] == alto[1], "a note may be held on for another time"

        # By Web MIDI, which is asked for when a person wants it.
        page.locator("#midi").click()
        page.locator("#output").select_option("synth")
        page.locator("#parts button").nth(3).click()  # the bass is silent
        page.locator("body").click(position={"x": 2, "y": 2})
        page.keyboard.press("Space")
        expect(page.locator("#play")).to_have_text("Pause")
        page.wait_for_timeout(500)
        page.keyboard.press("Space")
        expect(page.locator("#play")).to_have_text("Play")
        sent = page.evaluate("window.sent")
        begun = [(data, at, now) for data, at, now in sent if data[0] & 0xF0 == 0x90]
        assert {data[0] & 0xF for data, _, _ in begun} == {0, 1, 2} and {data[0] for data, _, _ in sent} >= {0xC0, 0xC3}
        assert all(0 <= at - now < 250 for _, at, now in begun)
        at_once = {tuple(note[2:5:2]) for note in second["tune"]["notes"] if note[0] == 0 and note[4] < 3}
        assert {(data[1], data[0] & 0xF) for data, _, _ in begun} >= at_once
        ended = [tuple(data[:2]) for data, _, _ in sent if data[0] & 0xF0 == 0x80]
        assert len(ended) == len(begun), "each note ends, also when it is paused"
        assert [data[:2] for data, _, _ in sent[-4:]] == [[0xB0 | n, 123] for n in range(4)], "all notes off"


def test_a_model_without_bars(browser: Any, address: str) -> None:
    with opened(browser, address, name="piano") as page:
        expect(page.locator("#wish-metre")).to_have_count(0)
        answered(page, lambda: page.keyboard.press("Control+Enter"))
        expect(page.locator("[role=option]")).to_have_count(0)
        expect(page.locator(".hint")).to_contain_text("knows no bars")


def test_everybody_can_use_it(browser: Any, address: str) -> None:
    with opened(browser, address, name="songs", bypass_csp=True) as page:
        answered(page, lambda: page.locator("#go").click())
        page.locator("#bar-2").click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert not violations(page)
