"""Bodies of requests: JSON in UTF-8, of a size that is known before anything is made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rhapsode.serving.errors import ApiError

FIELDS = 5000
"""The most fields of one object: each that is wrong would become an error of its own."""


def check(headers: Mapping[str, str]) -> None:
    """Raises `ApiError` unless the headers, with names in lower case, announce JSON as it is."""
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    if kind != "application/json":
        raise ApiError(415, "Send JSON, with the header Content-Type: application/json.", code="not_json")
    for name, _, value in (one.partition("=") for one in parameters):
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise ApiError(415, "Send JSON in UTF-8.", code="not_utf_8")
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", ""):
        raise ApiError(415, "Send the body as it is: it must not be compressed.", code="compressed")


def parsed(data: bytes) -> dict[str, Any]:
    """The object of a body. Raises `ApiError`, which says where; of the body, it repeats names of fields."""
    if not data:
        raise ApiError(400, "The body is empty: send a JSON object.", code="not_json")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ApiError(400, f"The body is not UTF-8: see its byte {error.start}.", code="not_json") from None
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"{error.msg}, line {error.lineno}, column {error.colno}"
        raise ApiError(400, f"The body is not JSON: {where}.", code="not_json") from None
    except ValueError:
        raise ApiError(400, "The body is not JSON: it has a number that none can be.", code="not_json") from None
    except RecursionError:
        raise ApiError(400, "The body has lists in lists too many times.", code="not_json") from None
    if not isinstance(found, dict):
        raise ApiError(400, "The body must be a JSON object.", code="not_json")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values under one name, readers of JSON take one or the other. So we take none."""
    found = dict(pairs)
    if len(pairs) > FIELDS:
        raise ApiError(400, f"An object has {len(pairs):,} fields; {FIELDS:,} are allowed.", code="too_large")
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        shown = ascii(twice[:80])
        raise ApiError(400, f"The field {shown} is given twice.", twice if twice.isidentifier() else None)
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
