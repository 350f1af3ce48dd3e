"""What the page makes of tunes, in Node."""

from __future__ import annotations

from typing import Any

import pytest

from tests.node import run

STUDIO = "modalities/music/studio"
TUNE: dict[str, Any] = {
    "ticks": 4,
    "length": 64,
    "notes": [[0, 4, 60, 80, 0]],
    "parts": [["", 0, False]],
    "metres": [],
    "keys": [],
    "tempos": [],
    "chords": [[0, "C"], [8, "F"], [32, "G"]],
}


@pytest.mark.parametrize(
    ("bar", "text", "chords"),
    [
        (0, "Am", [[0, "Am"], [16, "F"], [32, "G"]]),
        (1, "Dm7 | G7", [[0, "C"], [8, "F"], [16, "Dm7"], [24, "G7"], [32, "G"]]),
        (1, "", [[0, "C"], [8, "F"], [32, "G"]]),
        (0, "NC C", [[8, "C"], [16, "F"], [32, "G"]]),
        (1, "NC", [[0, "C"], [8, "F"], [16, ""], [32, "G"]]),
        (3, "G D", [[0, "C"], [8, "F"], [32, "G"], [56, "D"]]),
    ],
)
def test_other_chords_in_a_bar(bar: int, text: str, chords: list[list[Any]]) -> None:
    """What holds behind the bar holds there still; chords that hold already are not said again."""
    body = "const { rechorded } = await use('tunes.js'); return rechorded(data.tune, data.span, data.text).chords;"
    data = {"tune": TUNE, "span": [16 * bar, 16 * bar + 16], "text": text}
    assert run(STUDIO, body, data) == chords


def test_numbers_and_what_is_damaged() -> None:
    body = """
        const { ranges, checked, given } = await use("tunes.js");
        const bytes = (text) => new TextEncoder().encode(text);
        const refused = data.damaged.map((tune) => {
          try {
            checked(tune);
            return false;
          } catch {
            return true;
          }
        });
        checked(data.tune);
        return [
          ranges(new Set([3, 0, 2, 5])),
          refused,
          ["MThd\\0", " <?xml", "X:1"].map((text) => Object.keys(given(bytes(text)))[0]),
        ];
    """
    damaged = [None, {}, {**TUNE, "notes": [[0, 4, "x", 80, 0]]}, {**TUNE, "notes": [[0, 4, 60, 80, 1]]}]
    found = run(STUDIO, body, {"tune": TUNE, "damaged": [*damaged, {**TUNE, "chords": [1]}]})
    assert found == ["1,3-4,6", [True] * 5, ["midi", "musicxml", "abc"]]
