"""`rhapsode write`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.console.commands import refuse, renamed
from rhapsode.console.options import (
    OUTPUT,
    Further,
    Length,
    ModelName,
    Output,
    OutputJson,
    OutputOverwrite,
    Samples,
    SampleSeed,
    TextFile,
)
from rhapsode.console.output import check_writable
from rhapsode.console.sampling import load, prompted, sampled

HAND, PAGE, LOOK = "Hand", "Page", "Look"
"""Headings of panels in help."""
BEGUN = Further("Several endings")
PLOTTER = Further("Plotter (files of G-code and HPGL)")


@renamed(prompt_file="text_file", pitch="line_height", pause="dwell")
def write(
    ctx: typer.Context,
    model: ModelName,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text to write; - reads stdin.")] = None,
    text_file: TextFile = None,
    bias: Annotated[
        float,
        typer.Option(metavar="X", rich_help_panel=HAND, help="Above 0, neater than the model's own hand, e.g. 1."),
    ] = 0.0,
    style: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[#N]", rich_help_panel=HAND, help="In the manner of this drawing: the N-th, or #its text."
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[#N]",
            rich_help_panel=BEGUN,
            help="Go on from these strokes, the beginning of the text; --samples gives several endings.",
        ),
    ] = None,
    unknown: Annotated[
        str,
        typer.Option(
            metavar="refuse|nearest|skip",
            rich_help_panel=HAND,
            help="Characters that the model never saw: an error, é as e and so on, or left out.",
        ),
    ] = "refuse",
    tries: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=HAND,
            help="Write again what cannot be read, up to N times (see rhapsode recognise).",
        ),
    ] = 8,
    seed: SampleSeed = None,
    samples: Samples = 1,
    length: Length = None,
    page: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", rich_help_panel=PAGE, help="On pages: a4, a5, letter, card, a4-landscape, 120x80 (mm) ..."
        ),
    ] = None,
    x_height: Annotated[
        float | None, typer.Option(metavar="MM", rich_help_panel=PAGE, help="Height of a small letter such as x.")
    ] = None,
    line_height: Annotated[
        float | None,
        typer.Option(metavar="MM", rich_help_panel=PAGE, help="From base line to base line [default: four x-heights]."),
    ] = None,
    margin: Annotated[float | None, typer.Option(metavar="MM", rich_help_panel=PAGE, help="On all sides.")] = None,
    align: Annotated[
        str, typer.Option(metavar="SIDE", rich_help_panel=PAGE, help="left, right, centre or justify.")
    ] = "left",
    reflow: Annotated[
        bool,
        typer.Option("--reflow", rich_help_panel=PAGE, help="Fill lines up; only blank lines end paragraphs."),
    ] = False,
    ruled: Annotated[bool, typer.Option("--ruled", rich_help_panel=PAGE, help="Draw the base lines, too.")] = False,
    colour: Annotated[
        str | None,
        typer.Option(
            "--colour",
            "--color",
            metavar="COLOUR",
            rich_help_panel=LOOK,
            help="SVG, PNG: of the ink: navy, #1a2456.",
        ),
    ] = None,
    nib: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            rich_help_panel=LOOK,
            help="SVG, PNG: breadth of the line [default: an eighth of the x-height].",
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="plotter|ink",
            rich_help_panel=LOOK,
            help="SVG, PNG: lines of one breadth (SVG's default), or as a nib leaves them (PNG's).",
        ),
    ] = None,
    animated: Annotated[
        bool, typer.Option("--animated", rich_help_panel=LOOK, help="SVG: it writes itself when opened.")
    ] = False,
    dpi: Annotated[
        float | None, typer.Option(metavar="N", rich_help_panel=LOOK, help="PNG: pixels an inch [default: 200].")
    ] = None,
    lift: Annotated[
        str | None,
        typer.Option(
            metavar="z|servo|laser|marlin",
            rich_help_panel=PLOTTER,
            help="G-code: what lifts the pen: the z axis; a servo (M5, M3 S90); a laser; a servo of Marlin (M280).",
        ),
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", rich_help_panel=PLOTTER, help="G-code: lifts the pen: a number, or commands: M3 S30."
        ),
    ] = None,
    down: Annotated[
        str | None, typer.Option(metavar="CODE", rich_help_panel=PLOTTER, help="G-code: lowers the pen, likewise.")
    ] = None,
    dwell: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=PLOTTER,
            help="G-code: wait after the pen was lifted or lowered [default: 0.15 for servos].",
        ),
    ] = None,
    feed: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            rich_help_panel=PLOTTER,
            help="G-code, HPGL: mm a minute with the pen down [default: 1500; HPGL: the plotter's].",
        ),
    ] = None,
    travel: Annotated[
        float | None,
        typer.Option(
            metavar="MM", rich_help_panel=PLOTTER, help="G-code: mm a minute with the pen up [default: 6000]."
        ),
    ] = None,
    pen: Annotated[
        int | None, typer.Option(metavar="N", rich_help_panel=PLOTTER, help="HPGL: number of the pen [default: 1].")
    ] = None,
    output: Output = "-",
    attention: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.png",
            rich_help_panel=OUTPUT,
            help="Also a picture of the attention: which character was seen at each step.",
        ),
    ] = None,
    overwrite: OutputOverwrite = False,
    json: OutputJson = False,
) -> None:
    """Write a text by hand, or draw, with a model of pen strokes.

    The name of the file says its format: .svg, .png, .gcode, .nc, .hpgl, .plt, .json, .jsonl."""
    from rhapsode.modalities.ink.asked import Order, Pen
    from rhapsode.modalities.ink.cli.output import write_ink

    check_writable(output, overwrite=True)  # which files there will be is not known yet
    sampling = sampled(bias=bias)
    loaded = load(model, "ink")
    if not page:
        only = ("line_height", "margin", "align", "reflow", "ruled")
        refuse(ctx, only, "is for writing on pages, and no --page was given")
    if loaded.text is None:
        refuse(ctx, ("unknown",), "is for texts, and this model was trained without any")
    if loaded.text is None or length is not None or begin is not None:
        refuse(ctx, ("tries",), "says how often a text is drawn that cannot be read; here nothing is read")
    look = {
        "mode": mode,
        "nib": nib,
        "colour": colour,
        "dpi": dpi,
        "animated": animated or None,
        "lift": lift,
        "up": up,
        "down": down,
        "dwell": dwell,
        "feed": feed,
        "travel": travel,
        "pen": pen,
    }
    how = Pen(
        tries=tries,
        page=page,
        x_height=x_height,
        line_height=line_height,
        margin=margin,
        align=align,
        ruled=ruled,
        reflow=reflow,
        look={name: value for name, value in look.items() if value is not None},
    )
    words = prompted(text, text_file, "--text-file").decode("utf-8-sig", "replace")
    order = Order(words, how, "", unknown, sampling, samples, length)
    write_ink(loaded, order, style, begin, seed, attention, output, json, overwrite)
