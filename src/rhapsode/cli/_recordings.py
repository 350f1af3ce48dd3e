"""What `inspect` does with recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rhapsode.cli._files import check_writable
from rhapsode.cli._progress import reporting, tell
from rhapsode.cli._records import show
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.speech.utterance import Utterance


def are_recordings(path: Path) -> bool:
    """Whether it is a transcript, a recording that has one, or a folder of those."""
    from rhapsode.checkpoint import MODEL
    from rhapsode.corpus import codec_for
    from rhapsode.speech.read import recognised

    if path.is_dir():
        return not (path / MODEL).exists() and codec_for([path]) == "speech"
    return recognised(path)


def inspect_recordings(path: Path, language: str | None, textgrids: str | None, json: bool, overwrite: bool) -> None:
    """Print what is there, what is wrong with it, and write when each phone is said, a TextGrid an utterance."""
    from rhapsode._files import reasons
    from rhapsode.datasets import cache_folder
    from rhapsode.exchange.cache import Cache
    from rhapsode.exchange.place import check, place
    from rhapsode.sources import open_sources
    from rhapsode.speech._pool import cores, pool
    from rhapsode.speech.describe import describe
    from rhapsode.speech.formats import textgrid
    from rhapsode.speech.prepare import FEW, LANGUAGE, times_of
    from rhapsode.speech.read import read, recognised

    if textgrids is not None:
        check(textgrids, folder=True)
    sources = open_sources([str(path)], accepts=recognised)
    utterances = [one for file in sources.files for one in read(file.path, file.name)]
    if not utterances:
        raise UserError(f"{path}: no utterance is in it. Give the list of recordings, or their folder.")
    names = _names(utterances, Path(textgrids)) if textgrids is not None else []
    for name in names:
        check_writable(str(name), overwrite=overwrite)
    with reporting() as report, pool(cores() if len(utterances) > FEW else 1) as processes:
        times = times_of(utterances, Cache(cache_folder(), report.note), language or LANGUAGE, processes, report.stage)
    if sources.skipped:
        tell(f"files left out: {reasons(sources.skipped)}")
    show(path, None, describe(utterances, times), json)
    if textgrids is not None:
        timed = [(name, one.utterance) for name, one in zip(names, times.aligned, strict=True) if one is not None]
        for name, utterance in timed:
            place(name, textgrid.dumps(utterance).encode())
        tell(f"written  {len(timed):,} TextGrids into {textgrids}")


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
