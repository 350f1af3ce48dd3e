"""Models of pen strokes from end to end: corpus, training, generation, scoring, pages, the command line."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.config import NetworkConfig
from rhapsode.console.records import named as style_of
from rhapsode.data.corpus import prepare
from rhapsode.data.recognition import codec_for
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.validation import held_out
from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.hershey import JOINED, lines
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.ink.page import Page
from rhapsode.modalities.ink.read import read
from rhapsode.modalities.ink.recogniser import RecogniserConfig
from rhapsode.modalities.ink.spelling import spelled
from rhapsode.modalities.ink.verified import audit, draw, judge
from rhapsode.modalities.ink.wrap import Paragraph
from rhapsode.modalities.ink.writing import hand_of, several, stacked, write
from rhapsode.nn.attention._attention import Attention, Memory
from rhapsode.nn.attention.window import Window
from rhapsode.nn.network import Network
from rhapsode.nn.samplers import Sampling
from rhapsode.report import Report
from rhapsode.steps.text import Text
from tests.conftest import WORDS, MakeModel, Stop, written

FEEDBACK = [False, True]
DOCUMENT = ResetPolicy.parse("document")
LATE = list(lines(["tilt", "exit", "dixit", "jet", "taxi"] * 3, 0, replace(JOINED, delayed=1.0)))


# --- generation and scoring ---


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_what_is_drawn_has_the_nats_that_scoring_gives(tiny_model: MakeModel, feedback: bool) -> None:
    model = tiny_model(codec="strokes", attention={"feedback": feedback})
    for style in (None, written(["dab"])[0]):
        sample = model.generate("bead", length=40, seed=3, style=style)[0]
        before = np.empty((0, 3), np.float32) if style is None else model.record_codec.encode(style, whole=False)
        text = model.record_codec.encode_text("bead" if style is None else "dabbead")
        nats = carried(model, np.concatenate([before, sample.steps]), text)[len(before) :]
        assert np.array_equal(-nats, sample.log_probs)


@pytest.mark.parametrize("feedback", FEEDBACK)
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
    with pytest.raises(UserError, match="style and outline are records"):
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


# --- networks with a window ---


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


# --- corpus and training ---


def test_the_codec_is_found_by_what_the_files_hold(pens: Path, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Once upon a time.\n")
    assert codec_for([pens]) == "strokes" and codec_for([book]) == "chars" and codec_for(["-", "none"]) == "chars"


def test_texts_that_are_held_out_are_nowhere_in_training(tmp_path: Path) -> None:
    path = tmp_path / "pens.jsonl"
    words = [word for word in WORDS for _ in range(8)]
    bare = [Drawing(d.points, d.ends) for d in written(["ab"])]
    path.write_text("".join(f"{dumps(d)}\n" for d in [*written(words), *bare]))
    found = prepare([path], reset=DOCUMENT, valid_fraction=0.3, cache=tmp_path / "cache")
    sides = []
    for part in (found.train, found.valid):
        assert part.texts is not None
        texts = np.split(np.asarray(part.texts.symbols), part.texts.begins[1:-1])
        sides.append({found.codec.decode_text(text) for text in texts})  # type: ignore[attr-defined]
        assert len(part.units) == len(texts)
    assert sides[0] | sides[1] == set(WORDS) and not sides[0] & sides[1] and all(sides)
    assert "Left out: drawings 1 without text." in found.notes
    again = prepare([path], reset=DOCUMENT, valid_fraction=0.3, cache=tmp_path / "cache")
    assert again.key == found.key and again.notes == found.notes
    assert np.array_equal(again.train.values, found.train.values)


def test_of_little_one_text_is_held_out(tmp_path: Path) -> None:
    path = tmp_path / "pens.jsonl"

    def parts(words: list[str]) -> tuple[list[str], list[str]]:
        path.write_text("".join(f"{dumps(d)}\n" for d in written(words)))
        found = prepare([path], reset=DOCUMENT, valid_fraction=1e-6, cache=tmp_path / "cache")
        sides = []
        for part in (found.train, found.valid):
            assert part.texts is not None
            texts = np.split(np.asarray(part.texts.symbols), part.texts.begins[1:-1])
            sides.append([found.codec.decode_text(text) for text in texts])  # type: ignore[attr-defined]
        return sides[0], sides[1]

    first = min(WORDS, key=lambda word: hashlib.sha256(word.encode()).digest())
    assert parts(WORDS * 2) == ([word for word in WORDS if word != first] * 2, [first] * 2)
    with pytest.raises(UserError, match=r"0 to validate on \(0 drawings\)"):  # of one text there is nothing to hold out
        parts(["abc"] * 20)


def test_which_lots_are_held_out() -> None:
    assert held_out([0.5, 0.3, 0.7], 0.4) == 0.4
    for lots in ([0.5, 0.3, 0.7, 0.3], [0.3, 1.0], [0.5, 0.3]):
        below = held_out(lots, 0.1)
        assert [split_hash < below for split_hash in lots] == [split_hash == 0.3 for split_hash in lots]
    assert held_out([0.3, 0.3], 0.1) == held_out([], 0.1) == 0.1
    assert held_out(itertools.cycle([0.5, 0.05]), 0.1) == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reset": ResetPolicy.parse("line")}, "is for text"),
        ({"valid_by": "tail"}, "is for text"),
        ({"separator": "x"}, "is for text"),
        ({"codec_options": {"min_count": 3}}, "min_count"),
    ],
)
def test_options_of_text_are_refused(pens: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare([pens], **{"reset": DOCUMENT, "cache": tmp_path, **options})


def test_too_little_and_nothing(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(dumps(written(["ab"])[0]) + "\n")
    with pytest.raises(UserError, match=r"too little data|nothing to learn"):
        prepare([path], reset=DOCUMENT, cache=tmp_path / "c")


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_training_learns_and_resumes_exactly(pens: Path, tmp_path: Path, feedback: bool) -> None:
    from rhapsode.files import checkpoint
    from rhapsode.training.run import train

    options: dict[str, Any] = {
        "network": {"width": 16, "head": {"mixtures": 4}, "attention": {"components": 3, "feedback": feedback}},
        "dropout": {"output": 0.1},
        "plan": {"batch_size": 4, "sequence_length": 16, "threads": 1},
        "precision": "fp32",
        "device": "cpu",
    }
    whole = train([pens], tmp_path / "whole", steps=50, **options)
    assert whole.valid_nats < 2.2  # a Gaussian knows 2.8 and the lifts
    assert not train([pens], tmp_path / "half", steps=50, report=Stop(0.5), **options).finished
    again = train([], tmp_path / "half", resume=True, device="cpu")
    assert again.valid_nats == whole.valid_nats
    one, other = (
        checkpoint.load_tensors(
            path, {n: shape for n, (shape, _) in checkpoint.load_info(path)[2].items()}, checkpoint.load_info(path)[1]
        )
        for path in (tmp_path / "whole" / checkpoint.MODEL, tmp_path / "half" / checkpoint.MODEL)
    )
    assert one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def test_fine_tuning_takes_the_units_of_the_new_drawings(pens: Path, tmp_path: Path) -> None:
    from rhapsode.training.run import train

    options: dict[str, Any] = {
        "dropout": {"output": 0.0},
        "plan": {"batch_size": 4, "sequence_length": 16, "threads": 1},
        "precision": "fp32",
        "device": "cpu",
    }
    base = train([pens], tmp_path / "base", steps=80, network={"width": 16}, **options)
    large = tmp_path / "large.jsonl"
    drawings = [Drawing(d.points * 100 + 7, d.ends, d.text) for d in read(pens)]
    odd = written(["xyz"])
    large.write_text("".join(f"{dumps(d)}\n" for d in [*drawings, *odd]))
    options["plan"] |= {"rate": 1e-6, "matrix_rate": 1e-6}
    tuned = train([large], tmp_path / "tuned", steps=2, base=tmp_path / "base", **options)
    assert tuned.valid_nats < base.valid_nats + 0.3  # nothing to learn anew
    one, other = (Model.load(tmp_path / name).record_codec for name in ("base", "tuned"))
    assert other.steps.sd == pytest.approx(np.multiply(one.steps.sd, 100), rel=0.02)  # type: ignore[union-attr]
    assert other.alphabet == one.alphabet
    drawn = Model.load(tmp_path / "tuned").generate("bad", seed=0, length=40)[0].record
    assert np.ptp(drawn.points[:, 0]) > 50 * np.ptp(written(["b"])[0].points[:, 0]) / 4


@pytest.mark.parametrize("feedback", FEEDBACK)
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


def test_framings_that_tear_steps_from_their_texts_are_refused(pens: Path, tmp_path: Path) -> None:
    from rhapsode.training.run import train

    with pytest.raises(UserError, match="needs stream"):
        train([pens], tmp_path / "m", steps=1, framing="many-to-one", window=5, device="cpu")


# --- texts and styles ---


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


# --- dots and bars that come after their word ---

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


def test_a_text_of_blanks_is_nothing_to_write(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    for style in (None, written(["dab"])[0]):
        for text in ("", " ", " \n\t "):
            with pytest.raises(UserError, match="nothing to write"):
                model.generate(text, style=style)


# --- pages, and writing that is read again ---


def test_pages_have_every_word(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    seen: list[str] = []

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        seen.append(words)
        assert style is None and number == len(seen) - 1
        return model.generate(words, length=20, seed=number)[0]

    written_page = write(model, "bad cab\n\ndeed a", Page.named("a6"), draw=drawn)
    assert seen == ["bad", "cab", "deed", "a"] and len(written_page.pieces) == 4
    lines = [line.drawing.text for sheet in written_page.layout.sheets for line in sheet.lines]
    assert lines == ["bad cab", "deed a"]
    with pytest.raises(UserError, match="never seen 'z'"):
        write(model, "a zed", Page.named("a6"), draw=drawn)
    assert len(seen) == 4  # nothing was drawn
    with pytest.raises(UserError, match="text is empty"):
        write(model, " \n", Page.named("a6"))


def test_pages_keep_the_breaks_of_an_address_and_a_poem(tiny_model: MakeModel) -> None:
    model, page = tiny_model(codec="strokes"), Page.named("a6", margin=8.0)

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        return sample_like(words, [0, len(words)])

    text = "dad ab\r\n\tbed \r\n\r\nace " + "bad cab " * 5 + "\r\nabe\fdeed\r\n"
    layout = write(model, text, page, draw=drawn).layout
    lines = [[line.drawing.text for line in sheet.lines] for sheet in layout.sheets]
    assert [line[:7] for line in lines[0][:3]] == ["dad ab", "bed", "ace bad"]
    assert lines[0][-1] == "abe" and lines[1] == ["deed"] and len(lines[0]) > 4
    placed = layout.sheets[0].lines
    rows = [round((line.baseline - page.baseline(0)) / page.line_height) for line in placed]
    assert rows == [0, 1, *range(3, len(rows) + 1)]
    assert placed[1].drawing.bounds[0] > placed[0].drawing.bounds[0] + 10
    filled = write(model, text, page, draw=drawn, reflow=True).layout
    assert filled.sheets[0].lines[0].drawing.text == "dad ab bed"
    assert " abe" in (filled.sheets[0].lines[-1].drawing.text or "") and len(filled.sheets) == 2


def test_what_a_model_draws_far_too_large_is_made_smaller_and_told(tiny_model: MakeModel) -> None:
    """A page that was drawn for a minute is not lost for one wild line."""
    told = Told()

    def drawn(words: str, number: int, style: Drawing | None) -> Sample:
        sample = sample_like(words, [0, len(words)])
        return replace(sample, record=replace(sample.record, points=sample.record.points * [1000, 500]))

    page = Page.named("a6")
    layout = write(tiny_model(codec="strokes"), "abe\n\tcab", page, draw=drawn, report=told).layout
    points = np.concatenate([stroke.points for stroke in layout.sheets[0].strokes()])
    assert (points >= 0).all() and (points <= [page.width, page.height]).all()
    assert len(told.warnings) == 2 and "'cab' was drawn far too large" in told.warnings[1]


class Told(Report):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_several_lines_are_one_drawing_with_lines(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    lines = several(model, "ab\r\n\r\n\tcab \nbee\n")
    assert lines == [Paragraph(("ab",)), Paragraph(("cab",), 1, 4), Paragraph(("bee",))]
    drawn = [sample_like(each.lines[0], [0, 1]) for each in lines]
    whole = stacked(model, lines, drawn)
    assert whole.text == whole.record.text == "ab\ncab\nbee" and len(whole.steps) == len(whole.log_probs) == 6
    assert json.loads(whole.data)["text"] == "ab\ncab\nbee"
    hand = hand_of(model)
    parts = np.split(whole.record.points, np.cumsum([len(sample.record) for sample in drawn]))[:3]
    for part, row, indent in zip(parts, (0, 2, 3), (0, 4, 0), strict=True):
        assert part[:, 0].min() == pytest.approx(indent * hand.advance)
        assert abs(part[:, 1].mean() / hand.x_height - 4 * row) < 2
    assert several(model, "cab\n") == [Paragraph(("cab",))]
    for text, message in (("\n \n", "text is empty"), ("ab\nz", "never seen 'z'")):
        with pytest.raises(UserError, match=message):
            several(model, text)


class FakeRecogniser:
    """Reads right what was drawn from an odd row."""

    def __init__(self, wrong: str, doubt: float | None = None) -> None:
        self.wrong, self.config = wrong, RecogniserConfig(alphabet="abcd", doubt=doubt)
        self.rows: list[int] = []

    def read(self, drawings: list[Drawing]) -> list[str]:
        self.rows.append(len(self.rows))
        return [self.wrong if len(self.rows) < 4 else drawings[0].text or ""]

    def nats(self, drawings: list[Drawing], texts: list[str]) -> np.ndarray:
        return np.array([1.0 / len(self.rows)])


def sample_like(text: str, at: list[int], stopped: str = "end") -> Sample:
    seen = np.eye(len(text) + 1, dtype=np.float32)[at]
    return Sample(b"", text, np.zeros((len(at), 3)), np.zeros(len(at)), 0, 0, stopped, written([text])[0], seen)  # type: ignore[arg-type]


def test_the_audit_follows_the_window() -> None:
    assert audit(sample_like("abc", [0, 0, 1, 1, 2, 2, 3]), 0.5) == ([], False)
    assert audit(sample_like("abc", [0, 0, 2, 2, 3]), 0.5) == ([1], False)
    assert audit(sample_like("abc", [0] * 60 + [1, 2, 3]), 0.5) == ([], True)
    assert audit(sample_like("abc", [0, 1, 2], "length"), 0.5) == ([], True)


def test_what_is_wrong_is_said_by_character() -> None:
    sample = sample_like("abcd", [0, 1, 2, 3, 4])
    assert judge(sample, 0.5, None).good
    fake: Any = FakeRecogniser("abxd")
    assert judge(sample, 0.5, fake).missing == ((2, "c"),)
    fake.wrong = "abd"
    assert judge(sample, 0.5, fake).missing == ((2, "c"),)
    fake.wrong = "aabcd"
    assert not judge(sample, 0.5, fake).good
    for text, shown, missing in (
        ("In 100 Ill", "ln IOO I1l", ()),  # no one can tell these apart
        ('he said "no" .', 'he said" no".', ()),
        ("to the", "tothe", ((2, " "),)),
        ('a "bc', 'a"bx', ((4, "c"),)),
        ("quick", "qui\ufffdck", ((2, "i"),)),  # a fault of the dot
        ("Ill", "Il", ((2, "l"),)),
    ):
        reader: Any = FakeRecogniser(shown)
        assert judge(sample_like(text, list(range(len(text) + 1))), 0.5, reader).missing == missing


def test_writing_that_cannot_be_read_is_drawn_again(tiny_model: MakeModel) -> None:
    fake: Any = FakeRecogniser("")
    sample, verdict = draw(tiny_model(codec="strokes"), "cab", fake, tries=8, seed=1)
    assert verdict.read == "cab" and len(fake.rows) == 8 and sample.row == 7


def test_of_readable_writing_the_one_is_taken_that_is_likest_its_text(tiny_model: MakeModel) -> None:
    model = tiny_model(codec="strokes")
    easy: Any = FakeRecogniser("cab", doubt=0.4)
    assert draw(model, "cab", easy, tries=8, seed=1)[0].row == 0 and len(easy.rows) == 1
    hard: Any = FakeRecogniser("cab", doubt=0.01)
    sample, verdict = draw(model, "cab", hard, tries=8, seed=1)
    assert verdict.good and not verdict.sure and len(hard.rows) == 8 and sample.row == 7


# --- the command line ---


def test_from_the_command_line(pens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "m")
    config = tmp_path / "small.toml"
    config.write_text("[network]\nwidth = 16\n[plan]\nbatch_size = 4\nsequence_length = 16\nthreads = 1\n")
    assert main(["train", str(pens), "-o", folder, "--updates", "30", "--config", str(config), "--device", "cpu"]) == 0
    assert f'next     rhapsode write {folder} "any words" -o words.svg' in capsys.readouterr().err
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.svg", "a.png", "a.gcode", "a.hpgl", "a.jsonl"):
        assert main(["write", folder, "bad", "--seed", "1", "--length", "20", "-o", str(out / name)]) == 0
        assert (out / name).stat().st_size > 30
    assert "<path" in (out / "a.svg").read_text()
    [drawing] = read(out / "a.jsonl")
    assert drawing.text == "bad" and 2 <= len(drawing) <= 21
    two = ["--samples", "2", "--seed", "1", "--animated"]
    assert main(["write", folder, "bad", *two, "-o", str(out / "b.svg")]) == 0
    assert "animation" in (out / "b-1.svg").read_text() and (out / "b-2.svg").exists()
    plotted = ["--seed", "1", "--lift", "servo", "--length", "9"]
    assert main(["write", folder, "bad\ncab\n", "-o", str(out / "d.gcode"), *plotted]) == 0
    assert "; bad\n; cab\n" in (out / "d.gcode").read_text() and "\nM3 S90\n" in (out / "d.gcode").read_text()
    capsys.readouterr()
    assert main(["write", folder, "b\u00e4d &\ncab&", "--seed", "1", "--length", "9", "--unknown", "nearest"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["text"] == "bad\ncab"
    assert "'\u00e4' is written 'a' once; '&' is left out 2 times" in told.err
    page = ["--page", "a6", "--ruled", "--attention", str(out / "at.png"), "--style", f"{pens}#3", "--bias", "1"]
    assert main(["write", folder, "bad cab", "-o", str(out / "p.svg"), *page]) == 0
    assert (out / "at.png").read_bytes()[:4] == b"\x89PNG" and (out / "p.svg").exists()
    (out / "q-2.svg").write_text("the second page of an earlier letter")
    there = {each.name: each.read_bytes() for each in out.iterdir()}
    capsys.readouterr()
    for name, more, taken in (
        ("a.jsonl", ["--samples", "2"], "a.jsonl"),  # one file for both
        ("b.svg", two, "b-1.svg"),
        ("new.svg", ["--attention", str(out / "at.png")], "at.png"),
        ("q.svg", ["--page", "a6"], "q-2.svg"),
    ):
        assert main(["write", folder, "bad", "-o", str(out / name), *more]) == 2
        assert f"{taken} is there already. Replace it with --overwrite" in capsys.readouterr().err
    assert {each.name: each.read_bytes() for each in out.iterdir()} == there
    assert main(["write", folder, "bad", "-o", str(out / "b.svg"), *two, "--overwrite"]) == 0
    assert (out / "b-1.svg").read_bytes() == there["b-1.svg"], "the same seed"
    assert main(["write", folder, "bad", "--json", "--length", "9", "--seed", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 1 <= len(found["samples"][0]["log_probs"]) <= 9
    assert main(["score", folder, str(pens), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    direct = list(Model.load(folder).score_records(read(pens)))
    assert scored["records"] == 120 and scored["nats"] == pytest.approx(sum(one.nats for one in direct))
    assert main(["score", folder, str(pens)]) == 0
    assert "densities" in capsys.readouterr().err
    assert main(["inspect", folder]) == 0
    assert "strokes" in capsys.readouterr().out
    assert main(["inspect", str(pens)]) == 0
    assert "120" in capsys.readouterr().out
    assert main(["inspect", str(pens), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drawings"] == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["write", "MODEL", "xyz", "-o", "x.svg"], "never seen"),
        (["write", "MODEL", "ab", "-o", "x.doc"], "must end in"),
        (["write", "MODEL", "ab", "-o", "x.png", "--animated", "--length", "5"], "--animated is for .svg"),
        (["write", "MODEL", "ab", "-o", "x.gcode", "--mode", "ink"], "--mode is for .png, .svg files"),
        (["write", "MODEL", "ab", "-o", "x.svg", "--lift", "z"], "--lift is for .gcode, .nc files"),
        (["write", "MODEL", "ab", "-o", "x.png", "--feed", "900"], "--feed is for .gcode, .nc, .hpgl, .plt files"),
        (["write", "MODEL", "ab", "-o", "x.jsonl", "--page", "a6", "--ruled"], "--ruled is for .gcode, .nc"),
        (["write", "MODEL", "ab", "--colour", "red"], "--colour is for .png, .svg files"),
        (["write", "MODEL", "ab", "-o", "x.svg", "--reflow"], "--reflow is for writing on pages"),
        (["write", "MODEL", "ab", "-o", "x.json", "--samples", "2"], "holds one drawing"),
        (["write", "MODEL", "ab", "-o", "x.json", "--page", "a6"], "holds one drawing"),
        (["write", "MODEL", "&", "-o", "x.svg", "--unknown", "skip"], "nothing of the text is left"),
        *(
            (["write", "MODEL", "ab", *options], f"{message}; before anything was drawn")
            for options, message in (
                (["-o", "x.svg", "--mode", "inc"], "Did you mean 'ink'"),
                (["-o", "x.png", "--nib", "0"], "a nib of 0 mm"),
                (["-o", "x.png", "--colour", "bluu"], "'bluu' is no colour"),
                (["-o", "x.png", "--dpi", "5000", "--page", "a3"], "pixels are more than"),
                (["-o", "x.svg", "--x-height", "0"], "--x-height 0"),
                (["-o", "x.svg", "--x-height", "4000"], "than 5,000 mm long"),
                (["-o", "x.gcode", "--lift", "crane"], "way to lift the pen"),
                (["-o", "x.gcode", "--up", "G0 X5"], "cannot lift or lower a pen"),
                (["-o", "x.gcode", "--feed", "-1", "--page", "a6"], "feed is -1 mm"),
                (["-o", "x.hpgl", "--pen", "0"], "there is no pen 0"),
            )
        ),
        (["write", "MODEL", "ab", "--page", "a9", "-o", "x.svg"], "page size"),
        (["write", "MODEL", "ab", "--page", "a4"], "--page writes"),
        (["write", "MODEL", "ab", "--style", "none.jsonl"], "no such file"),
        (["write", "MODEL", "ab", "--style", "PENS#500"], "no drawing '500'"),
        (["write", "MODEL", "ab", "--temperature", "0.5"], "No such option: --temperature"),
        (["write", "TEXT", "ab", "--page", "a4"], "is a model of text. Sample from it with: rhapsode generate"),
        (["score", "MODEL", "PENS", "--cold", "5"], "for models of text"),
        (["score", "MODEL", "BOOK"], "not a file of drawings"),
        (["demo", "opera"], "demo: 'opera' is not known"),
        (["demo", "text", "words"], "unexpected extra argument(s) (words)"),
    ],
)
def test_mistakes_at_the_command_line(
    tiny_model: MakeModel,
    pens: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text("Once upon a time.\n")
    places = {
        "MODEL": str(tiny_model(codec="strokes").path),
        "TEXT": str(tiny_model().path),
        "PENS": str(pens),
        "PENS#500": f"{pens}#500",
        "BOOK": "book.txt",
    }
    message, _, early = message.partition("; before anything")
    if early:
        monkeypatch.setattr(Model, "generate", lambda *_, **__: pytest.fail("it was drawn"))
    assert main([places.get(word, word) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not list(tmp_path.glob("x.*"))
