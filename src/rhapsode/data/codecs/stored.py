"""Codecs in model files: codecs ⇄ JSON with the codec's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rhapsode import registry
from rhapsode.data.codecs.codec import Codec, damaged
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError


def codec_from_json(data: Mapping[str, Any]) -> Codec:
    """The codec in a model file: `{"name": ..., ...}`; of text perhaps with `"end": true`. Raises `UserError`."""
    rest = dict(data)
    name = rest.pop("name", None)
    if not isinstance(name, str):
        raise UserError("the model's configuration names no codec: the file is damaged or not Rhapsode's.")
    kind: type[Codec] = registry.get("codec", name)
    if not issubclass(kind, TextCodec) or "end" not in rest:
        return kind.from_json(rest)
    if rest.pop("end") is not True:
        raise damaged(kind, "its end is not true")
    inner = kind.from_json(rest)
    assert isinstance(inner, TextCodec)
    return Ending(inner)


def codec_to_json(codec: Codec) -> dict[str, Any]:
    """The inverse of `codec_from_json`."""
    return {"name": codec.name, **codec.to_json()}
