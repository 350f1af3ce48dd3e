"""What the page asks one to write."""

from __future__ import annotations

import os
import string
import subprocess
import sys

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.prompts import ALPHABET, ENOUGH, LONGEST, characters, prompts, written
from rhapsode.modalities.ink.pad.sentences import SENTENCES


@pytest.mark.parametrize("seed", range(4))
def test_prompts_are_sentences_that_cover_everything(seed: int) -> None:
    """In 40 lines everything several times."""
    lines = prompts(40, ALPHABET, seed)
    assert len(set(lines)) == 40 and set(lines) <= set(SENTENCES)
    counts = written(lines)
    assert set(counts) == set(ALPHABET)
    assert min(counts.values()) >= ENOUGH, counts


def test_sentences() -> None:
    assert len(set(SENTENCES)) == len(SENTENCES) > 250
    assert set("".join(SENTENCES)) == {*ALPHABET, " "}
    for text in SENTENCES:
        assert len(text) <= LONGEST and text == " ".join(text.split())
        assert text[0] in string.ascii_uppercase + '"'


def test_prompts_are_repeatable() -> None:
    few, many = prompts(5, ALPHABET, 3), prompts(9, ALPHABET, 3)
    assert many[:5] == few, "a longer session goes on with the same lines"
    code = "from rhapsode.modalities.ink.pad.prompts import *; print(prompts(5, ALPHABET + 'é', 3))"
    for hashing in "12":  # the order of sets must not matter
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hashing, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
        )
        assert done.stdout.strip() == str(prompts(5, ALPHABET + "é", 3))
    assert prompts(5, ALPHABET, 4) != few


def test_more_prompts_than_sentences() -> None:
    lines = prompts(400, ALPHABET, 0)
    assert len(set(lines)) == 400 and max(map(len, lines)) <= LONGEST
    assert set(SENTENCES) <= set(lines)


@pytest.mark.parametrize("alphabet", ["äöüßéñ", "ABC", "0123456789", "?!&+()", "абвгд", "aé-'s", "ACGT.", "漢字か"])
def test_prompts_of_other_alphabets(alphabet: str) -> None:
    lines = prompts(12, alphabet, 0)
    counts = written(lines)
    assert set(counts) == set(alphabet)
    assert min(counts.values()) >= ENOUGH


def test_sentences_in_the_characters_that_there_are() -> None:
    assert set(prompts(9, string.ascii_lowercase, 0)) <= {_letters(each.lower()) for each in SENTENCES}
    lines = prompts(40, ALPHABET + "é", 0)
    assert written(lines)["é"] >= ENOUGH and len(set(lines) & set(SENTENCES)) > 30


def _letters(text: str) -> str:
    return " ".join("".join(char for char in text if char.isalpha() or char == " ").split())


def test_common_pairs_come_first() -> None:
    begun = "".join(prompts(8, string.ascii_lowercase, 0))
    assert all(pair in begun for pair in ("th", "he", "in", "er"))


def test_wrong_alphabets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert characters(" a b\ta") == "ab"
    for wrong in ("", "  ", "a\0"):
        with pytest.raises(UserError, match="alphabet"):
            characters(wrong)
    monkeypatch.setattr("rhapsode.modalities.ink.pad.prompts.TRIES", 1)
    with pytest.raises(UserError, match="not 500 different lines"):
        prompts(500, "a", 0)
