"""The page of a model of music: it composes, shows a piano roll and plays it."""

from __future__ import annotations

from rhapsode.export._html import facts, page
from rhapsode.export._model import packed
from rhapsode.export._target import Order
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.shipped import shipped

FOLDER = "modalities/music/web"


def music_page(order: Order) -> bytes:
    """The file. Raises `UserError` for models that have none."""
    codec = order.model.codec
    assert isinstance(codec, TuneCodec)
    about = {**facts(order), "usual": shipped(codec)}
    return page(order, FOLDER, packed(order.model, about))
