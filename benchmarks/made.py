"""Handwriting made by rule: dots and bars that come after their word, and the model that comes with the package.

    python benchmarks/made.py words [--minutes 5] [--reading 3] [--lines 300] [--from MODEL] [--keep FOLDER]
    python benchmarks/made.py shipped [--lines 100] [--picture FILE.png]

`words`: 3,000 lower-case words of some six letters, in a hand that joins all letters of a word and adds dots, bars and
accents when it is written. Then words that were held out, so many with each of i, j, t, x, ä, é, are written and their
dots and bars counted by where they stand: a word's letters share its width as they do in the font, and a mark is right
if it stands within `NEAR` x-heights of where its letter has it. `missing` are those that letters lack; `misplaced`,
those that stand elsewhere, or are too many; both in per cent of those that there should be. `as made` is the corpus
itself, by the same count. Character error rates are of a recogniser that has not chosen what it reads, but for
`verified`; `noticed` says which part of drawings is not read as their text after one of their marks was removed, moved
or added.

`shipped`: `demo:handwriting`, by kinds of characters, in strings that are not in its corpus: character error rates of
its recogniser, of writing as it comes and of writing that it has verified, and tries a string.

One object of JSON at the end. Bias 1, everything else with defaults.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from handwriting import Notes, picture, write

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.files import checkpoint
from rhapsode.files.checkpoint import MODEL
from rhapsode.inference.error_rate import character_error_rate
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.demo import WRITER, texts
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.faults import KINDS, Faults
from rhapsode.modalities.ink.glyphs import glyphs
from rhapsode.modalities.ink.hershey import lines
from rhapsode.modalities.ink.recogniser import FILE, Recogniser
from rhapsode.modalities.ink.recogniser_training import notices, train_recogniser
from rhapsode.modalities.ink.sentences import PromptWords
from rhapsode.modalities.ink.verified import TRIES, draw
from rhapsode.training.run import train

TRAINED = 3000
MARKED = "ijtxäé"
ACCENTS = {"a": "ä", "e": "é"}
ACCENTED = 0.12
"""Part of the letters that could have an accent that has one."""
NEAR = 0.6
"""x-heights to a side."""
INK = 2.0
"""x-heights of ink in a mark, at most; a letter has more."""
BIAS = 1.0
X_HEIGHT, SLANT = np.mean(WRITER.height), np.mean(WRITER.slant)


def words(seed: int) -> Iterator[str]:
    """Lower-case words without end, some of whose letters have accents."""
    source = random.Random(seed)
    known = PromptWords(source)
    while True:
        word = known.word()
        if 3 <= len(word) <= 10:
            yield "".join(ACCENTS.get(c, c) if source.random() < ACCENTED else c for c in word)


def having(letter: str, count: int, known: set[str], alphabet: set[str], seed: int) -> list[str]:
    """Different strings of these characters with the letter that are not known: words, of which one letter becomes it
    if need be."""
    source, found = random.Random(f"{letter}{seed}"), dict[str, None]()
    for word in words(seed):
        at = source.randrange(len(word))
        word = word if letter in word else f"{word[:at]}{letter}{word[at + 1 :]}"
        if word not in known and set(word) <= alphabet:
            found[word] = None
        if len(found) == count:
            return list(found)
    raise AssertionError


def marks(drawing: Drawing) -> tuple[int, int, int, int]:
    """Of a word: how many marks it should have, and how many are right, missing, and misplaced or too many."""
    table = glyphs(WRITER.letters, WRITER.capitals, WRITER.figures)
    bodies, found = [], []
    for stroke in drawing.strokes():
        upright = np.stack([stroke[:, 0] + SLANT * stroke[:, 1], stroke[:, 1]], axis=1) / X_HEIGHT
        small = np.hypot(*np.diff(upright, axis=0).T).sum() < INK
        (found if small else bodies).append(upright)
    wanted, x = [], 0.0
    for character in drawing.text or "":
        glyph = table[character]
        wanted += [x + (stroke[:, 0].min() + stroke[:, 0].max()) / 2 for stroke in glyph.strokes[1:]]
        x += glyph.advance
    if not bodies:
        return len(wanted), 0, len(wanted), len(found)
    left, right = (end([body[:, 0] for body in bodies]) for end in (_least, _most))
    places = [left + each / x * (right - left) for each in wanted]
    free = [(mark[:, 0].min() + mark[:, 0].max()) / 2 for mark in found]
    pairs = sorted((abs(a - b), n, m) for n, a in enumerate(places) for m, b in enumerate(free))
    taken: tuple[set[int], set[int]] = set(), set()
    for away, n, m in pairs:
        if away <= NEAR and n not in taken[0] and m not in taken[1]:
            taken[0].add(n)
            taken[1].add(m)
    hit = len(taken[0])
    return len(wanted), hit, len(wanted) - hit, len(free) - hit


def _least(parts: list[np.ndarray]) -> float:
    return float(min(part.min() for part in parts))


def _most(parts: list[np.ndarray]) -> float:
    return float(max(part.max() for part in parts))


def counted(drawings: list[Drawing], reader: Recogniser) -> dict[str, Any]:
    wanted, right, missing, misplaced = np.sum([marks(drawing) for drawing in drawings], axis=0).tolist()
    rate = character_error_rate(zip([d.text or "" for d in drawings], reader.read(drawings), strict=True))
    return {
        "marks": wanted,
        **{
            name: round(100 * count / wanted, 1)
            for name, count in (("right", right), ("missing", missing), ("misplaced", misplaced))
        },
        "cer": round(100 * rate.rate, 2),
        "interval": [round(100 * rate.low, 2), round(100 * rate.high, 2)],
    }


def drawn(model: Model, strings: list[str], reader: Recogniser | None) -> tuple[list[Drawing], float]:
    """A drawing of each string, and tries in the mean."""
    found, tries = [], 0
    for n, text in enumerate(strings):
        if reader is None:
            sample = model.generate(text, sampling=Sampling(bias=BIAS), seed=1, row=n * TRIES)[0]
        else:
            sample, verdict = draw(model, text, reader, sampling=Sampling(bias=BIAS), seed=1, number=n)
            tries += 1 if sample.row == n * TRIES and verdict.good and verdict.sure else TRIES
        found.append(replace(sample.record, text=text))
    return found, tries / len(strings)


def made(strings: list[str], seed: int) -> list[Drawing]:
    return [Drawing(d.points.round(3), d.ends, d.text, d.name) for d in lines(strings, seed, WRITER)]


def late(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    known = list(islice(words(1), TRAINED))
    corpus = made(known, 1)
    home = options.keep or scratch / "model"
    file = write(scratch / "words.jsonl", corpus)
    if not (home / MODEL).exists():
        train([file], home, minutes=options.minutes, base=options.base, report=Notes())
    if not (home / FILE).exists():
        valid = corpus[: len(corpus) // 10]
        begun = Recogniser.load(checkpoint.locate(options.base).parent / FILE) if options.base else None
        how: dict[str, Any] = {"minutes": options.reading, "valid": valid, "base": begun, "report": Notes()}
        train_recogniser(corpus[len(valid) :], home / FILE, **how)
    model, reader = Model.load(home), Recogniser.load(home / FILE)
    report: dict[str, Any] = {
        "minutes": round(model.config.facts["seconds"] / 60, 1),
        "parameters": model.network.parameters,
        "updates": model.config.facts["updates"],
        "letters": float(np.mean(list(map(len, known)))),
    }
    alphabet = set(model.record_codec.alphabet)
    for letter in (each for each in MARKED if each in alphabet):
        strings = having(letter, options.lines, set(known), alphabet, 2)
        kinds: dict[str, Callable[[], list[Drawing]]] = {
            "as made": lambda strings=strings: made(strings, 2),
            "drawn": lambda strings=strings: drawn(model, strings, None)[0],
            "verified": lambda strings=strings: drawn(model, strings, reader)[0],
        }
        for name, get in kinds.items():
            drawings = get()
            report[f"{letter} {name}"] = counted(drawings, reader)
            print(letter, name, report[f"{letter} {name}"], flush=True)
            if options.picture and letter == "i" and name == "drawn":
                picture(options.picture, made(strings[:12], 2), drawings[:12])
    tests = made(having("i", options.lines, set(known), alphabet, 3), 3)
    report["noticed"] = noticed(reader, tests, corpus)
    return report


def noticed(reader: Recogniser, tests: list[Drawing], corpus: list[Drawing]) -> dict[str, float]:
    """Part of the faulty drawings that is noticed, %, by kind; `none`: of those without a fault."""
    faults = Faults(corpus)
    found = {kind: notices(reader, tests, faults, kind) for kind in KINDS}
    found["none"] = [read != drawing.text for read, drawing in zip(reader.read(tests), tests, strict=True)]
    return {kind: round(100 * float(np.mean(each)), 1) for kind, each in found.items()}


def classes(count: int) -> dict[str, list[str]]:
    """So many strings of each kind."""
    source = PromptWords(random.Random(99))
    known = set(texts())
    kinds: dict[str, Callable[[], str]] = {
        "small letters": lambda: " ".join(source.several(8, 28)).lower(),
        "capitals": lambda: source.capitals(28),
        "figures": source.numbers,
        "signs": source.signs,
        "mixed": source.codes,
        "40 capitals": lambda: " ".join(source.capitals(20) for _ in range(3))[:40].strip(),
    }
    found: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        found[name] = list(islice((text for text in iter(kind, None) if text and text not in known), count))
    return found


def shipped(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    model = Model.load("demo:handwriting")
    assert model.path is not None
    reader = Recogniser.load(model.path.parent / FILE)
    report: dict[str, Any] = {}

    def rate(drawings: list[Drawing]) -> float:
        shown = zip([d.text or "" for d in drawings], reader.read(drawings), strict=True)
        return round(100 * character_error_rate(shown).rate, 2)

    for name, strings in classes(options.lines).items():
        plain, _ = drawn(model, strings, None)
        checked, tries = drawn(model, strings, reader)
        report[name] = {
            "characters": sum(map(len, strings)),
            "as made": rate(made(strings, 5)),
            "drawn": rate(plain),
            "verified": rate(checked),
            "tries": round(tries, 2),
        }
        print(name, report[name], flush=True)
        if options.picture and name == "capitals":
            picture(options.picture, made(strings[:12], 5), plain[:12])
    tests = made([text for strings in classes(options.lines).values() for text in strings], 6)
    report["noticed"] = noticed(reader, tests, tests)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["words", "shipped"])
    parser.add_argument("--minutes", type=float, default=5.0, help="of training")
    parser.add_argument("--reading", type=float, default=3.0, help="minutes for the recogniser")
    parser.add_argument("--from", dest="base", metavar="MODEL", help="go on from this one and its recogniser")
    parser.add_argument("--lines", type=int, help="strings of each kind (default: 300 words, 100 of those shipped)")
    parser.add_argument("--keep", type=Path, help="folder for the model of words; one that is there is taken")
    parser.add_argument("--picture", type=Path, help="made and drawn ones side by side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "words":
            options.lines = options.lines or 300
            found = late(options, Path(scratch))
        else:
            options.lines = options.lines or 100
            found = shipped(options, Path(scratch))
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
