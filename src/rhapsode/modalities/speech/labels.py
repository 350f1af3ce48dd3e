"""Files of phones, in any of the `formats`: each is one module there, with a constant `LABELS`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rhapsode import registry
from rhapsode.files.source import reading
from rhapsode.modalities.speech._text import contents
from rhapsode.modalities.speech.formats._labels import Labels
from rhapsode.modalities.speech.utterance import Timed, Utterance

FORMATS: tuple[Labels, ...] = tuple(
    sorted(
        (module.LABELS for module in registry.modules("modalities.speech.formats").values()),
        key=lambda labels: labels.rank,
    )
)
READ = tuple(dict.fromkeys(suffix for labels in FORMATS for suffix in labels.suffixes))
"""Suffixes of files of phones that can be read."""
WRITTEN = tuple(dict.fromkeys(suffix for labels in FORMATS if labels.dumps for suffix in labels.suffixes))
"""Suffixes of files of phones that can be written."""
BESIDE = tuple(dict.fromkeys(suffix for labels in FORMATS if labels.beside for suffix in labels.suffixes))
"""Suffixes of those that may lie beside a recording, the best first."""
APART = tuple(suffix for suffix in BESIDE if any(labels.apart and suffix in labels.suffixes for labels in FORMATS))
"""Suffixes of those that may lie in a folder of their own."""


def read(path: Path) -> Sequence[Utterance]:
    """The utterances of a file of phones by itself. Its suffix is one of `READ`. Raises `UserError`."""
    with reading(str(path)):
        content, suffix = contents(path, str(path)), path.suffix.lower()
        labels = next(each for each in FORMATS if suffix in each.suffixes and each.recognises(content))
        return labels.loads(content, str(path))


def of_recording(path: Path, content: str) -> Labels | None:
    """What reads a file beside a recording; None if its content is a text."""
    suffix = path.suffix.lower()
    return next(
        (each for each in FORMATS if each.beside and suffix in each.suffixes and each.recognises(content)), None
    )


def dumps(utterance: Timed, suffix: str, audio: str | None = None) -> str:
    """The content of a file with this suffix, one of `WRITTEN`, with a newline at its end. audio: where the recording
    is, from the file's folder on, for formats that can say so."""
    write = next(each.dumps for each in FORMATS if each.dumps and suffix.lower() in each.suffixes)
    return write(utterance, audio).rstrip("\n") + "\n"
