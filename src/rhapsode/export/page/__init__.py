"""A page of HTML on which a model runs: one file, which needs nothing but a browser, and asks the network for nothing.

Each modality has its own page (`Modality.page`). What they share lies here: the model as data (`model.js`), a place in
a sequence (`reader.js`), how records are drawn (`records.js`, `guide.js`, `heads.js`), the look (`page.css`), and how
work is done without blocking the page (`page.js`). Scripts are ES modules, which node runs as they are; a page has them
joined into one (`rhapsode.export._html`).
"""

from rhapsode.console.brought import modality_of
from rhapsode.console.progress import tell
from rhapsode.export._target import Order, Target, whole_numbers

SUFFIX = ".html"


def make(order: Order) -> dict[str, bytes]:
    """The page of the model's modality. Raises `UserError` if there is none."""
    with whole_numbers(order):
        page = modality_of(order.model.codec.name).page(order)
    if not order.model.whole:
        tell(
            "The model computes in float32, and the page in whole numbers: with the same seed, the page makes other "
            "things than the commands do. Models that are trained from now on compute in whole numbers everywhere."
        )
    return {order.name: page}


TARGET = Target("a page on which the model runs, for any browser", SUFFIX, make)
