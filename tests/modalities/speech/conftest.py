"""A voice that is trained once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.training.plan import Plan
from tests.modalities.speech.trained import HELD_OUT, SENTENCES, SMALL, recorded, training


def _gentle(patch: pytest.MonkeyPatch) -> None:
    """Learning rates at which few updates leave a voice that hardly hears the rounding of labels. They are set for all
    models, as the model of a voice's melody takes no settings of the voice's."""
    for name, rate in (("rate", 0.006), ("matrix_rate", 0.03)):
        patch.setattr(Plan.model_fields[name], "default", rate)


@pytest.fixture(autouse=True)
def _gently(monkeypatch: pytest.MonkeyPatch) -> None:
    _gentle(monkeypatch)


@pytest.fixture(scope="session")
def _voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("speech")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_CACHE", str(folder / "cache"))
        recorded(folder / "corpus", SENTENCES)
        recorded(folder / "held", HELD_OUT)
        (folder / "small.toml").write_text(SMALL)
        _gentle(patch)
        assert main([*training(folder), "-o", str(folder / "voice")]) == 0
    return folder


@pytest.fixture
def home(_voice: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `corpus`, `held`, and `voice`, which has learnt from them."""
    monkeypatch.setenv("RHAPSODE_CACHE", str(_voice / "cache"))
    return _voice
