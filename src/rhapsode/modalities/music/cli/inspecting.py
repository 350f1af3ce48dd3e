"""What `inspect` says of tunes, and of models of music and what lies beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import typer

from rhapsode.console.contents import Contents, Found, of_records
from rhapsode.console.output import check_suffix, check_writable, write
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.inference.model import Model
from rhapsode.modalities.music.cli.copies import index_beside, needed, spread, told
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.compare import compare
from rhapsode.modalities.music.copies import MelodyIndex, Rate
from rhapsode.modalities.music.describe import describe
from rhapsode.modalities.music.instruments import name_of
from rhapsode.modalities.music.panels import picture as drawn
from rhapsode.modalities.music.read import parts, read
from rhapsode.modalities.music.tune import Tune


def contents(found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
    """Of tunes; None for files that hold none. given: options of `Music.inspecting`. Raises `UserError`."""
    beside, against, picture = (given.get(name) for name in ("beside", "against", "picture"))
    if picture is not None and beside is None:
        raise UserError(f"--picture {picture}: it shows a comparison, so --beside FILE is needed, too.")
    if against is not None and beside is not None:
        raise UserError("--against and --beside were given; one of them must go.")
    if beside is not None:
        return compared(found.path, Path(beside), picture, overwrite)
    if against is not None:
        return copied(found.path, Model.load(against))
    return of_records(found, describe)


def compared(path: Path, beside: Path, picture: str | None, overwrite: bool) -> Contents:
    """The tunes of a file compared with held-out ones: those of another, less its training part if it has one."""
    if picture is not None:
        check_writable(picture, overwrite=overwrite)
        check_suffix(picture, [".png"], "--picture")
    for each in (path, beside):
        if not each.is_file():
            raise UserError(f"{each} is not a file. --beside compares the tunes of two files: name them.")
    refused = Refusals()
    held: list[str | None] = [part for part in parts(beside) if part != "train"]
    found = compare(
        read(path, refused=refused),
        (tune for part in held or [None] for tune in read(beside, part, refused=refused)),
    )
    for line in refused.lines():
        typer.echo(f"warning: {line}", err=True)
    if picture is not None:
        write(picture, drawn(found))
    return Contents(found.to_json(), str(found).split("\n"))


def copied(path: Path, model: Model) -> Contents:
    """What each tune of a file has in common with those that the model knows, and all of them together."""
    codec = model.codec
    if not isinstance(codec, TuneCodec):
        raise UserError(f"--against needs a model of tunes; the codec of this one is {codec.name!r}.")
    about, lines = _copied(codec.read(path), codec, needed(index_beside(model), model, "--against"))
    return Contents({"path": str(path), **about}, lines)


def novelty(model: Model, sources: Sequence[str]) -> Contents:
    """The same of all tunes of some sources."""
    codec = model.codec
    assert isinstance(codec, TuneCodec)
    index = needed(index_beside(model), model, "novelty")
    opened = open_sources(sources, accepts=codec.recognises, wanted=codec.wanted)
    about, lines = _copied(opened.each(lambda file: codec.read(file.path, None, file.name)), codec, index)
    return Contents({"sources": list(sources), **about}, lines)


def _copied(tunes: Iterable[Tune], codec: TuneCodec, index: MelodyIndex) -> Contents:
    found, lines = [], list[str]()
    for tune in tunes:
        one = index.longest(codec.seen(tune))
        found.append((tune, one))
        title = f' "{tune.title}"' if tune.title else ""
        lines += [f"{tune.name}{title}", f"  {told(one)}"]
    here = Rate.of(np.array([one.notes for _, one in found]), np.array([one.share for _, one in found]))
    each = [{"name": tune.name, "title": tune.title, "copied": asdict(one)} for tune, one in found]
    for rate, name in ((here, "tunes here"), (index.rate, "tunes held out from training")):
        lines.append(f"{rate.tunes:,} {name}{f': {spread(rate)}' if rate.tunes else ''}")
    return Contents({"tunes": each, "all": asdict(here), "held_out": asdict(index.rate)}, lines)


def about(model: Model) -> Mapping[str, Any]:
    """The instruments that it tells apart."""
    codec = model.codec
    if not isinstance(codec, TuneCodec) or not codec.programs:
        return {}
    return {"instruments": [name_of(program) for program in codec.programs]}


def beside(path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
    """Of the training tunes."""
    if "names" not in info:
        return None
    index = MelodyIndex.restored(info, dict(tensors), str(path))
    return {"kind": "training index", "tunes": len(index), "held_out": index.rate.tunes}
