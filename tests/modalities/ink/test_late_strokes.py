"""Dots and bars that come after their word."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import carried
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.hershey import JOINED, lines
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.network import Network
from tests.conftest import WORDS, MakeModel, written

LATE = list(lines(["tilt", "exit", "dixit", "jet", "taxi"] * 3, 0, replace(JOINED, delayed=1.0)))


@pytest.mark.parametrize("feedback", [False, True])
def test_a_network_grows_for_new_characters_and_late_strokes(tiny_model: MakeModel, feedback: bool) -> None:
    torch = pytest.importorskip("torch")
    base = tiny_model(codec="strokes", attention={"feedback": feedback})
    old = base.record_codec
    late = [Drawing(d.points, d.ends, d.text) for d in LATE * 3]
    new = old.refitted(lambda: iter([*written(WORDS), *late]))
    assert new.alphabet == old.alphabet + "itx" and new.steps.returns  # j, l and so on come too seldom
    assert not new.refusal(written(["dab"])[0]) and "characters that the model does not know" in new.refusal(late[0])
    network = Network(base.config.network, new.steps, new.text)
    weights = network.grown(base.weights, base.network)
    assert {name: weight.shape for name, weight in weights.items()} == network.shapes
    assert network.grown(weights, network).keys() == weights.keys()
    moves = torch.randn(9, 1, 3, generator=torch.Generator().manual_seed(0))
    moves[..., 2] = (moves[..., 2] > 0).float()
    found = []
    for net, held, codec in ((base.network, base.weights, old), (network, weights, new)):
        symbols = torch.tensor(codec.encode_text("bead"))[:, None]
        begin = torch.zeros(9, 1, dtype=torch.int64)
        own = {name: torch.tensor(weight) for name, weight in held.items()}
        memory = Memory(symbols, begin, begin + len(symbols))
        found.append(net.run(own, moves, net.zeros(1, own["output.bias"]), memory=memory)[0])
    torch.testing.assert_close(found[1][..., :-1], found[0])
    assert (found[1][..., -1] == -4).all()


ALWAYS = {"delayed": 0}


def test_late_strokes_are_learnt_with_their_letters_where_a_hand_has_many() -> None:
    natural = list(lines(["tilt", "exit", "dixit", "jet", "taxi"] * 3, 0, JOINED))

    def codec(drawings: list[Drawing], **options: int) -> Strokes:
        return Strokes.fit(lambda: iter(drawings), **options)

    late, plain = codec(LATE), codec(natural)
    assert late.steps.returns and not plain.steps.returns
    assert not codec([Drawing(d.points, d.ends) for d in LATE]).steps.returns  # without texts, they are no writing
    assert codec(natural, **ALWAYS).steps.returns and not codec(LATE, delayed=1000).steps.returns
    for each, other in ((late, natural), (plain, LATE)):
        again = Strokes.from_json(json.loads(json.dumps(each.to_json())))
        assert again.to_json() == each.to_json()
        # Fine-tuning keeps what steps mean, and adds to it where new writing needs that.
        assert each.refitted(lambda other=other: iter(other)).steps.returns
    assert not plain.refitted(lambda: iter(natural)).steps.returns
    assert "returns" not in plain.to_json()  # as models were before
    with pytest.raises(UserError, match="returns is 1"):
        Strokes.from_json({**late.to_json(), "returns": 1})


def test_late_strokes_come_back_where_they_were() -> None:
    codec = Strokes.fit(lambda: iter(LATE), every=1)
    for drawing in LATE[:5]:
        steps = codec.encode(drawing)
        assert len(steps) == len(drawing) - 1 and (steps[:, 2] == -1).sum() >= 1 and steps[-1, 2] == 2
        found = codec.decode(steps, drawing.text)
        assert sorted(map(len, found.strokes())) == sorted(map(len, drawing.strokes()))
        assert len(list(found.strokes())[0]) == len(list(drawing.strokes())[0])  # the bodies are whole, and first
        places = [found.points - found.points[0], drawing.points - drawing.points[0]]
        one, other = (points[np.lexsort(np.round(points, 3).T)] for points in places)
        np.testing.assert_allclose(one, other, atol=1e-3)
        np.testing.assert_allclose(codec.encode(found), steps, atol=1e-3)


def test_models_with_late_strokes_draw_what_they_score(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes", options=ALWAYS, seed=1)
    assert model.codec.steps.returns and not tiny_model(codec="strokes").codec.steps.returns  # type: ignore[union-attr]
    backs = 0
    for style in (None, written(["dab"])[0]):
        before = np.empty((0, 3), np.float32) if style is None else model.record_codec.encode(style, whole=False)
        text = model.record_codec.encode_text("bead" if style is None else "dabbead")
        for sample in model.generate("bead", length=40, samples=10, seed=3, style=style):
            nats = carried(model, np.concatenate([before, sample.steps]), text)[len(before) :]
            assert np.array_equal(-nats, sample.log_probs)
            assert len(sample.record) == len(sample.steps) + (style is None)
            assert sample.stopped != "end" or sample.record.ends[-1]
            backs += int((sample.steps[:, 2] == -1).sum())
    assert backs > 20
    assert all(one.steps for one in model.score_records(LATE[:0] + written(["dab"])))
