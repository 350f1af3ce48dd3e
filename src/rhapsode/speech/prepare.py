"""Recordings with transcripts → utterances with phones, times and frames. What takes long is done once, and kept."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.exchange.place import place
from rhapsode.speech import espeak
from rhapsode.speech._pool import cores, pool
from rhapsode.speech.acoustics import Acoustics
from rhapsode.speech.align import align
from rhapsode.speech.formats.own import dumps, loads
from rhapsode.speech.utterance import PAUSE, Sound, Utterance
from rhapsode.speech.vocoders import available, vocoder

VERSION = 1
"""Part of every key in the cache. Raise it when analysis or alignment change."""
HOPS = (1, 50)
"""Milliseconds from frame to frame: the least and the most."""
FEW = 16
"""Recordings that are no work for several processes."""
EDGE = 0.1
"""Seconds of silence that are left before and after an utterance."""


def prepared(
    utterances: Sequence[Utterance],
    cache: Path,
    report: Callable[[str, float], None],
    *,
    language: str = "en-us",
    hop: int = 5,
    lsp: int = 0,
    **others: object,
) -> list[Utterance]:
    """Utterances with phones and times: those they have, or found by espeak-ng and alignment; and with their frames,
    which are read when asked for. Silence at the ends is cut. Raises `UserError`."""
    for utterance in utterances:
        if utterance.sound is None:
            raise UserError(f"{utterance.name or 'an utterance'}: it has no recording. A voice is learnt from those.")
    name = "lsp" if lsp else available()[0]
    folder = cache / "speech"
    work = partial(_analysed, folder=folder, hop=hop / 1000, name=name)
    rows = []
    with pool(cores() if len(utterances) > FEW else 1) as processes:
        for done in processes.map(work, utterances):
            rows.append(done)
            report("analysing speech", len(rows) / len(utterances))
    timed = _timed(utterances, [digest for digest, _ in rows], folder, language, report)
    return [
        _trimmed(replace(utterance, acoustics=partial(_loaded, path, hop / 1000, name)), hop / 1000)
        for utterance, (_, path) in zip(timed, rows, strict=True)
    ]


def _analysed(utterance: Utterance, folder: Path, hop: float, name: str) -> tuple[str, Path]:
    """A digest of what was recorded, and the file in which its frames are."""
    assert utterance.sound is not None
    sound = utterance.sound()
    digest = hashlib.sha256(np.ascontiguousarray(sound.samples, "<f8").data)
    digest.update(str(sound.rate).encode())
    key = hashlib.sha256(json.dumps([VERSION, digest.hexdigest(), hop, name]).encode()).hexdigest()
    path = folder / f"{key[:32]}.npz"
    if not path.exists():
        found = vocoder(name).analyse(sound, hop)
        buffer = io.BytesIO()
        spectrum, aperiodicity, f0 = (
            part.astype(np.float32) for part in (found.spectrum, found.aperiodicity, found.f0)
        )
        np.savez(buffer, rate=found.rate, spectrum=spectrum, aperiodicity=aperiodicity, f0=f0)
        place(path, buffer.getvalue())
    return digest.hexdigest(), path


def _loaded(path: Path, hop: float, name: str) -> Acoustics:
    with np.load(path, allow_pickle=False) as file:
        spectrum, aperiodicity, f0 = (file[key].astype(np.float64) for key in ("spectrum", "aperiodicity", "f0"))
        return Acoustics(spectrum, aperiodicity, f0, hop, int(file["rate"]), name)


def _timed(
    utterances: Sequence[Utterance],
    digests: Sequence[str],
    folder: Path,
    language: str,
    report: Callable[[str, float], None],
) -> list[Utterance]:
    """Those without times are aligned, all together."""
    bare = [n for n, utterance in enumerate(utterances) if utterance.times is None]
    if not bare:
        return list(utterances)
    found = list(utterances)
    about = [[digests[n], utterances[n].text, [astuple(phone) for phone in utterances[n].phones]] for n in bare]
    key = hashlib.sha256(json.dumps([VERSION, language, about]).encode()).hexdigest()
    path = folder / f"{key[:32]}.jsonl"
    if path.exists():
        texts = path.read_text(encoding="utf-8").splitlines()
        lines = [loads(json.loads(text), str(path), folder) for text in texts]
    else:
        spelled = []
        for n in bare:
            one = utterances[n]
            try:
                phones = one.phones or espeak.phones(one.text, language)
            except UserError as error:
                raise UserError(f"{one.name}: {error}") from None
            spelled.append(replace(one, phones=phones))

        @cache
        def rendered(text: str) -> Utterance:
            return espeak.speak(text, language)

        lines = [one.utterance for one in align(spelled, rendered=lambda one: rendered(one.text), report=report)]
        place(path, "".join(f"{dumps(replace(one, sound=None))}\n" for one in lines).encode())
    for n, line in zip(bare, lines, strict=True):
        found[n] = replace(utterances[n], phones=line.phones, times=line.times)
    return found


def _trimmed(utterance: Utterance, hop: float) -> Utterance:
    """Without most of the silence at its ends; it begins at a frame."""
    times, sound, acoustics = utterance.times, utterance.sound, utterance.acoustics
    assert times is not None and sound is not None and acoustics is not None
    times = times.copy()
    if utterance.phones[0].symbol == PAUSE:
        times[0] = max(times[0], times[1] - EDGE)
    if utterance.phones[-1].symbol == PAUSE:
        times[-1] = min(times[-1], times[-2] + EDGE)
    first, last = round(times[0] / hop), round(times[-1] / hop)
    times[0], times[-1] = first * hop, last * hop

    def frames() -> Acoustics:
        whole = acoustics()
        part = slice(first, last + 1)
        return replace(whole, spectrum=whole.spectrum[part], aperiodicity=whole.aperiodicity[part], f0=whole.f0[part])

    def samples() -> Sound:
        whole = sound()
        return Sound(whole.samples[round(times[0] * whole.rate) : round(times[-1] * whole.rate)], whole.rate)

    return replace(utterance, times=times - times[0], sound=samples, acoustics=frames)
