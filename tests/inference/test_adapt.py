"""Adaptation: a copy learns from a page, as often as the page itself says, and the model stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.adapt import PASSES
from rhapsode.report import Report
from tests.conftest import TEXT, MakeModel

PAGE = "abcabcabc " * 60


class Notes(Report):
    def __init__(self) -> None:
        self.heard = list[str]()

    def note(self, text: str) -> None:
        self.heard.append(text)


def test_it_learns_and_leaves_the_model_as_it_was(tiny_model: MakeModel) -> None:
    model = tiny_model()
    before = {name: weight.copy() for name, weight in model.weights.items()}
    found = model.adapted(PAGE)
    assert 0 < found.passes <= PASSES and found.after < 0.8 * found.before
    assert found.model.score(PAGE).nats < 0.8 * model.score(PAGE).nats
    assert found.model.digest != model.digest and found.model.whole == model.whole
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(weight, before[name])


def test_the_number_of_passes_is_the_best_on_the_last_fifth(tiny_model: MakeModel) -> None:
    model = tiny_model()
    page = TEXT[:350] + "".join(chr(97 + n % 26) for n in np.random.default_rng(1).integers(0, 26, 90))
    found = model.adapted(page)
    assert found.after <= found.before
    if not found.passes:
        assert found.model is model


def test_a_short_page_is_read_once(tiny_model: MakeModel) -> None:
    found = tiny_model().adapted("abcabc")
    assert (found.passes, found.before, found.after) == (1, 0.0, 0.0)


def test_the_same_page_gives_the_same_model(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="line")
    one, other = (model.adapted(PAGE).model for _ in range(2))
    assert one.digest == other.digest
    assert one.generate("ab", seed=3)[0].data == other.generate("ab", seed=3)[0].data


def test_what_cannot_be(tiny_model: MakeModel) -> None:
    with pytest.raises(UserError, match="empty"):
        tiny_model().adapted("")
    with pytest.raises(UserError, match="carry their state"):
        tiny_model(framing="many-to-one", length=5).adapted(PAGE)


@pytest.mark.parametrize("page", [PAGE, "ab"], ids=["long", "short"])
def test_the_command(page: str, tiny_model: MakeModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file, saved = tmp_path / "page.txt", tmp_path / "model"
    file.write_text(page)
    saved.mkdir()
    tiny_model().save(saved / "model.safetensors")
    held = (saved / "model.safetensors").read_bytes()
    assert main(["generate", str(saved), "--adapt", str(file), "--length", "9", "--seed", "1", "--json"]) == 0
    out, error = capfd.readouterr()
    assert "adapted to" in error and ("too short" in error) == (page == "ab")
    assert (saved / "model.safetensors").read_bytes() == held and '"samples"' in out
    assert main(["generate", str(saved), "--adapt", str(tmp_path / "none")]) == 2
