"""What the page computes around the network is what the command computes, to the last character of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhapsode.data.codecs.output import Prompt
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.hershey import lines
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.ink.page import fit
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.modalities.ink.svg import svg, timing
from rhapsode.modalities.ink.wrap import wrap
from rhapsode.modalities.ink.writing import _joined
from tests.node import run

WEB = "modalities/ink/web"
WORDS = ("in it", "title fit", "Titan IX", "nit " * 8, "LIFT 42")
TEXTS = (
    "any words",
    "one\ntwo\r\n\n  three   four\n",
    "\t\tindented by tabs",
    "a page\fanother",
    "\u00a0stays\u00a0here \u2003x",
    "caf\u00e9 \u201cquoted\u201d na\u00efve \u6f22 end",
    " \u6f22 \n\u6f22 gone\u2028line",
    "\u00c6sop \u00df 1\u20442",
    "a\x1cb\x85c",
)
"""Of all sorts of blanks, ends of lines and characters that a model does not know."""


@pytest.fixture(scope="module")
def codec() -> Strokes:
    drawings = list(lines([*WORDS, *WORDS], 0))
    return Strokes.fit(lambda: iter(drawings))


def wild(seed: int, moves: Moves) -> np.ndarray:
    """Steps such as a model without any training may draw."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((rng.integers(1, 60), 3)).astype(np.float32)
    steps[:, 2] = rng.choice([0, 0, 0, 0, 1, -1 if moves.returns else 1, 2], len(steps))
    return steps


def drawn(codec: Strokes) -> list[tuple[np.ndarray, str]]:
    """Steps and their texts: of lines of writing, and wild ones."""
    written = [(codec.encode(drawing), drawing.text or "") for drawing in lines(WORDS, 1)]
    return written + [(wild(seed, codec.steps), 'an <it> & "that" isn\'t') for seed in range(8)]


@pytest.mark.parametrize("returns", [False, True])
def test_files(codec: Strokes, returns: bool) -> None:
    codec = Strokes(replace(codec.steps, returns=returns), 1, codec.alphabet, 0.05, codec.hand)
    given = drawn(codec)
    body = """
        const [{ Strokes }, { fit, svg, timing }] = [await use("strokes.js"), await use("svg.js")];
        const codec = new Strokes(data.codec);
        return data.drawn.map(([steps, text]) => {
          const fitted = fit(codec.decode(steps, text));
          return [svg(fitted), timing(fitted)];
        });
    """
    data = {"codec": codec.to_json(), "drawn": [(steps.tolist(), text) for steps, text in given]}
    for (steps, text), (file, times) in zip(given, run(WEB, body, data), strict=True):
        layout = fit(codec.decode(steps, text))
        assert file == svg(layout)
        [sheet] = layout.sheets
        assert np.allclose(times, timing(list(sheet.strokes()), sheet.page.x_height), rtol=1e-9)


def test_lines(codec: Strokes) -> None:
    hand, given = codec.hand, drawn(codec)
    assert hand is not None
    body = """
        const [{ Strokes }, { stacked }] = [await use("strokes.js"), await use("lines.js")];
        const codec = new Strokes(data.codec);
        return data.drawn.map(([steps, text]) => {
          const one = codec.decode(steps, text);
          const placed = [{ above: 0, indent: 0 }, { above: 1, indent: 2 }];
          return stacked([one, one], placed, codec.hand).points.slice(one.points.length);
        });
    """
    data = {"codec": codec.to_json(), "drawn": [(steps.tolist(), text) for steps, text in given]}
    for (steps, text), points in zip(given, run(WEB, body, data), strict=True):
        wanted = _joined([codec.decode(steps, text)], hand).points + [2 * hand.advance, 8 * hand.x_height]
        assert np.allclose(points, wanted, rtol=1e-9, atol=1e-9 * hand.x_height)


def test_texts() -> None:
    alphabet = " abcdefghijklmnopqrstuvwxyz'\"-/A"
    body = """
        const { lines, spelled } = await use("texts.js");
        return data.texts.map((text) => [lines(text), spelled(text, data.alphabet).text]);
    """
    found: list[Any] = run(WEB, body, {"texts": TEXTS, "alphabet": alphabet})
    for text, (placed, spelling) in zip(TEXTS, found, strict=True):
        wanted = [
            ("".join(" " if c.isspace() else c for c in one.lines[0]), one.above, one.indent) for one in wrap(text)
        ]
        assert [
            (one["text"], np.inf if one["above"] is None else one["above"], one["indent"]) for one in placed
        ] == wanted
        assert spelling == spelled(text, alphabet, "nearest").text


def test_nothing_of_an_indented_line_is_lost() -> None:
    [paragraph] = wrap("\t\tab cd")
    assert paragraph.lines == ("ab cd",)


def test_symbols_and_lengths(codec: Strokes) -> None:
    texts = ["it", "in it", "fit " * 30]
    body = """
        const { Strokes } = await use("strokes.js");
        const codec = new Strokes(data.codec);
        return data.texts.map((text) => codec.begin(text));
    """
    found = run(WEB, body, {"codec": codec.to_json(), "texts": texts})
    for text, begun in zip(texts, found, strict=True):
        wanted = codec.begin(Prompt(text.encode()), attends=True, ends=True, lines=False)
        assert begun == {"text": wanted.text.tolist(), "length": wanted.length}
