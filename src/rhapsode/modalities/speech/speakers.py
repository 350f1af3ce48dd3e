"""Who speaks in a collection of recordings: as lists say, or by folders; and which recordings are there twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rhapsode.errors import choice
from rhapsode.modalities.speech.listen import listing
from rhapsode.modalities.speech.utterance import Utterance

NO_NAMES = re.compile(
    r"(?:wav|wave|audio|sound|clip|flac|mp3|ogg|mic|recording|take|txt|text|transcript|prompt|data|corpus|train|"
    r"training|dev|test|valid|validation|eval|chapter|chap|ch|part|pt|dis[ck]|cd|vol|volume|book|track|session|day|"
    r"week|batch|set|section|unit|lesson|page|story|old|new|raw|clean|misc|other)s?(?![a-z]).*|\d+",
    re.IGNORECASE,
)
"""Folders that are called after what is in them, not after a speaker."""
SHOWN = 8
"""Speakers that are named in a note, those with the most utterances."""


def told_apart(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Each with its speaker. Where no list names any, they are by the first folders whose names are names, if there are
    several: `anna/1.wav`, `bob/1.wav`; but a folder that its recordings are named after goes before: `84/1/84_1_2.wav`.
    """
    if any(one.speaker for one in utterances):
        return list(utterances)
    folders = [_folders(one) for one in utterances]
    known = [each for each in folders if each]
    same = 0
    while known and all(len(each) > same and each[same] == known[0][same] for each in known):
        same += 1
    names = [_name(one, each, same) for one, each in zip(utterances, folders, strict=True)]
    if len({name for name in names if name}) < 2:
        return list(utterances)
    return [replace(one, speaker=name) for one, name in zip(utterances, names, strict=True)]


def repeated(utterances: Sequence[Utterance]) -> list[bool]:
    """Of each, whether its recording, or its part of one, is that of an earlier one."""
    seen = set[tuple[Path, str]]()
    found = []
    for one in utterances:
        key = None if one.path is None else (one.path.absolute(), one.name)
        found.append(key in seen)
        if key is not None:
            seen.add(key)
    return found


def parted(utterances: Sequence[Utterance]) -> list[str]:
    """What is to be said of long recordings that were cut, a sentence; nothing if none was."""
    counts = Counter(one.path for one in utterances if one.path is not None)
    parts = [count for count in counts.values() if count > 1]
    told = f"{len(parts):,} recording{'s' * (len(parts) > 1)} of more than a minute: cut at pauses into sentences"
    return [f"{told}, {sum(parts):,} parts."] if parts else []


def chosen(utterances: Sequence[Utterance], speaker: str) -> list[bool]:
    """Of each, whether it is of this speaker. Raises `UserError` for a speaker of whom there is nothing."""
    counts = Counter(one.speaker for one in utterances)
    if speaker not in counts:
        raise choice("speaker", speaker, [name for name, _ in counts.most_common() if name])
    return [one.speaker == speaker for one in utterances]


def told(utterances: Sequence[Utterance]) -> list[str]:
    """What is to be said of several speakers, a sentence; nothing of one."""
    counts = Counter(one.speaker for one in utterances)
    if len(counts) < 2:
        return []
    each = [f"{name or '(without a name)'} ({count:,})" for name, count in counts.most_common()]
    return [f"{len(counts):,} speakers: {listing(each)}. The voice has them all; for one alone: --speaker NAME."]


def _folders(utterance: Utterance) -> tuple[str, ...]:
    """Those between the folder that was given and the recording."""
    path, root = utterance.path, utterance.root
    if path is None or root is None:
        return ()
    try:
        return path.parent.absolute().relative_to(root.absolute()).parts
    except ValueError:
        return ()


def _name(utterance: Utterance, folders: tuple[str, ...], same: int) -> str:
    """same: so many first folders are those of all."""
    assert utterance.path is None or utterance.path.name
    stem = "" if utterance.path is None else utterance.path.stem
    own = [each for each in folders if re.match(rf"{re.escape(each)}[^a-zA-Z0-9]", stem)]
    return next(iter(own), "") or next((each for each in folders[same:] if not NO_NAMES.fullmatch(each)), "")
