"""Parts of corpora."""

from rhapsode.data.catalogue import Slice


def cut(file: str, first: int, second: int | None = None) -> dict[str, tuple[Slice, ...]]:
    """One file cut at one or two places: train, valid and, with two, test."""
    parts: dict[str, tuple[Slice, ...]] = {"train": (Slice(file, 0, first),), "valid": (Slice(file, first, second),)}
    if second is not None:
        parts["test"] = (Slice(file, second),)
    return parts
