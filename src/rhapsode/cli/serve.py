"""`rhapsode serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rhapsode.console.imports import needs_server, unbroken
from rhapsode.errors import UserError

KEYS = "RHAPSODE_API_KEYS"


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Folders or files of models, demo:NAME, hf://USER/NAME. NAME=MODEL names one."
        ),
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")] = 8000,
    rows: Annotated[
        int, typer.Option(min=1, max=1024, metavar="N", help="Texts drawn side by side, of each model.")
    ] = 64,
    queue: Annotated[
        int,
        typer.Option(min=1, max=100_000, metavar="N", help="Texts that may wait for a place; others get status 429."),
    ] = 256,
    api_key: Annotated[
        Path | None,
        typer.Option("--api-key", metavar="FILE", help=f"Keys, one a line; one must be sent. Or set {KEYS}."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="A further name by which the server may be called; * for any."
        ),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option("--cors-origin", metavar="URL", help="A site whose pages may ask, e.g. https://example.org."),
    ] = None,
    sessions: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, metavar="N", help="Sessions that are kept; the oldest make room."),
    ] = 1024,
    log_format: Annotated[str, typer.Option("--log-format", metavar="FORM", help="text or json.")] = "text",
) -> None:
    """Serve models over HTTP, as the OpenAI completions API does.

    Its clients work as they are, with models of text. http://127.0.0.1:8000/v1 is the base URL, /openapi.json
    says all that can be asked: /api/write, /api/compose, /api/speak and /api/forecast are the commands of those names.
    With the same seed, an answer is what the command gives, whatever else is asked at the time. Ctrl-C ends what was
    begun, then stops."""
    if log_format not in ("text", "json"):
        raise UserError(f"--log-format {log_format!r} is not known: text or json.")
    keys = _keys(api_key)
    with unbroken():
        needs_server("serve")
        from rhapsode.inference.model import Model
        from rhapsode.inference.states import States
        from rhapsode.serving.guard import LOCAL, Rules
        from rhapsode.serving.run import run
        from rhapsode.serving.served import Served

    if host not in LOCAL and not keys:
        raise UserError(
            f"--host {host}: other machines could use the server. Say with --api-key FILE (or {KEYS}) which keys they "
            "must send."
        )
    paths = named(models)

    def load() -> list[Served]:
        states, loaded = States(), {name: Model.load(path) for name, path in paths.items()}
        return [Served(name, model, rows, queue, states) for name, model in loaded.items()]

    hosts = () if "*" in (allow_host or ()) else (*LOCAL, host.lower(), *(one.lower() for one in allow_host or ()))
    run(load, Rules(hosts, keys, tuple(cors_origin or ())), host, port, log_format, sessions)


def named(models: list[str]) -> dict[str, str]:
    """Name → path of models that are given as MODEL or NAME=MODEL. Raises `UserError` for a name that two have."""
    found: dict[str, str] = {}
    for one in models:
        name, _, path = one.partition("=") if "=" in one and not Path(one).exists() else (_name(one), "", one)
        if name in found:
            raise UserError(f"two models are called {name!r}: give them names, NAME=MODEL.")
        found[name] = path
    return found


def _name(model: str) -> str:
    """`book` for `models/book`, `handwriting` for `demo:handwriting`."""
    from rhapsode.files.checkpoint import SHIPPED_PREFIX

    path = Path(model.removeprefix(SHIPPED_PREFIX)).resolve()
    return path.parent.name if path.is_file() else path.name


def _keys(file: Path | None) -> tuple[bytes, ...]:
    """The keys of a file, or of the environment. Raises `UserError`."""
    if file is None:
        lines = os.environ.get(KEYS, "").replace(",", "\n").splitlines()
    else:
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: the keys cannot be read: {error}.") from None
    keys = tuple(line.strip().encode() for line in lines if line.strip())
    if file is not None and not keys:
        raise UserError(f"{file}: there is no key in it. Write one a line.")
    if short := [key for key in keys if len(key) < 16]:
        raise UserError(f"{len(short)} of the keys have fewer than 16 characters and could be guessed.")
    return keys
