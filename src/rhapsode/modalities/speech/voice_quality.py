"""How near a voice comes to recordings that it has not learnt from, once its training is over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import hear, speaking
from rhapsode.modalities.speech.acoustics import Acoustics, chained
from rhapsode.modalities.speech.codecs._held_out import restored
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.measures import compare, speech
from rhapsode.modalities.speech.utterance import Spoken, Timed, joined, unrecorded
from rhapsode.modalities.speech.vocoders import vocoder
from rhapsode.report import Report
from rhapsode.training.told import QUALITY

HEARD = 12
"""Utterances that the recogniser hears, at most: it takes a second for each, and another for the recording."""
ENGLISH = "en"
"""What languages begin with that the recogniser knows."""


def measured(folder: Path, report: Report) -> dict[str, Any] | None:
    """How far the voice in a folder is from the utterances that are kept beside it; also written there. None if there
    are none. Raises `UserError`.

    utterances: how many. mcd_db, lsd_db, f0_rmse_hz, f0_correlation, voicing_error_percent: with the recordings'
    durations and a melody of its own, over frames within 40 dB of the loudest of an utterance (see `speech.measures`).
    words_wrong: what the recogniser gets wrong of what the voice says, of its own accord; words_wrong_recorded: of the
    recordings' own frames, made to sound; both where it is installed, and in English.
    """
    path = checkpoint.index(folder)
    if path is None:
        return None
    voice = Model.load(folder)
    assert isinstance(voice.codec, Speech)
    info, mark, shapes = checkpoint.load_info(path)
    arrays = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in shapes.items()}, mark)
    theirs = list(restored(voice.codec, info, arrays))
    if not theirs:
        return None
    prosody = speaking.prosody_beside(voice)
    report.stage("comparing the voice with the recordings", 0.0)
    bare = [one.to(Timed, sound=unrecorded, melody=None) for one in theirs]
    ours = list(speaking.speak(voice, prosody, bare, speaking.Manner(liveliness=0)))
    pairs = [_together(one.acoustics(), other.acoustics()) for one, other in zip(ours, theirs, strict=True)]
    mask = np.concatenate([speech(other) for _, other in pairs])
    found: dict[str, Any] = {"utterances": len(theirs)}
    distance = asdict(compare(chained([one for one, _ in pairs]), chained([other for _, other in pairs]), mask))
    names = ("mcd_db", "lsd_db", "f0_rmse_hz", "f0_correlation", "voicing_error_percent")
    found |= {name: distance[name] for name in names if np.isfinite(distance[name])}
    if voice.codec.settings["language"].startswith(ENGLISH):
        found |= _understood(voice, prosody, [one for one in theirs if hear.words(one.text)][:HEARD], report)
    place(folder / QUALITY, (json.dumps(found, indent=1) + "\n").encode())
    return found


def said(figures: Mapping[str, Any]) -> str:
    """What was measured, for people."""
    parts = [f"MCD {figures['mcd_db']:.1f} dB"] if "mcd_db" in figures else []
    if "f0_rmse_hz" in figures:
        parts.append(f"F0 {figures['f0_rmse_hz']:.0f} Hz off")
    if "words_wrong" in figures:
        rates = (figures["words_wrong"], figures["words_wrong_recorded"])
        parts.append("{:.0%} of words wrong (recordings {:.0%})".format(*rates).replace("%", " %"))
    return f"{figures['utterances']:,} held-out recordings: {', '.join(parts)}"


def _understood(voice: Model, prosody: Model | None, theirs: Sequence[Spoken], report: Report) -> dict[str, float]:
    """Nothing where no recogniser is installed."""
    try:
        understand = hear.recogniser()
    except UserError:
        return {}
    assert isinstance(voice.codec, Speech)
    several = len(voice.codec.features.speakers) > 1
    pairs: dict[str, list[tuple[str, str]]] = {"words_wrong": [], "words_wrong_recorded": []}
    for number, one in enumerate(theirs, 1):
        frames = one.acoustics()
        recorded = vocoder(frames.vocoder).synthesise(frames)
        spoken = joined(
            list(speaking.speak(voice, prosody, one.text, speaking.Manner(speaker=one.speaker if several else None)))
        )
        for name, sound in (("words_wrong", spoken.sound()), ("words_wrong_recorded", recorded)):
            pairs[name].append((one.text, understand(sound)))
        report.stage("listening to the voice", number / len(theirs))
    return {name: hear.error_rate(each).rate for name, each in pairs.items()} if theirs else {}


def _together(one: Acoustics, other: Acoustics) -> tuple[Acoustics, Acoustics]:
    """As far as both go: a recording may end some frames before its times do."""
    count = min(len(one), len(other))
    return one.map(lambda values: values[:count]), other.map(lambda values: values[:count])
