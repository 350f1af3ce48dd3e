"""Small data of every kind, and models trained on it for two updates, by the names that the pages give them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from rhapsode.cli import main
from rhapsode.modalities.ink.formats.own import dumps as line_of_drawing
from rhapsode.modalities.ink.hershey import lines
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.formats import abc, midi
from rhapsode.modalities.music.formats.own import dumps as line_of_tune
from rhapsode.modalities.music.tune import NOTE, Key, Metre, Part, Tempo, Tune
from rhapsode.modalities.speech import demo as spoken
from rhapsode.modalities.speech.audio import written
from tests.modalities.text.documents import docx, mail, notebook, odt, page, paragraph, pdf

PROSE = "It was the best of times, it was the worst of times.\n" * 40

PERSON = json.dumps({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})


def text(path: Path, contents: str = PROSE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(contents)


def texts(folder: Path, name: str = "one.txt") -> None:
    text(folder / name)


def recipes(path: Path) -> None:
    rows = [{"text": f"Take {n} eggs and {n * 7} g of flour. Stir for {n % 9} minutes, and wait."} for n in range(40)]
    text(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def names(path: Path) -> None:
    text(path, "".join(f"{a}{b}{c}\n" for a in ("An", "Ber", "Cor", "Dan") for b in "aeiou" for c in ("na", "ra", "s")))


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(PROSE.encode()))


def novel(folder: Path) -> None:
    """Chapters of a writer who changed programs over the years."""
    folder.mkdir(parents=True)
    (folder / "one.docx").write_bytes(docx("".join(map(paragraph, PROSE.splitlines()))))
    (folder / "two.odt").write_bytes(odt("".join(f"<text:p>{line}</text:p>" for line in PROSE.splitlines())))
    (folder / "three.txt").write_bytes(PROSE.replace("times", "tïmes").encode("cp1252"))
    (folder / "four.txt").write_bytes(PROSE.encode("utf-16"))
    (folder / "one.docx.bak").write_bytes(b"an older one")


def lessons(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "one.html").write_text(page("".join(f"<p>{line}</p>" for line in PROSE.splitlines())))
    (folder / "two.ipynb").write_bytes(notebook(PROSE, "print(1)"))
    (folder / "three.eml").write_bytes(mail("A lesson", PROSE))
    (folder / "four.pdf").write_bytes(pdf(*PROSE.splitlines()))


def old(path: Path) -> None:
    path.write_bytes(PROSE.replace("times", "tïmes").encode("cp1252"))


def chats(path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"What is {n}?"}, {"content": f"{n} is {n}."}]} for n in range(60)
    ]
    text(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def drawings(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [f"{a} {b}" for a in ("any", "sandy", "many", "worn") for b in ("words", "rows", "dawns", "yards")]
    path.write_text("".join(f"{line_of_drawing(drawing)}\n" for drawing in lines(words * 4, 0)))


def tunes(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, tune in enumerate(corpus(8, 0, choruses=1)):
        (folder / f"{number}.mid").write_bytes(midi.dumps(tune))


def tune(path: Path, count: int = 1) -> None:
    """In the format of its suffix; several, if there can be several in a file."""
    found = list(corpus(count, 1, choruses=1))
    if path.suffix == ".mid":
        path.write_bytes(midi.dumps(found[0]))
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{line_of_tune(one)}\n" for one in found))
    else:
        path.write_text("\n".join(abc.dumps(one) for one in found))


def band(folder: Path, only_drums: bool = False) -> None:
    """Eight times sixteen bars of a beat, perhaps with bass and piano."""
    folder.mkdir(parents=True)
    for number in range(8):
        notes = [(at * 240, 120, 36 + 6 * (at % 2), 80 + at % 3, 0) for at in range(128)]
        parts = [Part("drums", drums=True)]
        if not only_drums:
            notes += [(at * 480, 480, 40 + (at + number) % 5, 80, 1) for at in range(64)]
            notes += [(at * 1920, 1920, 60 + third, 70, 2) for at in range(16) for third in (0, 4, 7)]
            parts += [Part("bass", 33), Part("piano", 0)]
        rows = np.sort(np.array(notes, NOTE), order=["start", "pitch", "part"])
        found = Tune(rows, 480, 64 * 480, tuple(parts), (Metre(0, 4, 4),), tempos=(Tempo(0, 100.0),))
        (folder / f"{number}.mid").write_bytes(midi.dumps(found))


def chorale(path: Path, voices: int = 4, number: int = 0, quarters: int = 64) -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    rows = [
        (at * 480, 480, scale[(at + number + 2 * voice) % 8] - 7 * voice, 80, voice)
        for at in range(quarters)
        for voice in range(voices)
    ]
    notes = np.sort(np.array(rows, NOTE), order=["start", "pitch", "part"])
    parts = tuple(Part(f"voice {n}") for n in range(voices))
    tune = Tune(notes, 480, quarters * 480, parts, (Metre(0, 4, 4),), (Key(0, 0),), (Tempo(0, 100.0),))
    path.write_bytes(midi.dumps(tune))


def chorales(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(8):
        chorale(folder / f"{number}.mid", number=number)


def recordings(folder: Path) -> None:
    rows = []
    for number, sentence in enumerate(sorted(spoken.sentences(), key=len)[:8]):
        sound = spoken.original(sentence).sound
        assert sound is not None
        written(sound(), folder / f"{number}.wav")
        rows.append(f"{number}|{sentence}\n")
    (folder / "metadata.csv").write_text("".join(rows))


def table(path: Path) -> None:
    """Sales of twelve years, by month."""
    months = [(year, month) for year in range(2010, 2022) for month in range(1, 13)]
    rows = [f"{year}-{month:02}-01,{100 + 9 * (month % 5) + year - 2000}\n" for year, month in months]
    text(path, "month,sales\n" + "".join(rows))


def model(path: Path, data: Callable[[Path], None], source: str, *options: str) -> None:
    """Trained for two updates on a source that is made beside it."""
    beside = path.parent / f"{path.name}-data" / source
    beside.parent.mkdir(parents=True, exist_ok=True)
    data(beside)
    assert main(["train", str(beside), "-o", str(path), "--updates", "2", "-q", *options]) == 0


def hand(path: Path) -> None:
    """With a recogniser beside it."""
    model(path, drawings, "strokes.jsonl")
    data = path.parent / f"{path.name}-data" / "strokes.jsonl"
    assert main(["recognise", str(data), "-o", str(path), "--minutes", "0.01", "-q"]) == 0


def graph(path: Path) -> None:
    """An exported model of prose."""
    model(path.parent / "for-export", text, "book.txt")
    assert main(["export", str(path.parent / "for-export"), "-o", str(path), "-q"]) == 0


MAKERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("book.txt", "another.txt", "chapter.txt", "lines.txt", "new.txt", "ends.txt"), text),
    **dict.fromkeys(("letter.txt", "address.txt"), partial(text, contents="any words\n\nsandy yards\nand rows\n")),
    "story.txt": partial(text, contents="It was a night. Then came the day.\n"),
    "names.txt": names,
    "person.json": partial(text, contents=PERSON),
    "adaptive.toml": partial(text, contents='[network]\nhead = "adaptive"\n'),
    "verse.lark": partial(
        text, contents='start: verse+\nverse: LINE "\\n" LINE "\\n\\n"\nLINE: /[A-Z][a-z ,]{1,40}[.!?]/\n'
    ),
    "src/": partial(texts, name="code.py"),
    "chapters/": texts,
    "letters/": texts,
    "notes.txt.gz": packed,
    "novel/": novel,
    "lessons/": lessons,
    "old.txt": old,
    "chats.jsonl": chats,
    "recipes.jsonl": recipes,
    "more.jsonl": recipes,
    "strokes/": lambda path: drawings(path / "hand.jsonl"),
    "strokes.jsonl": drawings,
    "my-hand.jsonl": drawings,
    "demo/pieces.ink.jsonl": drawings,
    "tunes/": tunes,
    "tunes.abc": partial(tune, count=4),
    "drawn.jsonl": partial(tune, count=4),
    "held-out.abc": partial(tune, count=4),
    "mine.abc": tune,
    "mine.mid": tune,
    "tune.abc": tune,
    "a.abc": tune,
    "soprano.mid": partial(chorale, voices=1, quarters=16),
    "songs/": band,
    "beats/": partial(band, only_drums=True),
    "recordings/": recordings,
    "sales.csv": table,
    **dict.fromkeys(
        ("models/book", "models/chat", "models/prose", "models/ptb"), partial(model, data=text, source="book.txt")
    ),
    "book.onnx": graph,
    "models/recipes": lambda path: model(path, recipes, "recipes.jsonl", "--field", "text"),
    "models/names": lambda path: model(path, names, "names.txt", "--reset", "line"),
    "models/hand": hand,
    "my-hand": hand,
    "models/band": lambda path: model(path, tunes, "tunes", "--codec", "melody"),
    "models/choir": lambda path: model(path, chorales, "chorales", "--codec", "chorale"),
    "models/songs": partial(model, data=band, source="songs"),
    "models/beats": partial(model, data=partial(band, only_drums=True), source="beats"),
    "models/voice": partial(model, data=recordings, source="recordings"),
    "voice": partial(model, data=recordings, source="recordings"),
    "models/sales": partial(model, data=table, source="sales.csv"),
}
"""Name in a page → what makes it there."""
