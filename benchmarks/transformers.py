"""How long a small Transformer needs for what Rhapsode needs so many seconds for, on the same text.

    RHAPSODE_DATA=folder python benchmarks/transformers.py --seconds 120 --picture curve.png

Rhapsode is run with its defaults at budgets from a sixteenth to all of `seconds`. The Transformers
(torch's own layers, pre-norm, GELU) have the same clock: training seconds only, the learning rate warmed up and
falling in a line to zero at the budget's end, the same gradient clip, precision and threads, and the same two
optimizers: AdamW for all, or Muon (five iterations) for the layers' matrices. `--search` tries a grid at `seconds`;
without it a few near the best that a search found, TUNED, are run at a quarter, half and all of them.

Nats per character of all of the validation text (tiny Shakespeare, last 10 %). Rhapsode: exact, state carried.
Transformers: windows that overlap by half, scored on their second half, so each character has at least half
a window before it; their cold-start figure would be worse. The last lines are the ratios of the seconds that
a Transformer took for its best value to the seconds Rhapsode took for that same value, in one run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from shakespeare import shakespeare
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from rhapsode.inference.model import Model
from rhapsode.training import auto, memory
from rhapsode.training.optimizers import BETAS, Muon
from rhapsode.training.run import train


@dataclass(frozen=True)
class Recipe:
    """One Transformer and how it is trained; rate is Muon's where `muon`, and AdamW's then 4e-3."""

    layers: int
    width: int
    heads: int
    context: int
    rows: int
    muon: bool
    rate: float


SEARCH = [
    Recipe(layers, width, width // 32, context, 2048 // context, muon, rate)
    for (layers, width, context), (muon, rate) in itertools.product(
        [(3, 128, 64), (3, 128, 128), (4, 192, 64)], [(False, 2e-3), (False, 5e-3), (True, 0.02), (True, 0.05)]
    )
]
TUNED = [
    Recipe(3, 128, 4, 64, 32, True, 0.03),
    Recipe(4, 192, 6, 64, 32, True, 0.05),
    Recipe(3, 128, 4, 64, 32, False, 5e-3),
]


class Transformer(nn.Module):
    """Symbols [B, T] → unnormalised log-probabilities of the next ones [B, T, V]."""

    def __init__(self, size: int, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.width
        self.embedding, self.position = nn.Embedding(size, width), nn.Embedding(recipe.context, width)
        layer = nn.TransformerEncoderLayer(
            width, recipe.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, recipe.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.output = nn.Linear(width, size)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:  # GPT-2's: small, and smaller where a layer adds to the residual
                adds = name.endswith(("out_proj.weight", "linear2.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * recipe.layers) if adds else 1.0))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(recipe.context))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x) + self.position.weight[: x.shape[1]]
        return self.output(self.layers(h, mask=self.mask[: x.shape[1], : x.shape[1]], is_causal=True))


def optimizers(model: Transformer, recipe: Recipe, dtype: torch.dtype) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the layers' matrices (query, key and value one by one) and AdamW for the rest."""
    inner = [(n, w) for n, w in model.layers.named_parameters() if w.dim() == 2]
    chosen = {id(w) for _, w in inner} if recipe.muon else set()
    others = [w for w in model.parameters() if id(w) not in chosen]
    rate = 4e-3 if recipe.muon else recipe.rate
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=rate, betas=BETAS, weight_decay=0.01, fused=True)
    ]
    if recipe.muon:
        triple = [w for n, w in inner if n.endswith("in_proj_weight")]
        single = [w for n, w in inner if not n.endswith("in_proj_weight")]
        found += [Muon(triple, recipe.rate, 0.01, 3, dtype, 5), Muon(single, recipe.rate, 0.01, 1, dtype, 5)]
    return found


def train_transformer(recipe: Recipe, data: np.ndarray, valid: np.ndarray, seconds: float, precision: str) -> dict:
    """Train for so many seconds; returns the figures."""
    torch.manual_seed(0)
    size = int(max(data.max(), valid.max())) + 1
    model, text = Transformer(size, recipe), torch.from_numpy(data.astype(np.int64))
    found = optimizers(model, recipe, torch.bfloat16 if precision == "bf16" else torch.float32)
    peaks = [[group["lr"] for group in o.param_groups] for o in found]
    offsets, generator = torch.arange(recipe.context + 1), torch.Generator().manual_seed(0)
    spent, step = 0.0, 0
    while spent < seconds:
        begun = time.perf_counter()
        starts = torch.randint(len(text) - recipe.context, (recipe.rows, 1), generator=generator)
        chunk = text[starts + offsets]
        # torch's fused attention is slower than its plain one on CPUs at these lengths, mostly in the backward pass.
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"), sdpa_kernel(SDPBackend.MATH):
            logits = model(chunk[:, :-1])
        loss = functional.cross_entropy(logits.float().flatten(0, 1), chunk[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        factor = min(1.0, (step + 1) / 50) * (1 - spent / seconds)
        for optimizer, rates in zip(found, peaks, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        spent += time.perf_counter() - begun
        step += 1
    return {
        **asdict(recipe),
        "seconds": round(spent, 1),
        "updates": step,
        "parameters": sum(w.numel() for w in model.parameters()),
        "nats_per_char": round(evaluate(model, recipe.context, valid), 4),
    }


@torch.no_grad()
def evaluate(model: Transformer, context: int, valid: np.ndarray) -> float:
    """Nats per character; every character but the first ones with at least half a window before it."""
    text, half = torch.from_numpy(valid.astype(np.int64)), context // 2
    nats = 0.0
    for begin in range(0, len(text) - 1, 64 * half):
        starts = torch.arange(begin, min(begin + 64 * half, len(text) - 1), half)
        index = starts[:, None] - half + torch.arange(context + 1)  # the second half of each window is scored
        chunk = text[index.clamp(0, len(text) - 1)]
        losses = functional.cross_entropy(model(chunk[:, :-1]).transpose(1, 2), chunk[:, 1:], reduction="none")
        inside = (index[:, 1:] < len(text)) & (torch.arange(context) >= half)
        nats += float(losses[inside].sum())
    return nats / (len(text) - 1)


def train_rhapsode(text: Path, valid: bytes, seconds: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        result = train([text], folder, minutes=seconds / 60)
        model = Model.load(folder)
        return {
            "rhapsode": f"{model.config.network.layers}x{model.config.network.width}",
            "seconds": round(result.seconds, 1),
            "updates": model.config.facts["updates"],
            "parameters": model.network.parameters,
            "nats_per_char": round(model.score(valid).nats_per_char, 4),
        }


def seconds_for(value: float, curve: list[tuple[float, float]]) -> float:
    """Budget at which the curve of (seconds, nats) comes down to `value`, between its points in the logarithm.

    Not before the first point: then its seconds are an upper bound. nan if the curve never comes so far down.
    """
    if min(curve)[1] <= value:
        return min(curve)[0]
    for (s0, v0), (s1, v1) in itertools.pairwise(sorted(curve)):
        if v0 >= value >= v1:
            return math.exp(np.interp(-value, [-v0, -v1], [math.log(s0), math.log(s1)]))
    return math.nan


def draw(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*sorted(curve), strict=True), marker="o", linewidth=3 if name == "Rhapsode" else 1.2, label=name)
    axes.set(xscale="log", xlabel="seconds of training (the whole budget of a run)", ylabel="validation, nats per char")
    axes.set_title("Tiny Shakespeare: same machine, same clock")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--search", action="store_true", help="the grid of Transformers only")
    parser.add_argument("--picture", type=Path, help="where to draw the curves")
    options = parser.parse_args()
    path, known, valid = shakespeare()
    _, symbols = np.unique(np.frombuffer(known + valid, np.uint8), return_inverse=True)
    precision = auto.precision_for("auto", torch.device("cpu"))
    torch.set_num_threads(auto.threads_for(torch.device("cpu"), precision)[0])
    print(f"# {precision}, {torch.get_num_threads()} threads, torch {torch.__version__}", flush=True)

    def run(recipe: Recipe, seconds: float) -> float:
        with memory.kept():
            figures = train_transformer(recipe, symbols[: len(known)], symbols[len(known) :], seconds, precision)
        print(json.dumps(figures), flush=True)
        return float(figures["nats_per_char"])

    if options.search:
        for recipe in SEARCH:
            run(recipe, options.seconds)
        return
    curves: dict[str, list[tuple[float, float]]] = {"Rhapsode": []}
    for part in (16, 8, 4, 2, 1):
        seconds = options.seconds / part
        figures = train_rhapsode(path, valid, seconds)
        print(json.dumps(figures), flush=True)
        curves["Rhapsode"].append((seconds, float(figures["nats_per_char"])))
        for recipe in TUNED if part <= 4 else []:
            name = f"Transformer {recipe.layers}x{recipe.width}, {'Muon' if recipe.muon else 'AdamW'}"
            curves.setdefault(name, []).append((seconds, run(recipe, seconds)))
    for name, curve in curves.items():
        if name != "Rhapsode":
            value, seconds = min((value, seconds) for seconds, value in curve)
            needed = seconds_for(value, curves["Rhapsode"])
            print(f"{name}: {value:.4f} in {seconds:.0f} s; Rhapsode in {needed:.1f} s: ratio {seconds / needed:.1f}")
    if options.picture:
        draw(curves, options.picture)


if __name__ == "__main__":
    main()
