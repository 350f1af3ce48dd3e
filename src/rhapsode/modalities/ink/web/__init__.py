"""The page of a model of handwriting: it writes a text, and draws itself as a hand does."""

from __future__ import annotations

from rhapsode.errors import UserError
from rhapsode.export._html import facts, page
from rhapsode.export._model import packed
from rhapsode.export._target import Order

FOLDER = "modalities/ink/web"


def ink_page(order: Order) -> bytes:
    """The file. Raises `UserError` for models that have none."""
    if not order.model.head.ends:
        raise UserError(
            "this model does not say where a drawing ends, as it was trained with ends = false, and a page needs that. "
            "Train it without this setting, or export it in another form: see rhapsode export --help."
        )
    return page(order, FOLDER, packed(order.model, facts(order)))
