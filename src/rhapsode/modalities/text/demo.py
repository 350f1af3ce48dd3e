"""`rhapsode demo`: train on text found on every Python machine, compare, then write.

The text is the language reference that Python carries for its `help()` (module `pydoc_data.topics`): prose with
grammar, tables and code in it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.demos.reference import language_reference
from rhapsode.demos.run import check_own, free, trained
from rhapsode.files.place import place
from rhapsode.inference.model import Model
from rhapsode.modalities.text.baselines import compressed_bits_per_char, ngram_bits_per_char
from rhapsode.report import Report
from rhapsode.training.log import PICTURE

TEMPERATURES = (0.5, 0.8, 1.0)
PROMPT = 'The "with" statement'
LENGTH = 300
ORDER = 5
HELD_OUT = 0.1
"""The tail that training validates on and never learns from, as in `rhapsode.data.corpus`."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo has to show.

    table:   (name, bits per char) on the held-out text, ours first.
    samples: (temperature, prompt and what the model wrote after it).
    source:  what the text is, for people.
    written: the file that has the samples.
    """

    table: list[tuple[str, float]]
    samples: list[tuple[float, str]]
    model: Path
    picture: Path
    source: str
    written: Path


def demo(folder: Path, minutes: float, report: Report) -> DemoResult:
    """Train in `folder`, or take the model that an earlier demo left there. Raises `UserError`."""
    text_file, home, cache = folder / "topics.txt", folder / "model", folder / "demo.json"
    check_own(folder, text_file.name)
    if not text_file.exists():
        place(text_file, language_reference().encode())
    text = text_file.read_bytes().decode()
    finished = trained(text_file, home, report, minutes=minutes)
    model = Model.load(home)
    table = _cached(cache, text, model.digest)
    if table is None:
        table = compare(model, text, report)
        content = {"text": _digest(text), "model": model.digest, "table": table}
        place(cache, json.dumps(content, indent=1).encode())
    if not finished:
        report.note("Training was stopped early; run the demo again and it goes on where it was.")
    samples = []
    for temperature in TEMPERATURES:
        drawn = model.generate(PROMPT, length=LENGTH, sampling=Sampling(temperature=temperature))
        samples.append((temperature, PROMPT + drawn[0].text))
    source = f"Python's language reference (pydoc_data.topics) without its repetitions, {len(text):,} characters"
    (written,) = free(folder, "written.txt")
    shown = (f"--- temperature {temperature:g} ---\n{one}\n" for temperature, one in samples)
    place(written, "\n".join(shown).encode())
    return DemoResult(table, samples, home, home / PICTURE, source, written)


def compare(model: Model, text: str, report: Report) -> list[tuple[str, float]]:
    """Bits per char on the tail of the text, for the model and for what needs no network."""
    at = int((1 - HELD_OUT) * len(text))
    known, held_out = text[:at].encode(), text[at:].encode()
    report.stage("comparing", 0.0)
    ours = model.score(held_out).bits_per_char
    ngram = ngram_bits_per_char(known, held_out, ORDER)
    rows = [("rhapsode", ours), (f"order-{ORDER} n-gram", ngram), *compressed_bits_per_char(known, held_out).items()]
    report.stage("comparing", 1.0)
    return rows


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _cached(path: Path, text: str, model: str) -> list[tuple[str, float]] | None:
    """The table that was made from just this text and model; None if there is none."""
    try:
        content = json.loads(path.read_bytes())
        if content["text"] == _digest(text) and content["model"] == model:
            return [(str(name), float(bits)) for name, bits in content["table"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
