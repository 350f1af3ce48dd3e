"""What `inspect` says of tables of series, and of models of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rhapsode.console.contents import Contents, Found
from rhapsode.data.sources import open_sources
from rhapsode.files.refusals import Refusals
from rhapsode.inference.model import Model
from rhapsode.modalities.series.codecs.series import Series as Codec
from rhapsode.modalities.series.read import read
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said

SHOWN = 20
"""Series that are told one by one."""


def contents(found: Found) -> Contents | None:
    """Of tables; None for files that are none. Raises `UserError`."""
    if found.codec is not Codec:
        return None
    sources = open_sources([found.name], accepts=Codec.recognises, wanted=Codec.wanted)
    refused = Refusals()
    every = list(
        sources.each(
            lambda file: (
                replace(one, about=f"{file.name}: {one.about}") for one in read(file.path, file.name, refused)
            )
        )
    )
    warnings = [*sources.damage, *refused.lines()]
    tables = list(dict.fromkeys(one.about for one in every))
    lines = [f"table           {table}" for table in tables]
    lines += [f"  {_line(one)}" for one in every[:SHOWN]]
    if len(every) > SHOWN:
        lines.append(f"  … and {len(every) - SHOWN:,} series more")
    lines += [f"warning: {warning}" for warning in warnings]
    about = {"kind": "series", "tables": tables, "series": [_json(one) for one in every], "warnings": warnings}
    return found.framed(about, lines)


def about(model: Model) -> Mapping[str, Any]:
    """Of a model's steps."""
    codec = model.codec
    assert isinstance(codec, Codec)
    return {
        "steps": {
            "values": "counts" if codec.counts else "real numbers",
            "frequency": codec.frequency.name,
            "season": codec.frequency.season,
            "not_predicted": codec.known,
            "earlier_values": list(codec.lags),
            "covariates": codec.covariates,
        }
    }


def _json(one: Series) -> dict[str, Any]:
    return {
        "name": one.name,
        "values": len(one),
        "missing": one.missing,
        "frequency": one.frequency.name,
        "from": said(one.times[0]),
        "to": said(one.times[-1]),
    }


def _line(one: Series) -> str:
    lacks = f", {one.missing:,} missing" if one.missing else ""
    ends = one.times[[0, -1]]
    return f"{one.name or 'values'}: {len(one):,} values{lacks}, {said(ends[0])} to {said(ends[1])}"
