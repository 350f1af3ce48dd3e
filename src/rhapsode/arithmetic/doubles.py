"""Functions of real numbers that give the same bits on every machine and in every language.

An IEEE 754 double has one right result for + - * / and the square root. Everything else is up to a library, and
libraries differ. So these functions are made of these five operations, of comparisons, and of the bits of doubles. Each
operation is rounded by itself (C needs `-ffp-contract=off`). The order of operations is part of the definition:
`docs/arithmetic.md` writes it down, and `doubles.js` repeats it. Where there is a kernel, it does the same for arrays.

Each function takes an array [...] and gives a new one [...]; or it takes a float and gives a float of the same bits,
which is faster for single numbers. NaN gives NaN.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np

from rhapsode.arithmetic import kernel

Real = TypeVar("Real", float, np.ndarray)
F = TypeVar("F", bound=Callable[..., Any])

LEAST, MOST = -700.0, 700.0
"""Between these, `exp` is what it says. Below, it is 0; above, it is exp(700)."""
TO_WHOLE = 6755399441055744.0
"""1.5 · 2⁵². Added to a number below 2⁵¹, and taken away again, it leaves the nearest whole number; of two, the even
one. In between, the last bits of the sum are the whole number."""
PER_LN_2 = 1.4426950408889634
LN_2, LN_2_REST = 0.6931471805592082, 7.371002565167799e-13
"""The natural logarithm of 2: its first 40 bits, and the rest. Products of the first and an exponent are exact."""
NORMAL = 2.2250738585072014e-308
"""2⁻¹⁰²², the least double with all its digits."""
ROOT_HALF, ROOT_HALF_BITS = 0.7071067811865476, 0x3FE6A09E667F3BCD
TWO_PI = 6.283185307179586
LOG_TWO_PI, HALF_LOG_TWO_PI = 1.8378770664093456, 0.9189385332046728

BLOCK = 2048
"""Of a large array, so many numbers at a time: then intermediate results stay in the processor's cache."""
NATIVE = "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "cosine", "sine", "log_gamma"
"""The functions that the kernel has, in its order."""


@cache
def _native() -> tuple[int, Any, Any] | None:
    """The kernel's variant, and its functions `rk_real` and `rk_total`, which have the bits of those here; None if
    there is no kernel."""
    found = kernel.kernel()
    if found is None:
        return None
    size, place = ctypes.c_size_t, ctypes.c_void_p
    real, total = found.library.rk_real, found.library.rk_total
    real.argtypes, real.restype = [ctypes.c_int, ctypes.c_int, size, place, place], None
    total.argtypes, total.restype = [size, size, place, place, place], None
    return found.number, real, total


def _place(x: np.ndarray) -> int:
    """Where the numbers of an array are, which has some, all side by side, and may be written. (This is the fastest
    way to ask.)"""
    return ctypes.addressof(ctypes.c_char.from_buffer(x))  # type: ignore[arg-type]


def _ready(x: np.ndarray) -> np.ndarray:
    """As an array of doubles that `_place` takes."""
    x = np.asarray(x, np.float64)
    return x if x.flags.c_contiguous and x.flags.writeable else x.copy()


def _elementwise(function: F) -> F:
    """A function of a float or of an array [N], as one of arrays of any shape, too."""
    number = NATIVE.index(function.__name__)

    @wraps(function)
    def whole(x: float | np.ndarray) -> Any:
        if isinstance(x, float):
            return function(float(x))
        x = _ready(x)
        found = np.empty(x.shape)
        if not x.size:
            return found
        if native := _native():
            variant, real, _ = native
            real(variant, number, x.size, _place(x), _place(found))
            return found
        flat, results = x.reshape(-1), found.reshape(-1)
        for at in range(0, x.size, BLOCK):
            results[at : at + BLOCK] = function(flat[at : at + BLOCK])
        return found

    return whole  # type: ignore[return-value]


class _Polynomial:
    """c0 + c1 x + ... + c7 x⁷, added up by halves.

    With a = x x and b = a a: p_i = c_i + c_(i+4) b (i = 0 ... 3), q_i = p_i + p_(i+2) a (i = 0, 1), then q_0 + q_1 x.
    """

    def __init__(self, *c: float) -> None:
        self._c = c
        self._low, self._high = np.array(c).reshape(2, 4, 1)

    def __call__(self, x: Real) -> Real:
        a = x * x
        b = a * a
        if isinstance(x, float):
            c0, c1, c2, c3, c4, c5, c6, c7 = self._c
            return ((c0 + c4 * b) + (c2 + c6 * b) * a) + ((c1 + c5 * b) + (c3 + c7 * b) * a) * x
        p = self._high * b
        p += self._low
        q = p[2:] * a
        q += p[:2]
        result: Real = q[1] * x
        result += q[0]
        return result


_EXP = _Polynomial(
    0.16666666666666666,
    -0.002777777777777778,
    6.613756613756614e-05,
    -1.6534391534391535e-06,
    4.17535139757362e-08,
    -1.0568380277374986e-09,
    2.6765073061369358e-11,
    -6.779360592645165e-13,
)
"""2 B(2 i + 2) / (2 i + 2)!, B being Bernoulli's numbers: r coth(r / 2) = 2 + t (c0 + c1 t + ...) with t = r r."""
_LOG = _Polynomial(
    0.6666666666666666,
    0.4000000000000088,
    0.28571428570803614,
    0.22222222391713917,
    0.18181795640132906,
    0.15386239702814658,
    0.13268773138656886,
    0.13086626147840102,
)
"""Nearly 2 / (2 i + 3): (2 artanh(s) / s - 2) / w with w = s s, interpolated at Chebyshev's points of 0 ... 0.0295."""
_SIN = _Polynomial(
    -41.34170224039976,
    81.60524927607506,
    -76.70585975306139,
    42.058693944897655,
    -15.09464257682299,
    3.819952584848282,
    -0.7181223017785006,
    0.10422916220813984,
)
"""(-1)^k (2 pi)^(2 k + 1) / (2 k + 1)!, k = i + 1."""
_COS = _Polynomial(
    -19.739208802178716,
    64.9393940226683,
    -85.45681720669373,
    60.24464137187666,
    -26.4262567833744,
    7.903536371318469,
    -1.714390711088672,
    0.28200596845579123,
)
"""(-1)^k (2 pi)^(2 k) / (2 k)!, k = i + 1."""
_STIRLING = _Polynomial(
    0.08333333333333333,
    -0.002777777777777778,
    0.0007936507936507937,
    -0.0005952380952380953,
    0.0008417508417508417,
    -0.0019175269175269176,
    0.00641025641025641,
    -0.029550653594771242,
)
"""B(2 k) / (2 k (2 k - 1)), k = i + 1."""


@_elementwise
def exp(x: Real) -> Real:
    """e^x; 0 for x below -700, and e^700 for x above 700. Exact to 1.1 ulp.

    2^n (1 + p), see `_parts`.
    """
    if isinstance(x, float):
        if not x >= LEAST:
            return 0.0 if x < LEAST else x
        power, p = _parts(min(x, MOST))
        return power * (1 + p)
    power, p = _parts(np.clip(x, LEAST, MOST))
    return np.where(x < LEAST, 0.0, power * (1 + p))


@_elementwise
def expm1(x: Real) -> Real:
    """e^x - 1, for x cut to ±700, also for small x exact to 3 ulp: 2^n p + (2^n - 1), see `_parts`."""
    if isinstance(x, float):
        if x != x:
            return x
        power, p = _parts(min(max(x, LEAST), MOST))
    else:
        power, p = _parts(np.clip(x, LEAST, MOST))
    result: Real = power * p + (power - 1)
    return result


def _parts(x: Real) -> tuple[Real, Real]:
    """2^n and p = e^r - 1, where x = n log 2 + r, for x within ±700.

    n = rint(x · PER_LN_2), r = (x - n · LN_2) - n · LN_2_REST, t = r r, and p = 2 r / (2 - (r - t _EXP(t))), because
    e^r - 1 = 2 r / (r coth(r / 2) - r).
    """
    z = x * PER_LN_2 + TO_WHOLE
    n = z - TO_WHOLE
    r = (x - n * LN_2) - n * LN_2_REST
    t = r * r
    p = (r + r) / (2 - (r - t * _EXP(t)))
    if isinstance(x, float):
        return math.ldexp(1.0, int(n)), p
    return ((z.view(np.int64) << 52) + (1023 << 52)).view(np.float64), p


@_elementwise
def log(x: Real) -> Real:
    """The natural logarithm of positive, finite numbers; -inf for 0 and all else below 2⁻¹⁰²². Exact to 1 ulp.

    x = 2^k (1 + f) with √½ <= 1 + f < √2, s = f / (2 + f), w = s s, and the result is
    k · LN_2 + (f - (s (f - w _LOG(w)) - k · LN_2_REST)).
    """
    if isinstance(x, float):
        if not NORMAL <= x < math.inf:
            return -math.inf if x < NORMAL else x
        m, k = math.frexp(x)
        return _log_of(m * 2 - 1, k - 1.0) if m < ROOT_HALF else _log_of(m - 1, float(k))
    bits = x.view(np.int64)
    k = (bits - ROOT_HALF_BITS) >> 52
    y = _log_of((bits - (k << 52)).view(np.float64) - 1, k.astype(np.float64))
    return np.where(x < NORMAL, -np.inf, np.where(x < np.inf, y, x))


def _log_of(f: Real, k: Real) -> Real:
    s = f / (2 + f)
    w = s * s
    result: Real = k * LN_2 + (f - (s * (f - w * _LOG(w)) - k * LN_2_REST))
    return result


@_elementwise
def log1p(x: Real) -> Real:
    """log(1 + x) for x > -1, also for small x exact to 3 ulp: with u = 1 + x, log(u) + (x - (u - 1)) / u."""
    u = 1 + x
    result: Real = log(u) + (x - (u - 1)) / u
    return result


@_elementwise
def tanh(x: Real) -> Real:
    """With e = expm1(2 |x|): e / (e + 2), and the sign of x. Exact to 3 ulp."""
    e = expm1(2 * abs(x))
    y: Real = e / (e + 2)
    return math.copysign(y, x) if isinstance(x, float) else np.asarray(np.copysign(y, x))


@_elementwise
def sigmoid(x: Real) -> Real:
    """1 / (1 + exp(-x))."""
    result: Real = 1 / (1 + exp(-x))
    return result


@_elementwise
def softplus(x: Real) -> Real:
    """log(1 + e^x): (x + |x|) / 2 + log1p(exp(-|x|))."""
    size = abs(x)
    result: Real = 0.5 * (x + size) + log1p(exp(-size))
    return result


@_elementwise
def cosine(turns: Real) -> Real:
    """cos 2 pi v, for v from 0 to 1. The error is below 2⁻⁵².

    q = rint(4 v), w = v - q / 4, t = w w, c = 1 + t _COS(t), s = w (TWO_PI + t _SIN(t)). The result is c for q = 0 and
    4, -s for 1, -c for 2, s for 3.
    """
    return _turned(turns, 0)


@_elementwise
def sine(turns: Real) -> Real:
    """sin 2 pi v, as `cosine`: s for q = 0 and 4, c for 1, -s for 2, -c for 3."""
    return _turned(turns, -1)


def _turned(v: Real, quarters: int) -> Real:
    """cos 2 pi (v + quarters / 4), quarters being 0 or -1."""
    q = (4 * v + TO_WHOLE) - TO_WHOLE
    w = v - 0.25 * q
    t = w * w
    c, s = 1 + t * _COS(t), w * (TWO_PI + t * _SIN(t))
    if isinstance(v, float):
        return (c, -s, -c, s)[int(q) + quarters & 3]
    turned = q.astype(np.int64) + quarters & 3
    return np.choose(turned, [c, -s, -c, s])


@_elementwise
def log_gamma(x: Real) -> Real:
    """log Γ(x) of positive numbers. The error is below 1e-14, or 1e-15 of the result.

    For x < 8, y = x + 8 and d = x (x + 1) ... (x + 7), multiplied from the left; else y = x and d = 1. Then, by
    Stirling's series: (((y - 1/2) log y - y) + HALF_LOG_TWO_PI) + _STIRLING(1 / (y y)) / y - log d.
    """
    if isinstance(x, float):
        y, d = (x + 8, _rising(x)) if x < 8 else (x, 1.0)
    else:
        small = x < 8
        y, d = np.where(small, x + 8, x), np.where(small, _rising(np.minimum(x, 8.0)), 1.0)
    result: Real = (((y - 0.5) * log(y) - y) + HALF_LOG_TWO_PI) + _STIRLING(1 / (y * y)) / y - log(d)
    return result


def _rising(x: Real) -> Real:
    d = x
    for n in range(1, 8):
        d = d * (x + n)
    return d


def total(x: np.ndarray) -> np.ndarray:
    """The sum over the last axis: [..., N] → [...], 0 if N is 0.

    By halves: while more than one number is left, n of them, with h the greatest power of two below n, x[i + h] is
    added to x[i] for all i < n - h, and the first h are left.
    """
    n = x.shape[-1]
    if n < 2:
        return x[..., 0].astype(np.float64) if n else np.zeros(x.shape[:-1])
    if native := _native():
        x, scratch, found = _ready(x), np.empty(n), np.empty(x.shape[:-1])
        if found.size:
            native[2](found.size, n, _place(x), _place(scratch), _place(found))
        return found
    h = 1 << (n - 1).bit_length() - 1
    sums = x[..., :h].astype(np.float64)
    sums[..., : n - h] += x[..., h:]
    while h > 1:
        h //= 2
        sums = sums[..., :h] + sums[..., h:]
    return np.asarray(sums[..., 0])


def chosen(weights: np.ndarray, uniform: float | np.ndarray) -> np.ndarray:
    """One of N by its weight: [..., N] and uniform numbers [...] from [0, 1) → [...] int64. It is the first for which
    the sum of the weights from the first to it, added up in this order, is above the uniform number times the sum of
    all; if there is none, the last."""
    sums = weights.cumsum(axis=-1)
    bar = np.asarray(uniform)[..., None] * sums[..., -1:]
    return np.asarray(np.count_nonzero(sums[..., :-1] <= bar, axis=-1))


def clip(x: np.ndarray, most: float) -> np.ndarray:
    """Cut to ±most. (`np.clip` takes twice the time for a few numbers.)"""
    return np.asarray(np.minimum(np.maximum(x, -most), most))


def log_sum_exp(x: np.ndarray) -> np.ndarray:
    """log Σ exp over the last axis: [..., N] → [...]: m + log(total(exp(x - m))), m being the greatest, which is
    finite."""
    most = x.max(axis=-1)
    return np.asarray(most + log(total(exp(x - most[..., None]))))


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Logits [..., N] as log-probabilities [..., N]: with m the greatest, (x - m) - log(total(exp(x - m)))."""
    shifted = x - x.max(axis=-1, keepdims=True)
    return np.asarray(shifted - log(total(exp(shifted)))[..., None])
