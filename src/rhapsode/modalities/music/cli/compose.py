"""`rhapsode compose`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.options import (
    MORE_SAMPLING,
    Further,
    Length,
    MinP,
    ModelName,
    Output,
    OutputJson,
    OutputOverwrite,
    RepetitionPenalty,
    Samples,
    SampleSeed,
    Temperature,
    TopK,
    TopP,
    Typical,
)
from rhapsode.console.output import check_writable
from rhapsode.console.sampling import load, sampled

MUSIC, GIVEN, PLAYED = "What to compose", "From a tune", "How it is played"
"""Headings of panels in help."""
SOUND = Further("Sound")


def compose(
    model: ModelName,
    bars: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            rich_help_panel=MUSIC,
            help="How many bars [default: as most training tunes have, or 16].",
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", rich_help_panel=MUSIC, help="In this key: D, F#m, Bb, Ddor.")
    ] = None,
    in_key: Annotated[
        bool, typer.Option("--in-key", rich_help_panel=MUSIC, help="Only notes of the key's scale.")
    ] = False,
    metre: Annotated[
        str | None, typer.Option(metavar="METRE", rich_help_panel=MUSIC, help="In this metre: 4/4, 3/4, 6/8.")
    ] = None,
    chords: Annotated[
        str | None,
        typer.Option(metavar="CHORDS", rich_help_panel=MUSIC, help='Over these chords, repeated: "Dm7 G7 | Cmaj7".'),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(min=0.01, max=100, metavar="X", rich_help_panel=MUSIC, help="About X notes a quarter."),
    ] = None,
    loop: Annotated[
        bool,
        typer.Option("--loop", rich_help_panel=MUSIC, help="To be repeated: the last bar leads into the first."),
    ] = False,
    max_copy: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            rich_help_panel=MUSIC,
            help="Draw again what copies more than N in a row: notes of a training tune.",
        ),
    ] = None,
    primer: Annotated[
        str | None, typer.Option(metavar="FILE[#N]", rich_help_panel=GIVEN, help="Go on from this (the N-th) tune.")
    ] = None,
    no_echo: Annotated[
        bool, typer.Option("--no-echo", rich_help_panel=GIVEN, help="Leave the primer out of the output.")
    ] = False,
    fill: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[#N]", rich_help_panel=GIVEN, help="Keep this tune, and compose the parts that it lacks."
        ),
    ] = None,
    fill_bars: Annotated[
        str | None,
        typer.Option(metavar="BARS", rich_help_panel=GIVEN, help="With --fill: compose these bars anew: 5-8."),
    ] = None,
    fill_parts: Annotated[
        str | None,
        typer.Option(metavar="PARTS", rich_help_panel=GIVEN, help="With --fill: compose these parts anew: 2-4."),
    ] = None,
    tempo: Annotated[
        float | None,
        typer.Option(min=1, max=1000, metavar="BPM", rich_help_panel=PLAYED, help="Quarter notes a minute."),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|0-127[,..]",
            rich_help_panel=PLAYED,
            help="General MIDI instruments, one for all parts or one for each. A model of bands uses only these.",
        ),
    ] = None,
    transpose: Annotated[
        str | None,
        typer.Option(
            metavar="N|KEY", rich_help_panel=PLAYED, help="Move the finished tune by N semitones, or into this key."
        ),
    ] = None,
    loudness: Annotated[
        str | None,
        typer.Option(metavar="MARK|1-127", rich_help_panel=SOUND, help="pp to ff, or the mean velocity of notes."),
    ] = None,
    soundfont: Annotated[
        str | None,
        typer.Option(metavar="FILE.sf2", rich_help_panel=SOUND, help="For WAV: the sounds of this SoundFont."),
    ] = None,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    typical: Typical = 1.0,
    repetition_penalty: RepetitionPenalty = 1.0,
    seed: SampleSeed = None,
    samples: Samples = 1,
    length: Length = None,
    particles: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=MORE_SAMPLING,
            help="Particles of sequential Monte Carlo: compose N side by side, keep what fits "
            "[default: 32 with --fill and --loop].",
        ),
    ] = None,
    output: Output = "-",
    overwrite: OutputOverwrite = False,
    json: OutputJson = False,
) -> None:
    """Compose music with a model of tunes, chorales or bands.

    The name of the file says its format: .mid, .abc, .musicxml, .wav, .html (a page that plays), .svg, .png, .jsonl."""
    from rhapsode.modalities.music.asked import Wish
    from rhapsode.modalities.music.cli.output import write_music

    check_writable(output, overwrite=True)  # which files there will be is not known yet
    sampling = sampled(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        typical=typical,
        repetition_penalty=repetition_penalty,
    )
    wish = Wish(
        bars=bars,
        chords=chords,
        key=key,
        metre=metre,
        density=density,
        in_key=in_key,
        fill_bars=fill_bars,
        fill_parts=fill_parts,
        particles=particles,
        max_copy=max_copy,
        soundfont=soundfont,
        transpose=transpose,
        loop=loop,
        tempo=tempo,
        program=program,
        loudness=loudness,
        echo=not no_echo,
    )
    write_music(load(model, "music"), wish, primer, fill, sampling, seed, samples, length, output, json, overwrite)
