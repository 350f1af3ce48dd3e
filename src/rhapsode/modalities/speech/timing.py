"""Phones and their times for utterances that lack them: by espeak-ng and alignment, once; what is found is kept."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace

from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.files.json import dumps as as_json
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech.align import Aligned, align
from rhapsode.modalities.speech.formats.own import dumps, timed_of
from rhapsode.modalities.speech.utterance import Timed, Utterance

VERSION = 3
"""Part of every key in the cache. Raise it when alignment changes."""
FOLDER = "speech"
"""In the cache, where what is found of recordings is kept."""


def timed(
    utterances: Sequence[Utterance],
    digests: Sequence[str],
    cache: Cache,
    language: str,
    report: Callable[[str, float], None],
) -> list[Aligned]:
    """Each with phones and times. Those that have times keep them, and fit 0; the others are aligned, all together.

    digests: of their recordings. cache: where what was found is kept. Raises `UserError`.
    """
    found = {n: Aligned(utterance, 0.0) for n, utterance in enumerate(utterances) if isinstance(utterance, Timed)}
    bare = [n for n in range(len(utterances)) if n not in found]
    if not bare:
        return list(found.values())
    about = [[digests[n], utterances[n].text, [astuple(phone) for phone in utterances[n].phones]] for n in bare]
    key = hashlib.sha256(json.dumps([VERSION, language, about]).encode()).hexdigest()

    def made() -> bytes:
        every = [spelled(utterances[n], language) for n in bare]

        @functools.cache
        def rendered(text: str) -> Timed:
            return espeak.speak(text, language)

        aligned = align(
            every,
            rendered=lambda one: rendered(one.text) if one.text else None,
            report=lambda what, done: report(what.lower(), done),
        )
        return "".join(f"{_line(one)}\n" for one in aligned).encode()

    lines = cache.file(f"{FOLDER}/{key[:32]}.times", made).decode().split("\n")[:-1]
    for n, line in zip(bare, lines, strict=True):
        value = json.loads(line)
        one = timed_of(value, "what was kept of it")
        fit = -math.inf if value["fit"] is None else float(value["fit"])
        found[n] = Aligned(utterances[n].to(Timed, phones=one.phones, times=one.times), fit)
    return [found[n] for n in range(len(utterances))]


def spelled(utterance: Utterance, language: str) -> Utterance:
    """With phones, espeak-ng's if it has none. Raises `UserError`."""
    try:
        return replace(utterance, phones=utterance.phones or espeak.phones(utterance.text, language))
    except UserError as error:
        raise UserError(f"{utterance.name}: {error}") from None


def _line(aligned: Aligned) -> str:
    value = json.loads(dumps(aligned.utterance))
    return as_json({**value, "fit": aligned.fit if math.isfinite(aligned.fit) else None})
