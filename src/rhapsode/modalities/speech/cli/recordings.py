"""What `inspect` does with recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.console.contents import Contents, Found
from rhapsode.console.output import check_writable
from rhapsode.console.progress import reporting, tell
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.data.finder import SourceFile
    from rhapsode.modalities.speech.utterance import Utterance


def contents(found: Found, language: str | None, textgrids: str | None, overwrite: bool) -> Contents | None:
    """Of recordings; None for files that hold none. Raises `UserError`."""
    from rhapsode.modalities.speech.audio import SUFFIXES

    if found.alone is not None and found.path.suffix.lower() in SUFFIXES:
        for option, value in (("--language", language), ("--textgrids", textgrids)):
            if value is not None:
                raise UserError(
                    f"{option} is for recordings with texts, and {found.name} is a single one. Leave it out."
                )
        return found.framed(*_recording(found.path))
    if found.codec is None:
        return None
    return found.framed(*recordings(found.name, language, textgrids, overwrite))


def _recording(path: Path) -> Contents:
    """Of a single one, with its text if there is one beside it."""
    import numpy as np

    from rhapsode.modalities.speech import audio, beside

    sound = audio.read(path)
    peak = float(np.abs(sound.samples).max())
    texts = beside.about(path)
    about = {
        "kind": "recording",
        "seconds": len(sound.samples) / sound.rate,
        "rate": sound.rate,
        "peak_db": 20 * float(np.log10(max(peak, 1e-5))),
        "beside": [str(each) for each in texts],
    }
    lines = [
        f"seconds         {about['seconds']:.2f}",
        f"samples/second  {sound.rate:,}",
        f"loudest sample  {about['peak_db']:.1f} dB of the greatest possible",
        f"beside it       {', '.join(map(str, texts)) or 'no text'}",
    ]
    return Contents(about, lines)


def recordings(name: str, language: str | None, textgrids: str | None, overwrite: bool) -> Contents:
    """What is there, and what is wrong with it. When each phone is said is written, a TextGrid an utterance, into the
    folder `textgrids`, if that is given. Raises `UserError`."""
    from rhapsode.data.sources import open_sources
    from rhapsode.files.cache import Cache, cache_folder
    from rhapsode.files.place import check, place
    from rhapsode.files.refusals import Refusals
    from rhapsode.modalities.speech._pool import pool
    from rhapsode.modalities.speech.describe import describe
    from rhapsode.modalities.speech.formats import textgrid
    from rhapsode.modalities.speech.prepare import FEW, LANGUAGE, times_of
    from rhapsode.modalities.speech.read import read, recognised
    from rhapsode.modalities.speech.speakers import parted, repeated, told_apart
    from rhapsode.nn.engine import cores

    if textgrids is not None:
        check(textgrids, folder=True)
    sources = open_sources([name], accepts=recognised)
    refused = Refusals()

    def found(file: SourceFile) -> Iterator[Utterance]:
        return (replace(one, root=file.within) for one in read(file.path, file.name, refused))

    every = told_apart(list(sources.each(found)))
    utterances = [one for one, again in zip(every, repeated(every), strict=True) if not again]
    if not utterances:
        raise UserError(f"{name}: no utterance is in it. Give the list of recordings, or their folder.")
    files = _names(utterances, Path(textgrids)) if textgrids is not None else []
    for file in files:
        check_writable(str(file), overwrite=overwrite)
    with reporting() as report, pool(cores() if len(utterances) > FEW else 1) as processes:
        times = times_of(utterances, Cache(cache_folder(), report.note), language or LANGUAGE, processes, report.stage)
    if textgrids is not None:
        timed = [(file, one.utterance) for file, one in zip(files, times.aligned, strict=True) if one is not None]
        for file, utterance in timed:
            place(file, textgrid.dumps(utterance).encode(errors="replace"), sync=False)
        tell(f"written  {len(timed):,} TextGrids into {textgrids}")
    about = describe(utterances, times)
    warnings = [*sources.damage, *refused.lines()]
    if len(utterances) < len(every):
        warnings.append(f"{len(every) - len(utterances):,} recordings are listed twice; the first text counts.")
    lines = [*about.lines(), *parted(utterances), *(f"warning: {told}" for told in warnings)]
    return Contents({"kind": "recordings", **about.to_json(), "warnings": warnings}, lines)


def _names(utterances: list[Utterance], folder: Path) -> list[Path]:
    """A TextGrid for each of them; in recordings of several folders, a name may be there twice."""
    taken = dict[str, None]()
    for one in utterances:
        name, number = one.name, 1
        while name in taken:
            number += 1
            name = f"{one.name}-{number}"
        taken[name] = None
    return [folder / f"{name}.TextGrid" for name in taken]
