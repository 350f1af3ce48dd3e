"""What `choose` decides about threads, and about sizes that depend on themselves."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rhapsode.config import FramingConfig, NetworkConfig
from rhapsode.nn.network import Network
from rhapsode.steps.frames import HIDDEN, Frames
from rhapsode.steps.kind import Kind
from rhapsode.steps.symbols import Symbols
from rhapsode.training import auto
from rhapsode.training.plan import Budget, Plan

SYMBOLS = Symbols(96)
MEASURE = auto.measure  # the real one: conftest puts another into its place


def chosen(
    data: int,
    budget: Budget,
    steps: Kind = SYMBOLS,
    framing: str = "stream",
    network: dict[str, Any] | None = None,
    covariates: int = 0,
    longest: int = 0,
    **plan: Any,
) -> tuple[Plan, list[str]]:
    return auto.choose(
        steps,
        data,
        budget,
        FramingConfig(name=framing),
        "never",
        network=network or {},
        dropout={},
        plan=plan,
        parameters=None,
        window=None,
        device=torch.device("cpu"),
        precision="fp32",
        covariates=covariates,
        longest=longest,
    )


@pytest.mark.parametrize("updates", [2_000, 5_000, 8_000, 20_000])
def test_so_many_updates_are_reckoned_with_the_final_batch(updates: int) -> None:
    data = 10**10  # so much that only what is read limits the size
    plan, reasons = chosen(data, Budget(updates=updates), threads=1)
    read = updates * plan.batch_size * plan.sequence_length
    assert f"{read:,} steps to be read" in reasons[0]
    wanted = 1 / (auto.STEPS_PER_PARAMETER / read + 1 / (auto.LARGEST * data**0.5))
    assert Network(plan.network, SYMBOLS).parameters == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize(("together", "begins"), [(1.5e11, 2), (1.1e11, 1), (1e10, 1)])
def test_threads_that_gain_nothing_now_are_kept_for_later(
    monkeypatch: pytest.MonkeyPatch, together: float, begins: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(auto, "measure", lambda device, precision, threads, cell: together if threads > 1 else 1e11)
    plan, reasons = chosen(10**6, Budget(minutes=1))
    assert (plan.threads, plan.most) == (begins, 2)
    assert (begins == 1) == any("tried again later" in reason for reason in reasons)


@pytest.mark.parametrize("threads", [{}, {"threads": 1}], ids=["auto", "asked for"])
def test_the_speed_is_that_of_the_networks_own_cell(monkeypatch: pytest.MonkeyPatch, threads: dict[str, int]) -> None:
    """A network is as much smaller as its cell is slower than the LSTM."""
    probed = list[NetworkConfig]()

    class Slow(auto.Probe):
        def __init__(self, config: NetworkConfig, *shape: Any) -> None:
            probed.append(config)
            super().__init__(config, *shape)

        def timed(self, work: Any) -> float:
            return self.flops / (1e11 if self.network.config.cell.name == "mrnn" else 4e11) / 2

    monkeypatch.setattr(auto, "Probe", Slow)
    monkeypatch.setattr(auto, "time", SimpleNamespace(perf_counter=itertools.count().__next__))
    monkeypatch.setattr(auto, "measure", MEASURE)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    sizes = {}
    for cell in ("lstm", {"name": "mrnn", "factors": 500}):
        measured = auto.measure(torch.device("cpu"), "fp32", 1, NetworkConfig(cell=cell).cell)
        plan, _ = chosen(10**10, Budget(minutes=5), network={"cell": cell}, **threads)
        assert probed[-1].cell == plan.network.cell
        sizes[plan.network.cell.name] = (measured, Network(plan.network, SYMBOLS).parameters)
    assert sizes["lstm"][0] == pytest.approx(4 * sizes["mrnn"][0]) == pytest.approx(8e11)
    assert sizes["mrnn"][1] == pytest.approx(sizes["lstm"][1] / 2, rel=0.1)  # the square root of a quarter


def test_matrices_that_are_multiplied_with_one_another_learn_slower() -> None:
    plans = {
        cell: chosen(10**6, Budget(updates=100), network={"cell": cell}, threads=1)[0] for cell in ("lstm", "mrnn")
    }
    assert plans["lstm"].matrix_rate == Plan.model_fields["matrix_rate"].default
    assert plans["mrnn"].matrix_rate == pytest.approx(2 / 3 * plans["lstm"].matrix_rate)
    assert plans["mrnn"].rate == plans["lstm"].rate


def test_threads_asked_for_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(auto, "measure", lambda *_: 1e11)
    plan, _ = chosen(10**6, Budget(minutes=1), threads=1)
    assert (plan.threads, plan.most) == (1, 1)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(
    ("data", "longest", "updates"), [(10**6, 900, 100), (35_000, 80, 30), (35_000, 900, 30), (10_000, 60, 30)]
)
def test_whole_units_are_learnt_from_in_small_batches_where_there_are_few(
    data: int, longest: int, updates: int, reads: bool
) -> None:
    """So many updates an epoch, at least. And frames that are read are dropped, since those drawn are not as good."""
    parts = {"head": {"name": "gaussians", "mixtures": 2}, "encoder": {"bidirectional": 1}}
    network = {"layers": 1, "autoregressive": reads, "width": 32, **parts}
    plan, reasons = chosen(data, Budget(updates=50), Frames(2), "whole", network, 7, longest, threads=1)
    assert data / (plan.batch_size * plan.sequence_length) >= updates
    assert plan.sequence_length >= max(auto.PACKED_LEAST, longest)
    assert plan.dropout.input == (HIDDEN if reads else 0)
    assert any("of the step before 0.5" in reason for reason in reasons) == reads
