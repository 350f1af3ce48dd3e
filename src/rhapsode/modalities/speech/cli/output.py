"""What `speak` does with a voice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rhapsode.console.output import as_json, check_readable, check_suffix, check_writable, numbered, put, write
from rhapsode.console.progress import tell
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError, choice

if TYPE_CHECKING:
    from rhapsode.inference.model import Model
    from rhapsode.modalities.speech.codecs.speech import Speech
    from rhapsode.modalities.speech.speaking import Manner, Reading
    from rhapsode.modalities.speech.utterance import Spoken, Utterance

SOUNDS = (".wav", ".flac", ".ogg")
LATEST, HIGHEST = 3600, 2000
"""Seconds and Hz of an F0."""
SILENCE = 'nothing to say: give a text, e.g. rhapsode speak MODEL "Any words." -o words.wav'
QUIET = 60
"""Seconds between sentences, at most."""
LEXICON = "lexicon.tsv"
"""In a voice's folder: how it says words."""


@dataclass(frozen=True)
class Voice:
    """How to speak and what else to write, as the options of `rhapsode speak` say."""

    manner: Manner
    phones: str | None
    f0: str | None
    also: list[str]
    sentences: str = "auto"
    pause: float | None = None
    lexicon: str | None = None


def write_speech(
    model: Model,
    text: str | Iterator[str],
    voice: Voice,
    seed: int | None,
    samples: int,
    output: str,
    json: bool,
    overwrite: bool,
) -> None:
    """Speak, and write it where `output` says; without one, as WAV on stdout, sentence by sentence, each as soon as it
    is made. text: whole, or piece by piece as it comes."""
    from rhapsode.modalities.speech import audio, labels, speaking
    from rhapsode.modalities.speech.codecs.speech import Speech
    from rhapsode.modalities.speech.utterance import joined

    codec = model.codec
    if not isinstance(codec, Speech):
        raise UserError(f"this is a model of {codec.name}, which is part of a voice: give the voice's folder.")
    if output != "-":
        check_suffix(output, SOUNDS)
    for name in voice.also:
        check_suffix(name, [*labels.WRITTEN, ".csv", ".png"], "--also")
    names = [output] if samples == 1 or output == "-" else [numbered(output, n + 1) for n in range(samples)]
    for name in [*names, *voice.also]:
        check_writable(name, overwrite=overwrite)
    if voice.phones is not None:
        check_suffix(voice.phones, labels.READ, "--phones")
        check_readable([voice.phones])
    if samples > 1 and (output == "-" or voice.also):
        raise UserError("--samples makes several files: it needs -o FILE.wav, and no --also.")
    if not codec.auxiliary and (voice.phones is not None or voice.manner.speed != 1):
        raise UserError(f"--phones and --speed: a model of {codec.name} finds its own times. Leave them out.")
    if voice.f0 is not None and voice.phones is None:
        raise UserError("--f0 needs --phones FILE, too: F0 is that of phones whose times are known.")
    if voice.phones is not None and (not isinstance(text, str) or text.strip()):
        raise UserError("a text and --phones were given; one of them must go.")
    if voice.pause is not None and not 0 <= voice.pause <= QUIET:
        raise UserError(f"--pause {voice.pause:g}: between sentences are 0 to {QUIET} seconds.")
    if samples > 1 and not voice.manner.temperature:
        raise UserError("--samples: without a temperature they are all the same. Add, e.g., --temperature 0.5.")
    if isinstance(text, str) and not text.strip() and voice.phones is None:
        raise UserError(SILENCE)
    chosen = seed
    if seed is None:
        chosen = fresh_seed() if voice.manner.temperature else 0
    assert chosen is not None
    prosody = speaking.prosody_beside(model)
    if samples > 1 and not isinstance(text, str):
        text = "".join(text)
    reading = None if voice.phones is not None else _reading(voice, model)
    contour = None if voice.f0 is None else _contour(voice.f0, codec.hop)
    told = _Told()

    def said(row: int) -> Iterator[Spoken]:
        if voice.phones is not None:
            outlines = _labelled(
                voice.phones, codec, voice.manner.speaker, contour is not None, told, voice.manner.speed
            )
        else:
            outlines = speaking.outlined(codec, text, voice.manner.speaker, told, reading, told.note)
        return speaking.speak(model, prosody, outlines, voice.manner, chosen, row, contour)

    if output == "-" and not json and not voice.also:
        _streamed(said(0), sys.stdout.isatty())
        return
    entries = []
    for row, name in enumerate(names):
        spoken = list(said(row))
        if not spoken:
            raise UserError(SILENCE)
        whole = joined(spoken)
        if output != "-":
            audio.written(whole.sound(), Path(name))
            tell(name)
        for beside in voice.also:
            tell(f"{beside}{_beside(whole, beside, output)}")
        entries.append(_object(whole))
    if json:
        put(as_json({"seed": chosen, "samples": entries}))


def _streamed(said: Iterator[Spoken], screen: bool) -> None:
    """A WAV file as it is made; on a terminal, a sketch of it."""
    from rhapsode.modalities.speech.audio import header, pcm
    from rhapsode.modalities.speech.picture import preview

    first = next(said, None)
    if first is None:
        raise UserError(SILENCE)
    if not screen:
        put(header(first.sound().rate))
    for one in chain([first], said):
        if screen:
            put(f"{one.text}\n{preview(one.acoustics())}\n".encode())
        else:
            put(pcm(one.sound()))
    if screen:
        tell("to hear it: -o FILE.wav, or a pipe to a player, such as aplay")


def _reading(voice: Voice, model: Model) -> Reading:
    """Raises `UserError`."""
    from rhapsode.modalities.speech.lexicon import load
    from rhapsode.modalities.speech.speaking import Reading

    assert model.path is not None
    own = model.path.parent / LEXICON
    words = load(own) if own.is_file() else {}
    if voice.lexicon is not None:
        check_readable([voice.lexicon])
        words |= load(Path(voice.lexicon))
    return Reading(voice.sentences, voice.pause, words)


class _Told:
    """Tells which phones the voice never heard, and what it says for them, once each."""

    def __init__(self) -> None:
        self._known = set[str]()

    def note(self, text: str) -> None:
        if text not in self._known:
            typer.echo(f"warning: {text}", err=True)
            self._known.add(text)

    def __call__(self, utterance: Utterance, changed: dict[str, tuple[str, ...]]) -> None:
        if new := [symbol for symbol in changed if symbol not in self._known]:
            each = ", ".join(f"{symbol} (says {' '.join(changed[symbol]) or 'nothing'})" for symbol in sorted(new))
            where = f", as in {utterance.text!r}" if utterance.text else ""
            typer.echo(f"warning: the voice has never heard {each}{where}", err=True)
            self._known.update(new)


def _labelled(
    name: str, codec: Speech, speaker: str | None, single: bool, told: _Told, speed: float
) -> Iterator[Utterance]:
    """Utterances of a file of phones. single: it may be one only, with times. Raises `UserError`."""
    from rhapsode.modalities.speech import labels
    from rhapsode.modalities.speech.alphabets import IPA, alphabet
    from rhapsode.modalities.speech.speaking import with_known_phones
    from rhapsode.modalities.speech.utterance import Timed

    given = labels.read(Path(name))
    if single and len(given) > 1:
        raise UserError(f"{name}: it has {len(given)} utterances; with --f0 it must be one, whose F0 that is.")
    theirs = alphabet({phone.symbol for one in given for phone in one.phones})
    for one in given:
        found = replace(one, speaker=speaker or one.speaker or codec.features.speakers[0])
        timed = isinstance(found, Timed)
        if single and not timed:
            raise UserError(f"{name}: its phones have no times, so --f0 means nothing. Write times, or leave it out.")
        if timed and speed != 1:
            raise UserError(f"{name} and --speed were given; one of them must go: the file says when phones are said.")
        if found.speaker not in codec.features.speakers:
            raise choice(f"{name}: speaker", found.speaker, codec.features.speakers, "Or name one: --speaker NAME.")
        yield with_known_phones(codec, found, told, theirs or IPA)


def _contour(name: str, hop: float) -> Any:
    """Of a file with lines `seconds,hertz` (0 where unvoiced): Hz at each frame, between them by straight lines."""
    import numpy as np

    rows = []
    try:
        with open(name, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                parts = line.strip().split(",")
                try:
                    rows.append((float(parts[0]), float(parts[1])))
                except (ValueError, IndexError):
                    if number == 1:  # names of columns
                        continue
                    rows.append((-1, 0))
                if not (0 <= rows[-1][0] <= LATEST and 0 <= rows[-1][1] <= HIGHEST):
                    raise UserError(
                        f"{name}, line {number}: {line.strip()[:60]!r} is not `seconds,hertz`. Write two numbers, "
                        f"up to {LATEST} and {HIGHEST}; 0 Hz is unvoiced."
                    )
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{name}: it is not text. Give lines of `seconds,hertz`.") from None
    if len(rows) < 2:
        raise UserError(f"{name}: it has no F0. Give lines of `seconds,hertz`.")
    times, hertz = np.array(sorted(rows)).T
    at = np.arange(round(times[-1] / hop) + 1) * hop
    after = times.searchsorted(at, side="right").clip(1, len(times) - 1)
    part = ((at - times[after - 1]) / np.maximum(times[after] - times[after - 1], 1e-9)).clip(0, 1)
    one, other = hertz[after - 1], hertz[after]
    return np.where((one > 0) & (other > 0), one + part * (other - one), np.where(part < 0.5, one, other))


def _beside(whole: Spoken, name: str, sound: str) -> str:
    """Times, F0 or a picture, as the suffix says. What is to be said of the file behind its name, if anything is.

    sound: the file of the sound, or `-`. Lines of JSON name it, if they can, so that both can be read back.
    """
    from rhapsode.modalities.speech import labels
    from rhapsode.modalities.speech.picture import LONGEST, picture

    suffix = Path(name).suffix.lower()
    if suffix == ".png":
        write(name, picture(whole))
        if (seconds := whole.sound().seconds) > LONGEST:
            return f": the first {LONGEST} of {seconds:.0f} seconds"
    elif suffix == ".csv":
        frames = whole.acoustics()
        rows = (f"{n * frames.hop:.4f},{f0:.2f}\n" for n, f0 in enumerate(frames.f0.tolist()))
        write(name, ("seconds,hertz\n" + "".join(rows)).encode())
    else:
        folder, path = Path(name).resolve().parent, Path(sound).resolve()
        named = path.relative_to(folder).as_posix() if sound != "-" and path.is_relative_to(folder) else None
        write(name, labels.dumps(whole, suffix, named).encode(errors="replace"))
    return ""


def _object(whole: Spoken) -> dict[str, Any]:
    spans = zip(whole.phones, whole.times[:-1].tolist(), whole.times[1:].tolist(), strict=True)
    return {
        "text": whole.text,
        "seconds": float(whole.times[-1]),
        "phones": [[phone.symbol, round(begin, 4), round(end, 4)] for phone, begin, end in spans],
    }
