"""`rhapsode speak`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from rhapsode.console.commands import renamed
from rhapsode.console.options import (
    OUTPUT,
    ModelName,
    Output,
    OutputJson,
    OutputOverwrite,
    Samples,
    SampleSeed,
    Temperature,
    TextFile,
)
from rhapsode.console.output import arriving, check_writable
from rhapsode.console.sampling import load, prompted, sampled
from rhapsode.errors import UserError

VOICE, SAID = "Voice", "How it is said"
"""Headings of panels in help."""
SEMITONES = 24
"""By which a voice may be higher or lower."""


@renamed(prompt_file="text_file")
def speak(
    model: ModelName,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text to say, or SSML; - reads stdin as it comes.")
    ] = None,
    text_file: TextFile = None,
    speed: Annotated[
        float,
        typer.Option(min=0.2, max=5, metavar="X", rich_help_panel=VOICE, help="2 is twice as fast."),
    ] = 1.0,
    pitch: Annotated[
        float | None,
        typer.Option(metavar="SEMITONES", rich_help_panel=VOICE, help="Higher by so much; below 0 lower."),
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=VOICE, help="The speaker, if the voice has several.")
    ] = None,
    liveliness: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=2,
            metavar="X",
            rich_help_panel=VOICE,
            help="0: an even voice; 1: a sound as varied as the recordings' [default: 0.6].",
        ),
    ] = None,
    sentences: Annotated[
        str,
        typer.Option(
            metavar="auto|line",
            rich_help_panel=SAID,
            help="How the text is cut: as its language ends sentences, or each line is one.",
        ),
    ] = "auto",
    pause: Annotated[
        float | None, typer.Option(metavar="SECONDS", rich_help_panel=SAID, help="Silence between sentences.")
    ] = None,
    lexicon: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=SAID,
            help="How words are said: in each line a word, a tab and its phones (IPA, CMUdict).",
        ),
    ] = None,
    phones: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=SAID,
            help="Say these phones instead of a text, at their times if they have any: .TextGrid, .lab, .jsonl, .txt.",
        ),
    ] = None,
    f0: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.csv", rich_help_panel=SAID, help="With --phones: at this pitch, lines of seconds,hertz."
        ),
    ] = None,
    temperature: Temperature = 0.0,
    seed: SampleSeed = None,
    samples: Samples = 1,
    output: Output = "-",
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write this, too: phones with times (.TextGrid, .lab, .jsonl), pitch (.csv), a picture (.png). "
            "May be given several times.",
        ),
    ] = None,
    overwrite: OutputOverwrite = False,
    json: OutputJson = False,
) -> None:
    """Speak a text with a voice that was trained on recordings.

    The name of the file says its format: .wav, .flac, .ogg. Without one, WAV goes to standard output, sentence by
    sentence. A --temperature above 0 draws rhythm and melody, another one with each seed."""
    from rhapsode.modalities.speech.cli.output import Voice, write_speech

    check_writable(output, overwrite=True)  # which files there will be is not known yet
    sampled(temperature=temperature)  # only checked: what else it may be, the voice says
    loaded = load(model, "speech")
    if text == "-" and text_file is None:
        said: str | Iterator[str] = arriving()
    else:
        said = prompted(text, text_file, "--text-file").decode("utf-8", "replace")
    if pitch is not None and not -SEMITONES <= pitch <= SEMITONES:
        raise UserError(f"--pitch {pitch:g}: semitones are from {-SEMITONES} to {SEMITONES}.")

    from rhapsode.modalities.speech.speaking import LIVELINESS, Manner

    lively = LIVELINESS if liveliness is None else liveliness
    manner = Manner(speed, 2 ** ((pitch or 0.0) / 12), temperature, lively, speaker)
    voice = Voice(manner, phones, f0, also or [], sentences, pause, lexicon)
    write_speech(loaded, said, voice, seed, samples, output, json, overwrite)
