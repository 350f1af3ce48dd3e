"""The page on which one looks inside, in Chromium, with a server and a model."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.inference.inside import activity, marking, saturation
from rhapsode.inference.model import Model
from rhapsode.serving.served import labels_of
from tests.node import run
from tests.studio.conftest import address, models, opened, violations  # noqa: F401

TEXT = "Sing, goddess, the anger\nof Achilles"
FOLDER = "modalities/text/studio"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:  # noqa: F811
    with opened(browser, address) as found:
        found.get_by_role("link", name="Look inside").click()
        found.locator("#unit").wait_for()
        yield found


@pytest.fixture(scope="module")
def held(models: Path) -> np.ndarray:  # noqa: F811
    """What the units hold behind each character: [T, H]."""
    book = Model.load(models / "book")
    return np.concatenate(list(activity(book, book.text_codec.encode(TEXT.encode()))))


def looks(page: Any) -> Any:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.locator("textarea").fill(TEXT)
    expect(page.locator("#value")).to_contain_text("Unit")
    return expect


def shades(page: Any) -> list[str]:
    """The class of each character but newlines."""
    spans = page.locator(".back span").evaluate_all("all => all.map((one) => [one.textContent, one.className])")
    return [name for text, name in spans for _ in text]


def test_without_a_text_there_are_no_pictures(page: Any) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    pictures = page.locator("canvas.curve, canvas.path:not(.scatter), .units, #varied")
    expect(page.locator("#find")).to_be_disabled()
    for one in pictures.all():
        expect(one).to_be_hidden()
    page.set_viewport_size({"width": 700, "height": 900})
    looks(page)
    for one in pictures.all():
        expect(one).to_be_visible()
    page.locator("textarea").fill("")
    expect(pictures.first).to_be_hidden()
    expect(page.locator("#value")).to_be_empty()
    page.set_viewport_size({"width": 800, "height": 900})  # nothing is drawn of what is gone


def test_a_text_is_coloured_by_what_a_unit_holds(page: Any, held: np.ndarray) -> None:
    expect = looks(page)
    varied = np.argsort(-held.var(axis=0), kind="stable")
    expect(page.locator("#unit")).to_have_value(str(varied[0]))
    rows = page.locator(".units button")
    assert [int(one) for one in rows.evaluate_all("all => all.map((one) => one.dataset.unit)")] == varied.tolist()
    for unit in (int(varied[3]), 0):
        page.locator("#unit").fill(str(unit))
        spans = shades(page)
        values = [value for value, char in zip(held[:, unit], TEXT, strict=True) if char != "\n"]
        most = np.abs(held[:, unit]).max()
        for name, value in zip(spans, values, strict=True):
            shade = round(9 * abs(value) / most - 1e-9)
            assert name == (f"{'p' if value > 0 else 'n'}{shade}" if shade else "")
        expect(page.locator(f".units button[data-unit='{unit}']")).to_have_attribute("aria-pressed", "true")


def test_units_that_mark_a_part_are_found(page: Any, held: np.ndarray) -> None:
    expect = looks(page)
    expect(page.locator("#find")).to_be_disabled()
    page.locator("textarea").evaluate("area => { area.focus(); area.setSelectionRange(6, 13); }")
    page.locator("#find").click()
    expect(page.locator("#about-units")).to_contain_text("mark the selected part")
    found = marking(held, 6, 13, 16)
    told = page.locator(".units b").all_text_contents()
    assert told == [f"{one.unit} · {one.correlation:.2f}" for one in found]
    expect(page.locator("#unit")).to_have_value(str(found[0].unit))


def test_pictures_tell_of_what_one_points_at(page: Any, held: np.ndarray) -> None:
    expect = looks(page)
    unit = int(page.locator("#unit").input_value())
    box = page.locator(".curve").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 7.5 / len(TEXT), box["y"] + 20)
    expect(page.locator("#value")).to_contain_text(f"holds {held[7, unit]:.3f} behind “{TEXT[7]}”")
    assert page.locator(".back .here").text_content() == TEXT[7]


def test_gates(page: Any, models: Path) -> None:  # noqa: F811
    expect = looks(page)
    book = Model.load(models / "book")
    gates = np.concatenate(list(activity(book, book.text_codec.encode(TEXT.encode()), 0, "gates", "forget")))
    page.locator("#what").select_option("forget")
    expect(page.locator("#value")).to_contain_text("The forget gate of unit")
    often, seldom = saturation(gates)
    page.locator("#open").click()
    order = np.argsort(-often, kind="stable")
    told = page.locator(".units b").all_text_contents()
    assert told == [f"{unit} · {100 * often[unit]:.0f} %" for unit in order]
    expect(page.locator("#unit")).to_have_value(str(order[0]))
    spans = shades(page)
    values = [value for value, char in zip(gates[:, order[0]], TEXT, strict=True) if char != "\n"]
    for name, value in zip(spans, values, strict=True):
        shade = np.float16(value).astype(float) * 2 - 1
        assert name == (f"{'p' if shade > 0 else 'n'}{round(9 * abs(shade))}" if round(9 * abs(shade)) else "")
    # Each unit is a point of the picture: a click chooses it.
    box = page.locator(".scatter").bounding_box()
    unit = int(np.argmax(seldom))
    x = 26 + seldom[unit] * (box["width"] - 2 - 26 - 8)
    y = box["height"] - 2 - 26 - often[unit] * (box["height"] - 2 - 26 - 8)
    page.locator(".scatter").click(position={"x": x + 1, "y": y + 1})
    expect(page.locator("#unit")).to_have_value(str(unit))
    share = f"open at {100 * often[unit]:.0f} % of the steps, closed at {100 * seldom[unit]:.0f} %"
    expect(page.locator("#about-gates")).to_contain_text(f"Unit {unit}: the forget gate is {share}")
    page.locator("#link").click()
    page.reload()
    expect(page.locator("#value")).to_contain_text(f"The forget gate of unit {unit}")
    page.locator("#what").select_option("outputs")
    expect(page.locator("#value")).to_contain_text(f"Unit {unit} of layer 0")
    expect(page.locator(".scatter")).to_be_hidden()


def test_keys_go_from_step_to_step(page: Any, models: Path) -> None:  # noqa: F811
    expect = looks(page)
    book = Model.load(models / "book")
    curve = page.locator(".curve")
    curve.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft"):
        curve.press(key)
    expect(curve).to_have_attribute("aria-valuenow", "2")
    for step, key in ((1, "ArrowRight"), (2, "End"), (len(TEXT) - 1, "Home")):
        nats = [one.nats for one in book.score(TEXT, per_step=True, end=False).surprises or ()][step]
        shown = TEXT[step].replace(" ", "␣")
        expect(page.locator(".step p")).to_contain_text(f"{shown} took {nats / np.log(2):.1f} bits")
        reader = book.reader()
        list(reader.read_all(book.text_codec.encode(TEXT[:step].encode())))
        shares = book.categorical.probabilities(reader.parameters)[0]
        rows = page.locator(".step li")
        expect(rows).to_have_count(10)
        likeliest = labels_of(book.text_codec)[int(shares.argmax())]
        assert rows.first.locator("b").text_content() == likeliest.replace(" ", "␣").replace("\n", "↵")
        assert page.locator(".back .here").text_content() == TEXT[step]
        curve.press(key)
    # What was pointed at stays, and so does it when the cursor goes on in the text.
    page.locator("textarea").evaluate("area => { area.focus(); area.setSelectionRange(8, 8); }")
    expect(page.locator("#value")).to_contain_text(f"behind “{TEXT[8]}”")
    # Of a text that is too long, the beginning is looked at.
    page.locator("textarea").fill("a" * 3999 + "🏛" + "b" * 10)
    expect(page.locator("#note")).to_contain_text("Only 4,000 characters are looked at: 12 at the end were left out.")
    assert page.locator("textarea").input_value() == "a" * 3999
    page.locator("textarea").fill("")
    expect(page.locator("#note")).to_have_text("")


def test_a_link_opens_the_same_view(page: Any) -> None:
    expect = looks(page)
    page.locator("#unit").fill("5")
    page.locator("#link").click()
    expect(page.locator("#status")).to_contain_text("address")
    page.reload()
    expect(page.locator("textarea")).to_have_value(TEXT)
    expect(page.locator("#unit")).to_have_value("5")


def test_everybody_can_use_it(browser: Any, address: str) -> None:  # noqa: F811
    with opened(browser, address, bypass_csp=True) as page:
        page.get_by_role("link", name="Look inside").click()
        page.locator("#unit").wait_for()
        expect = looks(page)
        page.locator("#what").select_option("input")
        expect(page.locator("#about-gates")).to_contain_text("input gate")
        assert not violations(page)
        page.set_viewport_size({"width": 390, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_numbers_and_the_path_of_the_state() -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((90, 2)) * [5, 2]) @ rng.standard_normal((2, 7)) + rng.standard_normal((90, 7)) / 9
    halves = np.append(values.astype("<f2"), np.array([0, -0.0, 6e-8, 65504, -1], "<f2"))
    body = """
        const { Inside, numbers } = await use("inside.js");
        const inside = new Inside({ data: data.values, layer: 0, width: 7, shape: [90, 7], type: "float32" });
        const halves = Array.from(numbers(data.halves, "float16"));
        return { numbers: halves, path: Array.from(inside.path), varied: inside.varied };
    """
    code = lambda array: base64.b64encode(array.tobytes()).decode()  # noqa: E731
    found = run(FOLDER, body, {"halves": code(halves), "values": code(values.astype("<f4"))})
    assert found["numbers"] == halves.astype(float).tolist()
    centred = values - values.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    for mine, right in zip(np.array(found["path"]).reshape(90, 2).T, (left * sizes)[:, :2].T, strict=True):
        assert min(np.abs(mine - right).max(), np.abs(mine + right).max()) < 0.02 * sizes[0]
    assert found["varied"] == np.argsort(-values.var(axis=0)).tolist()
