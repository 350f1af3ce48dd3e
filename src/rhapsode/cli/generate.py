"""`rhapsode generate`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.escapes import KNOWN, unescaped
from rhapsode.console.imports import unbroken
from rhapsode.console.options import Overwrite
from rhapsode.console.output import arriving, as_json, check_writable, put, visible, write
from rhapsode.console.progress import tell
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model


MUSIC, PENS, VOICES = "Music", "Pens", "Voices"
"""With these the help of options begins that are for such models only."""
SEMITONES = 24
"""By which a voice may be higher or lower."""
STOPS = ("stop", "stop_after", "ignore_end")
MEANINGLESS = {
    MUSIC: STOPS,
    PENS: (*STOPS, "no_echo"),
    VOICES: (*STOPS, "no_echo", "length", "top_k", "top_p", "min_p", "typical", "repetition_penalty"),
}
"""Options for models of text that others have no use for. (Of drawing steps, their heads say it.)"""


def generate(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file, or demo:handwriting.")],
    prompt: Annotated[str | None, typer.Argument(metavar="[PROMPT]", help="What to go on from; - reads stdin.")] = None,
    prompt_file: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Go on from the text of a file, or data:NAME/PART.")
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(help="Steps to draw: characters, for most models [default: 500, or to the text's end]."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder, 0 always the likeliest.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Draw among the K likeliest; 0 is off.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw among the likeliest that reach this mass; 1 is off.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Leave out what is less likely than this part of the likeliest.")] = 0.0,
    typical: Annotated[float, typer.Option(help="Locally typical sampling, up to this mass; 1 is off.")] = 1.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1, repeating is rarer.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same text [default: a fresh one, told on stderr].")
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            min=1, help="How many to draw; each begins with a line `--- sample N ---`, unless each is a line."
        ),
    ] = 1,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help=f"End before this text; may be given several times. Escapes: {KNOWN}."),
    ] = None,
    stop_after: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End after this text, which stays; else as --stop.")
    ] = None,
    ignore_end: Annotated[
        bool, typer.Option("--ignore-end", help="Go on with another document, or line, where one has ended.")
    ] = False,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write there instead of stdout.")] = "-",
    overwrite: Overwrite = False,
    no_echo: Annotated[bool, typer.Option("--no-echo", help="Leave the prompt out of the output.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, with log-probabilities.")] = False,
    bars: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Music: how many [default: a form: as most training tunes have, or 16]."),
    ] = None,
    chords: Annotated[
        str | None,
        typer.Option(
            metavar="CHORDS",
            help='Music: over these, again and again: "Dm7 G7 | Cmaj7".',
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Music: in this one: D, F#m, Bb, Ddor.")] = None,
    in_key: Annotated[bool, typer.Option("--in-key", help="Music: only notes of the key's scale.")] = False,
    metre: Annotated[str | None, typer.Option(metavar="METRE", help="Music: in this one: 4/4, 3/4, 6/8.")] = None,
    tempo: Annotated[
        float | None, typer.Option(min=1, max=1000, metavar="BPM", help="Music: quarter notes a minute, all along.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|0-127[,..]",
            help="Music: these General MIDI instruments, for all parts or each; of models that know some, only these.",
        ),
    ] = None,
    loudness: Annotated[
        str | None, typer.Option(metavar="MARK|1-127", help="Music: pp to ff, or the mean velocity of notes.")
    ] = None,
    density: Annotated[float | None, typer.Option(min=0.01, max=100, help="Music: notes a quarter, about.")] = None,
    primer: Annotated[
        str | None, typer.Option(metavar="FILE[#N]", help="Music: go on from this (the N-th) tune.")
    ] = None,
    fill: Annotated[
        str | None,
        typer.Option(metavar="FILE[#N]", help="Music: keep this tune, but draw the parts that it lacks."),
    ] = None,
    fill_bars: Annotated[str | None, typer.Option(metavar="BARS", help="Music: or draw these bars of it: 5-8.")] = None,
    fill_parts: Annotated[
        str | None, typer.Option(metavar="PARTS", help="Music: or draw these parts of it: 2-4.")
    ] = None,
    transpose: Annotated[
        str | None,
        typer.Option(metavar="N|KEY", help="Music: move what comes out by N semitones, or into this key."),
    ] = None,
    loop: Annotated[
        bool,
        typer.Option("--loop", help="Music: to be played again and again: the last bar leads into the first."),
    ] = False,
    particles: Annotated[
        int | None,
        typer.Option(
            min=1, help="Music: draw so many side by side, keep what fits [default: 32 with --fill and --loop]."
        ),
    ] = None,
    max_copy: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Music: draw again while more notes in a row are a training tune's.",
        ),
    ] = None,
    soundfont: Annotated[
        str | None,
        typer.Option(metavar="FILE.sf2", help="Music: for WAV: the sounds of this SoundFont."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.2, max=5, help="Voices: 2 is twice as fast.")] = 1.0,
    pitch: Annotated[
        float | None,
        typer.Option(help="Voices, Pens: semitones higher; on pages, mm from base line to base line."),
    ] = None,
    speaker: Annotated[str | None, typer.Option(metavar="NAME", help="Voices: one of several speakers.")] = None,
    liveliness: Annotated[
        float | None,
        typer.Option(min=0, max=2, help="Voices: 0: a mean voice; 1: as varied a sound as the recordings'."),
    ] = None,
    phones: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Voices: say these phones, at their times if they have any: .TextGrid, .lab, .jsonl, .txt.",
        ),
    ] = None,
    sentences: Annotated[
        str, typer.Option(help="Voices: how a text is cut: auto, as its language ends sentences; or line, each is one.")
    ] = "auto",
    lexicon: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Voices: how words are said: in each line a word, a tab and its phones (IPA, CMUdict)."
        ),
    ] = None,
    f0: Annotated[
        str | None, typer.Option(metavar="FILE.csv", help="Voices: with this F0, lines of seconds,hertz.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Voices: write this, too: .TextGrid, .lab, .jsonl with times, .csv with F0, or .png."
        ),
    ] = None,
    bias: Annotated[float, typer.Option(help="Pens: how much neater than the model's own hand, e.g. 1.")] = 0.0,
    style: Annotated[
        str | None,
        typer.Option(metavar="FILE[#N]", help="Pens: in the manner of this drawing (N-th, or its text)."),
    ] = None,
    unknown: Annotated[
        str,
        typer.Option(
            help="Pens: characters never seen: refuse, nearest (é as e, and so on) or skip; what is changed is told."
        ),
    ] = "refuse",
    tries: Annotated[
        int,
        typer.Option(min=1, help="Pens: draw what cannot be read again, so often (see rhapsode recognise)."),
    ] = 8,
    page: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Pens: on pages, a4, a5, letter, card, a4-landscape, 120x80 (mm) and so on."),
    ] = None,
    x_height: Annotated[float | None, typer.Option(metavar="MM", help="Pens: how large to write.")] = None,
    margin: Annotated[float | None, typer.Option(metavar="MM", help="Pens: on pages: on all sides.")] = None,
    align: Annotated[str, typer.Option(help="Pens: on pages: left, right, centre or justify.")] = "left",
    reflow: Annotated[
        bool, typer.Option("--reflow", help="Pens: on pages: fill lines up; only blank lines part paragraphs.")
    ] = False,
    ruled: Annotated[bool, typer.Option("--ruled", help="Pens: on pages: draw the base lines, too.")] = False,
    mode: Annotated[
        str | None,
        typer.Option(
            help="Pens: in SVG, PNG: plotter, lines of one breadth, SVG's default; or ink, as a nib leaves it, PNG's."
        ),
    ] = None,
    nib: Annotated[
        float | None,
        typer.Option(
            metavar="MM", help="Pens: in SVG, PNG: how broad the line is [default: an eighth of the x-height]."
        ),
    ] = None,
    colour: Annotated[
        str | None,
        typer.Option("--colour", "--color", help="Pens: in SVG, PNG: of the ink: a name or a number: navy, #1a2456."),
    ] = None,
    dpi: Annotated[float | None, typer.Option(help="Pens: in PNG: pixels an inch [default: 200].")] = None,
    animated: Annotated[bool, typer.Option("--animated", help="Pens: in SVG: it writes itself when opened.")] = False,
    lift: Annotated[
        str | None,
        typer.Option(
            help="Pens: in G-code: the pen is lifted by z, an axis; servo (M5, M3 S90); laser; or marlin (M280)."
        ),
    ] = None,
    up: Annotated[
        str | None, typer.Option(metavar="CODE", help="Pens: in G-code: lifts the pen: a number, or commands: M3 S30.")
    ] = None,
    down: Annotated[str | None, typer.Option(metavar="CODE", help="Pens: in G-code: and lowers it.")] = None,
    pause: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Voices, Pens: between sentences; in G-code: to wait after both [default: 0.15 for servos].",
        ),
    ] = None,
    feed: Annotated[
        float | None,
        typer.Option(
            metavar="MM", help="Pens: in G-code, HPGL: a minute, with the pen down [default: 1500; the plotter's]."
        ),
    ] = None,
    travel: Annotated[
        float | None, typer.Option(metavar="MM", help="Pens: in G-code: a minute, with the pen up [default: 6000].")
    ] = None,
    pen: Annotated[int | None, typer.Option(help="Pens: in HPGL: the plotter's pen [default: 1].")] = None,
    attention: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.png",
            help="Pens: a picture of which character was seen at each step (on pages, in the first piece).",
        ),
    ] = None,
) -> None:
    """Let a model write, from nothing or on from a prompt."""
    if prompt is not None and prompt_file is not None:
        raise UserError("a PROMPT and --prompt-file were given; one of them must go.")
    check_writable(output, overwrite=True)  # what is there is looked at once it is known how files are named

    with unbroken():
        from rhapsode.config import make
        from rhapsode.data.codecs.records import RecordCodec
        from rhapsode.data.sources import read_one
        from rhapsode.inference.model import Model
        from rhapsode.inference.reader import as_bytes
        from rhapsode.nn.samplers import Sampling

    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical": typical,
        "repetition_penalty": repetition_penalty,
        "bias": bias,
    }
    sampling = make(Sampling, options, "sampling")
    loaded = Model.load(model)
    record = loaded.codec.record if isinstance(loaded.codec, RecordCodec) else ""
    own = {"tune": MUSIC, "drawing": PENS, "utterance": VOICES}.get(record, "")
    _refuse(ctx, MEANINGLESS.get(own, ()), f"means nothing to models of {own.lower()}")
    _refuse_others(ctx, own, loaded.codec.name)

    def before() -> bytes:
        source = "-" if prompt == "-" else prompt_file
        return as_bytes(prompt or "", "prompt") if source is None else read_one(source)

    if record == "tune":
        from rhapsode.modalities.music.cli.output import write_music
        from rhapsode.modalities.music.cli.wish import Wish

        if prompt is not None or prompt_file is not None:
            raise UserError("this is a model of tunes, which knows no texts: go on from a tune with --primer FILE.")
        wish = Wish(
            bars,
            chords,
            key,
            metre,
            density,
            in_key,
            primer,
            fill,
            fill_bars,
            fill_parts,
            particles,
            max_copy,
            soundfont,
            transpose,
            loop,
            tempo,
            program,
            loudness,
        )
        write_music(loaded, wish, sampling, seed, samples, length, output, not no_echo, json, overwrite)
        return
    if record == "utterance":
        from rhapsode.modalities.speech.cli.output import Voice, write_speech
        from rhapsode.modalities.speech.speaking import LIVELINESS, Manner

        said = arriving() if prompt == "-" else before().decode("utf-8", "replace")
        if not _asked(ctx, "temperature"):
            temperature = 0.0
        if pitch is not None and not -SEMITONES <= pitch <= SEMITONES:
            raise UserError(f"--pitch {pitch:g}: semitones are from {-SEMITONES} to {SEMITONES}.")
        lively = LIVELINESS if liveliness is None else liveliness
        manner = Manner(speed, 2 ** ((pitch or 0.0) / 12), temperature, lively, speaker)
        voice = Voice(manner, phones, f0, also or [], sentences, pause, lexicon)
        write_speech(loaded, said, voice, seed, samples, output, json, overwrite)
        return
    if record:
        from rhapsode.modalities.ink.cli.output import Pen, write_ink

        if not page:
            only = ("pitch", "margin", "align", "reflow", "ruled")
            _refuse(ctx, only, "is for writing on pages, and no --page was given")
        if loaded.text is None:
            _refuse(ctx, ("unknown",), "is for texts, and this model was trained without any")
        if loaded.text is None or length is not None:
            _refuse(ctx, ("tries",), "says how often a text is drawn that cannot be read; here nothing is read")
        look = {
            "mode": mode,
            "nib": nib,
            "colour": colour,
            "dpi": dpi,
            "animated": animated or None,
            "lift": lift,
            "up": up,
            "down": down,
            "pause": pause,
            "feed": feed,
            "travel": travel,
            "pen": pen,
        }
        given = before().decode("utf-8-sig", "replace")
        how_to = Pen(
            tries,
            page,
            x_height,
            pitch,
            margin,
            align,
            ruled,
            reflow,
            attention,
            {name: value for name, value in look.items() if value is not None},
        )
        write_ink(loaded, given, unknown, how_to, sampling, style, seed, samples, length, output, json, overwrite)
        return
    check_writable(output, overwrite=overwrite)
    how: dict[str, Any] = {
        "length": length,
        "seed": seed,
        "sampling": sampling,
        "stop": [unescaped(each, "--stop") for each in stop or []],
        "stop_after": [unescaped(each, "--stop-after") for each in stop_after or []],
        "ignore_end": ignore_end,
    }
    begun = before()
    echo = b"" if no_echo else begun
    if samples == 1 and output == "-" and not json:
        _stream(loaded.stream(begun, **how), echo, seed is None)
        return
    drawn = loaded.generate(begun, samples=samples, **how)
    if json:
        write(output, as_json(_object(loaded, echo, drawn)))
        return
    if samples == 1:
        text = echo + drawn[0].data
    elif loaded.policy.lines and not ignore_end:
        text = b"".join(echo + one.data.removesuffix(b"\n") + b"\n" for one in drawn)
    else:
        text = b"\n".join(b"--- sample %d ---\n" % (n + 1) + echo + one.data for n, one in enumerate(drawn)) + b"\n"
    on_screen = output == "-" and sys.stdout.isatty()
    write(output, visible(text.decode("utf-8", "replace")).encode() if on_screen else text)
    if seed is None:
        tell(f"seed {drawn[0].seed}")


def _asked(ctx: typer.Context, option: str | None) -> bool:
    """Whether it was given, and is not just a default."""
    source = ctx.get_parameter_source(str(option))
    return source is not None and source.name == "COMMANDLINE"


def _refuse_others(ctx: typer.Context, own: str, codec: str) -> None:
    """Raises `UserError` for an option that is for models of another kind, as its help says."""
    for option in ctx.command.params:
        kinds = str(getattr(option, "help", None) or "").partition(":")[0].split(", ")
        others = {MUSIC, PENS, VOICES}.intersection(kinds)
        if others and own not in others and _asked(ctx, option.name):
            named = " and ".join(sorted(others)).lower()
            raise UserError(f"{option.opts[0]} is for models of {named}; this one's codec is {codec}.")


def _refuse(ctx: typer.Context, names: Collection[str], why: str) -> None:
    """Raises `UserError` for an option of these that was given: what was asked for would not be done."""
    for option in ctx.command.params:
        if option.name in names and _asked(ctx, option.name):
            raise UserError(f"{option.opts[0]} {why}. Leave it out.")


def _stream(pieces: Any, echo: bytes, tell_seed: bool) -> None:
    """Every piece as it is drawn: characters on a terminal, the exact bytes elsewhere."""
    screen = sys.stdout.isatty()
    last = visible(echo.decode("utf-8", "replace")).encode() if screen else echo
    put(last)
    for piece in pieces:
        if piece.data or piece.text:
            last = visible(piece.text).encode() if screen else piece.data
            put(last)
    if screen and not last.endswith(b"\n"):
        put(b"\n")
    if tell_seed:
        tell(f"seed {pieces.seed}")


def _object(model: Model, prompt: bytes, drawn: list[Sample]) -> dict[str, Any]:
    import base64

    found = []
    for one in drawn:
        entry = {
            "text": one.text,
            "nats": -float(one.log_probs.sum()),
            "stopped": one.stopped,
            "steps": [model.text_codec.label(symbol) for symbol in one.steps.tolist()],
            "log_probs": one.log_probs.tolist(),
        }
        if one.text.encode() != one.data:  # not UTF-8: the text alone would lose something
            entry["base64"] = base64.b64encode(one.data).decode("ascii")
        found.append(entry)
    return {"prompt": prompt.decode("utf-8", "replace"), "seed": drawn[0].seed, "samples": found}
