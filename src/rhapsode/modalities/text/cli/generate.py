"""`rhapsode generate`."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.escapes import KNOWN, unescaped
from rhapsode.console.imports import unbroken
from rhapsode.console.options import (
    ARGUMENTS,
    MORE_SAMPLING,
    OUTPUT,
    SAMPLING,
    FrequencyPenalty,
    Length,
    MinP,
    ModelName,
    Output,
    OutputJson,
    OutputOverwrite,
    PresencePenalty,
    PromptEncoding,
    RepetitionPenalty,
    Samples,
    SampleSeed,
    Temperature,
    TopK,
    TopP,
    Typical,
)
from rhapsode.console.output import as_json, check_writable, put, visible, write
from rhapsode.console.paint import no_colours
from rhapsode.console.progress import reporting, tell
from rhapsode.console.sampling import load, prompted, sampled
from rhapsode.errors import UserError
from rhapsode.modalities.text.cli._beam import Beam, LengthPenalty, json_of, searched, text_of
from rhapsode.report import nats

if TYPE_CHECKING:
    from rhapsode.inference.builders import Sample
    from rhapsode.inference.model import Model
    from rhapsode.inference.novelty import Novelty

COPIES = "What is copied"
"""The heading of a panel in help."""


def generate(
    model: ModelName,
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="The text to go on from; - reads stdin.")
    ] = None,
    prompt_file: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", rich_help_panel=ARGUMENTS, help="Take the prompt from a file or data:NAME/PART."
        ),
    ] = None,
    encoding: PromptEncoding = None,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    typical: Typical = 1.0,
    repetition_penalty: RepetitionPenalty = 1.0,
    frequency_penalty: FrequencyPenalty = 0.0,
    presence_penalty: PresencePenalty = 0.0,
    logit_bias: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYMBOL=X",
            rich_help_panel=MORE_SAMPLING,
            help="Add X to the log-probability of a symbol, its text or #NUMBER: -100 forbids it, 100 allows no other. "
            "May be given several times.",
        ),
    ] = None,
    seed: SampleSeed = None,
    samples: Samples = 1,
    length: Length = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=SAMPLING,
            help=f"End before this text; may be given several times. Escapes: {KNOWN}.",
        ),
    ] = None,
    stop_after: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", rich_help_panel=SAMPLING, help="The same, but the text stays."),
    ] = None,
    ignore_end: Annotated[
        bool,
        typer.Option(
            "--ignore-end",
            rich_help_panel=SAMPLING,
            help="Go on with another document, or line, where one has ended.",
        ),
    ] = False,
    adapt: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            rich_help_panel=ARGUMENTS,
            help="Learn from this text for a moment, to write in its manner; the model on disk stays as it is.",
        ),
    ] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    valid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:ARGUMENT]",
            rich_help_panel=SAMPLING,
            help="What the text must be, so that it needs no repair, e.g. python; may be given several times.",
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMMAND",
            rich_help_panel=SAMPLING,
            help="The text must be what this command accepts, with exit status 0: it reads stdin, or the file {}.",
        ),
    ] = None,
    max_copy: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=COPIES,
            help="Draw again what copies more than N in a row: characters of the training text.",
        ),
    ] = None,
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty", rich_help_panel=COPIES, help="Say what is copied from the training text, and colour it."
        ),
    ] = False,
    output: Output = "-",
    overwrite: OutputOverwrite = False,
    no_echo: Annotated[
        bool, typer.Option("--no-echo", rich_help_panel=OUTPUT, help="Leave the prompt out of the output.")
    ] = False,
    json: OutputJson = False,
) -> None:
    """Let a model of text or code write on from a prompt.

    Without a prompt, it begins by itself. Of several samples, each begins with a line `--- sample N ---`, unless each
    is a line of its own. For handwriting, music and voices, rhapsode --help names the commands."""
    check_writable(output, overwrite=overwrite)
    settings: dict[str, Any] = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical": typical,
        "repetition_penalty": repetition_penalty,
        "frequency_penalty": frequency_penalty,
        "presence_penalty": presence_penalty,
    }
    sampling = sampled(**settings)
    if adapt == "-" and "-" in (prompt, prompt_file):
        raise UserError("--adapt - and the prompt both read standard input. Name a file for one of them.")
    loaded = load(model, "text")
    if logit_bias:
        sampling = sampled(**settings, logit_bias=_biases(loaded, logit_bias))
    if adapt is not None:
        loaded = _adapted(loaded, adapt, encoding)
    begun = prompted(prompt, prompt_file, "--prompt-file", encoding)
    how: dict[str, Any] = {
        "length": length,
        "seed": seed,
        "sampling": sampling,
        "stop": [unescaped(each, "--stop") for each in stop or []],
        "stop_after": [unescaped(each, "--stop-after") for each in stop_after or []],
        "ignore_end": ignore_end,
        "valid": [*(valid or []), *(f"check:{command}" for command in check or [])],
        "max_copy": max_copy,
    }
    judged = bool(how["valid"]) or max_copy is not None
    what = "valid" if how["valid"] else "copies"
    echo = b"" if no_echo else begun
    if beam is not None or length_penalty is not None:
        how |= {"samples": samples, "novelty": novelty}
        found = searched(loaded, begun, beam, length_penalty, how)
        write(output, as_json(json_of(loaded, echo, found)) if json else text_of(loaded, echo, found))
        return
    if novelty:
        _ = loaded.index  # if there is none, that is said at once
    if samples == 1 and output == "-" and not json and not novelty:
        pieces = loaded.stream(begun, **how)
        _stream(pieces, echo, seed is None)
        if judged:
            tell(_costs([pieces.sample()], what))
        return
    drawn = loaded.generate(begun, samples=samples, **how)
    copied = [loaded.novelty(one.data) for one in drawn] if novelty else []
    if judged:
        tell(_costs(drawn, what))
    if json:
        write(output, as_json(_object(loaded, echo, drawn, judged, copied)))
        return
    if samples == 1:
        text = echo + drawn[0].data
    elif loaded.policy.lines and not ignore_end:
        text = b"".join(echo + one.data.removesuffix(b"\n") + b"\n" for one in drawn)
    else:
        text = b"\n".join(b"--- sample %d ---\n" % (n + 1) + echo + one.data for n, one in enumerate(drawn)) + b"\n"
    if output == "-" and copied and not no_colours():
        _show(echo, drawn, copied)
    else:
        on_screen = output == "-" and sys.stdout.isatty()
        write(output, visible(text.decode("utf-8", "replace")).encode() if on_screen else text)
    if seed is None:
        tell(f"seed {drawn[0].seed}")
    _tell(copied)


def _biases(model: Model, given: list[str]) -> dict[int, float]:
    """Symbol → bias, of `SYMBOL=X`. Raises `UserError`."""
    from rhapsode.inference.reader import as_bytes

    found = dict[int, float]()
    for each in given:
        name, equals, number = each.rpartition("=")
        try:
            bias = float(number)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise UserError(f"--logit-bias: {each!r} is not allowed. Allowed: SYMBOL=X, for example e=-100 or #17=2.5.")
        try:
            if name[0] == "#" and name[1:].isascii() and name[1:].isdecimal():
                symbol = int(name[1:])
            else:
                symbol = model.text_codec.symbol(as_bytes(unescaped(name, "--logit-bias"), "--logit-bias"))
        except UserError as error:
            raise UserError(f"--logit-bias {each}: {error}") from None
        if symbol in found:
            raise UserError(f"--logit-bias {each}: symbol {symbol} has a bias already. Leave one of the two out.")
        if not -100 <= bias <= 100:
            raise UserError(f"--logit-bias {each}: {number} is not allowed. Allowed: -100 to 100.")
        found[symbol] = bias
    return found


def _adapted(model: Model, source: str, encoding: str | None) -> Model:
    """The model, after it has read this text. Says how much that helped."""
    with unbroken():
        from rhapsode.data.sources import read_one

    with reporting() as report:
        page = read_one(source, text=True, encoding=encoding, note=report.note)
        found = model.adapted(page, report=report)
        if not found.before:
            report.note(f"adapted to {source} in one pass; it is too short to measure what that gives.")
        elif not found.passes:
            report.note(f"{source} teaches this model nothing: its last fifth has {nats(found.before)} a step already.")
        else:
            how = "one pass" if found.passes == 1 else f"{found.passes} passes"
            gain = f"{nats(found.before)} → {nats(found.after)} a step on its last fifth, held out to measure it"
            report.note(f"adapted to {source} in {how}: {gain}.")
    return found.model


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


def _show(echo: bytes, drawn: list[Sample], copied: list[Novelty]) -> None:
    """On a terminal, coloured by what is copied."""
    from rhapsode.modalities.text.cli.novelty import coloured

    for number, (one, found) in enumerate(zip(drawn, copied, strict=True), 1):
        head = f"--- sample {number} ---\n" if len(drawn) > 1 else ""
        begun = visible(echo.decode("utf-8", "replace"))
        put(f"{head}{begun}{coloured(one.data, found.lengths[0])}".rstrip("\n").encode() + b"\n")


def _tell(copied: list[Novelty]) -> None:
    if copied:
        from rhapsode.modalities.text.cli.novelty import told

        for number, one in enumerate(copied, 1):
            tell(f"sample {number}: " * (len(copied) > 1) + visible(told(one)))


def _costs(drawn: list[Sample], what: str) -> str:
    """What it cost that the samples are valid, and copy no more than they may. what: the first word."""
    discarded, closed = sum(one.discarded for one in drawn), sum(one.closed for one in drawn)
    kept = sum(len(one.steps) for one in drawn) - closed
    rewound = sum(one.rewound for one in drawn)
    parts = [
        f"went back {rewound:,} time{'s' * (rewound != 1)}",
        f"{discarded:,} of {kept + discarded:,} symbols drawn were thrown away",
    ]
    if what == "valid":
        parts.append(f"{closed:,} symbol{'s' * (closed != 1)} written to end what was open")
    refused = sum(one.stopped == "refused" for one in drawn)
    if refused:
        parts.append(f"{refused} of {len(drawn)} samples ended early, since too much was refused")
    return f"{what}: {', '.join(parts)}"


def _object(model: Model, prompt: bytes, drawn: list[Sample], judged: bool, copied: list[Novelty]) -> dict[str, Any]:
    import base64

    from rhapsode.modalities.text.cli.novelty import as_object

    found: list[dict[str, Any]] = []
    for one in drawn:
        entry = {
            "text": one.text,
            "nats": -math.fsum(one.log_probs),
            "stopped": one.stopped,
            "steps": [model.text_codec.label(symbol) for symbol in one.steps.tolist()],
            "log_probs": one.log_probs.tolist(),
        }
        if judged:
            entry |= {"rewound": one.rewound, "discarded": one.discarded, "closed": one.closed}
        if one.text.encode() != one.data:  # not UTF-8: the text alone would lose something
            entry["base64"] = base64.b64encode(one.data).decode("ascii")
        if copied:
            entry["novelty"] = as_object(copied[len(found)])
        found.append(entry)
    return {"prompt": prompt.decode("utf-8", "replace"), "seed": drawn[0].seed, "samples": found}
