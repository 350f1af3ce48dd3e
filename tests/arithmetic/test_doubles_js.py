"""The functions of real numbers in JavaScript."""

from __future__ import annotations

from tests.arithmetic.test_doubles import PINNED
from tests.node import run


def test_javascript_has_the_same_bits() -> None:
    """Of each function: the digest of its results, of inputs that it makes by itself where they are spread."""
    body = """
        const doubles = await use("doubles.js");
        const { createHash } = await import("node:crypto");
        const rows = (f) => (x) => Array.from({ length: 50 }, (_, n) => [...[f(x.slice(20 * n, 20 * n + 20))]].flat());
        const special = {
          total: (x) => x.map((_, n) => doubles.total(x.slice(0, n))),
          log_sum_exp: rows(doubles.logSumExp),
          log_softmax: rows((x) => [...doubles.logSoftmax(x)]),
          log_gamma: (x) => x.map(doubles.logGamma),
        };
        return Object.entries(data).map(([name, x]) => {
          const found = special[name]?.(x).flat() ?? x.map(doubles[name]);
          const bytes = new Uint8Array(Float64Array.from(found).buffer);
          return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
        });
    """
    given = {name: x.tolist() for name, (_, x, _) in PINNED.items()}
    assert run("arithmetic", body, given) == [digest for _, _, digest in PINNED.values()]
