"""The training index beside a model, see `TrainingIndex` and `rhapsode.data.text_index`."""

from __future__ import annotations

from pathlib import Path

from rhapsode.data import text_index
from rhapsode.data.corpus import Corpus
from rhapsode.data.suffixes import LARGEST, PATIENCE, library
from rhapsode.data.text_index import Gathered, TextIndex
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.report import Report


def check(data: Corpus, wanted: bool | None) -> None:
    """Raises `UserError` if an index is wanted and there cannot be one."""
    if wanted and not data.texts and not data.index:
        raise UserError(f"--index: models with codec {data.codec.name} have no training index. Leave it out.")
    if wanted and data.texts and data.train_bytes > LARGEST:
        raise UserError(f"--index: {data.train_bytes:,} bytes of text are too many; {LARGEST:,} are allowed.")


def place_index(data: Corpus, folder: Path, wanted: bool | None, base: Model | None, report: Report) -> None:
    """Put the training index into the folder of a model. That of an earlier model is removed.

    wanted: whether there is to be one; None: if the text is not too large. base: the model that is tuned, of whose text
    it holds what its own index holds.
    """
    path = folder / checkpoint.INDEX
    if data.texts and wanted is not False and _is_of(path, data):
        return
    for name in (checkpoint.INDEX, checkpoint.OLD_INDEX):
        (folder / name).unlink(missing_ok=True)
    if wanted is False:
        return
    if data.index:
        place(path, data.index.read_bytes())
    if data.texts:
        before = _beside(base, report) if base else None
        size = data.train_bytes + (len(before) if before else 0)
        if wanted or text_index.default(size):
            _write(data, path, before, report)
        else:
            report.note(_without(size))


def _is_of(path: Path, data: Corpus) -> bool:
    """Whether there is an index of this corpus already: the run is resumed."""
    try:
        return path.exists() and TextIndex.load(path).info.get("key") == data.key
    except UserError:
        return False


def _beside(base: Model, report: Report) -> TextIndex | None:
    """The index of the model that is tuned."""
    try:
        return base.index
    except UserError as error:
        report.note(f"Copies from what the model had learnt before will not be found: {error}")
        return None


def _write(data: Corpus, path: Path, before: TextIndex | None, report: Report) -> None:
    assert data.texts
    gathered = Gathered(data.lines)
    if before:
        gathered.after(before)
    held = data.texts(gathered, lambda done: report.stage("reading the text for the index", done))
    gathered.data.append(data.digest)
    report.stage("indexing", 0.0)
    index = TextIndex.of(gathered, held)
    index.info["key"] = data.key
    index.save(path)
    report.note(
        f"{checkpoint.INDEX} ({path.stat().st_size / 1e6:,.1f} MB) holds the training text, so that copies are found. "
        "No model needs it: leave it out when you give the model away. --no-index writes none."
    )


def _without(size: int) -> str:
    limit = text_index.SIZE if library() else PATIENCE
    why = "" if library() or size > text_index.SIZE else ", and rhapsode[novelty] is not installed"
    return (
        f"No training index: {size / 1e6:,.1f} MB of text are more than {limit / 1e6:,.1f} MB{why}. So copies from it "
        f"will not be found. --index keeps one ({5 * size / 1e6:,.0f} MB)."
    )
