"""The recogniser that says how well a voice is understood."""

from __future__ import annotations

import sys

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import espeak, hear

pytest.importorskip("espeakng_loader")


def test_it_understands_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="pocketsphinx is not installed"):
        hear.recogniser()
    monkeypatch.delitem(sys.modules, "pocketsphinx")  # the other tests do without: see conftest
    pytest.importorskip("pocketsphinx")
    text = "The green tree."
    heard = hear.recogniser()(espeak.speak(text, "en-us").sound())
    assert hear.error_rate([(text, heard)]).rate < 1
    assert hear.error_rate([(text, "a green tree")]).rate == pytest.approx(1 / 3)
