"""Labels of several alphabets, and those beside recordings that have none: all phones of a voice must be of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rhapsode.errors import UserError
from rhapsode.modalities.speech.alphabets import ARPABET, IPA, XSAMPA, alphabet, as_ipa
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Utterance

SHOWN = 8
"""Symbols that are named."""


def agreed(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[str]]:
    """The utterances with phones of one alphabet, IPA where there are several, or where some have none and so get
    espeak-ng's; and notes for a person. Raises `UserError` where that cannot be."""
    labelled = [one for one in utterances if one.phones]
    symbols = {phone.symbol for one in labelled for phone in one.phones} - {PAUSE}
    bare = len(labelled) < len(utterances)
    theirs = alphabet(symbols)
    if not symbols or theirs == IPA or (theirs and not bare):
        return list(utterances), []
    own = [theirs or alphabet({phone.symbol for phone in one.phones}) for one in labelled]
    known = f"{IPA}, {ARPABET} and {XSAMPA}"
    if not all(own):
        shown = ", ".join(sorted(symbols)[:SHOWN]) + ", …" * (len(symbols) > SHOWN)
        what = f"The labels' phones ({shown}) are of no alphabet that is known ({known})"
        if bare:
            raise UserError(
                f"{what}, and {len(utterances) - len(labelled):,} of {len(utterances):,} recordings have no labels: a "
                "voice needs phones of one alphabet. Label all recordings, or take all labels away."
            )
        return list(utterances), [f"{what}: the voice will say such labels (--phones), but no text."]
    renamed = iter([_as_ipa(one, of) for one, of in zip(labelled, own, strict=True)])
    note = f"Labels of {' and '.join(sorted(set(own) - {IPA}))} are read as {IPA}."
    return [next(renamed) if one.phones else one for one in utterances], [note]


def _as_ipa(utterance: Utterance, alphabet: str) -> Utterance:
    return replace(utterance, phones=tuple(_renamed(phone, alphabet) for phone in utterance.phones))


def _renamed(phone: Phone, alphabet: str) -> Phone:
    if phone.symbol == PAUSE:
        return phone
    return replace(phone, symbol=as_ipa(phone.symbol, alphabet, phone.stress > 0) or phone.symbol)
