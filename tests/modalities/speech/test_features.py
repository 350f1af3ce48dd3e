"""What is known of phones and frames before they are heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.features import AROUND, Features
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Spoken, Timed, joined

PHONES = (
    Phone(PAUSE),
    Phone("h", 0, 0, 0, 0),
    Phone("ə", 0, 0, 0, 0),
    Phone("l", 2, 1, 0, 0),
    Phone("oʊ", 2, 1, 0, 0),
    Phone(PAUSE, 2, 1, 0, 0),
    Phone("j", 2, 2, 1, 1),
    Phone("uː", 2, 2, 1, 1),
    Phone(PAUSE, 2, 2, 1, 1),
)
TIMES = np.array([0.0, 0.1, 0.15, 0.2, 0.3, 0.5, 0.6, 0.65, 0.85, 0.9])
HELLO = Timed(PHONES, "Hello, you?", times=TIMES)
FEATURES = Features(sorted({phone.symbol for phone in PHONES}), ["a", "b"])
NAMES = len(AROUND) * len(FEATURES.symbols)


def test_the_phones_around_are_told() -> None:
    found = FEATURES.of_phones(replace(HELLO, speaker="b"))
    assert found.shape == (9, FEATURES.phone_size)
    names = found[:, :NAMES].reshape(9, len(AROUND), -1)
    order = FEATURES.symbols
    assert [order[n] for n in names[3].argmax(axis=1)] == ["h", "ə", "l", "oʊ", PAUSE]
    assert names[0, :2].sum() == 0 and names[0].sum() == 3


def test_places_stress_and_sentences_make_a_difference() -> None:
    found = FEATURES.of_phones(replace(HELLO, speaker="b"))
    assert len(np.unique(found, axis=0)) == 9
    other = FEATURES.of_phones(replace(HELLO, speaker="a"))
    assert ((found != other).sum(axis=1) == 2).all()  # the two speakers' places
    stated = FEATURES.of_phones(replace(HELLO, speaker="b", text="Hello, you."))
    assert ((found != stated).sum(axis=1) == 2).all()
    plain = replace(HELLO, phones=tuple(replace(p, stress=0) for p in PHONES), speaker="b")
    assert (FEATURES.of_phones(plain) != found).any(axis=1)[1:5].all()
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 2


def test_unknown_phones_have_no_name() -> None:
    phones = tuple(replace(p, symbol="ʘ") if p.symbol == "l" else p for p in PHONES)
    names = FEATURES.of_phones(replace(HELLO, phones=phones, speaker="a"))[3, :NAMES].reshape(len(AROUND), -1)
    assert names[2].sum() == 0 and names.sum() == 4


def test_frames_know_where_in_their_phone_they_are() -> None:
    found = FEATURES.of_frames(replace(HELLO, speaker="a"), 91, 0.01)
    assert found.shape == (91, FEATURES.frame_size)
    phones = FEATURES.of_phones(replace(HELLO, speaker="a"))
    own = found[:, FEATURES.phone_size :]
    for n, phone in ((0, 0), (12, 1), (25, 3), (45, 4), (89, 8)):
        np.testing.assert_array_equal(found[n, : FEATURES.phone_size], phones[phone])
    assert own[21, 0] < 0.15 and abs(own[25, 0] - 0.5) < 1e-6 and own[29, 0] > 0.85  # how much of the phone is over
    later = replace(HELLO, speaker="a", times=TIMES + 4)
    np.testing.assert_allclose(FEATURES.of_frames(later, 91, 0.01), found, atol=1e-4)


def test_utterances_are_joined() -> None:
    frames = Acoustics(np.zeros((91, 2)), np.zeros((91, 0)), np.full(91, 150.0), 0.01, 16000, "lsp")
    said = HELLO.to(Spoken, acoustics=lambda: frames)
    both = joined([said, said])
    assert len(both) == 18 and both.times[-1] == 1.8 and len(both.acoustics()) == 181
    assert [phone.word for phone in both.phones if phone.symbol != PAUSE] == [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3]
    assert both.text == "Hello, you? Hello, you?"
