"""Samples from the present weights of a run: to be shown, and to be compared with the data."""

from __future__ import annotations

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import make
from rhapsode.data.corpus import Corpus
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model

NEATER = {"bias": 0.5, "temperature": 0.8}
"""The sampling of samples that are shown."""
SHOWN = 200
"""Steps of a sample, unless something else decides its length."""


class Samples:
    """Samples of a model of this corpus. Each has a number, from which everything random follows."""

    def __init__(self, corpus: Corpus) -> None:
        self._texts, self._continuous = corpus.valid.texts, corpus.codec.continuous

    def plain(self, model: Model, number: int, count: int, length: int) -> list[Sample]:
        """`count` samples at temperature 1, each of `length` steps."""
        text = self._text(model, number)
        return model.generate(text, length=length, samples=count, seed=number, ignore_end=self._continuous)

    def shown(self, model: Model, number: int) -> str:
        """A sample for people, at a temperature a little below 1."""
        text = self._text(model, number)
        options = {name: value for name, value in NEATER.items() if name in model.head.options}
        neater = make(Sampling, options, "sampling")
        length = None if text or model.network.encoder else SHOWN
        drawn = model.generate(text, length=length, seed=number, sampling=neater, ignore_end=self._continuous)[0]
        if drawn.record is None:
            return drawn.text
        return f"{text}\n{model.record_codec.show(drawn.record)}".lstrip("\n")

    def _text(self, model: Model, number: int) -> str:
        """A text of the validation data, for models that attend to a text."""
        texts = self._texts
        if texts is None or not model.text:
            return ""
        n = number % (len(texts.begins) - 1)
        return model.record_codec.decode_text(texts.symbols[texts.begins[n] : texts.begins[n + 1]])
