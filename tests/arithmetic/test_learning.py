"""A network that learns as it codes: the kernel has the bits of the reference, and its gradients are those of torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.arithmetic import kernel, learning
from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.learning import Beginning, Learner, Native, Rates, Reference, fresh
from rhapsode.arithmetic.randomness import Randomness

RATES = Rates(steps=10, rate=0.01, least=0.001, table=5, tau=100, decay=0.999)
Make = Callable[[Beginning, Rates], Learner]


def natives() -> list[Make]:
    """The kernel's variants, each as a function that makes a learner."""
    return [lambda begin, rates, one=one: Native(begin, rates, one) for one in kernel.variants().values()]


def symbols(count: int, choices: int, seed: int = 0) -> np.ndarray:
    """Symbols of which some are much likelier than others."""
    u = Randomness(seed).uniforms(count)
    return (u * u * u * choices).astype(np.int32)


def code_of(make: Make, begin: Beginning, rates: Rates, data: np.ndarray, pieces: int = 3) -> bytes:
    learner, encoder = make(begin, rates), Encoder()
    for piece in np.array_split(data, pieces):
        learner.encode(piece, encoder)
    return encoder.finish()


@pytest.mark.parametrize(
    ("choices", "layers", "units", "steps"), [(1, 1, 1, 3), (7, 1, 5, 1), (40, 3, 20, 7), (300, 2, 70, 64)]
)
def test_all_have_the_same_bits(choices: int, layers: int, units: int, steps: int) -> None:
    begin, rates, data = fresh(choices, layers, units), replace(RATES, steps=steps), symbols(150, choices)
    expected = code_of(Reference, begin, rates, data)
    for make in natives():
        assert code_of(make, begin, rates, data) == expected
        assert (make(begin, rates).decode(len(data), Decoder(expected)) == data).all()
    assert (Reference(begin, rates).decode(len(data), Decoder(expected)) == data).all()


def test_units_begin_after_symbols() -> None:
    data = symbols(150, 12)
    begin = replace(fresh(12, 2, 17), begins=np.arange(12) == 1)
    expected = code_of(Reference, begin, RATES, data)
    assert expected != code_of(Reference, replace(begin, begins=None), RATES, data)
    for make in natives():
        assert code_of(make, begin, RATES, data) == expected


@pytest.mark.parametrize("scale", [1e30, 1e-25])
def test_weights_of_any_size(scale: float) -> None:
    """Infinities, numbers that are none, and tiny ones: all machines agree on these, too."""
    begin, data = fresh(12, 2, 17), symbols(100, 12)
    layers = [replace(one, weights=one.weights * np.float32(scale), bias=one.bias + 1) for one in begin.layers]
    begin = replace(begin, layers=layers)
    rates = replace(RATES, rate=scale, least=scale)
    expected = code_of(Reference, begin, rates, data)
    for make in natives():
        assert code_of(make, begin, rates, data) == expected
        assert (make(begin, rates).decode(len(data), Decoder(expected)) == data).all()


def test_the_code_never_changes() -> None:
    """A change breaks the promise of all files: it needs other rules, with another number."""
    make = natives()[-1] if natives() else Reference
    code = code_of(make, fresh(256, 2, 40), RATES, symbols(400, 256))
    assert hashlib.sha256(code).hexdigest() == "1208726114eff4cc90c4da59eb0af661276997b72aab0cc399d5cea081a1b85d"


def test_it_learns() -> None:
    make = natives()[-1] if natives() else Reference
    text = np.frombuffer(b"one and two and three and " * 24, np.uint8)
    code = code_of(make, fresh(256, 1, 32), RATES, text)
    fixed = code_of(make, fresh(256, 1, 32), replace(RATES, rate=0.0, least=0.0), text)
    assert len(fixed) == pytest.approx(len(text), rel=0.02)
    assert len(code) < 0.5 * len(text)


@pytest.mark.skipif(not kernel.variants(), reason="there is no kernel here")
def test_tiny_numbers_are_not_taken_for_zeros() -> None:
    """Even where another library has told the processor so."""
    torch = pytest.importorskip("torch")
    begin, data = fresh(12, 1, 16), symbols(40, 12)
    begin = replace(begin, layers=[replace(one, weights=one.weights * np.float32(1e-41)) for one in begin.layers])

    def learnt() -> list[bytes]:
        learner = natives()[-1](begin, RATES)
        assert isinstance(learner, Native)
        learner.encode(data, Encoder())
        return [array.tobytes() for array in learner._kept]

    expected = learnt()
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    try:
        found = learnt()
    finally:
        torch.set_flush_denormal(False)
    assert [len(one) for one in found] == [len(one) for one in expected]
    numbers = [k for k, one in enumerate(expected) if len(one) > 1000]
    assert all(found[k] == expected[k] for k in numbers)


@pytest.mark.parametrize("broken", [False, True])
def test_gradients_are_those_of_torch(broken: bool) -> None:
    torch = pytest.importorskip("torch")
    begin, data = fresh(12, 2, 16), symbols(9, 12)
    if broken:
        begin = replace(begin, begins=np.arange(12) == data[3])
    reference = Reference(begin, replace(RATES, steps=9, rate=1e-3, least=1e-3, table=1, decay=0.0))
    reference.encode(data, Encoder())

    inputs, starts, before, first = [], [], 12, False
    for symbol in data.tolist():
        inputs.append(before)
        starts.append(first)
        first = begin.begins is not None and bool(begin.begins[symbol])
        before = 12 if first else symbol
    leaves = [
        {
            name: torch.tensor(getattr(layer, name), dtype=torch.float64, requires_grad=True)
            for name in ("weights", "bias", "table")
            if getattr(layer, name) is not None
        }
        for layer in begin.layers
    ]
    h = [torch.zeros(layer.units, dtype=torch.float64) for layer in begin.layers]
    c, nats = list(h), torch.zeros(())
    for symbol, given, start in zip(data.tolist(), inputs, starts, strict=True):
        for k, (layer, w) in enumerate(zip(begin.layers, leaves, strict=True)):
            if start:
                h[k], c[k] = torch.zeros_like(h[k]), torch.zeros_like(c[k])
            z = torch.cat([*(h[part] for part in layer.parts), h[k]]) @ w["weights"] + w["bias"]
            if "table" in w:
                z = z + w["table"][given]
            if layer.units:
                i, f, g, o = z.chunk(4)
                c[k] = f.sigmoid() * c[k] + i.sigmoid() * g.tanh()
                h[k] = o.sigmoid() * c[k].tanh()
        nats = nats - z[:12].log_softmax(0)[symbol]
    nats.backward()
    for k, w in enumerate(leaves):
        for name, learnt in (
            ("weights", reference._weights),
            ("bias", reference._biases),
            ("table", reference._tables),
        ):
            if name in w:
                one = learnt[k]
                assert one is not None and w[name].grad is not None
                size, expected = np.sqrt(one.squares), w[name].grad.numpy()
                way = np.sign(w[name].detach().numpy() - one.numbers)
                np.testing.assert_allclose(size, abs(expected), rtol=5e-3, atol=3e-5)
                clear = abs(expected) > 1e-4
                assert (way == np.sign(expected))[clear].all() and clear.any()


def test_real_numbers() -> None:
    x = np.linspace(-90, 90, 20001, dtype=np.float32)
    expected = np.exp(x.clip(-80, 80).astype(np.float64))
    assert np.abs(learning.exp(x) / expected - 1).max() < 4e-7
    assert np.abs(learning.sigmoid(x) - 1 / (1 + np.exp(-x.astype(np.float64)))).max() < 2e-7
    positive = np.exp(np.linspace(-80, 80, 20001)).astype(np.float32)
    roots = learning.inverse_root(positive) * np.sqrt(positive.astype(np.float64))
    assert np.abs(roots - 1).max() < 0.002
    assert np.abs(learning.tanh(x) - np.tanh(x.astype(np.float64))).max() < 3e-7
    assert learning.exp(np.array([np.nan], np.float32)) == learning.exp(np.array([-80], np.float32))


def test_what_is_no_symbol_is_refused() -> None:
    for make in natives():
        with pytest.raises(ValueError, match="symbols are 0 to 6"):
            make(fresh(7, 1, 5), RATES).encode(np.array([7]), Encoder())
