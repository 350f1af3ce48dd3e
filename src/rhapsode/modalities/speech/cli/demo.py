"""`rhapsode demo speech`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.demos import Output, folder_for
from rhapsode.console.imports import unbroken
from rhapsode.console.progress import reporting, tell

WORDS = "The quick brown fox jumps over the lazy dog. I never heard these words before."


def speech(
    words: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="What to say [default: a pangram].", show_default=False)
    ] = WORDS,
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 4.0,
    output: Output = None,
) -> None:
    """Learn the voice of espeak-ng, then speak.

    It is measured how near the voice comes to espeak-ng on sentences that it has not heard."""
    folder = folder_for("speech", output)
    with unbroken():
        from rhapsode.modalities.speech.demo import demo as run
        from rhapsode.modalities.speech.picture import preview

    with reporting() as report:
        result = run(folder, minutes, words or WORDS, report)
    frames = result.spoken.acoustics()
    typer.echo(preview(frames))
    far = result.far
    typer.echo(
        f"It heard {result.corpus_seconds / 60:.1f} minutes of espeak-ng. On sentences that it did not hear, with "
        f"espeak-ng's own durations:\nspectral distortion {far.lsd_db:.2f} dB, F0 {far.f0_rmse_hz:.1f} Hz off "
        f"(correlation {far.f0_correlation:.2f}), voiced or not wrong in {far.voicing_error_percent:.1f} % of "
        "the frames"
    )
    tell(
        f"{frames.seconds:.1f} seconds of speech took {result.took:.2f} s: {frames.seconds / result.took:.0f} times "
        "as fast as it is spoken"
    )
    for file in result.files:
        tell(f"written   {file}")
    tell(f"model     {result.model}\npicture   {result.picture}")
    tell(f'next      rhapsode speak {result.model} "Any words." -o words.wav\n'
         f"          rhapsode train YOUR-RECORDINGS/ -o my-voice --minutes 20")  # fmt: skip
