"""What a format of phones says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rhapsode.modalities.speech.utterance import Timed, Utterance


def _always(content: str) -> bool:
    return True


@dataclass(frozen=True)
class Labels:
    """How files of phones are recognised, read and written.

    suffixes:   those of such files, in small letters.
    loads:      (content, name of the file for messages) → the utterances in it, one at least. Raises `UserError`.
    recognises: whether a content is of this format, where several have the same suffix.
    dumps:      (utterance, where its recording is from the file's folder on) → content; None: it is not written.
    beside:     whether such a file may lie beside a recording, to say when each phone of it is said.
    apart:      whether it may also lie in a folder of its own, beside that of the recordings.
    rank:       of several that tell of a recording, and of several that recognise a content, the first is taken.
    """

    suffixes: tuple[str, ...]
    loads: Callable[[str, str], Sequence[Utterance]]
    recognises: Callable[[str], bool] = _always
    dumps: Callable[[Timed, str | None], str] | None = None
    beside: bool = False
    apart: bool = False
    rank: int = 0
