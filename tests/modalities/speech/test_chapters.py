"""Long recordings with one text, cut into its sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhapsode.files.refusals import Refusals
from rhapsode.modalities.speech import read as reading
from rhapsode.modalities.speech.audio import written
from rhapsode.modalities.speech.chapters import cut, pauses
from rhapsode.modalities.speech.read import read
from rhapsode.modalities.speech.utterance import Sound
from tests.modalities.speech.synthetic import TEXTS, spoken

RATE = 8000


def chapter(texts: list[str], gaps: list[float]) -> tuple[Sound, list[tuple[float, float]]]:
    """Sentences one after another, with so many seconds after each; and when each is said."""
    parts, spans, at = [], [], 0.0
    noise = np.random.default_rng(0)
    for number, (text, gap) in enumerate(zip(texts, gaps, strict=True)):
        one = spoken(text, number, RATE, edges=(0.02, 0.02))
        sound = one.sound()
        parts += [sound.samples, 0.002 * noise.standard_normal(round(gap * RATE))]
        spans.append((at, at + sound.seconds))
        at += sound.seconds + gap
    return Sound(np.concatenate(parts), RATE), spans


SENTENCES = [f"{text}." for text in (f"{one} {other}" for one in TEXTS for other in TEXTS)]


def test_sentences_are_found_between_pauses() -> None:
    gaps = list(np.random.default_rng(1).uniform(0.3, 0.8, len(SENTENCES)))
    sound, spans = chapter(SENTENCES, gaps)
    parts = cut(sound, SENTENCES)
    assert [(part.first, part.last) for part in parts] == [(n, n + 1) for n in range(len(SENTENCES))]
    for part in parts:
        begin, end = spans[part.first]
        assert begin - 0.2 <= part.begin <= begin + 0.1 and end - 0.1 <= part.end <= end + 0.2


def test_what_goes_before_the_text_is_left_out_and_sentences_without_a_pause_stay_together() -> None:
    sound, spans = chapter(["nine notes taken", *SENTENCES[:20]], [0.5] * 21)
    parts = cut(sound, SENTENCES[:20])
    assert sum(abs(p.begin - spans[p.first + 1][0]) < 0.3 and p.end < spans[p.last][1] + 0.3 for p in parts) == 20
    gaps = [0.5] * 20
    gaps[4] = 0.0
    sound, spans = chapter(SENTENCES[:20], gaps)
    parts = cut(sound, SENTENCES[:20])
    assert [(part.first, part.last) for part in parts] == [(n, n + 1 + (n == 4)) for n in range(20) if n != 5]


def test_sounds_without_pauses_or_speech() -> None:
    assert len(cut(Sound(np.zeros(RATE), RATE), ["a", "b"])) <= 1  # that it is silent, is told when it is heard
    whole = pauses(Sound(np.ones(RATE), RATE))
    assert len(whole.begins) == len(whole.ends) == len(whole.spoken) == 2
    assert len(cut(Sound(np.ones(RATE), RATE), ["a"])) <= 1


def test_a_chapter_is_read_as_its_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", 10.0)
    sound, spans = chapter(SENTENCES[:20], [0.5] * 20)
    written(sound, tmp_path / "one.wav")
    (tmp_path / "one.txt").write_text("\n".join(each.capitalize() for each in SENTENCES[:20]))
    refused = Refusals()
    found = list(read(tmp_path / "one.txt", None, refused))
    assert [one.text for one in found] == [each.capitalize() for each in SENTENCES[:20]]
    assert [one.name for one in found[:2]] == ["one-001", "one-002"] and not refused.count
    for one, (begin, end) in zip(found, spans, strict=True):
        assert one.recorded and one.sound().seconds == pytest.approx(end - begin, abs=0.4)
    (tmp_path / "metadata.csv").write_text(f"one|{' '.join(each.capitalize() for each in SENTENCES[:20])}\n")
    assert [one.text for one in read(tmp_path / "metadata.csv")] == [one.text for one in found]
    monkeypatch.setattr(reading, "CHAPTER", 11.0)
    assert len(list(read(tmp_path / "metadata.csv"))) == 1
