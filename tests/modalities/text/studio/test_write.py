"""The page on which one writes, in Chromium, with a server and a model."""

from __future__ import annotations

import ast
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.text_index import Gathered, TextIndex
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import MakeModel
from tests.studio.conftest import address, models, opened, violations  # noqa: F401

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


def test_a_work_in_two_tabs_and_a_browser_without_room(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect

    def kept(*titles: str) -> None:
        for _ in range(100):
            found = page.evaluate("JSON.parse(localStorage['rhapsode.works'] ?? '[]').map((one) => one.title)")
            if sorted(found) == list(titles):
                return
            page.wait_for_timeout(50)
        raise AssertionError(found)

    settle(page, length="5")
    area = page.locator("textarea")
    area.fill("Sing")
    kept("Sing")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("textarea")).to_have_value("Sing")
    other.wait_for_timeout(600)  # to look at it is no change
    area.press_sequentially(" once")
    kept("Sing once")
    other.locator("textarea").press_sequentially(" twice")
    expect(other.locator("#status")).to_contain_text("kept as another work")
    kept("Sing once", "Sing twice")
    assert other.url != page.url
    area.press_sequentially(" more")
    kept("Sing once more", "Sing twice")
    page.evaluate("""
        for (let size = 4e6; size >= 1; size = Math.floor(size / 2)) {
          try { for (;;) localStorage[Math.random()] = "a".repeat(size); } catch {}
        }
    """)
    area.press_sequentially(", goddess")
    expect(page.locator("#trouble")).to_contain_text("The browser could not keep this work")
    with page.expect_download() as saved:
        page.locator("#work-save").click()
    nodes = json.loads(Path(saved.value.path()).read_text())["contents"]["nodes"]
    assert "".join(node["text"] for node in nodes) == "Sing once more, goddess"
    page.evaluate("localStorage.clear()")
    area.press_sequentially("!")
    kept("Sing once more, goddess!")


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


KNOWN = "Tell me, O muse, of that ingenious hero who travelled far and wide.\nMany cities did he visit.\n"


@pytest.fixture(scope="module")
def known(models: Path, tiny_model: MakeModel) -> Iterator[str]:  # noqa: F811
    """The name of a model with a training index beside it."""
    gathered = Gathered(False)
    gathered.files, gathered.data = ["odyssey.txt"], ["digest"]
    gathered.add(KNOWN.encode(), True, 0, 0)
    made = tiny_model(codec="bytes", arithmetic="integers", sharpness=1.5)
    folder = models / "known"
    folder.mkdir()
    Model(made.config.model_copy(update={"facts": {"data_digest": "digest"}}), made.tensors).save(
        folder / checkpoint.MODEL
    )
    TextIndex.of(gathered, [b"Nothing of it, but the hero who travelled."]).save(folder / checkpoint.INDEX)
    yield "known"
    shutil.rmtree(folder)


def test_what_stands_in_the_training_text(browser: Any, address: str, known: str) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    text = "🏛 I sing of that ingenious hero who travelled\nhome. Many cities!"
    with opened(browser, address, known) as page:
        page.locator("textarea").fill(text)
        page.locator("#shade").select_option("novelty")
        told = page.locator("#novelty")
        expect(told).to_contain_text("The longest piece has 37 characters: “ of that ingenious hero who travelled")
        copied = " of that ingenious hero who travelled"
        expect(told).to_contain_text(f"{100 * len(copied) / len(text):.0f} % stands in the training text")
        expect(page.locator("#status")).to_have_text(told.text_content() or "")
        spans = page.locator(".back span").evaluate_all("all => all.map((one) => [one.textContent, one.className])")
        assert [one for one, name in spans if name.startswith("c")] == [copied, "Many cities"]
        box = page.locator(".back span[class^=c]").first.bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
        expect(page.locator(".copied p").first).to_have_text(
            f"{len(copied)} characters in a row stand in the training text: odyssey.txt, line 1"
        )
        expect(page.locator(".around")).to_have_text(
            f"… Tell me, O muse,{copied} far and wide.\nMany cities did he visit.\n …"
        )
        page.mouse.move(5, 5)
        expect(page.locator(".copied")).to_be_hidden()
        # By keyboard: the place at the cursor. What is typed is looked up again.
        page.locator("textarea").evaluate("area => { area.focus(); area.setSelectionRange(62, 62); }")
        page.keyboard.press("Alt+ArrowDown")
        expect(page.locator(".copied p").first).to_contain_text("11 characters in a row stand")
        page.keyboard.press("Escape")
        expect(page.locator(".copied")).to_be_hidden()
        page.locator("textarea").fill("Nobody wrote this")
        expect(told).to_contain_text("0 % stands in the training text")
        page.reload()
        expect(page.locator("#shade")).to_have_value("novelty")
        expect(told).to_contain_text("0 % stands in the training text")
        page.locator("#shade").select_option("none")
        expect(told).to_have_text("")
        assert not page.locator(".back span[class^=c], .back span[class^=s]").count()


def test_words_that_begin_with_the_likely_letters_and_a_model_without_a_training_index(page: Any, models: Path) -> None:  # noqa: F811
    expect = pytest.importorskip("playwright.sync_api").expect
    book = Model.load(models / "book")
    settle(page, length="5")
    page.locator("textarea").fill(PROMPT)
    expect(page.locator("#figures")).to_contain_text("bits per character")
    page.locator("textarea").evaluate("area => { area.focus(); area.setSelectionRange(8, 8); }")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".words button").first).to_be_visible()
    letters = page.locator(".choices [role=group]").first.locator("b").all_text_contents()
    wanted = set()
    for letter in letters:
        if re.match(r"[^\W_]|[␣↵]", letter):
            plain = letter.replace("␣", " ").replace("↵", "\n")
            made = book.generate(PROMPT[:8] + plain, length=24, seed=0, sampling=Sampling(temperature=0))[0].text
            word = re.match(r"[\w'’-]*", made)
            wanted.add(("" if plain.isspace() else "go") + letter + (word.group() if word else ""))
    told = page.locator(".words b").all_text_contents()
    assert told and set(told) <= wanted
    own = page.locator(".words button b").first.evaluate("one => one.lastChild.data")
    page.locator(".words button").first.click()
    expect(page.locator("#status")).to_contain_text("written")
    assert text_of(page).startswith(PROMPT[:8] + own.replace("␣", " ").replace("↵", "\n"))
    page.locator("#shade").select_option("novelty")
    expect(page.locator("#novelty")).to_contain_text("This cannot be shaded: it is not known on which text")
    expect(page.locator("#novelty")).to_contain_text("Train again with --index")
    expect(page.locator("#trouble")).to_be_hidden()


def test_any_text_can_be_written(browser: Any, address: str) -> None:  # noqa: F811
    """A model of bytes: a character is shaded as a whole, and what is read has all of its bits."""
    expect = pytest.importorskip("playwright.sync_api").expect
    with opened(browser, address, "old/letters") as page:
        settle(page, length="5")
        page.locator("textarea").fill("a\r\n")
        assert text_of(page) == "a\n"
        for text in ("a\tb — θεά 🏛👩‍👩‍👧 end", "שלום é" + "x" * 1000 + "🏛"):
            page.locator("textarea").fill(text)
            expect(page.locator("#figures")).to_contain_text(f"{len(text):,} characters · yours {len(text):,} ·")
            expect(page.locator(".back span:not([class^=s])")).to_have_count(0)  # all of each character is shaded
            assert "".join(page.locator(".back span").all_text_contents()) == text
            writes(page, lambda: page.locator("#go").click())
            assert text_of(page).startswith(text)
            page.locator("#undo").click()
            assert text_of(page) == text


def test_always_valid(page: Any) -> None:
    settle(page, seed="3", length="60")
    page.locator("#valid").select_option("python")
    ast.parse(writes(page, lambda: page.locator("#go").click()))


def test_it_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Any, address: str, scheme: str) -> None:  # noqa: F811
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
            assert not violations(page), name
            page.locator("#brand").click()
            page.locator(".cards").first.wait_for()
