"""What `speak` does with a voice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.console.output import as_json, check_readable, check_suffix, check_writable, numbered, put, write
from rhapsode.console.progress import Warnings, tell
from rhapsode.console.sampling import fresh_seed
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.model import Model
    from rhapsode.modalities.speech.speaking import Manner
    from rhapsode.modalities.speech.utterance import Spoken

SOUNDS = (".wav", ".flac", ".ogg")


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
    from rhapsode.modalities.speech import asked, audio, labels
    from rhapsode.modalities.speech.lexicon import load
    from rhapsode.modalities.speech.utterance import joined

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
    if voice.f0 is not None and voice.phones is None:
        raise UserError("--f0 needs --phones FILE, too: F0 is that of phones whose times are known.")
    if voice.lexicon is not None:
        check_readable([voice.lexicon])
    order = asked.Speaking(
        voice.manner,
        text,
        None if voice.phones is None else labels.read(Path(voice.phones)),
        () if voice.f0 is None else [_contour(voice.f0)],
        voice.sentences,
        voice.pause,
        None if voice.lexicon is None else load(Path(voice.lexicon)),
        voice.phones or "",
    )
    asked.check(model, order, samples)
    chosen = seed
    if seed is None:
        chosen = fresh_seed() if voice.manner.temperature else 0
    assert chosen is not None
    made = asked.said(model, asked.beside(model), order, chosen, samples, Warnings())
    if output == "-" and not json and not voice.also:
        _streamed(made[0])
        return
    entries = []
    for sentences, name in zip(made, names, strict=True):
        spoken = list(sentences)
        if not spoken:
            raise UserError(asked.SILENCE)
        whole = joined(spoken)
        if output != "-":
            audio.written(whole.sound(), Path(name))
            tell(name)
        for beside in voice.also:
            tell(f"{beside}{_beside(whole, beside, output)}")
        entries.append(asked.entry(whole))
    if json:
        put(as_json({"seed": chosen, "samples": entries}))


def _streamed(said: Iterator[Spoken]) -> None:
    """A WAV file as it is made; on a terminal, a sketch of it."""
    from rhapsode.modalities.speech.asked import SILENCE, streamed
    from rhapsode.modalities.speech.picture import preview

    if not sys.stdout.isatty():
        for part in streamed(said):
            put(part)
        return
    first = next(said, None)
    if first is None:
        raise UserError(SILENCE)
    for one in chain([first], said):
        put(f"{one.text}\n{preview(one.acoustics())}\n".encode())
    tell("to hear it: -o FILE.wav, or a pipe to a player, such as aplay")


def _contour(name: str) -> list[tuple[float, float]]:
    """The lines `seconds,hertz` of a file (0 where unvoiced)."""
    from rhapsode.modalities.speech.asked import HIGHEST, LATEST

    rows: list[tuple[float, float]] = []
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
    return rows


def _beside(whole: Spoken, name: str, sound: str) -> str:
    """Times, F0 or a picture, as the suffix says. What is to be said of the file behind its name, if anything is.

    sound: the file of the sound, or `-`. Lines of JSON name it, if they can, so that both can be read back.
    """
    from rhapsode.modalities.speech import labels
    from rhapsode.modalities.speech.asked import contour_of
    from rhapsode.modalities.speech.picture import LONGEST, picture

    suffix = Path(name).suffix.lower()
    if suffix == ".png":
        write(name, picture(whole))
        if (seconds := whole.sound().seconds) > LONGEST:
            return f": the first {LONGEST} of {seconds:.0f} seconds"
    elif suffix == ".csv":
        write(name, contour_of(whole))
    else:
        folder, path = Path(name).resolve().parent, Path(sound).resolve()
        named = path.relative_to(folder).as_posix() if sound != "-" and path.is_relative_to(folder) else None
        write(name, labels.dumps(whole, suffix, named).encode(errors="replace"))
    return ""
