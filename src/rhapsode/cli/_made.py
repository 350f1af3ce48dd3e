"""The description by `inspect` of Rhapsode's own files: models, files beside them, and compressed files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rhapsode.console.brought import every, modality_of
from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.inference.model import Model

SHOWN = 8
"""How many values of a list are shown."""
ORIGIN = (
    "sources",
    "more_sources",
    "base",
    "data_digest",
    "documents",
    "train_chars",
    "train_steps",
    "valid_chars",
    "valid_steps",
)
"""The facts about the data that a model was trained on."""
HEAD = 1 << 12
SUFFIX = ".safetensors"


def made(name: str) -> dict[str, Any] | None:
    """The description; None if Rhapsode did not make the file. Raises `UserError` for damaged files."""
    from rhapsode.files import checkpoint
    from rhapsode.inference import compress

    path = Path(name)
    if name.startswith((checkpoint.SHIPPED_PREFIX, checkpoint.HUB_PREFIX)) or (path / checkpoint.MODEL).is_file():
        return _model(name)
    if (path / checkpoint.RESUME).is_file():  # stopped before it had a model
        path = path / checkpoint.RESUME
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
            if head.startswith(compress.MAGIC):
                return {"path": name, "kind": "compressed text", **compress.about(head + file.read())}
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}.") from None
    tensors = checkpoint.is_tensors(head)
    if tensors and f'"{checkpoint.KEY}"'.encode() in head or path.suffix == SUFFIX and not tensors:
        return _tensors(path)
    return None


def _tensors(path: Path) -> dict[str, Any]:
    """The description of a file of `checkpoint.save`, from its header."""
    from rhapsode.files import checkpoint, format1

    info, digest, found = checkpoint.load_info(path)
    if "codec" in info:
        return _model(str(path))
    about: dict[str, Any] = {"path": str(path), "kind": "unknown", "digest": digest, "file_bytes": path.stat().st_size}
    tensors = checkpoint.load_tensors(path, {name: shape for name, (shape, _) in found.items()}, digest)
    if isinstance(info.get("given"), dict) and isinstance(info.get("plan"), dict):
        info = format1.run(info)
        facts = {name: info.get(name) for name in ("finished", "update", "seconds", "best", "best_update")}
        given = {name: value for name, value in info["given"].items() if value not in (None, [], {}, False)}
        plan = {name: value for name, value in info["plan"].items() if name not in ("network", "framing")}
        return {**about, "kind": "training run", **facts, "given": given, "plan": _applying(plan)}
    for modality in every():
        if (own := modality.beside(path, info, tensors)) is not None:
            return {**about, **own}
    return about


def _model(name: str) -> dict[str, Any]:
    """The settings that matter for a model, and the data that it was trained on."""
    from rhapsode.inference.model import Model

    model = Model.load(name)
    assert model.path is not None
    config = model.config
    about: dict[str, Any] = {
        "path": str(model.path),
        "kind": "model",
        "digest": model.digest,
        "parameters": model.network.parameters,
        "file_bytes": model.path.stat().st_size,
        "codec": model.codec.name,
        **modality_of(model.codec.name).about(model),
        "network": model.network.settings,
        "framing": {name: value for name, value in config.framing.model_dump().items() if value},
        "arithmetic": _arithmetic(model),
    }
    beside = sorted(each.name for each in model.path.parent.iterdir() if each != model.path and each.name[0] != ".")
    facts = _origin(model.path.parent) | _applying(config.facts)
    about |= _quality(model.path.parent)
    origin = {name: value for name in ORIGIN if (value := facts.pop(name, None))}
    return about | {"trained_on": origin, "beside": beside, "facts": facts}


def _arithmetic(model: Model) -> dict[str, Any]:
    """The arithmetic, and why it is float32 if it is; what computes here; and the bytes of the parts of the network."""
    from rhapsode.nn.engine import OnnxEngine
    from rhapsode.training.origin import UNFIT

    about: dict[str, Any] = {"name": model.config.arithmetic}
    if not model.whole:
        before = "the model was trained by an earlier version, which had no other"
        about["why"] = model.config.facts.get(UNFIT, before)
    about["engine"] = model.engine.name if model.whole else OnnxEngine.name
    parts: dict[str, int] = {}
    for name, tensor in model.tensors.items():
        part = name.split(".")[0]
        parts[part] = parts.get(part, 0) + tensor.nbytes
    return about | {"bytes": parts}


def _quality(folder: Path) -> dict[str, Any]:
    """The measurements after the training, see `Codec.quality`."""
    from rhapsode.training.told import QUALITY

    try:
        return {"quality": dict(json.loads((folder / QUALITY).read_text(encoding="utf-8")))}
    except (OSError, ValueError, TypeError):
        return {}


def _origin(folder: Path) -> dict[str, Any]:
    """The sources of the run beside a model, for models of early versions that do not say it themselves."""
    from rhapsode.files import checkpoint
    from rhapsode.training.origin import origin

    try:
        return origin(checkpoint.load_info(folder / checkpoint.RESUME)[0]["given"])
    except (UserError, LookupError, TypeError, AttributeError):
        return {}


def _applying(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that do not apply: no dropout, no other budget, no texts."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            value = _applying(value)
            if name == "dropout":
                value = {key: rate for key, rate in value.items() if rate}
        if value is not None and value != {}:
            found[name] = value
    return found


def lines(about: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """For people."""
    for key, value in about.items():
        if key == "vocabulary":
            more = " …" if value["size"] > len(value["first"]) else ""
            value = f"{value['size']:,} symbols: {' '.join(value['first'])}{more}"
        if isinstance(value, Mapping):
            yield f"{indent}{key}"
            yield from lines(value, indent + "  ")
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = f"{value:,}"
        elif isinstance(value, list | tuple):
            more = f" … ({len(value):,})" if len(value) > SHOWN else ""
            value = ", ".join(map(str, value[:SHOWN])) + more
        yield f"{indent}{key:<{22 - len(indent)}}{value}"
