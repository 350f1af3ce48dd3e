"""Folders of recordings with what is said in them → utterances.

A transcript gives them: a list (`metadata.csv`), lines of JSON, or a text, TextGrid or label file beside a
recording. Recordings of a transcript are recognised, so that they count as data, but give nothing by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.files.json import lines
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import of_file, reading
from rhapsode.modalities.speech import audio, beside, labels
from rhapsode.modalities.speech._begin import LONGEST
from rhapsode.modalities.speech._text import contents
from rhapsode.modalities.speech.chapters import cut
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.metadata import APART, entries, finds, ids, is_list, may_list
from rhapsode.modalities.speech.sentences import sentences
from rhapsode.modalities.speech.utterance import NoSound, Utterance

OWN = "utterances.jsonl"
TABLES = (".csv", ".tsv")
"""Suffixes of lists."""
LETTERS, CHAPTER = 300, 7200
"""Letters of a text, and seconds of a recording: with fewer, it takes no minute to say; with more, it is not cut."""
ABOVE = 5
"""Folders in which a recording's transcript may be: its own, the one above, and so on."""
KNOWN = (
    "Known are metadata.csv (id|text; commas or tabs between columns if the first line names them: file,text) with "
    "recordings in wavs/, wav/, clips/ or beside it; LibriSpeech's .trans.txt and ARCTIC's txt.done.data; recordings "
    "each with a .txt, .TextGrid or .lab of the same name beside it, or in a folder txt/ beside theirs; and Rhapsode's "
    "own lines of JSON with 'audio' or 'phones'"
)


def recognised(path: Path) -> bool:
    """Whether it is a transcript, or a recording that has one; false for what cannot be read."""
    try:
        with reading(path.name):
            if not path.is_file():
                return False
            suffix = path.suffix.lower()
            if suffix in audio.SUFFIXES:
                return bool(beside.about(path)) or _listed(path)
            if suffix == ".jsonl":
                return own.recognises(of_file(path, path.name).head().decode("utf-8-sig", "ignore"))
            if suffix in TABLES:
                return is_list(path)
            return beside.recording(path) is not None or is_list(path)
    except UserError:
        return False


def read(path: Path, name: str | None = None, refused: Refusals | None = None) -> Iterator[Utterance]:
    """The utterances of a file, one by one, in order. Those without labels have no phones. `sound` reads the recording
    when it is called; where the recording is missing, that raises `NoSound`.

    There are none of a recording, of a file beside one that is read with another, or of a list whose recordings
    are listed by lines of JSON beside it. name: of the file, in messages; `path` by default. refused: is told of lines
    of a list that cannot be read, if others can. Raises `UserError`, which says where in the file it stopped.
    """
    name = str(path) if name is None else name
    suffix = path.suffix.lower()
    with reading(name):
        if suffix in audio.SUFFIXES:
            return
        if suffix == ".jsonl":
            yield from _own(path, name)
        elif suffix in TABLES or is_list(path):
            for entry in entries(path, name, refused):
                if _own_lists(path, entry.name):
                    continue
                if entry.recording is None:
                    yield Utterance((), text=entry.text, name=entry.name, speaker=entry.speaker)
                    continue
                try:
                    found = _labelled(entry.recording, entry.text)
                except UserError as error:
                    if refused is None:
                        raise
                    refused.skip("recordings of a list whose labels cannot be read", str(error))
                    continue
                yield from _in_sentences(replace(found, speaker=entry.speaker), refused)
        else:
            recording = beside.recording(path)
            if recording is None:
                raise UserError(f"{name}: there is no recording of this name beside it. {KNOWN}.")
            if beside.about(recording)[:1] == [path] and not _listed(recording):
                yield from _in_sentences(_labelled(recording, ""), refused)


def _own(path: Path, name: str) -> Iterator[Utterance]:
    empty = True
    for where, value in lines(of_file(path, name)):
        empty = False
        yield own.loads(value, where, path.parent)
    if empty:
        raise UserError(f"{name}: empty. {KNOWN}.")


def _labelled(recording: Path, text: str) -> Utterance:
    """What files beside a recording tell of it. text: what is said, if that is known already. Raises `UserError`."""
    found = Utterance(())
    said = ""
    for file in beside.about(recording):
        content = contents(file, str(file))
        format = labels.of_recording(file, content)
        if format is None:
            said = said or " ".join(content.split())
        elif not found.phones:
            [found] = format.loads(content, str(file))
    text = text or said or found.text
    if not text and not found.phones:
        raise UserError(f"{recording}: the text beside it is empty. Write down what is said, or leave both out.")
    return replace(found, text=text, name=recording.stem, path=recording, sound=partial(audio.read, recording))


def _in_sentences(whole: Utterance, refused: Refusals | None) -> Iterator[Utterance]:
    """A recording of more than a minute, cut into the sentences of its text (see `chapters`); others as they are."""
    texts = sentences(whole.text) if len(whole.text) > LETTERS and not whole.phones else []
    sound = None
    if whole.path is not None and len(texts) > 1:
        with suppress(NoSound):  # told when it is heard
            sound = whole.sound() if LONGEST < audio.seconds(whole.path) <= CHAPTER else None
    if sound is None or whole.path is None:
        yield whole
        return
    lost = len(texts)
    for number, each in enumerate(cut(sound, texts), 1):
        lost -= each.last - each.first
        yield replace(
            whole,
            text=" ".join(texts[each.first : each.last]),
            name=f"{whole.name}-{number:03}",
            sound=partial(audio.part, whole.path, each.begin, each.end),
        )
    if refused is not None:
        for _ in range(lost):
            refused.skip("sentences of a long recording that were not found in it", whole.name)


def _listed(recording: Path) -> bool:
    """Whether a transcript in its folder or one above lists it, or in a folder beside."""
    folder, stem = recording.parent, recording.stem.lower()
    for level in range(ABOVE):
        near = [folder, *(each for each in beside.folders(folder) if each.name.lower() in APART)]
        for file in (file for each in near for file in _transcripts(each, beside.changed(each))):
            about = file.stat()
            if stem in _stems(file, about.st_mtime_ns, about.st_size) and (
                level < 2 or finds(file, about.st_mtime_ns, recording)  # of a far one, the name alone is no sign
            ):
                return True
        if folder == folder.parent:
            break
        folder = folder.parent
    return False


@lru_cache(maxsize=256)
def _transcripts(folder: Path, changed: int) -> list[Path]:
    """Files that may be transcripts of several recordings. changed: so that a folder that has is looked at again."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [folder / name for name in names if (name == OWN or may_list(name)) and (folder / name).is_file()]


def _own_lists(path: Path, name: str) -> bool:
    """Whether lines of JSON beside a list tell of the recording of this name, too."""
    file = path.with_name(OWN)
    if not file.is_file():
        return False
    about = file.stat()
    return name.lower() in _stems(file, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _stems(transcript: Path, changed: int, size: int) -> frozenset[str]:
    """The stems of recordings that it lists, in small letters. changed, size: so that a file that has changed is read
    again."""
    if transcript.name != OWN:
        return ids(transcript)
    values = (value.get("audio") for _, value in lines(of_file(transcript, transcript.name)))
    return frozenset(Path(each).stem.lower() for each in values if isinstance(each, str))
