"""The first page, and trainings side by side, in Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio.conftest import studio, violations

DROP = """([where, files]) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  for (const kind of ["dragover", "drop"]) {
    document.querySelector(where).dispatchEvent(
      new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(scope="module")
def home(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models with training logs, and one without."""
    home = tmp_path_factory.mktemp("home")
    for rank, name in enumerate(("book", "old/letters", "models/mine")):
        shutil.copytree(models / ("book" if name.startswith("models") else name), home / name)
        if rank:
            looks = [{"update": 10 * n, "seconds": 30.0 * n, "train": 3 / n + rank, "done": n / 9} for n in range(1, 9)]
            every = [*looks, *({**one, "valid": one["train"] + 0.5} for one in looks[1::2])]
            (home / name / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in every))
            texts = (f"--- update {n}, valid {n} ---\nsample {n} of {name}\n\n" for n in range(1, 6))
            (home / name / "samples.txt").write_text("".join(texts))
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with studio(home) as found:
        yield found


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda message: "400 (Bad" in message.text or wrong.append(f"{message.text} {message.location.get('url', '')}"),
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    page.locator(".demos button").first.wait_for()
    yield page
    assert not wrong
    context.close()


def test_models_are_renamed_deleted_and_brought_back(page: Any, home: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    titles = page.locator(".card h2")
    page.locator("#order").select_option("name")
    expect(titles).to_have_text(["book", "models/mine", "old/letters", "demo:handwriting"])
    expect(page.locator(".card img.model")).to_have_count(1)  # the hand; the others have no picture
    asked: list[str] = []
    answers = ["your words", "diary", ""]

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.accept(answers.pop(0))

    page.on("dialog", answer)
    page.get_by_label("Rename or delete book").click()
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#trouble")).to_contain_text("'your words' cannot be the name of a model")
    page.locator("#trouble button").click()
    page.get_by_label("Rename or delete book").click()
    page.get_by_role("button", name="Rename").click()
    expect(titles).to_have_text(["diary", "models/mine", "old/letters", "demo:handwriting"])
    page.get_by_label("Rename or delete diary").click()
    page.get_by_role("button", name="Delete …").click()
    expect(page.locator(".undo")).to_contain_text("diary was deleted")
    expect(titles).to_have_text(["models/mine", "old/letters", "demo:handwriting"])
    assert ".trash" in asked[-1] and not (home / "diary").exists()
    page.locator(".undo button").click()
    expect(titles).to_have_text(["diary", "models/mine", "old/letters", "demo:handwriting"])
    (home / "diary").rename(home / "book")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not violations(page)
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_files_that_are_dropped_anywhere_begin_a_training(page: Any, home: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.evaluate(DROP, ["main", [["my diary.txt", "It was a dark night. " * 500], [".hidden", "x"]]])
    expect(page.locator(".source dd").first).to_have_text("text", timeout=60_000)
    expect(page.locator("#name")).to_have_value("my-diary")
    expect(page.locator("#begin")).to_be_enabled()
    assert [path.name for path in (home / "uploads" / "my-diary").iterdir()] == ["my diary.txt"]
    page.locator("form > details summary").click()
    expect(page.locator("#option-codec option[value=bytes]")).to_have_count(1)
    page.locator("#base").select_option("book")
    expect(page.locator("#option-codec")).to_have_count(0)  # the model has its own
    page.evaluate(DROP, ["main", [[f"{n}.dat", "\0\1\2"] for n in range(5)]])
    expect(page.locator(".source.wrong")).to_contain_text("binary", timeout=60_000)
    assert not violations(page)
    page.reload()
    expect(page.locator(".source")).to_have_count(1)  # what can be used is kept
    expect(page.locator(".source > b")).to_have_text("my diary.txt")
    page.get_by_label("Leave out").click()
    expect(page.locator("#begin")).to_be_disabled()


def test_trainings_side_by_side(page: Any, home: Path) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    page.get_by_role("link", name="Train a model").first.click()
    page.get_by_label("Compare mine").check()
    expect(page.locator("#compare")).to_be_disabled()
    page.get_by_label("Compare old/letters").check()
    page.locator("#compare").click()
    legend = page.locator(".plot-legend button")
    expect(legend).to_have_count(2)
    page.locator(".plot").press("End")
    expect(page.locator(".plot-said")).to_contain_text("4 min: ")
    page.get_by_role("button", name="By updates").click()
    page.locator(".plot").press("Home")
    expect(page.locator(".plot-said")).to_contain_text("20 updates: ")
    legend.first.click()
    expect(legend.first).to_have_attribute("aria-pressed", "false")
    page.get_by_label("losses on the training data, too").check()
    expect(legend).to_have_count(4)
    page.get_by_text("The values as a table").click()
    expect(page.locator("figure tbody tr")).to_have_count(8)
    expect(page.locator(".compared .differs").first).to_be_visible()
    expect(page.locator(".columns article")).to_have_count(2)
    assert not violations(page)
    page.reload()  # the address has all of it
    expect(legend).to_have_count(2)
    page.locator(".compared th a").first.click()
    columns = page.locator(".columns article h3 b")
    expect(columns).to_have_text(["First", "Later", "Latest"])
    expect(page.locator(".columns article").last).to_contain_text("sample 5 of")
    assert not violations(page)
