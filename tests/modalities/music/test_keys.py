from dataclasses import replace

import numpy as np
import pytest

from rhapsode.modalities.music.keys import estimated, home, pitch_classes
from rhapsode.modalities.music.tune import Key, Part, Tune, notes

SCALES = {0: (0, 2, 4, 5, 7, 9, 11, 12), 9: (0, 2, 3, 5, 7, 8, 11, 12)}


def scale(tonic, mode):
    """Up a scale (a minor one with its leading note) to a long final."""
    rows = [(n, 1, tonic + at, 80, 0) for n, at in enumerate(SCALES[mode])]
    return Tune(notes([*rows, (8, 4, tonic, 80, 0)]), 2, 12)


@pytest.mark.parametrize("mode", SCALES)
@pytest.mark.parametrize("tonic", range(12))
def test_scales_have_their_keys(tonic, mode):
    found = estimated(scale(60 + tonic, mode))
    assert found.tonic == tonic and found.mode == mode and found.tick == 0 and -6 <= found.sharps <= 6


def test_lengths_decide_and_drums_do_not():
    chromatic = [(n, 1, 60 + n, 80, 0) for n in range(12)]
    held = [(12 + n, 20, pitch, 80, 0) for n, pitch in enumerate((67, 71, 74))]
    drums = [(0, 500, pitch, 80, 1) for pitch in (36, 39, 42)]
    tune = Tune(notes([*chromatic, *held, *drums]), 2, 500, (Part(), Part(drums=True)))
    assert estimated(tune) == Key(0, 1)
    assert np.array_equal(pitch_classes(tune), [1, 1, 21, 1, 1, 1, 1, 21, 1, 1, 1, 21])


def test_a_key_that_is_known_is_home():
    dorian = Key(0, 0, 2)
    assert home(replace(scale(60, 0), keys=(dorian, Key(8, 2)))) == dorian
    assert home(scale(62, 0)) == Key(0, 2)


def test_what_has_no_key_is_in_c():
    assert estimated(Tune(notes([]), 4, 16)) == Key(0, 0)
    assert estimated(Tune(notes([(n, 1, 60 + n, 80, 0) for n in range(12)]), 4, 12)) == Key(0, 0)
