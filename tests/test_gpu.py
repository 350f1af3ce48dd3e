"""On a CUDA device: `pytest -m gpu`. The same computation as on the processor, to the precision's rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network
from rhapsode.steps.symbols import Symbols
from rhapsode.training.run import train
from tests.conftest import Stop

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    words = ["sing", "muse", "the", "wrath", "of", "a", "man"]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(rng.choice(words, 6)) for _ in range(2000)))
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"layers": 2, "skip": True},
        {"embedding": 0},
        {"layers": 2, "residual": True},
        *({"cell": cell} for cell in registry.names("cell")),
        {"cell": {"name": "slstm", "heads": 4}},
        {"cell": {"name": "mogrifier", "rank": 8}},
    ],
    ids=str,
)
def test_loss_and_gradients_are_those_of_the_processor(options: dict) -> None:
    network = Network(NetworkConfig(width=48, **options), Symbols(20))
    fresh = network.initialise(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    inputs, targets = (torch.randint(20, (12, 5), generator=generator) for _ in range(2))
    reset = torch.rand(12, 5, generator=generator) < 0.2
    found = []
    for device in ("cpu", "cuda"):
        weights = {n: w.to(device).detach().requires_grad_() for n, w in fresh.items()}
        state = network.zeros(5, weights["output.bias"].detach())
        parameters, new = network.run(weights, inputs.to(device), state, reset.to(device))
        loss = network.nll(weights, parameters, targets.to(device)).mean()
        loss.backward()
        found.append([loss.detach(), *(part.detach() for part in new), *(w.grad for w in weights.values())])
    for on_cpu, on_gpu in zip(*found, strict=True):
        torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns_and_the_engine_agrees(text: Path, tmp_path: Path, precision: str) -> None:
    train([text], tmp_path / "m", updates=600, device="cuda", precision=precision, network={"width": 64})
    model = Model.load(tmp_path / "m")
    watched = model.config.facts["valid_nats_per_step"]
    assert watched < 1.0  # the words' own entropy is about 0.5 nats a character, uniform is 2.8
    held_out = text.read_bytes()[-len(text.read_bytes()) // 10 :]
    assert model.score(held_out).nats_per_char == pytest.approx(watched, abs=0.03)


def test_a_stopped_run_goes_on(text: Path, tmp_path: Path) -> None:
    options = {"updates": 200, "device": "cuda", "network": {"width": 64}}
    train([text], tmp_path / "whole", **options)
    assert not train([text], tmp_path / "m", report=Stop(0.0), **options).finished
    assert train([], tmp_path / "m", resume=True, device="cuda").finished
    one, other = (Model.load(tmp_path / name).config.facts["valid_nats_per_step"] for name in ("whole", "m"))
    assert one == pytest.approx(other, abs=0.05)  # cuDNN adds in no fixed order
