"""A plain LSTM and Graves's window that feeds it, step by step: forward and backward written out.

torch's fused kernels cannot run a layer whose input depends on its own output. Called step by step they repack their
weights each time, and autograd keeps a node for every small operation. Here a step is a dozen operations forward and
twice that backward, and the gradients of the weights are one product each for the whole window of T steps. The large
products may be in bfloat16, as autocast has them elsewhere; all else is in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Loop(Function):
    """(gates' inputs [T, B, 4H], kernel [4H, H + C], weight [3K, H], bias [3K], h, c [B, H], kappa [B, K], w [B, C],
    symbols [B, U, C], place [T, B, U], inside [T, B, U], keep [T, B, 1], most, dtype) → h [T, B, H], w [T, B, C], and
    the last c and kappa, which carry no gradient.

    kernel: of h and w, beside one another. symbols: the texts, one-hot. place: of each symbol in the text of the step's
    unit; inside: 1 where it is of that text, else 0. keep: 0 at reset steps. most: cut of the exponents. dtype: of
    the products with the kernel.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        kernel: Tensor,
        weight: Tensor,
        bias: Tensor,
        h: Tensor,
        c: Tensor,
        kappa: Tensor,
        w: Tensor,
        symbols: Tensor,
        place: Tensor,
        inside: Tensor,
        keep: Tensor,
        most: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        steps, rows, width = *gates.shape[:2], h.shape[1]
        components = kappa.shape[1]
        seen = gates.new_empty(steps + 1, rows, width + w.shape[1])  # h and w before each step
        seen[0, :, :width], seen[0, :, width:] = h, w
        kernel = kernel.to(dtype)
        cells, kappas = gates.new_empty(steps + 1, rows, width), gates.new_empty(steps + 1, rows, components)
        cells[0], kappas[0] = c, kappa
        active = torch.empty_like(gates)
        tanhs = gates.new_empty(steps, rows, width)
        moves = gates.new_empty(steps, rows, 3 * components)
        distance = gates.new_empty(steps, rows, components, place.shape[-1])
        falls = torch.empty_like(distance)
        turned, out = kernel.t(), weight.t()
        for t in range(steps):
            a = torch.add(gates[t], seen[t].to(dtype) @ turned, out=active[t])
            a[:, : 2 * width].sigmoid_()
            a[:, 2 * width : 3 * width].tanh_()
            a[:, 3 * width :].sigmoid_()
            i, f, g, o = torch.split(a, width, dim=1)
            torch.addcmul(f * cells[t], i, g, out=cells[t + 1])
            torch.tanh(cells[t + 1], out=tanhs[t])
            h = seen[t + 1, :, :width]
            torch.mul(o, tanhs[t], out=h)
            m = torch.addmm(bias, h, out, out=moves[t]).clamp_(max=most).exp_()
            alpha, beta, moved = torch.split(m, components, dim=1)
            torch.mul(kappas[t] + moved, keep[t], out=kappas[t + 1])
            d = torch.sub(kappas[t + 1].unsqueeze(2), place[t].unsqueeze(1), out=distance[t])
            torch.mul(d * d, -beta.unsqueeze(2), out=falls[t]).exp_()
            phi = torch.bmm(alpha.unsqueeze(1), falls[t]) * (inside[t] * keep[t]).unsqueeze(1)
            seen[t + 1, :, width:] = torch.bmm(phi, symbols).squeeze(1)
        ctx.save_for_backward(
            kernel, weight, symbols, inside, keep, seen, cells, kappas, active, tanhs, moves, distance, falls
        )
        ctx.most = most
        return seen[1:, :, :width].clone(), seen[1:, :, width:].clone(), cells[-1].clone(), kappas[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_w: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        kernel, weight, symbols, inside, keep, seen, cells, kappas, active, tanhs, moves, distance, falls = (
            ctx.saved_tensors
        )
        steps, rows, width = tanhs.shape
        dtype = kernel.dtype
        components = kappas.shape[-1]
        d_gates, d_moves = torch.empty_like(active), torch.empty_like(moves)
        d_seen = torch.zeros_like(seen[0])
        d_cell, d_kappa = torch.zeros_like(cells[0]), torch.zeros_like(kappas[0])
        texts = symbols.transpose(1, 2)
        for t in reversed(range(steps)):
            alpha, beta, moved = torch.split(moves[t], components, dim=1)
            d_w = grad_w[t] + d_seen[:, width:]
            d_phi = torch.bmm(d_w.unsqueeze(1), texts) * (inside[t] * keep[t]).unsqueeze(1)  # [B, 1, U]
            each = d_phi * falls[t]  # [B, K, U]
            pulled = each * distance[t]
            d_alpha = each.sum(2)
            d_beta = -alpha * (pulled * distance[t]).sum(2)
            d_kappa = (d_kappa - 2 * alpha * beta * pulled.sum(2)) * keep[t]
            torch.cat([d_alpha, d_beta, d_kappa], dim=1, out=d_moves[t])
            d_moves[t].mul_(moves[t])
            i, f, g, o = torch.split(active[t], width, dim=1)
            d_h = torch.addmm(grad_h[t] + d_seen[:, :width], d_moves[t], weight)
            tanh = tanhs[t]
            d_cell = torch.addcmul(d_cell, d_h * o, 1 - tanh * tanh)
            di, df, dg, do = torch.split(d_gates[t], width, dim=1)
            torch.mul(d_cell * g, i * (1 - i), out=di)
            torch.mul(d_cell * cells[t], f * (1 - f), out=df)
            torch.mul(d_cell * i, 1 - g * g, out=dg)
            torch.mul(d_h * tanh, o * (1 - o), out=do)
            d_cell = d_cell * f
            d_seen = (d_gates[t].to(dtype) @ kernel).float()
        flat = d_gates.flatten(0, 1).to(dtype)
        d_kernel = (flat.t() @ seen[:-1].flatten(0, 1).to(dtype)).float()
        small = d_moves.flatten(0, 1)
        d_weight = small.t() @ seen[1:, :, :width].flatten(0, 1)
        return d_gates, d_kernel, d_weight, small.sum(0), *(None,) * 10
