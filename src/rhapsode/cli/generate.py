"""`rhapsode generate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.cli._files import as_json, check_writable, put, read, visible, write
from rhapsode.cli._imports import unbroken
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.generate import Sample
    from rhapsode.model import Model


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's folder or file.")],
    prompt: Annotated[str | None, typer.Argument(metavar="[PROMPT]", help="What to go on from; - reads stdin.")] = None,
    prompt_file: Annotated[str | None, typer.Option(metavar="FILE", help="Go on from this file's text.")] = None,
    length: Annotated[int, typer.Option(help="Steps to draw: characters, for most models.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder, 0 always the likeliest.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Draw among the K likeliest; 0 is off.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw among the likeliest that reach this mass; 1 is off.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Leave out what is less likely than this part of the likeliest.")] = 0.0,
    typical: Annotated[float, typer.Option(help="Locally typical sampling, up to this mass; 1 is off.")] = 1.0,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1, repeating is rarer.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same text [default: a fresh one, told on stderr].")
    ] = None,
    samples: Annotated[int, typer.Option(help="How many to draw; each begins with a line `--- sample N ---`.")] = 1,
    stop: Annotated[str | None, typer.Option(metavar="TEXT", help="End before this text.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Write there instead of stdout.")] = "-",
    no_echo: Annotated[bool, typer.Option("--no-echo", help="Leave the prompt out of the output.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object, with log-probabilities.")] = False,
) -> None:
    """Let a model write, from nothing or on from a prompt."""
    if prompt is not None and prompt_file is not None:
        raise UserError("a PROMPT and --prompt-file were given; one of them must go.")
    check_writable(output)

    with unbroken():
        from rhapsode.config import make
        from rhapsode.model import Model
        from rhapsode.reader import as_bytes
        from rhapsode.samplers import Sampling

    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical": typical,
        "repetition_penalty": repetition_penalty,
    }
    sampling = make(Sampling, options, "sampling")
    loaded = Model.load(model)
    if prompt == "-":
        prompt_file, prompt = "-", None
    before = read(prompt_file) if prompt_file is not None else as_bytes(prompt or "", "prompt")
    echo = b"" if no_echo else before
    if samples == 1 and output == "-" and not json:
        _stream(loaded.stream(before, length=length, seed=seed, sampling=sampling, stop=stop), echo, seed is None)
        return
    drawn = loaded.generate(before, length=length, samples=samples, seed=seed, sampling=sampling, stop=stop)
    if json:
        write(output, as_json(_object(loaded, before, drawn)))
        return
    if samples == 1:
        text = echo + drawn[0].data
    else:
        text = b"\n".join(b"--- sample %d ---\n" % (n + 1) + echo + one.data for n, one in enumerate(drawn)) + b"\n"
    on_screen = output == "-" and sys.stdout.isatty()
    write(output, visible(text.decode("utf-8", "replace")).encode() if on_screen else text)
    if seed is None:
        typer.echo(f"seed {drawn[0].seed}", err=True)


def _stream(pieces: Any, echo: bytes, tell_seed: bool) -> None:
    """Every piece as it is drawn: characters on a terminal, the exact bytes elsewhere."""
    screen = sys.stdout.isatty()
    put(visible(echo.decode("utf-8", "replace")).encode() if screen else echo)
    for piece in pieces:
        if piece.data or piece.text:
            put(visible(piece.text).encode() if screen else piece.data)
    if screen:
        put(b"\n")
    if tell_seed:
        typer.echo(f"seed {pieces.seed}", err=True)


def _object(model: Model, prompt: bytes, drawn: list[Sample]) -> dict[str, Any]:
    import base64

    found = []
    for one in drawn:
        entry = {
            "text": one.text,
            "nats": -float(one.log_probs.sum()),
            "stopped": one.stopped,
            "steps": [model.codec.label(symbol) for symbol in one.symbols.tolist()],
            "log_probs": one.log_probs.tolist(),
        }
        if one.text.encode() != one.data:  # not UTF-8: the text alone would lose something
            entry["base64"] = base64.b64encode(one.data).decode("ascii")
        found.append(entry)
    return {"prompt": prompt.decode("utf-8", "replace"), "seed": drawn[0].seed, "samples": found}
