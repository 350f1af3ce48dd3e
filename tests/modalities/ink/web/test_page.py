"""The page of a model of handwriting in a browser: the same seed gives the same drawing as the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.cli import main
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.hershey import lines
from tests.export.opened import PHONE, drawn, exported, opened, saved, untrained

WORDS = ["any words", "in it", "nod", "worn"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec = Strokes.fit(lambda: lines(WORDS * 4, 0), delayed=0)
    return untrained(codec, tmp_path_factory.mktemp("hand"), 0.7)


@pytest.mark.parametrize("text", ["any words", "in\n\n  it nod", "     in\fit"])
def test_the_same_as_the_command(model: Path, browser: Any, text: str) -> None:
    for seed, bias in ((1, "0"), (123456789012, "1.5")):
        file = model / f"{seed}.svg"
        assert (
            main(
                [
                    "write",
                    str(model),
                    text,
                    "--seed",
                    str(seed),
                    "--bias",
                    bias,
                    "--tries",
                    "1",
                    "-o",
                    str(file),
                    "--overwrite",
                ]
            )
            == 0
        )
        with opened(browser, exported(model)) as page:
            page.fill("#prompt", text)
            page.fill("#seed", str(seed))
            page.fill("#bias", bias)
            page.click("#generate")
            page.wait_for_selector("#save:enabled")
            assert saved(page) == file.read_bytes()
            assert page.locator("#paper path").count() == file.read_text().count("<path")
            assert page.text_content("#command").startswith(f"rhapsode write MODEL '{text}' --seed {seed}")


def test_on_a_phone(model: Path, browser: Any) -> None:
    with opened(browser, exported(model), viewport=PHONE, has_touch=True, reduced_motion="reduce") as page:
        page.fill("#prompt", "é “nod”")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#save:enabled")
        assert "never seen" in page.inner_text("#status")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_drawings_without_texts(browser: Any, tmp_path: Path) -> None:
    drawings = [replace(drawing, text=None) for drawing in lines(WORDS * 4, 0)]
    model = untrained(Strokes.fit(lambda: iter(drawings)), tmp_path / "drawings", 0.7)
    file = tmp_path / "drawing.svg"
    assert main(["write", str(model), "--seed", "3", "--bias", "1", "-o", str(file)]) == 0
    with opened(browser, exported(model)) as page:
        assert page.inner_text("#generate") == "Draw" and not page.is_visible("#prompt")
        page.fill("#seed", "3")
        page.click("#generate")
        page.wait_for_selector("#save:enabled")
        assert saved(page) == file.read_bytes()
        assert page.inner_text("#command").startswith("rhapsode write MODEL --seed 3")


def test_the_same_steps_in_node(model: Path) -> None:
    body = """
        const [{ Guide }, { Strokes }, { headOf }] = await Promise.all(
          ["../../../export/page/guide.js", "strokes.js", "head.js"].map(use));
        const [codec, head] = [new Strokes(about.codec), headOf(about)];
        const { text, length } = codec.begin(data.text);
        network.text = text;
        return [0, 1].map((row) => {
          const guide = new Guide();
          begin(reader, guide);
          const how = { sampling: { bias: 0.5 }, seed: 7, row, length, ends: (step) => codec.ends(step) };
          const drawing = new Draw({ reader, head, guide, ...how });
          while (drawing.next());
          return drawing.steps.map((step) => [...step]);
        });
    """
    loaded = Model.load(model)
    samples = loaded.generate("any words", samples=2, seed=7, sampling=Sampling(bias=0.5))
    assert drawn(loaded, "modalities/ink/web", body, text="any words") == [one.steps.tolist() for one in samples]
