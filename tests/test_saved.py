"""Models saved by earlier versions still load, and give what they gave then: see saved/README.md.

`python tests/test_saved.py MODEL...` writes down what models give now. Only for new ones: a model whose results differ
from what is written down is a change of behaviour.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
import wave
from contextlib import chdir, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import rhapsode
from rhapsode.arithmetic import kernel
from rhapsode.cli import main

SAVED = Path(__file__).parent / "saved"
DATA = SAVED / "data"
RESULTS = "results.json"

PLAIN = "generate MODEL --seed 1"
COMMANDS = {
    "text": [
        f"{PLAIN} Sing --length 24 --samples 2 --json",
        f"{PLAIN} --length 24 --temperature 0.7 --top-k 9 --top-p 0.9 --repetition-penalty 1.2 --json",
        "score MODEL text.txt --json",
    ],
    "pens": [],
    "music": [f"{PLAIN} --bars 1 --temperature 0.9 --json"],
    "speech": [],
    "series": [],
}
"""Of all models of a modality; of some, there is more. Files are those of saved/data."""
TIMED = [
    f"{PLAIN} --phones heard.jsonl -o OUT.wav",
    f"{PLAIN} --phones heard.jsonl --pitch 2 --liveliness 1 --also OUT.csv -o LEFT.wav",
]
MORE = {
    "text-documents": [
        "score MODEL text.txt --per-step --json",
        f"{PLAIN} --length 60 --ignore-end --json",
        "score MODEL text.txt --given Sing --json",
    ],
    "text-stream": [
        f"{PLAIN} --length 24 --min-p 0.05 --typical 0.9 --stop e --json",
        "score MODEL text.txt --cold 8 --json",
    ],
    "pens-window": [
        f"{PLAIN} tilt --json",
        f"{PLAIN} jet --samples 2 --length 12 --bias 0.7 --style joined.jsonl --json",
        f"{PLAIN} tax --tries 1 --page 60x40 -o OUT.svg",
        "score MODEL joined.jsonl --per-document --json",
    ],
    "pens-feedback": [
        f"{PLAIN} dab --samples 2 --json",
        f"{PLAIN} ace --bias 0.7 --style pens.jsonl#2 --json",
        "score MODEL pens.jsonl --per-document --json",
    ],
    "pens-plain": [
        f"{PLAIN} --length 12 --samples 2 --json",
        f"{PLAIN} --length 12 --style pens.jsonl --json",
        "score MODEL pens.jsonl --json",
    ],
    "music-roll": [
        f"{PLAIN} --bars 1 --no-echo --primer scales.tune.jsonl -o OUT.jsonl",
        f"{PLAIN} --bars 1 --loop --particles 4 -o OUT.jsonl",
        "score MODEL scales.tune.jsonl --json",
    ],
    "music-nade": ["score MODEL scales.tune.jsonl --json"],
    "music-lead": ["score MODEL blues.tune.jsonl --json"],
    "music-melody": [
        f'{PLAIN} --bars 4 --chords "D G | A7 Bm" --key D --in-key --density 1.5 --max-copy 3 -o OUT.jsonl',
        f"{PLAIN} --fill leads.tune.jsonl --fill-bars 2 --particles 4 -o OUT.jsonl",
        "score MODEL leads.tune.jsonl --json",
    ],
    "music-chorale": [
        f"{PLAIN} --fill quartets.tune.jsonl --fill-parts 2-3 --particles 4 -o OUT.jsonl",
        "score MODEL quartets.tune.jsonl --json",
    ],
    "music-abc": [
        f'{PLAIN} --bars 2 --chords "D | G" --key D --transpose 2 -o OUT.jsonl',
        "score MODEL leads.tune.jsonl --json",
    ],
    "music-performance": [f"{PLAIN} --length 40 --tempo 90 -o OUT.jsonl", "score MODEL bands.tune.jsonl --json"],
    "music-remi": [f"{PLAIN} --bars 2 --program 73,40 --metre 4/4 -o OUT.jsonl", "score MODEL bands.tune.jsonl --json"],
    "speech-voice": [
        *TIMED,
        f"{PLAIN} --phones untimed.jsonl --temperature 0.5 --json --also OUT.csv",
        "score MODEL heard.jsonl --per-document --json",
        "score MODEL/prosody heard.jsonl --json",
    ],
    "speech-gaussians": [
        f"{PLAIN} --phones ben.jsonl --temperature 0.5 -o OUT.wav",
        f"{PLAIN} --phones untimed.jsonl --speaker anna --speed 2 --json --also OUT.csv",
        "score MODEL ben.jsonl --json",
        "score MODEL/prosody ben.jsonl --json",
    ],
    "text-whole": ["score MODEL text.txt --per-step --json"],
    "pens-whole": [f"{PLAIN} dab --samples 2 --json", "score MODEL pens.jsonl --per-document --json"],
    "music-whole": [
        f"{PLAIN} --fill quartets.tune.jsonl --fill-parts 2-3 --particles 4 --json",
        "score MODEL quartets.tune.jsonl --json",
    ],
    "speech-whole": [*TIMED, "score MODEL heard.jsonl --per-document --json", "score MODEL/prosody heard.jsonl --json"],
    "series-whole": ["forecast MODEL sales.csv --horizon 6 --seed 1 --json", "score MODEL sales.csv --json"],
    "speech-slopes": ["score MODEL heard.jsonl --json"],
    "speech-unaligned": ["score MODEL heard.jsonl --json"],
}
SPOKEN = {"speech-gaussians": "ben.jsonl"}
NAMES = sorted(each.parent.name for each in SAVED.glob(f"*/{RESULTS}"))
WHOLE = "-whole"
"""What names of models in whole numbers end with."""
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def commands(name: str) -> list[str]:
    return [*COMMANDS[name.split("-")[0]], *MORE.get(name, [])]


def given(model: Path, command: str, folder: Path) -> Any:
    """What a command prints or writes, as values that JSON can hold. Tables and pictures are made of numbers, too."""
    words = [word.replace("MODEL", str(model)) for word in shlex.split(command)]
    paths = [str(folder / word) if word.startswith(("OUT.", "LEFT.")) else word for word in words]
    printed = io.TextIOWrapper(io.BytesIO())
    with chdir(DATA), redirect_stdout(printed):
        assert main(paths) == 0
    found = {}
    if printed.buffer.getvalue():
        found["stdout"] = json.loads(printed.buffer.getvalue())
    for written in sorted(folder.glob("OUT.*")):
        found[written.suffix] = read(written)
        written.unlink()
    assert found, command
    return found


def read(path: Path) -> Any:
    if path.suffix == ".wav":
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        loud = [float(np.sqrt(np.mean(part**2))) for part in np.array_split(samples, 12)]
        return {"rate": file.getframerate(), "samples": len(samples), "loudness": loud}
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [{key: value for key, value in json.loads(line).items() if key != "name"} for line in text.splitlines()]
    numbers = [float(number) for number in NUMBER.findall(text)]
    return {"text": NUMBER.sub("#", text) if path.suffix == ".svg" else "", "rounded": numbers}


def about(name: str) -> dict[str, Any]:
    """What names a model: compressed files know theirs by its digest; and frames of a voice before they are sound."""
    model = rhapsode.load(SAVED / name)
    found = {"digest": model.digest, "parameters": model.network.parameters, "codec": model.codec.name}
    if name.startswith("speech"):
        codec = model.record_codec
        [outline] = codec.read(DATA / SPOKEN.get(name, "heard.jsonl"))
        text = codec.spelling(outline) if model.text else ""
        frames = model.generate(text, outline=outline, seed=1)[0].steps
        found |= {"frames": len(frames), "some": frames[::8].tolist()}
    return found


def compare(found: Any, wanted: Any, where: str) -> None:
    """All that is wanted is there and the same, but for the last digits of real numbers: processors round differently.

    Of numbers that were rounded when written (SVG, tables, sound), the last digit that is left.
    """
    assert type(found) is type(wanted), where
    if isinstance(wanted, dict):
        assert wanted.keys() <= found.keys(), where
        for key, value in wanted.items():
            compare(found[key], value, f"{where} {key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), where
        if wanted and all(isinstance(value, float) for value in wanted):
            near = {"rounded": (1e-5, 0.011), "loudness": (1e-3, 2.0)}.get(where.rsplit(" ", 1)[-1], (1e-5, 1e-5))
            np.testing.assert_allclose(found, wanted, *near, err_msg=where)
            return
        for n, value in enumerate(wanted):
            compare(found[n], value, f"{where} {n}")
    elif isinstance(wanted, float):
        rate = 1e-6 if "nats" in where.rsplit(" ", 1)[-1] else 1e-5
        assert found == pytest.approx(wanted, rel=rate, abs=1e-6), where
    else:
        assert found == wanted, where


def known(found: Any, wanted: Any) -> Any:
    """What was found, without fields that later versions have added."""
    if isinstance(wanted, dict):
        return {key: known(found[key], value) for key, value in wanted.items()}
    if isinstance(wanted, list) and len(found) == len(wanted):
        return [known(*each) for each in zip(found, wanted, strict=True)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_gives_what_it_gave(name: str, tmp_path: Path) -> None:
    if name == "text-bpe":
        pytest.importorskip("tokenizers")
    wanted = json.loads((SAVED / name / RESULTS).read_text(encoding="utf-8"))
    compare(about(name), wanted.pop("about"), name)
    assert sorted(wanted) == sorted(commands(name))
    for command, result in wanted.items():
        found = given(SAVED / name, command, tmp_path)
        compare(found, result, f"{name}: {command}:")
        if name.endswith(WHOLE) and not name.startswith("speech"):
            assert known(found, result) == result, "whole numbers give the same on every machine"


def test_all_are_looked_at() -> None:
    assert sorted(each.parent.name for each in SAVED.glob("*/model.safetensors")) == NAMES
    assert set(MORE) <= set(NAMES)


def test_what_was_compressed_is_unpacked(tmp_path: Path) -> None:
    """A short text: of a long one, another processor may come to other last digits, which arithmetic coding tells."""
    text = tmp_path / "sea.txt"
    assert main(["decompress", str(SAVED / "text-documents"), str(DATA / "sea.rhap"), "-o", str(text)]) == 0
    assert text.read_text() == "Sea."


def test_what_was_compressed_in_whole_numbers_is_unpacked_on_every_machine(tmp_path: Path) -> None:
    model, packed, text = str(SAVED / "text-whole"), DATA / "text.rhap", tmp_path / "text.txt"
    assert main(["decompress", model, str(packed), "-o", str(text)]) == 0
    assert text.read_bytes() == (DATA / "text.txt").read_bytes()
    again = tmp_path / "again.rhap"
    assert main(["compress", model, str(text), "-o", str(again)]) == 0
    assert again.read_bytes() == packed.read_bytes()


@pytest.mark.parametrize(
    ("packed", "model"), [("learnt-fresh.rhap", []), ("learnt.rhap", [str(SAVED / "text-documents")])]
)
def test_what_was_compressed_by_networks_that_learnt(tmp_path: Path, packed: str, model: list[str]) -> None:
    if not model and kernel.kernel() is None:
        pytest.skip("numpy would take a minute")
    text, again = tmp_path / "sales.csv", tmp_path / "again.rhap"
    assert main(["decompress", *model, str(DATA / packed), "-o", str(text)]) == 0
    assert text.read_bytes() == (DATA / "sales.csv").read_bytes()
    assert main(["compress", "--online", *model, str(text), "-o", str(again)]) == 0
    assert again.read_bytes() == (DATA / packed).read_bytes()


def record(name: str) -> None:
    found = {"about": about(name)}
    with TemporaryDirectory() as folder:
        found |= {command: given(SAVED / name, command, Path(folder)) for command in commands(name)}
    found = found if name.endswith(WHOLE) else _short(found)
    rows = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.items()]
    (SAVED / name / RESULTS).write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def _short(value: Any) -> Any:
    """With eight digits."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


if __name__ == "__main__":
    for each in sys.argv[1:]:
        record(each)
