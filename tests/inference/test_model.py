"""However steps are given to a reader, the numbers are the same, bit for bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.inference.reader import Reader, as_bytes
from rhapsode.inference.units import Units
from tests.conftest import TEXT, MakeModel

FRAMINGS = [("stream", 0), ("one-to-one", 0), ("many-to-one", 5), ("one-to-many", 4)]
RESETS = ["never", "line", "every:7", "regex:^CHAPTER"]
NETWORKS: list[dict[str, Any]] = [
    {},
    {"layers": 3, "skip": True},
    {"layers": 2, "residual": True, "embedding": 0},
    {"tied": True, "embedding": 12},
    {"width": 48, "layers": 2},
]

every_kind = pytest.mark.parametrize(("framing", "reset"), list(itertools.product(FRAMINGS, RESETS)), ids=str)


def text_symbols(model: Model, n: int = 400) -> np.ndarray:
    symbols = model.codec.encode(TEXT.encode())
    return symbols[140 : 140 + n]  # with two newlines, a blank line and a CHAPTER in it


def one_by_one(reader: Reader, symbols: np.ndarray) -> np.ndarray:
    """Parameters [N, P] before each of [N] symbols."""
    out = []
    for symbol in symbols:
        out.append(reader.parameters[0])
        reader.read(np.array([symbol]))
    return np.stack(out)


@every_kind
def test_all_at_once_is_one_by_one(tiny_model: MakeModel, framing: tuple[str, int], reset: str) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset=reset)
    symbols = text_symbols(model)
    step, block = model.reader(), model.reader()
    expected = one_by_one(step, symbols)
    found = np.concatenate(list(block.read_all(symbols)))
    assert np.array_equal(found, expected)
    assert np.array_equal(block.parameters, step.parameters)
    # and both go on alike
    assert np.array_equal(one_by_one(block, symbols[:9]), one_by_one(step, symbols[:9]))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_all_at_once_is_one_by_one_for_networks(tiny_model: MakeModel, network: dict[str, Any]) -> None:
    model = tiny_model(reset="line", **network)
    symbols = text_symbols(model)
    assert np.array_equal(np.concatenate(list(model.reader().read_all(symbols))), one_by_one(model.reader(), symbols))


@every_kind
def test_rows_do_not_touch_one_another(tiny_model: MakeModel, framing: tuple[str, int], reset: str) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset=reset)
    symbols = text_symbols(model, 200)
    rows = [symbols[at : at + 60] for at in (0, 17, 60, 99, 140)]
    reader = model.reader(rows=5)
    together = []
    for step in np.stack(rows, axis=1):
        together.append(reader.parameters)
        reader.read(step)
    for n, row in enumerate(rows):
        assert np.array_equal(np.stack(together)[:, n], one_by_one(model.reader(), row))


@every_kind
def test_the_pieces_that_a_text_comes_in_do_not_matter(
    tiny_model: MakeModel, framing: tuple[str, int], reset: str
) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset=reset)
    symbols = text_symbols(model)
    whole = np.concatenate(list(model.reader().read_all(symbols)))
    reader = model.reader()
    pieces = [b for cut in np.split(symbols, [0, 1, 2, 30, 101, 102, 377]) for b in reader.read_all(cut)]
    assert np.array_equal(np.concatenate(pieces), whole)


@every_kind
def test_copies_and_forks_go_their_own_way(tiny_model: MakeModel, framing: tuple[str, int], reset: str) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset=reset)
    symbols = text_symbols(model)
    reader = model.reader()
    list(reader.read_all(symbols[:53]))
    copy, fork = reader.copy(), reader.repeat(3)
    expected = one_by_one(reader, symbols[53:90])
    fork.read(np.full(3, symbols[200]))  # what the fork and the original read does not reach the copy
    assert np.array_equal(one_by_one(copy, symbols[53:90]), expected)


def test_repeat_and_take(tiny_model: MakeModel) -> None:
    model = tiny_model(reset="line")
    symbols = text_symbols(model)
    start = model.reader()
    list(start.read_all(symbols[:31]))
    reader = start.repeat(4)
    assert reader.rows == 4
    for step in range(40):
        reader.read(symbols[[step, step + 3, step + 9, step + 27]])
    chosen = reader.take([2, 0])
    assert np.array_equal(chosen.parameters, reader.parameters[[2, 0]])
    alone = start.copy()
    list(alone.read_all(symbols[9:49]))
    tail = symbols[5:60]
    expected = one_by_one(alone, tail)
    for n, symbol in enumerate(tail):
        assert np.array_equal(chosen.parameters[0], expected[n])
        chosen.read(np.array([symbol, 0]))
    with pytest.raises(ValueError):
        reader.repeat(2)
    with pytest.raises(ValueError):
        next(reader.read_all(symbols))


def test_state_matters_only_as_far_as_the_framing_says(tiny_model: MakeModel) -> None:
    for framing, length, reach in (("one-to-one", 0, 1), ("many-to-one", 5, 5), ("stream", 0, None)):
        model = tiny_model(framing=framing, length=length)
        a, b = text_symbols(model, 40), text_symbols(model, 40).copy()
        b[10] = (b[10] + 1) % model.codec.steps.size
        differs = np.any(one_by_one(model.reader(), a) != one_by_one(model.reader(), b), axis=1)
        assert not differs[:11].any() and differs[11]
        assert differs[11:].all() if reach is None else np.array_equal(np.flatnonzero(differs), 11 + np.arange(reach))


def test_one_to_many_begins_anew_after_its_length(tiny_model: MakeModel) -> None:
    """The next k steps given one: k inputs from zero state, then k more."""
    model = tiny_model(framing="one-to-many", length=4)
    symbols = text_symbols(model, 40).astype(np.int64)
    inputs = np.concatenate([[model.codec.steps.start], symbols[:-1]])
    windows, _ = model.engine.run(inputs.reshape(10, 4).T.copy(), model.engine.zeros(10))
    assert np.array_equal(one_by_one(model.reader(), symbols), windows.swapaxes(0, 1).reshape(40, -1))


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_after_a_unit_all_is_as_in_the_beginning(tiny_model: MakeModel, framing: tuple[str, int]) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset="line")
    fresh, reader = model.reader(), model.reader()
    list(reader.read_all(model.codec.encode(b"Sing, goddess\nof Zeus\n")))
    assert np.array_equal(reader.parameters, fresh.parameters)
    line = model.codec.encode(b"the will of Zeus")
    assert np.array_equal(one_by_one(reader, line), one_by_one(fresh, line))


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("framing", [("stream", 0), ("one-to-one", 0), ("many-to-one", 5)], ids=str)
@pytest.mark.parametrize("codec", ["chars", "bytes"])
def test_reading_is_what_training_computes(
    tiny_model: MakeModel, codec: str, framing: tuple[str, int], reset: str
) -> None:
    """The reader, against framing's examples run by torch: the two must agree on units, windows and start.

    bytes: its 256 symbols fill their type, so `start` does not fit into it.
    """
    torch = pytest.importorskip("torch")
    from rhapsode.data.framed import Framed
    from rhapsode.steps.sequence import Steps

    model = tiny_model(codec=codec, framing=framing[0], length=framing[1], reset=reset, layers=2)
    symbols = model.codec.encode(TEXT.encode())[:300]
    units = Units(model)
    begins = [0, *(n + 1 for n, s in enumerate(symbols.tolist()) if units.read(s) and n + 1 < len(symbols))]
    assert len(begins) == {"never": 1, "line": 7, "every:7": 43, "regex:^CHAPTER": 2}[reset]

    framed = Framed(Steps(symbols, np.array(begins)), model.codec.steps)
    positions = np.arange(framed.length)
    # stream: one row, the whole sequence. Else: a row for each position, which stands last in its window.
    window = {"one-to-one": 1, "many-to-one": framing[1]}.get(framing[0])
    batch = framed.at(positions[:, None] if window is None else positions + np.arange(1 - window, 1)[:, None])
    weights = {name: torch.from_numpy(value) for name, value in model.weights.items()}
    state = model.network.zeros(batch.inputs.shape[1], weights["output.bias"])
    with torch.no_grad():
        out, _ = model.network.run(weights, torch.from_numpy(batch.inputs), state, torch.from_numpy(batch.reset))
    out = out[:, 0] if window is None else out[-1]
    expected = out.numpy()[np.isin(positions, framed.begins, invert=True)]
    np.testing.assert_allclose(np.concatenate(list(model.reader().read_all(symbols))), expected, atol=2e-4)


@pytest.mark.parametrize("codec", ["chars", "bytes", "words", "bpe"])
def test_codecs_travel_in_the_file(tiny_model: MakeModel, codec: str) -> None:
    model = tiny_model(codec=codec)
    again = codec_from_json(codec_to_json(model.codec))
    data = TEXT.encode() + bytes(range(256))
    assert np.array_equal(again.encode(data), model.codec.encode(data))


def test_load_takes_the_folder_or_the_file(tiny_model: MakeModel) -> None:
    model = tiny_model()
    assert model.path is not None
    again = Model.load(model.path.parent)
    assert again.digest == Model.load(str(model.path)).digest == model.digest
    assert model.path.name == checkpoint.MODEL


def test_weights_that_are_not_numbers_are_refused(tiny_model: MakeModel, tmp_path: Any) -> None:
    model = tiny_model()
    weights = {name: value.copy() for name, value in model.weights.items()}
    weights["layer0.bias"][3] = np.nan
    checkpoint.save(tmp_path / checkpoint.MODEL, model.config.model_dump(), weights)
    with pytest.raises(UserError, match="layer0.bias"):
        Model.load(tmp_path)


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_the_type_of_symbols_does_not_matter(tiny_model: MakeModel, framing: tuple[str, int]) -> None:
    """numpy turns `start`, 256, into 0 beside symbols of type uint8, and says nothing."""
    model = tiny_model(codec="bytes", framing=framing[0], length=framing[1], reset="line")
    symbols = np.frombuffer(b"\na\n\n\0b\nab", np.uint8)
    expected = one_by_one(model.reader(), symbols.astype(np.int64))
    assert np.array_equal(one_by_one(model.reader(), symbols), expected)
    assert np.array_equal(np.concatenate(list(model.reader().read_all(symbols))), expected)


def test_as_bytes() -> None:
    assert as_bytes("aé", "prompt") == b"a\xc3\xa9"
    assert as_bytes(b"\xff", "prompt") == as_bytes("\udcff", "prompt") == b"\xff"
    with pytest.raises(UserError, match=r"prompt: character 2 is U\+D800"):
        as_bytes("ab\ud800", "prompt")


def test_what_is_done_with_a_model(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="bytes", reset="line")  # every byte is a symbol: the text says which were drawn
    options: dict[str, Any] = {"length": 80, "seed": 3, "sampling": Sampling(temperature=0.9)}
    (sample,) = model.generate("Sing", **options)
    assert "".join(piece.text for piece in model.stream("Sing", **options)) == sample.text
    assert model.score(sample.data, prompt="Sing").nats == pytest.approx(-sample.log_probs.sum(), rel=1e-12)
    assert model.decompress(model.compress(sample.data)) == sample.data
    assert len(model.generate("Sing", samples=3)) == 3
    with pytest.raises(UserError, match="length"):
        model.generate(length=-1)


@every_kind
def test_the_state_is_that_of_all_that_was_read(tiny_model: MakeModel, framing: tuple[str, int], reset: str) -> None:
    model = tiny_model(framing=framing[0], length=framing[1], reset=reset, layers=2)
    text = TEXT[140:400]
    state = model.state(text)
    reader = model.reader()
    for cut in np.split(model.codec.encode(text.encode()), [0, 1, 2, 30, 101, 102]):
        list(reader.read_all(cut))
    assert [list(layer) for layer in state] == [["h", "c"], ["h", "c"]]
    for whole, pieces in zip(state, reader.state, strict=True):
        for name, part in whole.items():
            assert part.shape == (12,) and part.dtype == np.float32
            assert np.array_equal(part, pieces[name][0])
    # The features are the last layer's h, so that the state says what comes next.
    expected = model.weights["output.weight"] @ state[-1]["h"] + model.weights["output.bias"]
    np.testing.assert_allclose(reader.parameters[0], expected, rtol=1e-4, atol=1e-5)


def test_the_state_is_a_new_one_for_each_text(tiny_model: MakeModel) -> None:
    model = tiny_model()
    first = model.state("Sing")[0]["c"]
    again = model.state("Sing")[0]["c"]
    assert np.array_equal(first, again) and not np.array_equal(first, model.state("Sang")[0]["c"])
    first[:] = 0
    assert again.any() and model.state("Sing")[0]["c"].any()
    with pytest.raises(UserError, match="text"):
        model.state("\ud800")


def test_a_shipped_model_is_called_by_name(
    tiny_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from rhapsode.modalities.ink.ship import ship

    model = tiny_model(codec="strokes")
    assert model.path is not None
    facts = {"updates": 1, "seconds": 2, "valid_nats_per_step": 3}
    config = model.config.model_copy(update={"facts": {**facts, "plan": {}}})
    checkpoint.save(tmp_path / "made" / checkpoint.MODEL, config.model_dump(), model.weights)
    monkeypatch.setattr(checkpoint, "SHIPPED", tmp_path / "shipped")
    [file] = ship(str(tmp_path / "made"), "tiny")
    assert file.stat().st_size < 0.8 * model.path.stat().st_size
    small = Model.load("demo:tiny")
    assert small.config.facts == facts and small.digest == model.quantised().digest
    with pytest.raises(UserError, match="Allowed: tiny"):
        Model.load("demo:tony")
