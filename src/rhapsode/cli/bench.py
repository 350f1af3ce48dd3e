"""`rhapsode bench`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rhapsode.console.brought import every
from rhapsode.console.imports import unbroken
from rhapsode.console.output import as_json, put


def bench(
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compare training and generation with this machine's limits.

    Takes some minutes."""
    with unbroken():
        import torch

        from rhapsode.demos import bench as benches
        from rhapsode.training import auto

    where = auto.device_for(device)
    precision = auto.precision_for(precision, where)
    facts = {
        "device": str(where),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    found = []
    if not json:
        typer.echo(", ".join(f"{key} {value}" for key, value in facts.items()))
        typer.echo("\ntraining, GFLOP/s and their share of the machine's matrix peak")
        typer.echo(f"{'network':>8}{'batch':>9}{'peak':>8}{'forward+backward':>18}{'whole update':>18}{'steps/s':>11}")
    for shape in benches.SHAPES:
        one = benches.training(shape, precision, where)
        found.append(one)
        if not json:
            shares = "".join(f"{rate / 1e9:12.0f}{rate / one.peak:6.0%}" for rate in (one.passes, one.updates))
            head = f"{one.network:>8}{one.batch:>9}{one.peak / 1e9:8.0f}"
            typer.echo(f"{head}{shares}{one.steps_per_second:11,.0f}")
    costs = benches.cells(precision, where)
    if not json:
        layers, width, rows, window = benches.CELL_SHAPE
        typer.echo(f"\ntraining, cost of cells over that of the fused LSTM ({layers}x{width}, {rows}x{window})")
        typer.echo(f"{'cell':>12}{'seconds':>9}{'weights':>9}")
        for cell in costs:
            typer.echo(f"{cell.cell:>12}{cell.cost:9.2f}{cell.parameters:9.2f}")
    drawn = benches.generation()
    cases = [(modality, case) for modality in every() for case in modality.bench()]
    measured = [(modality, case, list(benches.speeds(case, precision, where))) for modality, case in cases]
    if json:
        parts: dict[str, object] = {"training": [asdict(one) for one in found], "cells": [asdict(one) for one in costs]}
        parts |= {"generation": asdict(drawn)}
        own = [{"modality": kind.name, **asdict(one)} for kind, _, speeds in measured for one in speeds]
        put(as_json(facts | parts | {"modalities": own}))
        return
    rate, peak = drawn.bytes_per_second, drawn.peak
    typer.echo(f"\ngeneration of one sample in whole numbers, {drawn.engine}")
    typer.echo(f"{drawn.network:>8} {drawn.steps_per_second:,.0f} steps/s")
    typer.echo(f"reads {rate / 1e9:.0f} GB/s of weights; the processor can read {peak / 1e9:.0f}: {rate / peak:.0%}")
    for kind, case, speeds in measured:
        typer.echo(f"\n{kind.noun}, {case.codec.unit}s/s: trained, and drawn by one sample")
        for each in speeds:
            typer.echo(f"{each.network:>16}{each.trained_per_second:10,.0f}{each.drawn_per_second:10,.0f}")
