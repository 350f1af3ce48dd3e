"""The page of a model of handwriting in a browser: the same seed gives the same drawing as the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.hershey import lines
from tests.export.opened import PHONE, exported, opened, saved, untrained

WORDS = ["any words", "in it", "nod", "worn"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec = Strokes.fit(lambda: lines(WORDS * 4, 0), delayed=0)
    return untrained(codec, tmp_path_factory.mktemp("hand"), 0.7)


@pytest.mark.parametrize("text", ["any words", "in\n\n  it nod"])
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
            assert "rhapsode write" in page.inner_text("#command")


def test_on_a_phone(model: Path, browser: Any) -> None:
    with opened(browser, exported(model), viewport=PHONE, has_touch=True, reduced_motion="reduce") as page:
        page.fill("#prompt", "é “nod”")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#save:enabled")
        assert "never seen" in page.inner_text("#status")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
