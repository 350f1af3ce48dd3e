"""A text that comes piece by piece → its sentences, each as soon as it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rhapsode.speech.sentences import sentences

NEXT = "X"
"""How another sentence may begin."""


def arriving(pieces: Iterable[str], language: str = "en") -> Iterator[str]:
    """The sentences of a text, as `sentences` has them, but that a line may end one, too, whatever comes next: if it
    ends with a mark that ends a sentence before a capital. So nobody waits for what has not been written yet.

    However the text is cut into pieces, the sentences are the same. Of a text without ends, no more is held than a
    sentence may have.
    """
    held = ""
    for line in _lines(pieces):
        held = (held + line).lstrip()
        found = sentences(held, language=language)
        if held.endswith("\n") and len(sentences(held + NEXT, language=language)) > len(found):
            held = ""
        elif len(found) > 1 and any(map(str.isalnum, found[-1])):
            last = found.pop()
            held = held[len(held.rstrip()) - len(last) :]
        else:
            continue
        yield from found
    yield from sentences(held, language=language)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces of which none goes on after the end of a line."""
    for piece in pieces:
        yield from piece.splitlines(keepends=True)
