"""The scripts of the page of a model of text compute what Python does, in node."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.data.resets import NAMES, ResetPolicy
from rhapsode.errors import UserError
from rhapsode.export._model import packed
from rhapsode.inference.model import Model
from rhapsode.modalities.text.web import _rule, javascript, policy
from tests import node
from tests.conftest import TEXT, MakeModel

TEXTS = (
    TEXT[:300],
    "",
    "äöü ßé — ἄειδε, θεά. 漢字 🙂  \t\t two  spaces\r\n\x00 \x1c|\x85|\xa0|\ufeff end\n\n",
    "unknown_words 12345 x" + "y" * 100 + "  " * 40 + "a\u0301 क्षि ½ ² ٣ Ⅻ _ ___ don't !!!??",
)

CODECS = """
const { Decoder, codecOf, textOf } = await use("codecs.js");
const codec = codecOf(data.codec);
const symbols = data.texts.map((text) => codec.encode(text));
const decoded = symbols.map((own) => {
  const decoder = new Decoder(codec);
  return textOf(own.map((symbol) => decoder.feed(symbol)).join(""));
});
return { symbols, decoded, size: codec.size, end: codec.end };
"""


@pytest.mark.parametrize("name", ["bytes", "chars", "words", "bpe", "chars+end", "words+end"])
def test_codecs(tiny_model: MakeModel, name: str) -> None:
    codec = tiny_model(name).text_codec
    found = node.run("modalities/text/web", CODECS, {"codec": codec_to_json(codec), "texts": TEXTS})
    assert found["symbols"] == [codec.encode(text.encode()).tolist() for text in TEXTS]
    assert found["decoded"] == list(TEXTS)
    assert found["size"] == codec.steps.size and found["end"] == codec.end


WRITER = """
const { Network } = await use("arithmetic/kernel.js");
const { bytes, unpacked } = await use("export/page/model.js");
const { Writer } = await use("modalities/text/web/writer.js");
const { about, tensors } = unpacked(bytes(data.model));
const writer = new Writer(new Network(about.program, tensors), about, tensors);
writer.prompt("something else, which is longer than what comes then");
writer.prompt(data.prompt);
writer.begin(data);
for (let left = data.length; left && writer.draw(); left--);
const own = writer.symbols.slice(writer.given);
const seen = writer.likeliest(Math.min(20, writer.symbols.length - 1), 3);
const known = writer.symbols.map(({ symbol }) => symbol);
const { given } = writer;
writer.cut(Math.min(17, known.length));
for (const symbol of known.slice(17)) writer.take(symbol);
const nats = (symbols) => symbols.map((each) => each.nats);
return {
  steps: known.slice(given),
  nats: nats(own),
  again: nats(writer.symbols.slice(given)),
  text: own.map(({ text }) => text).join(""),
  seen: seen.map(({ probability }) => probability),
};
"""


def writes_the_same(
    model: Model, prompt: str = "Sing, goddess", length: int = 60, ignore_end: bool = False, **sampling: Any
) -> None:
    model, seed = model.quantised(), 2**60 + 5
    options = Sampling(**sampling)
    (sample,) = model.generate(prompt, length=length, seed=seed, sampling=options, ignore_end=ignore_end)
    data = {
        "model": base64.b64encode(packed(model, policy(model))).decode(),
        "prompt": prompt,
        "length": length,
        "seed": str(seed),
        "sampling": sampling,
        "ignoreEnd": ignore_end,
    }
    found = node.run(".", WRITER, data)
    assert found["steps"] == sample.steps.tolist()
    assert found["nats"] == (0 - sample.log_probs).tolist() == found["again"]
    assert found["text"] == sample.text.rstrip("\ufffd") or "\ufffd" in sample.text
    assert sorted(found["seen"], reverse=True) == found["seen"]


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 0.7},
        {"temperature": 0},
        {"top_k": 5},
        {"top_p": 0.8},
        {"min_p": 0.1},
        {"typical": 0.6},
        {"repetition_penalty": 1.6},
        {"temperature": 1.3, "top_k": 30, "top_p": 0.95, "min_p": 0.01, "typical": 0.9, "repetition_penalty": 1.2},
    ],
    ids=str,
)
def test_sampling(tiny_model: MakeModel, sampling: dict[str, Any]) -> None:
    writes_the_same(tiny_model(layers=2), **sampling)


@pytest.mark.parametrize(
    "reset", ["document", *(name for name in NAMES if ":" not in name), "every:7", r"regex:^[\s,]*the\b.$"]
)
def test_resets(tiny_model: MakeModel, reset: str) -> None:
    prompt = "CHAPTER II\nthe \n\n\f and so on\n the.\n"
    writes_the_same(tiny_model("chars+end", reset=reset, sharpness=1.0), prompt, ignore_end=reset != "line")


@pytest.mark.parametrize("codec", ["chars+end", "words+end", "bytes", "bpe"])
def test_ends_and_codecs(tiny_model: MakeModel, codec: str) -> None:
    writes_the_same(tiny_model(codec, reset="document", sharpness=0.5), length=150)
    writes_the_same(tiny_model(codec, reset="line", sharpness=0.5), "", length=150)


@pytest.mark.parametrize("codec", ["words+end", "words", "bpe", "chars"])
@pytest.mark.parametrize("cutoffs", [[20, 70], [30], [5000]], ids=str)
def test_adaptive_softmax(tiny_model: MakeModel, codec: str, cutoffs: list[int]) -> None:
    head = {"name": "adaptive", "cutoffs": cutoffs, "features": 9}
    model = tiny_model(codec, head=head, sharpness=1.0)
    writes_the_same(model)
    writes_the_same(model, temperature=0.8, top_k=40, repetition_penalty=1.2)


def test_a_saved_model() -> None:
    writes_the_same(Model.load(Path(__file__).parents[3] / "saved" / "text-whole"))


@pytest.mark.parametrize(("framing", "length"), [("one-to-one", 0), ("many-to-one", 5), ("one-to-many", 6)])
def test_framings(tiny_model: MakeModel, framing: str, length: int) -> None:
    writes_the_same(tiny_model(framing=framing, length=length))


RULES = """
const { pattern, flags } = data.rule;
return data.lines.map((line) => new RegExp(pattern, flags).test(line));
"""
PIECES = (
    "",
    " ",
    "\t",
    "\v",
    "\f",
    "\r",
    "\xa0",
    "\x85",
    "chapter",
    "I",
    "xiv",
    "the",
    "== a ==",
    "=",
    "# ",
    "\\part",
    ",",
    "é",
    "x",
)


@pytest.mark.parametrize(
    "spec", ["line", "paragraph", "page", "chapter", r"regex:^\s*(x|[\s,]+)$", r"regex:[^\w ]\S|\bI.$", "regex:é"]
)
def test_rules(spec: str) -> None:
    rng, own = np.random.default_rng(0), ResetPolicy.parse(spec)
    lines = [("".join(rng.choice(PIECES, rng.integers(0, 5)))).encode() for _ in range(300)] + [
        b"chapter i",
        b"\x00\xff",
    ]
    assert own.rule is not None
    found = node.run(".", RULES, {"rule": _rule(own), "lines": [line.decode("latin-1") for line in lines]})
    assert found == [own.rule(line) for line in lines]


@pytest.mark.parametrize(
    "expression", ["(?i)a", r"\pL", "[[:alpha:]]", r"\Qa\E", r"[\S]", "[]a]", r"\x41", "[^]a]", r"a\z"]
)
def test_what_javascript_may_take_otherwise(expression: str) -> None:
    with pytest.raises(UserError, match=re.escape(expression)):
        javascript(expression)
