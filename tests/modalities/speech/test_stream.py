from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from rhapsode.modalities.speech.sentences import LONGEST, sentences, stream


def test_each_sentence_as_soon_as_it_is_whole() -> None:
    given: list[str] = []

    def pieces() -> Iterator[str]:
        for piece in ("Mr.", " Fox", " ran.", " He", " fell\nand lay. ", '"', "Is it?\n", "\nNo", "\n\nyes", "!\n"):
            given.append(piece)
            yield piece

    found = [(sentence, len(given)) for sentence in stream(pieces())]
    assert found == [("Mr. Fox ran.", 5), ("He fell\nand lay.", 7), ('"Is it?', 7), ("No", 9), ("yes!", 10)]


@given(st.text('aBc .,;!?\n1"(', max_size=120), st.lists(st.integers(0, 120), max_size=6))
def test_they_do_not_depend_on_how_the_text_comes(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in zip(places, places[1:], strict=False)]
    found = list(stream(pieces))
    assert found == list(stream([text]))
    if "\n" not in text:
        assert found == sentences(text)


def test_a_text_without_ends_is_not_held() -> None:
    found = next(stream("word " for _ in iter(int, 1)))
    assert 0 < len(found) <= LONGEST
