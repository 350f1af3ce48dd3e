"""Model files in whole numbers: there and back, with and without float32 weights; forged ones are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.quantise import Unfit
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import MakeModel

Tensors = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def whole(tiny_model: MakeModel) -> Model:
    return tiny_model(layers=2, cell="peephole").quantised()


@pytest.fixture(scope="module")
def dense(tiny_model: MakeModel) -> Model:
    """One of densities, which has an output in doubles."""
    return tiny_model(codec="strokes").quantised()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / checkpoint.MODEL


@pytest.mark.parametrize("keep", [False, True])
def test_there_and_back(tiny_model: MakeModel, path: Path, keep: bool) -> None:
    real = tiny_model(layers=2)
    model = real.quantised(keep)
    mark = model.save(path)
    again = Model.load(path)
    assert again.checksum == mark and again.config == model.config and again.config.arithmetic == "integers"
    assert again.tensors.keys() == model.tensors.keys()
    for name, tensor in model.tensors.items():
        assert np.array_equal(again.tensors[name], tensor) and again.tensors[name].dtype == tensor.dtype
    for name, weight in again.weights.items():
        assert weight.dtype == np.float32 and weight.shape == real.network.shapes[name]
        assert np.array_equal(weight, real.weights[name]) == (keep or not real.weights[name].any())
    assert again.score("Sing, goddess").nats == model.score("Sing, goddess").nats


def test_the_digest_is_of_the_whole_numbers_alone(tiny_model: MakeModel, path: Path) -> None:
    real = tiny_model()
    whole, kept = real.quantised(), real.quantised(keep=True)
    assert whole.digest == kept.digest != real.digest
    assert whole.save(path) != kept.save(path), "the checksum is of all"
    assert Model.load(path).digest == whole.digest
    assert whole.quantised() is not whole and whole.quantised().digest == whole.digest
    assert kept.quantised().tensors.keys() == whole.tensors.keys()
    assert kept.quantised(keep=True).tensors.keys() == kept.tensors.keys()


def test_a_file_is_smaller(tiny_model: MakeModel, path: Path) -> None:
    real = tiny_model(width=64)
    sizes = []
    for model in (real, real.quantised(), real.quantised(keep=True)):
        model.save(path)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.4 * sizes[0] and sizes[2] > sizes[0]


def test_the_state_is_in_real_numbers(tiny_model: MakeModel) -> None:
    real = tiny_model(layers=2)
    for one, other in zip(real.quantised().state("Sing"), real.state("Sing"), strict=True):
        assert list(one) == list(other) == ["h", "c"]
        for name in one:
            assert one[name].dtype == np.float32 and np.abs(one[name] - other[name]).max() < 0.05


def test_no_weights_in_float32_unless_somebody_asks(tiny_model: MakeModel, path: Path) -> None:
    tiny_model().quantised().save(path)
    model = Model.load(path)
    model.generate("Sing", length=5)
    model.score("Sing")
    model.compress(b"Sing")
    assert "weights" not in vars(model)


def test_what_is_unfit_says_where(tiny_model: MakeModel) -> None:
    model = tiny_model()
    weights = {**model.weights, "layer0.recurrent": model.weights["layer0.recurrent"] * np.float32(1e30)}
    with pytest.raises(Unfit, match=r"layer0\.kernel: weights too large"):
        Model(model.config, weights).quantised()


def put(name: str, value: float, place: int = 0) -> Callable[[Tensors], None]:
    """Forge one number."""

    def forge(tensors: Tensors) -> None:
        tensors[name] = tensors[name].copy()
        tensors[name].flat[place] = value

    return forge


def replaced(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Tensors], None]:
    def forge(tensors: Tensors) -> None:
        tensors[name] = np.asarray(change(tensors[name]))

    return forge


def all_large(tensors: Tensors) -> None:
    """Weights and what they read."""
    for name in ("layer0.embedding", "embedding.multiplier"):
        tensors[name] = tensors[name] * 0 + 32767
    tensors["embedding.shift"] = np.array(1, np.int32)


FORGED: dict[str, tuple[str, Callable[[Tensors], None]]] = {
    "-128": ("layer0.kernel: its weights", put("layer0.kernel", -128)),
    "eight bits": ("layer1.kernel: its weights", put("layer1.kernel", 64)),
    "sums that overflow": ("layer1.kernel: its sums", put("layer1.kernel.multiplier", 2**31 - 1)),
    "no multiplier": ("layer1.kernel: its multipliers", put("layer1.kernel.multiplier", 0, 5)),
    "a negative multiplier": ("output.kernel: its multipliers", put("output.kernel.multiplier", -1)),
    "no shift": ("layer0.kernel: its shift", put("layer0.kernel.shift", 0)),
    "a large shift": ("output.kernel: its shift", put("output.kernel.shift", 25)),
    "a negative shift": ("layer0.embedding: its shift", put("layer0.embedding.shift", -1)),
    "a large multiplier": ("layer0.embedding: its multipliers", put("layer0.embedding.multiplier", 1 << 15)),
    "-32768": ("layer0.embedding: its weights", put("layer0.embedding", -32768)),
    "numbers that overflow": ("layer0.embedding: its sums", all_large),
    "-128 in the embedding": ("embedding: its weights", put("embedding", -128)),
    "a multiplier of the embedding": ("embedding: its multipliers", put("embedding.multiplier", 1 << 15)),
    "a large bias": ("layer1.bias: its biases", put("layer1.bias", 2**20 + 1, 3)),
    "a large bias of a logit": ("output.bias: its biases", put("output.bias", -(2**31))),
    "-32768 in a peephole": ("layer1.peephole: its weights", put("layer1.peephole", -32768)),
    "no shift of a peephole": ("layer1.peephole: its shift", put("layer1.peephole.shift", 0)),
    "another type": ("'layer0.kernel' has type I16", replaced("layer0.kernel", lambda all: all.astype(np.int16))),
    "real numbers": ("'layer0.kernel' has type F32", replaced("layer0.kernel", lambda all: all.astype(np.float32))),
    "another shape": ("'layer0.bias' has shape", replaced("layer0.bias", lambda all: all[:-1])),
    "a shift for each row": ("'layer0.kernel.shift' has shape", replaced("layer0.kernel.shift", lambda one: [one] * 9)),
    "none": ("'layer1.kernel.multiplier' has shape nothing", lambda tensors: tensors.pop("layer1.kernel.multiplier")),  # type: ignore[dict-item,return-value]
    "one more": ("'float' has shape", replaced("layer0.bias", lambda all: all)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_tensors(whole: Model, path: Path, name: str) -> None:
    match, forge = FORGED[name]
    tensors = dict(whole.tensors)
    forge(tensors)
    if name == "one more":
        tensors["float"] = np.zeros(3, np.float32)
    refused(whole, path, tensors, match)


DENSE: dict[str, tuple[str, Callable[[Tensors], None]]] = {
    "NaN": (
        "'output.kernel.scale' is not made of finite|output.kernel: its scales",
        put("output.kernel.scale", np.nan),
    ),
    "an infinite scale": ("output.kernel: its scales", put("output.kernel.scale", np.inf)),
    "a negative scale": ("output.kernel: its scales", put("output.kernel.scale", -0.5)),
    "no scale": ("output.kernel: its scales", put("output.kernel.scale", 0)),
    "a large scale": ("output.kernel: its scales", put("output.kernel.scale", 1e30)),
    "an infinite bias": ("output.bias: its biases", put("output.bias", np.inf)),
    "a bias that is no number": ("output.bias: its biases", put("output.bias", np.nan)),
    "sums that overflow": (
        "output.kernel: its sums",
        replaced("output.kernel", lambda all: all * 0 + 32767),
    ),
    "-32768": ("output.kernel: its weights", put("output.kernel", -32768)),
    "fine activations": ("layer0.kernel: its multipliers", put("layer0.kernel.multiplier", 1 << 15)),
}


@pytest.mark.parametrize("name", DENSE)
def test_forged_tensors_of_densities(dense: Model, path: Path, name: str) -> None:
    match, forge = DENSE[name]
    tensors = dict(dense.tensors)
    forge(tensors)
    refused(dense, path, tensors, match)


def test_kept_weights_are_all_or_none(tiny_model: MakeModel, path: Path) -> None:
    model = tiny_model().quantised(keep=True)
    some = {name: tensor for name, tensor in model.tensors.items() if name != "float32.layer0.bias"}
    refused(model, path, some, r"'float32\.layer0\.bias' has shape nothing")
    bad = dict(model.tensors)
    put("float32.layer0.bias", np.nan)(bad)
    refused(model, path, bad, r"'float32\.layer0\.bias' is not made of finite")


def test_an_arithmetic_that_does_not_fit_the_tensors(tiny_model: MakeModel, path: Path) -> None:
    real = tiny_model()
    whole = real.quantised()
    refused(real, path, whole.tensors, "where its configuration calls for")
    refused(whole, path, real.weights, "'embedding' has type F32")
    checkpoint.save(path, {**real.config.model_dump(), "arithmetic": "decimals"}, real.weights)
    with pytest.raises(UserError, match="arithmetic"):
        Model.load(path)


def refused(model: Model, path: Path, tensors: Any, match: str) -> None:
    checkpoint.save(path, model.config.model_dump(), tensors)
    with pytest.raises(UserError, match=match) as error:
        Model.load(path)
    assert str(path) in str(error.value)
