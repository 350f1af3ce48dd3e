"""Rhapsode's own files: safetensors with JSON in the header. They hold no code, and are written atomically.

A model is one file, `model.safetensors`, usually in a folder of its own beside the training's
`resume.safetensors`, its log and its picture. Each file is put in its place whole. Each carries a
checksum of all it holds; a file that does not match it, or whose tensors are not those its
configuration calls for, is refused before anything is computed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.errors import UserError, choice
from rhapsode.files.json import dumps
from rhapsode.files.place import made, place, reason, replacing

MODEL, RESUME, INDEX = "model.safetensors", "resume.safetensors", "index.safetensors"
"""INDEX holds what a codec keeps of the training data, see `TrainingIndex`."""
OLD_INDEX = "known.safetensors"
"""The training index as earlier versions named it."""
KEY, DIGEST = "rhapsode", "sha256"
HEADER_LIMIT = 64 << 20
HUB_PREFIX = "hf://"
"""Models on the Hugging Face Hub: `hf://USER/MODEL`, see `rhapsode.files.hub`."""
SHIPPED, SHIPPED_PREFIX = Path(__file__).parents[1] / "models", "demo:"
"""Models that come with the package: `demo:NAME` is the folder NAME in this folder."""
DTYPES: dict[str, type[np.generic]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
}
"""The types of tensors. Weights in F16 take half the room on disk, and are converted to F32 when they are loaded."""


def digest(info: str, tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over the JSON text and all tensors with their names, types and shapes."""
    total = hashlib.sha256(info.encode())
    for name in sorted(tensors):
        value = np.asarray(tensors[name], order="C")
        total.update(f"\0{name}\0{value.dtype.str}\0{value.shape}\0".encode())
        total.update(value.data if value.size else b"")
    return total.hexdigest()


def packed(info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> tuple[bytes, str]:
    """The contents of a file, and its checksum."""
    from safetensors.numpy import save as pack

    text = dumps(info, sort_keys=True)
    mark = digest(text, tensors)
    contents = {name: np.asarray(value, order="C") for name, value in tensors.items()}  # keeps 0-d as 0-d
    return pack(contents, metadata={KEY: text, DIGEST: mark}), mark


def save(path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """Write a file atomically, and return its checksum. Raises `UserError` if the disk refuses it."""
    contents, mark = packed(info, tensors)
    place(path, contents)
    return mark


def save_large(path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """As `save`, but without a copy of the tensors in memory."""
    text = dumps(info, sort_keys=True)
    mark = digest(text, tensors)
    header: dict[str, Any] = {"__metadata__": {KEY: text, DIGEST: mark}}
    names = {kind: name for name, kind in DTYPES.items()}
    ordered = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))  # so each is aligned
    at = 0
    for name in ordered:
        value = tensors[name]
        place_ = [at, at + value.nbytes]
        header[name] = {"dtype": names[value.dtype.type], "shape": list(value.shape), "data_offsets": place_}
        at += value.nbytes
    packed_header = dumps(header).encode()
    packed_header += b" " * (-len(packed_header) % 8)
    parts = (tensors[name] for name in ordered)
    try:
        with made(path.parent), replacing(Path(os.path.realpath(path))) as file:
            file.write(len(packed_header).to_bytes(8, "little") + packed_header)
            for value in parts:
                file.write(np.ascontiguousarray(value).data if value.size else b"")
    except OSError as error:
        raise UserError(
            f"cannot write {path} ({at:,} bytes): {reason(error)}. Make room, or choose another place."
        ) from error
    return mark


def mapped(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """As `stored`, but the tensors stay on the disk, and are read where they are needed. Raises `UserError`."""
    from safetensors import SafetensorError, safe_open

    info, mark, found = load_info(path)
    try:
        with safe_open(path, "np"):  # checks that they fill the file
            pass
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        tensors = dict[str, np.ndarray]()
        for name, (shape, kind) in found.items():
            if kind not in DTYPES:
                raise _bad(path, f"tensor {name!r} has type {kind}")
            begin, end = header[name]["data_offsets"]
            empty = begin == end
            where = {"mode": "r", "offset": 8 + length + begin, "shape": shape}
            made_ = np.zeros(shape, DTYPES[kind]) if empty else np.memmap(path, DTYPES[kind], **where)
            tensors[name] = np.asarray(made_)
        matches = digest(dumps(info, sort_keys=True), tensors) == mark
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise _bad(path, f"it is damaged or cut short ({error})") from None
    if not matches:
        raise _bad(path, "its contents do not match its checksum: it is damaged")
    return info, tensors


def locate(path: str | os.PathLike[str]) -> Path:
    """The path of the model file, given its folder, the file itself, `demo:NAME`, or `hf://USER/MODEL`, which is
    downloaded if it is not in the cache. Raises `UserError`."""
    if str(path).startswith(HUB_PREFIX):
        from rhapsode.files import hub  # what it imports takes as long as a model

        return hub.located(str(path))
    if str(path).startswith(SHIPPED_PREFIX):
        names = sorted(each.parent.name for each in SHIPPED.glob(f"*/{MODEL}"))
        name = str(path).removeprefix(SHIPPED_PREFIX)
        if name not in names:
            raise choice("demo", name, names)
        return SHIPPED / name / MODEL
    if not str(path):
        raise UserError("an empty name is no model's: name its folder.")
    given = Path(path)
    try:
        given.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass  # told below, with what is near
    except OSError as error:
        raise UserError(f"cannot read {given}: {error.strerror or error}") from None
    found = given / MODEL if given.is_dir() else given
    if found.is_file():
        return found
    if given.is_dir():
        raise UserError(f"{given} holds no model ({MODEL} is missing). Train one: rhapsode train SOURCE -o {given}")
    near = [str(p.parent) for p in Path(given.parent).glob(f"*/{MODEL}")][:5] if given.parent.is_dir() else []
    hint = f" Models there: {', '.join(near)}." if near else ""
    raise UserError(f"no model at {given}.{hint} Train one: rhapsode train SOURCE -o {given}")


def index(folder: Path) -> Path | None:
    """The training index in a folder; None if there is none."""
    return next((folder / name for name in (INDEX, OLD_INDEX) if (folder / name).exists()), None)


def is_tensors(head: bytes) -> bool:
    """Whether these first bytes are those of a safetensors file, of Rhapsode or of another program."""
    return head[3:9] == b"\0\0\0\0\0{"


def load_info(path: Path) -> tuple[dict[str, Any], str, dict[str, tuple[tuple[int, ...], str]]]:
    """A file's JSON, its checksum, and name → (shape, dtype) of its tensors, without reading any of them.

    Raises `UserError` for anything that is not such a file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            length = int.from_bytes(head, "little")
            if len(head) < 8 or not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise _bad(path, "its header is not that of a safetensors file, or the file is cut short")
            header = json.loads(file.read(length))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise _bad(path, "its header is damaged") from None
    try:
        meta = header.pop("__metadata__")
        info, mark = json.loads(meta[KEY]), str(meta[DIGEST])
        tensors = {name: (tuple(int(n) for n in t["shape"]), str(t["dtype"])) for name, t in header.items()}
        if not isinstance(info, dict):
            raise TypeError
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        raise _bad(path, "it does not carry Rhapsode's own header") from None
    return info, mark, tensors


def parts(info: Mapping[str, Any]) -> dict[str, bool]:
    """The files of a model, given the JSON of its own: name, in the model's folder → whether the model needs it."""
    codec = info.get("codec")
    kind = registry.get("codec", str(codec.get("name")) if isinstance(codec, dict) else "")
    found = {MODEL: True}
    if kind.auxiliary:
        found[f"{kind.auxiliary}/{MODEL}"] = True
    return found | dict.fromkeys(kind.beside, False)


def load_tensors(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    mark: str,
    types: Mapping[str, type[np.generic]] | None = None,
    as_stored: bool = False,
) -> dict[str, np.ndarray]:
    """The tensors of a file, after checking that they are exactly `shapes` and match the checksum.

    types: of those tensors that may be of one type only. as_stored: do not convert those of 16 bits.
    Raises `UserError`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    info, _, found = load_info(path)
    for name in sorted(set(shapes) | set(found)):
        if name not in found or name not in shapes or found[name][0] != tuple(shapes[name]):
            have = found[name][0] if name in found else "nothing"
            want = shapes.get(name, "nothing")
            raise _bad(path, f"tensor {name!r} has shape {have} where its configuration calls for {want}")
        kind = DTYPES.get(found[name][1])
        if kind is None or kind is not (types or {}).get(name, kind):
            raise _bad(path, f"tensor {name!r} has type {found[name][1]}")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _bad(path, f"it is damaged or cut short ({error})") from None
    try:
        matches = digest(dumps(info, sort_keys=True), tensors) == mark
    except (ValueError, RecursionError):
        matches = False
    if not matches:
        raise _bad(path, "its contents do not match its checksum: it is damaged")
    if as_stored:
        return tensors
    return {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in tensors.items()}


def stored(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Everything in a file: its JSON, and its tensors as they are stored, after checking the checksum. Raises
    `UserError`."""
    info, mark, found = load_info(path)
    return info, load_tensors(path, {name: shape for name, (shape, _) in found.items()}, mark, as_stored=True)


def _bad(path: Path, why: str) -> UserError:
    return UserError(f"{path} is not a usable Rhapsode file: {why}. Train again, or restore it from a copy.")
