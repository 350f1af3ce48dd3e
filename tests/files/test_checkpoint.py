"""Files from strangers, damaged files and full disks: a `UserError` each, and nothing lost."""

from __future__ import annotations

import copy
import errno
import json
import os
import pickle
import resource
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import MakeModel


@pytest.fixture(scope="module")
def whole(tiny_model: MakeModel) -> bytes:
    """A good model file."""
    path = tiny_model().path
    assert path is not None
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / checkpoint.MODEL


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path for hypothesis, which runs many examples in one test."""
    return tmp_path_factory.mktemp("damaged") / checkpoint.MODEL


@pytest.fixture
def little_memory() -> Iterator[None]:
    """2 GB more address space than now: what would allocate by a forged number fails at once."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    old = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, old)


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """A file's header and the tensors' bytes."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def config_of(model: Model) -> dict[str, Any]:
    return copy.deepcopy(model.config.model_dump())


def refused(path: Path, data: bytes, match: str | None = None) -> None:
    path.write_bytes(data)
    with pytest.raises(UserError, match=match):
        Model.load(path)


def test_there_and_back(tiny_model: MakeModel, path: Path) -> None:
    model = tiny_model(layers=2)
    mark = checkpoint.save(path, model.config.model_dump(), model.weights)
    again = Model.load(path)
    assert again.checksum == mark and again.digest == model.digest and again.config == model.config
    assert all(np.array_equal(again.weights[name], value) for name, value in model.weights.items())
    assert os.listdir(path.parent) == [path.name]


def test_the_digest_is_of_what_predicts(tiny_model: MakeModel, path: Path) -> None:
    """Not of what is only told about the training, nor of how the numbers were written."""
    model = tiny_model()

    def digest(weights: Any = model.weights, **change: Any) -> str:
        checkpoint.save(path, {**config_of(model), **change}, weights)
        return Model.load(path).digest

    assert digest(facts={"seconds": 3.5}) == digest(facts={}) == model.digest
    assert Model(model.config, model.weights).digest == model.digest, "without a file"
    network = config_of(model)["network"]
    without = {name: value for name, value in network.items() if name != "residual"}  # as before there was this setting
    old = digest(network=without)
    assert old != model.digest and Model.load(path).config == model.config
    rounded = {name: value.astype(np.float16) for name, value in model.weights.items()}
    others = {
        digest(reset="line"),
        digest(framing={"name": "one-to-one", "length": 0}),
        digest({**model.weights, "output.bias": model.weights["output.bias"] + np.float32(0.25)}),
        digest(rounded),
    }
    assert len(others | {old, model.digest}) == 6
    assert digest({name: value.astype(np.float32) for name, value in rounded.items()}) == digest(rounded)


def test_a_pickle_by_another_name(path: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "exploded"),)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        refused(path, pickle.dumps({"weights": Bomb()}, protocol) * 40, "not a usable Rhapsode file")
    assert not (tmp_path / "exploded").exists()


def test_cut_anywhere(whole: bytes, path: Path) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [0, 1, 7, 8, 9, 100, header - 1, header, header + 1, header + 777, len(whole) - 4, len(whole) - 1]
    for n in {*places, *range(0, len(whole), 97)}:
        refused(path, whole[:n])
    refused(path, whole + b"\0")


def test_flipped_bits_of_the_header(whole: bytes, path: Path) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    for bit in [*range(64), *rng.integers(64, header * 8, 400)]:
        bad = bytearray(whole)
        bad[bit // 8] ^= 1 << bit % 8
        refused(path, bytes(bad))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_of_any_kind(whole: bytes, damaged: Path, data: st.DataObject) -> None:
    a, b = sorted((data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))))
    bad = whole[:a] + data.draw(st.binary(max_size=12)) + whole[b:]
    if bad != whole:
        refused(damaged, bad)


@settings(max_examples=60, deadline=None)
@given(bit=st.integers(0), place=st.randoms(use_true_random=False))
def test_flipped_bits_of_the_weights(whole: bytes, damaged: Path, bit: int, place: Any) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    bad = bytearray(whole)
    bad[place.randrange(header, len(whole))] ^= 1 << bit % 8
    refused(damaged, bytes(bad), "damaged")


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 2**31, 1, 0])
def test_header_lengths(whole: bytes, path: Path, length: int, little_memory: None) -> None:
    refused(path, struct.pack("<Q", length) + whole[8:])


@pytest.mark.parametrize("header", [b"[]", b"{}", b"null", b'"a"', b"1", b"\xff\xfe", b'{"__metadata__":3}', b"NaN"])
def test_headers_that_are_something_else(path: Path, header: bytes) -> None:
    refused(path, join(header, b""))
    refused(path, join(header, b"\0" * 64))


@pytest.mark.parametrize("deep", [500, 5_000, 200_000])
def test_deep_nesting(whole: bytes, path: Path, deep: int) -> None:
    header, body = split(whole)
    nest = "[" * deep + "]" * deep
    refused(path, join(nest.encode(), body))
    refused(path, join(('{"a":' * deep + "1" + "}" * deep).encode(), body))
    info = header["__metadata__"]["rhapsode"]
    header["__metadata__"]["rhapsode"] = info.replace('"facts": {}', '"facts": {"a": ' + nest + "}")
    assert header["__metadata__"]["rhapsode"] != info
    refused(path, join(json.dumps(header).encode(), body))


@pytest.mark.parametrize("shape", [[1e999], ["a"], None, [-1, 5], [[1]], 7, [1.5], {}], ids=str)
def test_shapes_that_are_none(whole: bytes, path: Path, shape: Any) -> None:
    header, body = split(whole)
    header["output.bias"]["shape"] = shape
    refused(path, join(json.dumps(header).encode(), body))


@pytest.mark.parametrize("offsets", [[0, 2**62], [-4, 4], [8, 4], [0, 0], "ab"], ids=str)
def test_offsets_that_are_none(whole: bytes, path: Path, offsets: Any, little_memory: None) -> None:
    header, body = split(whole)
    header["output.bias"]["data_offsets"] = offsets
    refused(path, join(json.dumps(header).encode(), body))


def forge(model: Model, path: Path, change: Any, weights: dict[str, np.ndarray] | None = None) -> None:
    """A file with a changed configuration and a digest that agrees: the work of a person, not of chance."""
    config = config_of(model)
    change(config)
    checkpoint.save(path, config, model.weights if weights is None else weights)


def setting(*keys: str, to: Any) -> Any:
    def change(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = to

    return change


FORGERIES = {
    "shape bomb": (setting("network", "width", to=65536), "calls for"),
    "a bigger bomb": (setting("network", to={"width": 65536, "layers": 64, "embedding": 65536}), "calls for"),
    "too big a number": (setting("network", "width", to=10**30), "network.width"),
    "negative": (setting("network", "layers", to=-1), "network.layers"),
    "text for a number": (setting("network", "width", to="; rm -rf"), "network.width"),
    "NaN for a number": (setting("network", "width", to=float("nan")), "network.width"),
    "infinite": (setting("framing", "length", to=float("inf")), "framing.length"),
    "path for a codec": (setting("codec", "name", to="../../x"), "codec"),
    "module for a codec": (setting("codec", "name", to="os"), "codec"),
    "private module for a codec": (setting("codec", "name", to="_text"), "codec"),
    "number for a codec": (setting("codec", "name", to=3), "codec"),
    "no codec": (setting("codec", to={}), "codec"),
    "codec without its table": (setting("codec", to={"name": "chars"}), "chars"),
    "path for a cell": (setting("network", "cell", to="../lstm"), "cell"),
    "unknown cell": (setting("network", "cell", to="gru9"), "cell"),
    "unknown head": (setting("network", "head", to="os.system"), "head"),
    "private module for a head": (setting("network", "head", to="_head"), "head"),
    "unknown framing": (setting("framing", "name", to="many"), "framing"),
    "window of no steps": (setting("framing", to={"name": "many-to-one", "length": 0}), "framing"),
    "horizon of no steps": (setting("framing", to={"name": "one-to-many"}), "framing"),
    "unknown policy": (setting("reset", to="__import__('os')"), "reset"),
    "broken expression": (setting("reset", to="regex:("), "regular expression"),
    "expression too big": (setting("reset", to="regex:a{9999}"), "regular expression"),
    "expression too deep": (setting("reset", to="regex:" + "(" * 30000), "regular expression"),
    "number for a policy": (setting("reset", to=7), "reset"),
    "unknown key": (setting("eval", to="1"), "eval"),
    "a format to come": (setting("format", to=4), "format"),
    "tied to what does not fit": (setting("network", "tied", to=True), "tied"),
    "list for a network": (setting("network", to=[]), "network"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_configurations(tiny_model: MakeModel, path: Path, name: str, little_memory: None) -> None:
    change, match = FORGERIES[name]
    forge(tiny_model(), path, change)
    with pytest.raises(UserError, match=match):
        Model.load(path)


def test_text_that_has_no_utf8(whole: bytes, path: Path) -> None:
    header, body = split(whole)
    info = header["__metadata__"]["rhapsode"]
    for bad in ('"facts": {"a": "\\ud800"}', '"facts": {"\\udfff": 1}', '"facts": {"a": 1e999, "b": NaN}'):
        header["__metadata__"]["rhapsode"] = info.replace('"facts": {}', bad)
        refused(path, join(json.dumps(header).encode(), body))


def test_wrong_tensors(tiny_model: MakeModel, path: Path) -> None:
    model = tiny_model()
    good = dict(model.weights)

    def without(name: str) -> dict[str, np.ndarray]:
        return {k: v for k, v in good.items() if k != name}

    wrong: list[tuple[dict[str, np.ndarray], str]] = [
        (without("output.bias"), "output.bias"),
        ({**good, "more": np.zeros(3, np.float32)}, "more"),
        ({**without("output.bias"), "../output.bias": good["output.bias"]}, "output.bias"),
        ({**good, "output.bias": good["output.bias"][:-1]}, "output.bias"),
        ({**good, "output.weight": good["output.weight"].T.copy()}, "output.weight"),
        ({**good, "output.bias": good["output.bias"].astype(np.float64)}, "output.bias"),
        ({**good, "output.bias": good["output.bias"].astype(np.int64)}, "output.bias"),
        ({**good, "output.bias": good["output.bias"].astype(np.uint8)}, "output.bias"),
        ({}, "embedding"),
    ]
    for weights, match in wrong:
        forge(model, path, lambda config: None, weights)
        with pytest.raises(UserError, match=match):
            Model.load(path)


def test_a_large_vocabulary_without_an_embedding_is_no_bomb(path: Path, little_memory: None) -> None:
    """A megabyte of weights must not ask for a square of the vocabulary: 17 GB here."""
    from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
    from rhapsode.nn.network import Network
    from rhapsode.steps.symbols import Symbols

    size = 60_000
    characters = "".join(chr(c) for c in range(size - 32 + 2048) if not 0xD800 <= c < 0xE000)
    config = ModelConfig(
        codec={"name": "chars", "characters": characters},
        network=NetworkConfig(width=1, embedding=0),
        framing=FramingConfig(),
        reset="never",
    )
    shapes = Network(config.network, Symbols(size)).shapes
    checkpoint.save(path, config.model_dump(), {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    assert Model.load(path).reader().parameters.shape == (1, size)


@pytest.mark.parametrize("given", ["", "nothing/here", "a\0b", "x" * 5000, "/dev/null"], ids=lambda g: repr(g[:12]))
def test_places_without_a_model(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        Model.load(given)


def test_neighbours_are_named(tiny_model: MakeModel, tmp_path: Path) -> None:
    model = tiny_model()
    checkpoint.save(tmp_path / "homer" / checkpoint.MODEL, model.config.model_dump(), model.weights)
    with pytest.raises(UserError, match="homer"):
        Model.load(tmp_path / "homre")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_costs_nothing(
    tiny_model: MakeModel, path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    first, second = tiny_model(), tiny_model(seed=1)
    checkpoint.save(path, first.config.model_dump(), first.weights)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save(path, second.config.model_dump(), second.weights)
    monkeypatch.undo()
    assert os.listdir(path.parent) == [path.name]
    assert Model.load(path).digest == first.digest


def test_a_place_that_cannot_be_written(tiny_model: MakeModel, tmp_path: Path) -> None:
    model = tiny_model()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot write"):
        checkpoint.save(tmp_path / "file" / checkpoint.MODEL, model.config.model_dump(), model.weights)
