"""Models of pen strokes: what is drawn has the nats that scoring gives, and ends where the model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import NetworkConfig
from rhapsode.console.records import named as style_of
from rhapsode.errors import UserError
from rhapsode.inference.evaluation import carried
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.nn.attention._attention import Attention, Memory
from rhapsode.nn.attention.window import Window
from rhapsode.nn.network import Network
from rhapsode.steps.text import Text
from tests.conftest import WORDS, MakeModel, written


@pytest.mark.parametrize("feedback", [False, True])
def test_what_is_drawn_has_the_nats_that_scoring_gives(tiny_model: MakeModel, feedback: bool) -> None:
    model = tiny_model(codec="strokes", attention={"feedback": feedback})
    for style in (None, written(["dab"])[0]):
        sample = model.generate("bead", length=40, seed=3, style=style)[0]
        before = np.empty((0, 3), np.float32) if style is None else model.record_codec.encode(style, whole=False)
        text = model.record_codec.encode_text("bead" if style is None else "dabbead")
        nats = carried(model, np.concatenate([before, sample.steps]), text)[len(before) :]
        assert np.array_equal(-nats, sample.log_probs)


@pytest.mark.parametrize("feedback", [False, True])
def test_the_same_seed_draws_the_same_alone_in_a_batch_and_streamed(tiny_model: MakeModel, feedback: bool) -> None:
    model = tiny_model(codec="strokes", attention={"feedback": feedback})
    together = model.generate("cab", length=30, samples=5, seed=7, sampling=Sampling(bias=0.5))
    assert len({sample.data for sample in together}) == 5
    for n, sample in enumerate(together):
        alone = model.generate("cab", length=30, seed=7, row=n, sampling=Sampling(bias=0.5))[0]
        assert np.array_equal(alone.steps, sample.steps) and alone.data == sample.data
        assert np.array_equal(alone.attention, sample.attention)
        pieces = model.stream("cab", length=30, seed=7, row=n, sampling=Sampling(bias=0.5))
        assert b"".join(piece.data for piece in pieces) == sample.data


def test_a_sample_is_a_drawing_of_its_text(tiny_model: MakeModel) -> None:
    sample = tiny_model(codec="strokes").generate("bee", length=25, seed=1)[0]
    assert isinstance(sample.record, Drawing) and sample.record.text == sample.text == "bee"
    assert len(sample.record) == len(sample.steps) + 1 and sample.attention is not None
    assert sample.attention.shape == (len(sample.steps), 4)
    assert json.loads(sample.data)["text"] == "bee"
    primed = tiny_model(codec="strokes").generate("bee", length=25, seed=1, style=written(["ada"])[0])[0]
    assert len(primed.record) == len(primed.steps)  # the first step only goes to where it begins


def test_a_drawing_ends_where_the_model_says(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    codec, drawing = model.record_codec, written(["dab"])[0]
    steps = codec.encode(drawing)
    assert steps[-1, 2] == 2 and steps[:-1, 2].max() == 1 and codec.ends(steps[-1]) and not codec.ends(steps[-2])
    assert codec.encode(drawing, whole=False)[-1, 2] == 1
    assert codec.decode(steps).ends[-1]
    ended = 0
    for sample in model.generate("cab", samples=40, length=30, seed=5):
        assert (sample.steps[:-1, 2] < 2).all()
        assert (sample.stopped == "end") == (sample.steps[-1, 2] == 2)
        ended += sample.stopped == "end"
    assert ended > 20  # a fair coin for the lift, and one for the end


def test_without_ends_it_is_the_window_that_says(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes", head={"ends": False})
    for sample in model.generate("cab", samples=20, length=60, seed=5):
        assert (sample.steps[:, 2] < 2).all() and sample.attention is not None
        lifted = sample.steps[:, 2] > 0
        behind = sample.attention[:, :-1].max(axis=1) < sample.attention[:, -1]
        assert not (lifted[:-1] & behind[1:]).any()
        assert sample.stopped == ("length" if len(sample.steps) == 60 else "end")


def test_bias_draws_nearer_to_the_likeliest(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")

    def mean(bias: float) -> float:
        drawn = model.generate("abcde", samples=30, length=20, seed=0, sampling=Sampling(bias=bias))
        return float(np.mean([sample.log_probs.mean() for sample in drawn]))

    assert mean(0) < mean(1) < mean(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": "xyz"}, "never seen 'x', 'y', 'z'"),
        ({"prompt": ""}, "nothing to write"),
        ({"prompt": "ab", "stop": "x"}, "stop is for text"),
        ({"prompt": "ab", "sampling": Sampling(top_k=3)}, "top_k means nothing"),
        ({"prompt": "ab", "style": from_strokes([np.eye(2)])}, "its text is not known"),
    ],
)
def test_what_cannot_be_drawn(tiny_model: MakeModel, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny_model(codec="strokes").generate(**arguments)


def test_models_of_text_and_of_pens_say_what_they_are_not_for(tiny_model: MakeModel) -> None:
    pen, text = tiny_model(codec="strokes"), tiny_model()
    for call in (pen.score, pen.compress, pen.state):
        with pytest.raises(UserError, match="model of"):
            call(b"ab")
    with pytest.raises(UserError, match="model of whole records"):
        list(text.score_records([]))
    with pytest.raises(UserError, match="style and outline, and what was begun, are records"):
        text.generate("ab", style=written(["ada"])[0])
    with pytest.raises(UserError, match="bias means nothing"):
        text.generate("ab", sampling=Sampling(bias=1))


def test_scores_have_raw_units_too(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    scores = list(model.score_records(written(["dab", "ebb"])))
    assert [one.steps for one in scores] == [23, 23] and [one.chars for one in scores] == [3, 3]
    moves = model.codec.steps
    assert isinstance(moves, Moves)
    for one in scores:
        assert one.raw - one.nats == pytest.approx(one.steps * np.log(moves.sd).sum())


def test_the_written_out_loop_has_the_gradients_of_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    config = NetworkConfig(
        layers=2,
        width=24,
        skip=True,
        head={"name": "mixture", "mixtures": 3},
        attention={"feedback": True, "components": 5},  # type: ignore[arg-type]
    )
    network = Network(config, Moves((0, 0), (1, 1)), Text(9, 0.2))
    generator = torch.Generator().manual_seed(0)
    weights = {n: w.requires_grad_() for n, w in network.initialise(generator).items()}
    with torch.no_grad():
        weights["attention.weight"] *= 20
    steps, rows = 20, 7
    x = torch.randn(steps, rows, 3, generator=generator)
    x[..., 2] = (x[..., 2] > 0).float()
    reset = torch.rand(steps, rows, generator=generator) < 0.1
    begin = 3 * reset.cumsum(0)
    symbols = torch.randint(9, (int(begin.max()) + 3, rows), generator=generator)

    def gradients() -> tuple[list[Any], Any]:
        for weight in weights.values():
            weight.grad = None
        state = network.zeros(rows, weights["output.bias"].detach())
        out, state = network.run(weights, x, state, reset, memory=Memory(symbols, begin, begin + 3))
        network.nll(weights, out, x).mean().backward()
        return [weight.grad.clone() for weight in weights.values()], state

    fast, fast_state = gradients()
    monkeypatch.setattr(Window, "around", Attention.around)
    plain, plain_state = gradients()
    for one, other in zip([*fast, *fast_state], [*plain, *plain_state], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_condition_needs_texts_and_a_layer_that_reads_it() -> None:
    moves = Moves((0, 0), (1, 1))
    with pytest.raises(UserError, match="needs texts"):
        Network(NetworkConfig(head="mixture", attention="window", layers=2), moves)
    with pytest.raises(UserError, match="layers = 2, or feedback"):
        Network(NetworkConfig(head="mixture", attention="window", layers=1), moves, Text(5))


def test_characters_never_seen_are_refused_replaced_or_left_out(tiny_model: MakeModel) -> None:
    codec = tiny_model(codec="strokes").record_codec
    assert codec.alphabet == "abcde"
    text = "b\u00e4d \u201ccab\u201d \ufb01 \u0111ab z\u00e9 & B\u00c9\u00e9D\n$ &\t\n\f a"
    assert spelled(text, codec.alphabet) == (text, {}, {})
    found = spelled(text, codec.alphabet, "nearest")
    assert found.text == "bad cab dab e beed\n\n\f a"
    replaced = {"\u00e4": "a", "\u00e9": "e", "\u00c9": "e", "\u0111": "d", "B": "b", "D": "d"}
    assert found.replaced == {pair: 1 + (pair[0] == "\u00e9") for pair in replaced.items()}
    assert found.left_out == {"\u201c": 1, "\u201d": 1, "\ufb01": 1, "z": 1, "&": 2, "$": 1}
    found = spelled(text, codec.alphabet, "skip")
    assert found.text == "bd cab ab \n\n\f a" and not found.replaced
    assert found.left_out["\u00e9"] == 2 and found.left_out.total() == 14
    assert len(spelled("\u00e9 & " * 100_000, codec.alphabet, "nearest").text) == 200_000  # at once
    with pytest.raises(UserError, match="nearest, refuse, skip"):
        spelled(text, codec.alphabet, "guess")


def test_a_style_is_named_by_number_or_text(tiny_model: MakeModel, tmp_path: Path) -> None:
    model, path = tiny_model(codec="strokes"), tmp_path / "lines.jsonl"
    path.write_text("".join(f"{dumps(d)}\n" for d in written(["ab", "cab", "bad"])))
    named = {spec: style_of(f"{path}{spec}", model).text for spec in ("", "#2", "#bad")}
    assert named == {"": "ab", "#2": "cab", "#bad": "bad"}
    for wrong in ("#0", "#9", "#zed"):
        with pytest.raises(UserError, match="no drawing"):
            style_of(f"{path}{wrong}", model)


def test_a_pen_that_jumps_is_cut_short(tiny_model: MakeModel) -> None:
    codec, drawing = tiny_model(codec="strokes").record_codec, written(["ab"])[0]
    points = drawing.points.copy()
    points[5:] += 1e6
    broken = Drawing(points, drawing.ends, "ab")
    steps = codec.encode(broken)
    assert np.abs(steps[:, :2]).max() == 1000
    assert np.allclose(np.delete(steps, 4, 0), np.delete(codec.encode(drawing), 4, 0), atol=1e-4)
    whole = written(WORDS)
    one, other = (Strokes.fit(lambda more=more: iter([*more, *whole])).steps for more in ([], [broken]))
    assert max(other.sd) < 10 * max(one.sd)  # of 328 steps, one a million long


def test_a_text_of_blanks_is_nothing_to_write(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    for style in (None, written(["dab"])[0]):
        for text in ("", " ", " \n\t "):
            with pytest.raises(UserError, match="nothing to write"):
                model.generate(text, style=style)
