"""What the page computes around the network is what the command computes, to the last character of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhapsode.modalities.ink.codecs.strokes import HandSize, Strokes
from rhapsode.modalities.ink.hershey import lines
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.ink.page import fit
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.modalities.ink.svg import svg, timing
from rhapsode.modalities.ink.wrap import wrap
from tests.node import run

WEB = "modalities/ink/web"
WORDS = ("in it", "title fit", "Titan IX", "nit " * 8, "LIFT 42")
TEXTS = (
    "any words", "one\ntwo\r\n\n  three   four\n", "\t\tindented by tabs", "a page\fanother", "\u00a0stays\u00a0here \u2003x",
    "caf\u00e9 \u201cquoted\u201d na\u00efve \u6f22 end", " \u6f22 \n\u6f22 gone\u2028line", "\u00c6sop \u00df 1\u20442", "a\x1cb\x85c",
)  # fmt: skip
"""Of all sorts of blanks, ends of lines and characters that a model does not know."""


@pytest.fixture(scope="module")
def codec() -> Strokes:
    """Of lines of a plotter's font, with dots and bars that are drawn with their letters."""
    drawings = list(lines([*WORDS, *WORDS], 0))
    fitted = Strokes.fit(lambda: iter(drawings))
    moves = replace(fitted.steps, returns=True)
    return Strokes(moves, 1, fitted.alphabet, fitted.to_json()["pace"], fitted.hand)


def wild(seed: int, moves: Moves) -> np.ndarray:
    """Steps such as a model without any training may draw."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((rng.integers(1, 60), 3)).astype(np.float32)
    steps[:, 2] = rng.choice([0, 0, 0, 0, 1, -1 if moves.returns else 1, 2], len(steps))
    return steps


def drawn(codec: Strokes) -> list[tuple[np.ndarray, str]]:
    """Steps and their texts: of lines of writing, and wild ones."""
    written = [(codec.encode(drawing), drawing.text or "") for drawing in lines(WORDS, 1)]
    return written + [(wild(seed, codec.steps), "an <it> & \"that\" isn't") for seed in range(8)]


@pytest.mark.parametrize("returns", [False, True])
def test_files(codec: Strokes, returns: bool) -> None:
    codec = Strokes(replace(codec.steps, returns=returns), 1, codec.alphabet, 0.05, codec.hand)
    given = drawn(codec)
    data = {"codec": codec.to_json(), "drawn": [(steps.tolist(), text) for steps, text in given]}
    body = f"""
        const {{ fit, svg, timing }} = await import(m.HERE + "svg.js");
        const codec = new m.Strokes(data.codec);
        return data.drawn.map(([steps, text]) => {{
          const fitted = fit(codec.decode(steps, text));
          return [svg(fitted), timing(fitted)];
        }});
    """
    found = run(f"{WEB}/strokes.js", body.replace("m.HERE", f'"{_here()}"'), data)
    for (steps, text), (file, times) in zip(given, found, strict=True):
        layout = fit(codec.decode(steps, text))
        assert file == svg(layout)
        [sheet] = layout.sheets
        assert np.allclose(times, timing(list(sheet.strokes()), sheet.page.x_height), rtol=1e-9)


def test_lines(codec: Strokes) -> None:
    from rhapsode.inference.builders import Sample
    from rhapsode.modalities.ink.writing import _joined

    hand = codec.hand
    assert isinstance(hand, HandSize) and Sample
    given = drawn(codec)
    data = {"codec": codec.to_json(), "drawn": [(steps.tolist(), text) for steps, text in given]}
    body = f"""
        const {{ stacked }} = await import("{_here()}lines.js");
        const {{ bounds }} = await import("{_here()}metrics.js");
        const codec = new m.Strokes(data.codec);
        const none = {{ above: 0, indent: 0 }};
        return data.drawn.map(([steps, text]) => {{
          const one = codec.decode(steps, text);
          return stacked([one, one], [none, {{ above: 1, indent: 2 }}], codec.hand).points.slice(one.points.length);
        }});
    """
    found = run(f"{WEB}/strokes.js", body, data)
    for (steps, text), points in zip(given, found, strict=True):
        wanted = _joined([codec.decode(steps, text)], hand).points + [2 * hand.advance, 8 * hand.x_height]
        assert np.allclose(points, wanted, rtol=1e-9, atol=1e-9 * hand.x_height)


def _here() -> str:
    from tests.node import PACKAGE

    return (PACKAGE / WEB).as_uri() + "/"


def test_texts() -> None:
    alphabet = " abcdefghijklmnopqrstuvwxyz'\"-/A"
    found: list[Any] = run(
        f"{WEB}/texts.js",
        "return data.texts.map((text) => [m.lines(text), m.spelled(text, data.alphabet).text])",
        {"texts": TEXTS, "alphabet": alphabet},
    )
    for text, (placed, spelling) in zip(TEXTS, found, strict=True):
        wanted = [
            ("".join(" " if c.isspace() else c for c in one.lines[0]), one.above, one.indent) for one in wrap(text)
        ]
        assert [(one["text"], np.inf if one["above"] is None else one["above"], one["indent"]) for one in placed] == wanted
        assert spelling == spelled(text, alphabet, "nearest").text


def test_symbols_and_lengths(codec: Strokes) -> None:
    from rhapsode.data.codecs.output import Prompt

    texts = ["it", "in it", "fit " * 30]
    found = run(
        f"{WEB}/strokes.js",
        "const codec = new m.Strokes(data.codec); return data.texts.map((text) => [codec.begin(text), codec.start])",
        {"codec": codec.to_json(), "texts": texts},
    )
    for text, (begun, start) in zip(texts, found, strict=True):
        wanted = codec.begin(Prompt(text.encode()), attends=True, ends=True, lines=False)
        assert begun == {"text": wanted.text.tolist(), "length": wanted.length}
        assert start == codec.steps.start.tolist()
