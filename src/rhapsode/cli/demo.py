"""`rhapsode demo`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console.imports import unbroken
from rhapsode.console.output import visible
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError, choice
from rhapsode.files.place import check

DEMOS = ("text", "handwriting", "music", "speech")
SAID = "The quick brown fox jumps over the lazy dog. I never heard these words before."
WORDS = "The quick brown fox jumps over the lazy dog, 1234567890 times."


def demo(
    what: Annotated[str, typer.Argument(metavar="[text|handwriting|music|speech]", help="What to learn.")] = "text",
    words: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="What to write by hand, or to say [default: a pangram].")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="How long to train [default: 3; handwriting 10, speech 4].")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where to work [default: ./demo-text and so on]."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is played: another makes another [default: 1].")] = None,
) -> None:
    """Train on what is found or made on every machine, then write: text, by hand, or music; or speak.

    All that it makes is put into one folder. Run again, it takes the model from there, and adds what it writes."""
    if what not in DEMOS:
        raise choice("demo", what, DEMOS)
    if what not in ("handwriting", "speech") and words is not None:
        raise UserError(f"{words!r}: only the demos of handwriting and speech are told what to write or say.")
    if what != "music" and seed is not None:
        raise UserError("--seed: only the demo of music takes one.")
    folder = Path(f"demo-{what}" if output is None else output)
    check(str(folder), folder=True)
    if what == "text":
        _text(folder, 3.0 if minutes is None else minutes)
    elif what == "music":
        _music(folder, 3.0 if minutes is None else minutes, 1 if seed is None else seed, output)
    elif what == "speech":
        _speech(folder, 4.0 if minutes is None else minutes, words or SAID)
    else:
        _handwriting(folder, 10.0 if minutes is None else minutes, words or WORDS)


def _handwriting(folder: Path, minutes: float, words: str) -> None:
    with unbroken():
        from rhapsode.modalities.ink.demo import demo as run
        from rhapsode.modalities.ink.picture import preview

    with reporting() as report:
        result = run(folder, minutes, words, report)
    for sheet in result.written.layout.sheets:
        for line in sheet.lines:
            typer.echo(f"{line.drawing.text}\n{preview(line.drawing)}")
    for piece, verdict in zip(result.written.pieces, result.verdicts, strict=True):
        read = "read back without an error" if verdict.read == piece.text else f"read back as {verdict.read!r}"
        tell(f"{piece.text!r} was {read}")
    for file in result.files:
        tell(f"written   {file} (open it in a browser: it writes itself)")
    tell(f"attention {result.attention}\nmodel     {result.model}\npicture   {result.picture}")
    tell(f'next      rhapsode generate {result.model} "any words" -o words.svg --bias 1\n'
         f"          rhapsode ink my-hand.jsonl")  # fmt: skip


def _music(folder: Path, minutes: float, seed: int, output: str | None) -> None:
    with unbroken():
        from rhapsode.modalities.music.bluesform import form
        from rhapsode.modalities.music.demo import Held
        from rhapsode.modalities.music.demo import demo as run

    def line(name: str, held: Held) -> str:
        parts = (held.melody.fitting, held.melody.strong, held.melody.repeated)
        return f"  {name:<12}{held.right:5} of{held.bars:5}" + "".join(f"{100 * part:13.0f} %" for part in parts)

    with reporting() as report:
        result = run(folder, minutes, report, seed)
    typer.echo(
        f"{result.played.bars // 12} choruses of a blues in {form(result.key)[0][:-1]}, {result.played.melody.notes} "
        f"notes of melody, {result.tune.seconds:.0f} seconds\n"
    )
    typer.echo("              bars with the   notes in scale  of those on    bars of 2nd lines")
    typer.echo("              form's chords   or chord        strong beats,  with the rhythm")
    typer.echo("                                              in the chord   of the 1st")
    typer.echo(line("rhapsode", result.played))
    typer.echo(line("the corpus", result.made))
    for file in result.files:
        tell(f"written   {file}" + (" (open it in a browser: it plays)" * (file.suffix == ".html")))
    tell(f"model     {result.model}\npicture   {result.picture}")
    there = f" -o {shlex.quote(output)}" if output else ""
    tell(f"next      rhapsode demo music --seed {result.seed + 1}{there}\n"
         f"          rhapsode train YOUR-TUNES/ -o my-model --minutes 5")  # fmt: skip


def _speech(folder: Path, minutes: float, words: str) -> None:
    with unbroken():
        from rhapsode.modalities.speech.demo import demo as run
        from rhapsode.modalities.speech.picture import preview

    with reporting() as report:
        result = run(folder, minutes, words, report)
    frames = result.spoken.acoustics()
    typer.echo(preview(frames))
    far = result.far
    typer.echo(
        f"It heard {result.heard / 60:.1f} minutes of espeak-ng. On sentences that it did not hear, with espeak-ng's "
        f"own durations:\nspectral distortion {far.lsd_db:.2f} dB, F0 {far.f0_rmse_hz:.1f} Hz off (correlation "
        f"{far.f0_correlation:.2f}), voiced or not wrong in {far.voicing_error_percent:.1f} % of the frames"
    )
    tell(
        f"{frames.seconds:.1f} seconds of speech took {result.took:.2f} s: {frames.seconds / result.took:.0f} times "
        "as fast as it is spoken"
    )
    for file in result.files:
        tell(f"written   {file}")
    tell(f"model     {result.model}\npicture   {result.picture}")
    tell(f'next      rhapsode generate {result.model} "Any words." -o words.wav\n'
         f"          rhapsode train YOUR-RECORDINGS/ -o my-voice --minutes 20")  # fmt: skip


def _text(folder: Path, minutes: float) -> None:
    with unbroken():
        from rhapsode.modalities.text.demo import demo as run

    with reporting() as report:
        result = run(folder, minutes, report)
    typer.echo(result.source)
    typer.echo("\nbits per character of text it has not seen (less is better)")
    width = max(len(name) for name, _ in result.table)
    for name, bits in result.table:
        typer.echo(f"  {name:<{width}}  {bits:6.3f}")
    for temperature, text in result.samples:
        typer.echo(f"\n--- temperature {temperature:g} ---\n{visible(text)}")
    tell(f"written  {result.written}")
    tell(f"model    {result.model}\npicture  {result.picture}")
    tell(f'next     rhapsode generate {result.model} "The "\n'
         f"         rhapsode train YOUR-TEXT.txt -o my-model --minutes 5")  # fmt: skip
