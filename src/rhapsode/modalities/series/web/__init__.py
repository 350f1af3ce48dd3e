"""The page of a model of series: it forecasts a table that is pasted, as a fan chart."""

from __future__ import annotations

from rhapsode.export._html import facts, page
from rhapsode.export._model import packed
from rhapsode.export._target import Order
from rhapsode.modalities.series.codecs.series import Series
from rhapsode.modalities.series.times import patterns

FOLDER = "modalities/series/web"


def series_page(order: Order) -> bytes:
    """The file. Raises `UserError` for models that have none."""
    codec = order.model.codec
    assert isinstance(codec, Series)
    about = {**facts(order), "frequency": codec.frequency.name, "forms": patterns()}
    return page(order, FOLDER, packed(order.model, about))
