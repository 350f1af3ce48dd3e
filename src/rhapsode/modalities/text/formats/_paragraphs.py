"""Paragraphs and notes of office documents, as text."""

from __future__ import annotations

from collections.abc import Iterable


def joined(paragraphs: Iterable[str]) -> str:
    """With an empty line between paragraphs; empty ones are left out."""
    kept = [paragraph.rstrip() for paragraph in paragraphs]
    text = "\n\n".join(paragraph for paragraph in kept if paragraph.strip())
    return f"{text}\n" if text else ""
