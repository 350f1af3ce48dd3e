import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from rhapsode.modalities.text.baselines import NGram, characters, compressed_bits_per_char, ngram_bits_per_char

TEXT = b"the cat sat on the mat and the rat sat on the cat. " * 20


@pytest.mark.parametrize("order", [0, 1, 3, 5, 7])
@pytest.mark.parametrize("train", [b"", b"a", TEXT, bytes(range(256))])
@pytest.mark.parametrize("context", [b"", b"t", b"the ca", b"never \xff\x00 seen"])
def test_sums_to_one(order: int, train: bytes, context: bytes) -> None:
    p = NGram(train, order).distribution(context)
    assert p.min() > 0
    assert p.sum() == pytest.approx(1, abs=1e-12)


def naive(train: bytes, order: int, context: bytes, byte: int) -> float:
    p = 1 / 256
    for k in range(min(order, len(context)) + 1):
        counts: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
        for i in range(k, len(train)):
            counts[train[i - k : i]][train[i]] += 1
        seen = counts[context[len(context) - k :]]
        if seen:
            p = (seen[byte] + len(seen) * p) / (seen.total() + len(seen))
    return p


def test_is_the_formula() -> None:
    rng = random.Random(0)
    train = bytes(rng.choices(b"abc", k=300))
    test = bytes(rng.choices(b"abcd", k=40))
    model = NGram(train, 4)
    bits = -sum(math.log2(naive(train, 4, train[-4:] + test[:i], test[i])) for i in range(len(test)))
    assert model.bits(test) == pytest.approx(bits, rel=1e-12)
    assert model.distribution(b"xyzab")[ord("c")] == pytest.approx(naive(train, 4, b"yzab", ord("c")))


def test_bits_are_those_of_the_distribution() -> None:
    model = NGram(TEXT, 5)
    assert model.bits(b"dog") == pytest.approx(
        -sum(np.log2(model.distribution(TEXT + b"dog"[:i])[b"dog"[i]]) for i in range(3))
    )
    assert model.bits(b"") == 0


def test_learns() -> None:
    assert ngram_bits_per_char(TEXT, b"the cat sat on the mat") < 1
    assert ngram_bits_per_char(b"", b"abc") == 8


@pytest.mark.parametrize("order", [-1, 8])
def test_order_limits(order: int) -> None:
    with pytest.raises(ValueError, match="order"):
        NGram(b"", order)


def test_compressors_have_read_the_training_text() -> None:
    rng = random.Random(0)
    train = rng.randbytes(5000)
    for name, bits in compressed_bits_per_char(train, train[:2000]).items():
        assert 0 <= bits < (1 if name == "xz -9" else 8)
    assert all(bits > 7 for bits in compressed_bits_per_char(train, rng.randbytes(2000)).values())


def test_characters() -> None:
    assert characters("aé€😀".encode()) == 4
    assert characters(b"\xff\xfe") == 2
