import io
from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import picture as picturing
from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.lsp import Lsp
from rhapsode.modalities.speech.picture import picture, preview
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Spoken
from tests.modalities.speech.voice import voice

PHONES = (Phone(PAUSE), Phone("ɑː", stress=2), Phone("s"), Phone(PAUSE))
TIMES = np.array([0, 0.18, 0.8, 1.0, 1.2])


def pixels(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def spoken(sound: Sound, **known: Any) -> Spoken:
    """Without phones and voice, unless these are given."""
    silent = Acoustics(np.zeros((0, 2)), np.zeros((0, 0)), np.zeros(0), 0.005, sound.rate, "lsp")
    given = {"phones": (), "times": np.zeros(1), "acoustics": lambda: silent, **known}
    return Spoken(sound=lambda: sound, **given)


def test_a_picture_shows_f0_phones_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, text = [], picturing._text
    monkeypatch.setattr(picturing, "_text", lambda *given: (texts.append(given[3]), text(*given)))
    sound, _ = voice()
    found = Lsp().analyse(sound)
    known = {"phones": PHONES, "times": TIMES, "acoustics": lambda: found, "text": "$s"}
    whole = picture(spoken(sound, **known))
    assert texts == ["", "ɑː", "s", "", "$s"]
    assert whole == picture(spoken(sound, **known))
    red = (pixels(whole) - (209, 73, 91)) ** 2
    bare = (pixels(picture(spoken(sound))) - (209, 73, 91)) ** 2
    assert (red.sum(axis=2) < 300).sum() > 200 and not (bare.sum(axis=2) < 300).any()
    assert whole != picture(spoken(sound, **{**known, "text": ""}))


@pytest.mark.parametrize("size", [1, 100, 8000])
def test_short_and_silent_sounds_have_pictures(size: int) -> None:
    sound = Sound(np.zeros(size), 8000)
    assert picture(spoken(sound, acoustics=lambda: Lsp().analyse(sound))).startswith(b"\x89PNG")


def test_what_has_no_picture_is_named() -> None:
    sound, _ = voice()
    with pytest.raises(UserError, match="4 phones need 5 times"):
        picture(spoken(sound, phones=PHONES, times=TIMES[1:]))
    with pytest.raises(UserError, match="no sound"):
        picture(spoken(Sound(np.zeros(0), 8000)))


def test_of_a_long_one_the_first_minute_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picturing, "LONGEST", 1)
    texts: list[str] = []
    monkeypatch.setattr(picturing, "_text", lambda *given: texts.append(given[3]))
    long = Sound(np.tile(voice()[0].samples, 3), 16000)
    short = picture(spoken(Sound(long.samples[:16000], 16000), phones=PHONES[:3], times=TIMES[:4], text="a"))
    assert picture(spoken(long, phones=PHONES, times=TIMES, text="a")) == short
    assert texts == ["", "ɑː", "s", "a"] * 2


def test_a_preview_rises_with_f0() -> None:
    lines = preview(Lsp().analyse(voice()[0]), 40).split("\n")
    assert len(lines) == 6 and max(map(len, lines[:4])) <= 40 and "F0 11" in lines[4] and "1.2" in lines[4]
    marks = " ▁▂▃▄▅▆▇█"
    heights = [sum(marks.index(row.ljust(40)[column]) for row in lines[:3]) for column in range(40)]
    voiced = [height for height in heights if height]
    assert voiced == sorted(voiced) and voiced[-1] == 24 and 15 < len(voiced) < 25
    assert heights[0] == 0 and lines[3].ljust(40)[10] != " "


def test_previews_of_little() -> None:
    made = Lsp()
    assert preview(made.analyse(Sound(np.zeros(0), 16000))) == "no sound\n"
    assert "no voice" in preview(made.analyse(Sound(np.zeros(16000), 16000)))
    with pytest.raises(UserError, match="8 to 1000"):
        preview(made.analyse(voice()[0]), 2)
