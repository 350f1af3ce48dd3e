"""Pages, and writing that is read again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import Page
from rhapsode.modalities.ink.recogniser import RecogniserConfig
from rhapsode.modalities.ink.verified import audit, draw, judge
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.writing import hand_of, several, stacked, write
from rhapsode.report import Report
from tests.conftest import MakeModel, written


def test_pages_have_every_word(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    seen: list[str] = []

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        seen.append(words)
        assert style is None and number == len(seen) - 1
        return model.generate(words, length=20, seed=number)[0]

    written_page = write(model, "bad cab\n\ndeed a", Page.named("a6"), draw=drawn)
    assert seen == ["bad", "cab", "deed", "a"] and len(written_page.pieces) == 4
    lines = [line.drawing.text for sheet in written_page.layout.sheets for line in sheet.lines]
    assert lines == ["bad cab", "deed a"]
    with pytest.raises(UserError, match="never seen 'z'"):
        write(model, "a zed", Page.named("a6"), draw=drawn)
    assert len(seen) == 4  # nothing was drawn
    with pytest.raises(UserError, match="text is empty"):
        write(model, " \n", Page.named("a6"))


def test_pages_keep_the_breaks_of_an_address_and_a_poem(tiny_model: MakeModel) -> None:
    model, page = tiny_model(codec="strokes"), Page.named("a6", margin=8.0)

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        return sample_like(words, [0, len(words)])

    text = "dad ab\r\n\tbed \r\n\r\nace " + "bad cab " * 5 + "\r\nabe\fdeed\r\n"
    layout = write(model, text, page, draw=drawn).layout
    lines = [[line.drawing.text for line in sheet.lines] for sheet in layout.sheets]
    assert [line[:7] for line in lines[0][:3]] == ["dad ab", "bed", "ace bad"]
    assert lines[0][-1] == "abe" and lines[1] == ["deed"] and len(lines[0]) > 4
    placed = layout.sheets[0].lines
    rows = [round((line.baseline - page.baseline(0)) / page.line_height) for line in placed]
    assert rows == [0, 1, *range(3, len(rows) + 1)]
    assert placed[1].drawing.bounds[0] > placed[0].drawing.bounds[0] + 10
    filled = write(model, text, page, draw=drawn, reflow=True).layout
    assert filled.sheets[0].lines[0].drawing.text == "dad ab bed"
    assert " abe" in (filled.sheets[0].lines[-1].drawing.text or "") and len(filled.sheets) == 2


def test_what_a_model_draws_far_too_large_is_made_smaller_and_told(tiny_model: MakeModel) -> None:
    """A page that was drawn for a minute is not lost for one wild line."""
    told = Told()

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        sample = sample_like(words, [0, len(words)])
        return replace(sample, record=replace(sample.record, points=sample.record.points * [1000, 500]))

    page = Page.named("a6")
    layout = write(tiny_model(codec="strokes"), "abe\n\tcab", page, draw=drawn, report=told).layout
    points = np.concatenate([stroke.points for stroke in layout.sheets[0].strokes()])
    assert (points >= 0).all() and (points <= [page.width, page.height]).all()
    assert len(told.warnings) == 2 and "'cab' was drawn far too large" in told.warnings[1]


class Told(Report):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_several_lines_are_one_drawing_with_lines(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    lines = several(model, "ab\r\n\r\n\tcab \nbee\n")
    assert lines == [Paragraph(("ab",)), Paragraph(("cab",), 1, 4), Paragraph(("bee",))]
    drawn = [sample_like(each.lines[0], [0, 1]) for each in lines]
    whole = stacked(model, lines, drawn)
    assert whole.text == whole.record.text == "ab\ncab\nbee" and len(whole.steps) == len(whole.log_probs) == 6
    assert json.loads(whole.data)["text"] == "ab\ncab\nbee"
    hand = hand_of(model)
    parts = np.split(whole.record.points, np.cumsum([len(sample.record) for sample in drawn]))[:3]
    for part, row, indent in zip(parts, (0, 2, 3), (0, 4, 0), strict=True):
        assert part[:, 0].min() == pytest.approx(indent * hand.advance)
        assert abs(part[:, 1].mean() / hand.x_height - 4 * row) < 2
    assert several(model, "cab\n") == [Paragraph(("cab",))]
    for text, message in (("\n \n", "text is empty"), ("ab\nz", "never seen 'z'")):
        with pytest.raises(UserError, match=message):
            several(model, text)


class FakeRecogniser:
    """Reads right what was drawn from an odd row."""

    def __init__(self, wrong: str, doubt: float | None = None) -> None:
        self.wrong, self.config = wrong, RecogniserConfig(alphabet="abcd", doubt=doubt)
        self.rows: list[int] = []

    def read(self, drawings: list[Drawing]) -> list[str]:
        self.rows.append(len(self.rows))
        return [self.wrong if len(self.rows) < 4 else drawings[0].text or ""]

    def nats(self, drawings: list[Drawing], texts: list[str]) -> np.ndarray:
        return np.array([1.0 / len(self.rows)])


def sample_like(text: str, at: list[int], stopped: str = "end") -> Sample:
    seen = np.eye(len(text) + 1, dtype=np.float32)[at]
    return Sample(b"", text, np.zeros((len(at), 3)), np.zeros(len(at)), 0, 0, stopped, written([text])[0], seen)  # type: ignore[arg-type]


def test_the_audit_follows_the_window() -> None:
    assert audit(sample_like("abc", [0, 0, 1, 1, 2, 2, 3]), 0.5) == ([], False)
    assert audit(sample_like("abc", [0, 0, 2, 2, 3]), 0.5) == ([1], False)
    assert audit(sample_like("abc", [0] * 60 + [1, 2, 3]), 0.5) == ([], True)
    assert audit(sample_like("abc", [0, 1, 2], "length"), 0.5) == ([], True)


def test_what_is_wrong_is_said_by_character() -> None:
    sample = sample_like("abcd", [0, 1, 2, 3, 4])
    assert judge(sample, 0.5, None).good
    fake: Any = FakeRecogniser("abxd")
    assert judge(sample, 0.5, fake).missing == ((2, "c"),)
    fake.wrong = "abd"
    assert judge(sample, 0.5, fake).missing == ((2, "c"),)
    fake.wrong = "aabcd"
    assert not judge(sample, 0.5, fake).good
    for text, shown, missing in (
        ("In 100 Ill", "ln IOO I1l", ()),  # no one can tell these apart
        ('he said "no" .', 'he said" no".', ()),
        ("to the", "tothe", ((2, " "),)),
        ('a "bc', 'a"bx', ((4, "c"),)),
        ("quick", "qui\ufffdck", ((2, "i"),)),  # a fault of the dot
        ("Ill", "Il", ((2, "l"),)),
    ):
        reader: Any = FakeRecogniser(shown)
        assert judge(sample_like(text, list(range(len(text) + 1))), 0.5, reader).missing == missing


def test_writing_that_cannot_be_read_is_drawn_again(tiny_model: MakeModel) -> None:
    fake: Any = FakeRecogniser("")
    sample, verdict = draw(tiny_model(codec="strokes"), "cab", fake, tries=8, seed=1)
    assert verdict.read == "cab" and len(fake.rows) == 8 and sample.row == 7


def test_of_readable_writing_the_one_is_taken_that_is_likest_its_text(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    easy: Any = FakeRecogniser("cab", doubt=0.4)
    assert draw(model, "cab", easy, tries=8, seed=1)[0].row == 0 and len(easy.rows) == 1
    hard: Any = FakeRecogniser("cab", doubt=0.01)
    sample, verdict = draw(model, "cab", hard, tries=8, seed=1)
    assert verdict.good and not verdict.sure and len(hard.rows) == 8 and sample.row == 7
