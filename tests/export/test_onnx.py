"""The export to ONNX: the same numbers as the engine's, under documented names; the example of docs/export.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from rhapsode.cli import main
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.export import onnx
from rhapsode.inference.model import Model
from rhapsode.nn.engine import OnnxEngine
from tests.conftest import MakeModel

ROOT = Path(__file__).parents[2]
SAVED = sorted(path.name for path in (ROOT / "tests" / "saved").iterdir() if (path / "model.safetensors").exists())
PAGE = (ROOT / "docs" / "export.md").read_text()
NAMES = set(re.findall(r"`([\w.]+)`", PAGE))


def session_of(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", SAVED)
def test_same_numbers_under_documented_names(name: str, tmp_path: Path) -> None:
    model = Model.load(ROOT / "tests" / "saved" / name)
    network, steps, rng = model.network, model.codec.steps, np.random.default_rng(0)
    assert main(["export", str(model.path), "-o", str(tmp_path / "a.onnx"), "-q"]) == 0
    session = session_of(tmp_path / "a.onnx")
    about = session.get_modelmeta().custom_metadata_map
    length, rows = 1 if json.loads(about["single"]) else 5, 2

    feeds = {"inputs": steps.inputs(steps.random(rng, (length, rows)))}
    state = [rng.standard_normal((rows, width)).astype(np.float32) for width in network.state.values()]
    feeds |= dict(zip(network.state, state, strict=True))
    text = covariates = None
    if model.text:
        text = rng.integers(0, model.text.size, (4, rows)), np.array([4, 3])
        feeds |= {"text": text[0], "lengths": text[1]}
    if network.covariates:
        covariates = rng.standard_normal((length, rows, network.covariates)).astype(np.float32)
        if network.encoder:
            encoder = session_of(tmp_path / "a.encoder.onnx")
            (covariates,) = encoder.run(["encoded"], {"covariates": covariates})
        feeds["covariates"] = covariates
    names = [one.name for one in session.get_inputs()]
    outputs = [one.name for one in session.get_outputs()]
    found = dict(zip(outputs, session.run(outputs, {key: feeds[key] for key in names}), strict=True))

    engine = OnnxEngine(network.graph(model.weights))
    parameters, new, attention = engine.attend(feeds["inputs"], tuple(state), text, covariates)
    assert np.array_equal(found["parameters"], parameters)
    for key, value in zip(network.state, new, strict=True):
        assert np.array_equal(found[f"new_{key}"], value), key
    assert not model.text or np.array_equal(found["attention"], attention)
    for key, weight in model.head.weights.items():
        assert np.array_equal(found[f"head.{key}"], weight)
    for each in {*names, *(each.removeprefix("new_") for each in outputs), *about}:
        assert re.sub(r"^layer\d+", "layer0", each) in NAMES, f"docs/export.md does not name {each}"


@pytest.mark.parametrize("name", [name for name in SAVED if not name.endswith("unaligned")])
def test_metadata(name: str, tmp_path: Path) -> None:
    model = Model.load(ROOT / "tests" / "saved" / name)
    assert main(["export", str(model.path), "-o", str(tmp_path / "a.onnx"), "--licence", "cc0-1.0", "-q"]) == 0
    about = session_of(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map
    assert about["licence"] == "cc0-1.0" and about["reset"] == model.config.reset and about["digest"] == model.digest
    assert json.loads(about["start"]) == np.asarray(model.codec.steps.start).tolist()
    assert json.loads(about["codec"]) == model.config.codec
    assert "float32" in about["arithmetic"] and "parameters" in about["parameters"]
    if isinstance(model.codec, RecordCodec):
        assert "vocabulary" not in about
        assert not model.text or json.loads(about["text"])["alphabet"] == model.codec.alphabet
        return
    vocabulary, known = json.loads(about["vocabulary"]), model.text_codec
    assert len(vocabulary) == known.steps.size
    symbols = known.encode("Die Straße, it was.".encode()).tolist()
    parts = [vocabulary[symbol] for symbol in symbols]
    if all(isinstance(part, str) for part in parts):
        assert "".join(parts) == known.decode(np.array(symbols)).decode()


def test_the_example_needs_only_onnxruntime_and_numpy(tiny_model: MakeModel, tmp_path: Path) -> None:
    model = tiny_model()
    assert main(["export", str(model.path), "-o", str(tmp_path / "book.onnx"), "-q"]) == 0
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    example = example.replace('"It was"', '"Sing"')  # the tiny model knows few letters
    blocked = "import sys\nfor each in ('rhapsode', 'onnx', 'torch', 'safetensors'): sys.modules[each] = None\n"
    said = "\nnp.savez('found', p=p, symbols=[vocabulary.index(each) for each in 'Sing'] + drawn)"
    program = blocked + example.replace("p = read(symbol)", "drawn.append(symbol)\n    p = read(symbol)")
    program = program.replace("random, written =", "drawn = []\nrandom, written =") + said
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    engine = OnnxEngine(model.network.graph(model.weights))
    read = np.array([model.codec.steps.start, *found["symbols"]], np.int64)[:, None]
    logits = engine.run(read, engine.zeros(1))[0][-1, 0].astype(float) / 0.8
    expected = np.exp(logits - logits.max())
    assert np.allclose(found["p"], expected / expected.sum(), atol=1e-6)
    assert done.stdout.startswith("Sing") and len(done.stdout) > 50


def test_a_model_that_no_file_holds_is_refused(
    tiny_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx, "LARGEST", 100)
    assert main(["export", str(tiny_model().path), "-o", str(tmp_path / "a.onnx")]) == 2
    assert "more than a file of ONNX holds" in capsys.readouterr().err and not list(tmp_path.iterdir())
