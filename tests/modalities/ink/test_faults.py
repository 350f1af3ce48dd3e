"""Faults made on purpose are where they are said to be, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from rhapsode.modalities.ink.delayed import letter
from rhapsode.modalities.ink.drawing import from_strokes
from rhapsode.modalities.ink.faults import KINDS, Faults
from rhapsode.modalities.ink.hershey import JOINED, PRINT, lines

HANDS = {"late": replace(JOINED, delayed=1.0), "joined": JOINED, "print": PRINT}


def parts(drawing):
    return [part.tolist() for part in drawing.strokes()]


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_dot_or_bar_is_wrong(hand, kind):
    drawings = list(lines(["little things", "exhibition", "just next"], 1, hand))
    faults, rng = Faults(drawings), np.random.default_rng(2)
    found = [(drawing, made) for drawing in drawings * 5 if (made := faults.make(drawing, kind, rng))]
    assert len(found) >= 12  # a word may have no other place that is as high
    for drawing, made in found:
        before, after = parts(drawing), parts(made.drawing)
        gone, new = [p for p in before if p not in after], [p for p in after if p not in before]
        assert (len(gone), len(new)) == {"removed": (1, 0), "moved": (1, 1), "added": (0, 1)}[kind]
        assert made.drawing.text == drawing.text and made.drawing.ends[-1]
        size = letter(drawing.points, drawing.ends)
        places = made.drawing.points[list(made.places)]
        if gone:
            assert np.abs(places[0] - np.mean(gone[0], axis=0)).max() < 2 * size
        if new:
            assert new[0][0] == places[-1].tolist()
        if kind == "moved":
            np.testing.assert_allclose(np.ptp(new[0], axis=0), np.ptp(gone[0], axis=0), atol=1e-9)
            assert abs(new[0][0][0] - gone[0][0][0]) > 0.5 * size


def test_where_no_fault_can_be_made_there_is_none():
    rng = np.random.default_rng(0)
    plain = next(lines(["moon"], 0, HANDS["late"]))
    faults = Faults(lines(["tilt"], 0, HANDS["late"]))
    assert not Faults([plain, from_strokes([])]).shapes
    for kind in ("removed", "moved"):
        assert faults.make(plain, kind, rng) is None
    for kind in KINDS:
        assert faults.make(from_strokes([]), kind, rng) is None
        assert faults.make(from_strokes([np.zeros((1, 2))]), kind, rng) is None
