"""What series of numbers add to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.modality import Modality, Options

if TYPE_CHECKING:
    from rhapsode.console.contents import Contents, Found
    from rhapsode.export._target import Order
    from rhapsode.inference.model import Model
    from rhapsode.serving.endpoint import Endpoint


class Series(Modality):
    name, noun, verb = "series", "series", "forecast"
    views = {"forecast": "modalities/series/studio/forecast.js"}
    task = "time-series-forecasting"

    def commands(self) -> Mapping[str, Callable[..., None]]:
        from rhapsode.modalities.series.cli.forecast import forecast

        return {"forecast": forecast}

    def demo(self) -> tuple[str, Callable[..., None]]:
        from rhapsode.modalities.series.cli.demo import series

        return "series", series

    def training(self) -> Options:
        return {
            "season": Annotated[
                int | None,
                typer.Option(
                    min=1, metavar="N", help="Rows in a season, after which it repeats [default: by the calendar]."
                ),
            ],
            "values": Annotated[
                str | None,
                typer.Option(metavar="counts|real", help="The sort of values [default: by the data]."),
            ],
        }

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        from rhapsode.modalities.series.cli.inspecting import contents

        return contents(found)

    def about(self, model: Model) -> Mapping[str, Any]:
        from rhapsode.modalities.series.cli.inspecting import about

        return about(model)

    def endpoint(self) -> Endpoint[Any, Any]:
        from rhapsode.modalities.series.serving import ENDPOINT

        return ENDPOINT

    def page(self, order: Order) -> bytes:
        from rhapsode.modalities.series.web import series_page

        return series_page(order)
