"""Rhapsode's own files of utterances: lines of JSON (`utterances.jsonl`).

Each line is an object, an utterance:

    {"audio": "wavs/a.wav", "text": "hi", "phones": [["h", 0.0, 0.05, {"stress": 2, "word": 0}], ...]}

    audio     the recording, from the file's folder on.
    text      what is said.
    speaker   who says it, if there are several.
    phones    each its symbol, where it begins and where it ends, in seconds (all null if that is not known), and what
              else is known: stress, syllable, word, phrase, as in `Phone`, and f0, in Hz. `_` is a pause.

All but audio or phones may be left out. Without words these are what stands between pauses; without syllables they are
derived.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.inside import ADVICE, inside
from rhapsode.files.json import dumps as as_json
from rhapsode.files.json import lines
from rhapsode.files.source import of_bytes
from rhapsode.files.values import mapping, sequence, shown
from rhapsode.modalities.speech import audio
from rhapsode.modalities.speech.formats._labels import Labels
from rhapsode.modalities.speech.formats._rows import Interval, filled
from rhapsode.modalities.speech.syllables import numbered
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Timed, Utterance, unrecorded

NUMBERS = ("stress", "syllable", "word", "phrase")
F0 = 20, 2000
"""Hz."""


def recognises(head: str) -> bool:
    """From the first line, or the beginning of it."""
    line = head.lstrip().split("\n", 1)[0]
    if not line.startswith("{"):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return '"phones"' in line or '"audio"' in line
    return "phones" in value or "audio" in value


def dumps(utterance: Utterance, audio: str | None = None) -> str:
    """The line of an utterance, without its newline. audio: where its recording is, from the file's folder on."""
    return as_json(value_of(utterance, audio))


def value_of(utterance: Utterance, audio: str | None = None, digits: int | None = 2) -> dict[str, Any]:
    """What the line of an utterance says. digits: of F0 behind the point; None for all."""
    times = utterance.times.tolist() if isinstance(utterance, Timed) else [None] * (len(utterance) + 1)
    value: dict[str, Any] = {} if audio is None else {"audio": audio}
    value |= {key: text for key, text in (("text", utterance.text), ("speaker", utterance.speaker)) if text}
    if utterance.phones or audio is None:
        each = zip(utterance.phones, pairwise(times), strict=True)
        value["phones"] = [
            [phone.symbol, begin, end, {name: getattr(phone, name) for name in NUMBERS}] for phone, (begin, end) in each
        ]
    if isinstance(utterance, Timed) and utterance.melody is not None:
        for phone, hertz in zip(value["phones"], utterance.melody.tolist(), strict=True):
            inside = min(max(hertz, F0[0]), F0[1])
            phone[3]["f0"] = inside if digits is None else round(inside, digits)
    return value


def loads(value: dict[str, Any], where: str, folder: Path | None = None) -> Utterance:
    """The utterance of a line, which `files.json` has read, without sound where its recording is missing. folder: of
    the file; without it no recording is looked for. Raises `UserError`, also for a recording elsewhere: see `inside`.
    """
    if "audio" not in value and "phones" not in value:
        raise UserError(f"{where}: there is neither 'audio' nor 'phones'. Fields: {shown(', '.join(value))}.")
    for key in ("audio", "text", "speaker"):
        if not isinstance(value.get(key, ""), str):
            raise UserError(f"{where}: {key!r} must be text, found {shown(value[key])}.")
    phones, times, melody = _phones(sequence(value.get("phones", []), f"{where}, phones"), where)
    named = Path(value["audio"]) if "audio" in value else None
    recording = inside(folder, value["audio"]) if folder is not None and named is not None else None
    if recording is None and folder is not None and named is not None:
        raise UserError(f"{where}: 'audio' {str(named)!r} leads out of the folder {folder}. {ADVICE}.")
    found = Utterance(
        phones,
        value.get("text", ""),
        named.stem if named is not None else where,
        value.get("speaker", ""),
        partial(audio.read, recording) if recording is not None and recording.is_file() else unrecorded,
    )
    return found if times is None else found.to(Timed, times=times, melody=melody)


def timed_of(value: dict[str, Any], where: str) -> Timed:
    """The utterance of a line that has phones with times. Raises `UserError`."""
    found = loads(value, where)
    if not isinstance(found, Timed):
        raise UserError(f"{where}: its phones have no times.")
    return found


def _phones(given: list[Any], where: str) -> tuple[tuple[Phone, ...], np.ndarray | None, np.ndarray | None]:
    """The phones, their times, and their F0."""
    found: list[Phone] = []
    rows: list[Interval] = []
    hertz: list[float] = []
    known: set[str] = set()
    for number, each in enumerate(given, 1):
        place = f"{where}, phone {number}"
        parts = sequence(each, place)
        if not 3 <= len(parts) <= 4 or not isinstance(parts[0], str) or not parts[0]:
            raise UserError(f'{place}: must be like ["h", 0.0, 0.05] or ["h", null, null], found {shown(parts)}.')
        extra = mapping(parts[3], place) if len(parts) == 4 else {}
        for key in NUMBERS:
            if type(extra.get(key, 0)) is not int or extra.get(key, 0) < 0:
                raise UserError(f"{place}: {key!r} must be a whole number from 0, found {shown(extra[key])}.")
        if number > 1 and (set(extra) ^ known) & set(NUMBERS[1:]):
            raise UserError(f"{place}: syllable, word and phrase must be given for all phones or for none.")
        known = set(extra)
        if "f0" in extra:
            hertz.append(_hertz(extra["f0"], place))
        found.append(Phone(parts[0], **{key: extra[key] for key in NUMBERS if key in extra}))
        if parts[1] is not None or parts[2] is not None:
            rows.append(Interval(_seconds(parts[1], place), _seconds(parts[2], place), parts[0], place))
    if rows and len(rows) != len(found):
        raise UserError(f"{where}: times must be given for all phones or be null for all.")
    if hertz and len(hertz) != len(rows):
        raise UserError(f"{where}: f0 must be given for all phones, with times, or for none.")
    if not {"syllable", "word", "phrase"} <= known:
        found = list(numbered(_worded(found, "word" in known)))
    return tuple(found), _times(rows, where) if rows else None, np.array(hertz) if hertz else None


def _times(rows: list[Interval], where: str) -> np.ndarray:
    whole = filled(rows)
    if len(whole) != len(rows):
        raise UserError(f"{where}: phones must follow one another from 0 on, without gaps. Put {PAUSE!r} for a pause.")
    return np.array([*(row.begin for row in rows), rows[-1].end])


def _worded(phones: list[Phone], known: bool) -> list[Phone]:
    """The same with words between pauses, unless these are known."""
    if known:
        return phones
    pauses = np.cumsum([each.symbol == PAUSE for each in phones]).tolist()
    return [Phone(each.symbol, each.stress, word=word) for each, word in zip(phones, pauses, strict=True)]


def _hertz(value: Any, where: str) -> float:
    low, high = F0
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{where}: f0 must be Hz from {low} to {high}, of unvoiced phones, too; found {shown(value)}.")
    return float(value)


def _seconds(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
        raise UserError(f"{where}: times must be seconds from 0, found {shown(value)}.")
    return float(value)


def _of_lines(content: str, name: str) -> list[Utterance]:
    found = [loads(value, where) for where, value in lines(of_bytes(content.encode(), name))]
    if not found:
        raise UserError(f"{name}: empty. Write a line of JSON for each utterance.")
    return found


LABELS = Labels((".jsonl",), _of_lines, dumps=dumps)
