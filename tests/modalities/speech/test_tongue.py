"""Recordings in another language than was said."""

from pathlib import Path

import pytest

from rhapsode.files.cache import Cache
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech.tongue import doubt
from rhapsode.modalities.speech.utterance import Utterance

pytest.importorskip("espeakng_loader")

TEXTS = ("Das Wetter wird besser.", "Wir gehen nach Hause.", "Sie hat zwei Kinder.", "Heute ist Sonntag.")


def test_the_language_is_heard(tmp_path: Path) -> None:
    recordings = [
        Utterance((), text=text, name=text[:3], sound=espeak.speak(text, "de+f3", 150).sound) for text in TEXTS
    ]
    cache = Cache(tmp_path, print)
    told = doubt(recordings, "en-us", cache, "speech")
    assert "sound more like de than like en-us: in 3 of 3" in told and "--language de" in told
    assert doubt(recordings, "en-us", cache, "speech") == told
    assert doubt(recordings, "de", cache, "speech") == ""
    assert doubt(recordings[:2], "en-us", cache, "speech") == ""  # too few
