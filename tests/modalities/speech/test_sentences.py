import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.modalities.speech.sentences import sentences
from tests.modalities.speech.sentences_of_languages import TEXTS


@pytest.mark.parametrize(
    "expected",
    [
        ["Mr. Smith met Dr. J. S. Bach at 3.15 p.m. on Monday.", '"Stop!" he cried.', "It cost $4.50, e.g. nothing."],
        ["He lives in the U.S.", "Then... he left?", "Yes!", "See No. 5 and Fig. 2."],
        ["He said no.", "It was 1984.", "So what, etc.", "And so on"],
        ["1. First thing.", "2. Another."],
        ["(Is it?)", "“It is.”", "What…", "Now"],
        ["one sentence"],
        [],
    ],
)
def test_ends(expected: list[str]) -> None:
    assert sentences("  ".join(expected)) == expected


@pytest.mark.parametrize("language", TEXTS)
def test_ends_in_many_languages(language: str) -> None:
    between = "" if language in ("zh", "ja") else " "
    for line in TEXTS[language].strip().splitlines():
        expected = line.strip().split(" ‖ ")
        assert sentences(between.join(expected), language=language) == expected


def test_lines() -> None:
    assert sentences("1. First\n2. Second") == ["1. First", "2. Second"]
    assert sentences("We have\n- bread\n- salt. Good.\nno more") == ["We have", "- bread", "- salt.", "Good.\nno more"]
    assert sentences("Roses are red\nviolets. Blue\n\n", by="line") == ["Roses are red", "violets. Blue"]
    with pytest.raises(UserError, match="'word' is not known"):
        sentences("a", by="word")


def test_empty_lines_and_scripts_without_spaces() -> None:
    assert sentences("A heading\n\nText that\ngoes on. End") == ["A heading", "Text that\ngoes on.", "End"]
    assert sentences("你好。世界！") == ["你好。", "世界！"]


def test_long_ones_are_cut_where_it_hurts_least() -> None:
    assert sentences("aaa bbb, ccc ddd; eee fff, ggg hhh", 24) == ["aaa bbb, ccc ddd;", "eee fff, ggg hhh"]
    assert sentences("aaa bbb ccc, ddd eee fff", 16) == ["aaa bbb ccc,", "ddd eee fff"]
    assert sentences("a, bbb ccc ddd eee", 12) == ["a, bbb ccc", "ddd eee"]
    assert sentences("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    with pytest.raises(UserError, match="longest"):
        sentences("a", 0)


@given(st.text('aB.,;!? \n1"(—', max_size=80), st.integers(1, 30))
def test_nothing_is_lost(text: str, longest: int) -> None:
    found = sentences(text, longest)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(each and each == each.strip() and len(each) <= longest for each in found)
