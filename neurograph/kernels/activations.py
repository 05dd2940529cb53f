"""Activations: the common ones as vector code in registers, the others as scalar code.

An op names its activation by a code and a few parameters. Codes below `SCALAR` are emitted behind
the last accumulation; the others are applied to the stored states by `scalar_activation`.

tanh in float32 is the rational x P(x^2) / Q(x^2) of degrees 3 and 4, x within +-7.9, fitted to
least maximal error, that of the flat ends included: 1.5e-7 in exact arithmetic, at most 4.5e-7 in
float32. In float64 it is expm1(2 |x|) / (expm1(2 |x|) + 2), within 1e-15.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import njit

from neurograph.functions import ACTIVATIONS, Activation
from neurograph.kernels.lanes import I64, Lanes

IDENTITY, CLIP, TANH, LEAKY, RATIONAL, SHIFTED = range(6)
SCALAR = 6
FOLDED = (RATIONAL, SHIFTED)
_SCALAR_NAMES = (
    "elu",
    "softplus",
    "softsign",
    "silu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "exp",
    "square",
)

_LIMIT = 7.9
_P = (4207805.668929697, 542830.6674517968, 12307.290013128464, 46.96410654411059)
_Q = (4207808.779367038, 1945422.276293605, 99752.30946817572, 989.1148540916294)  # and x^8 alone
_FOLDS = (2.0**-4, 2.0**4)  # slopes p1 whose powers are safe to have in P and Q
PARAMETERS = 4 + len(_P) + len(_Q)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest whole number in the low bits


def encode(activation: Activation) -> tuple[int, tuple[float, float, float]]:
    """Return (code, three parameters) of an activation.

    CLIP is min(max(a, p0), p1), TANH p0 tanh(p1 a) + p2, LEAKY a or p0 a where a <= 0.

    >>> encode(Activation("sigmoid"))
    (2, (0.5, 0.5, 0.5))
    """
    own = activation.parameters
    known: dict[str, tuple[int, tuple[float, ...]]] = {
        "identity": (IDENTITY, ()),
        "relu": (CLIP, (0.0, math.inf)),
        "relu6": (CLIP, (0.0, 6.0)),
        "hardtanh": (CLIP, own),
        "tanh": (TANH, (1.0, 1.0, 0.0)),
        "sigmoid": (TANH, (0.5, 0.5, 0.5)),
        "scaled_tanh": (TANH, own),
        "leaky_relu": (LEAKY, own),
    }
    if activation.name in known:
        code, parameters = known[activation.name]
    else:
        code, parameters = SCALAR + _SCALAR_NAMES.index(activation.name), own
    first, second, third = (*parameters, 0.0, 0.0, 0.0)[:3]
    return code, (first, second, third)


def parameters(activation: Activation) -> tuple[int, tuple[float, ...]]:
    """Return (code, `PARAMETERS` numbers) of an activation: the three of `encode`, then more.

    A TANH of a usual slope becomes RATIONAL, or SHIFTED where p2 is not 0: with p0 and p1 in its
    limit, P and Q, which follow, it needs no scaling in float32.

    >>> parameters(Activation("relu6"))[1][:3]
    (0.0, 6.0, 0.0)
    """
    code, own = encode(activation)
    scale, slope = own[:2]
    if code != TANH or not _FOLDS[0] <= slope <= _FOLDS[1]:
        return code, (*own, *[0.0] * (PARAMETERS - 3))
    whole = slope ** (2 * len(_Q))
    above = (scale * slope * p * slope ** (2 * i) / whole for i, p in enumerate(_P))
    below = (q * slope ** (2 * i) / whole for i, q in enumerate(_Q))
    return SHIFTED if own[2] else RATIONAL, (*own, _LIMIT / slope, *above, *below)


def known_names() -> set[str]:
    """Return the activations that `encode` understands.

    A test holds it equal to functions.ACTIVATIONS.
    """
    simple = {"identity", "relu", "relu6", "hardtanh", "tanh", "sigmoid", "scaled_tanh"}
    return ({*_SCALAR_NAMES, "leaky_relu"} | simple) & set(ACTIVATIONS)


def emit_tanh(lanes: Lanes, x: Any) -> Any:
    """Emit tanh of a vector."""
    if lanes.double:
        return _emit_tanh64(lanes, x)
    return _emit_rational(lanes, x, *([lanes.constant(c) for c in p] for p in ([_LIMIT], _P, _Q)))


def _emit_rational(lanes: Lanes, x: Any, limit: list[Any], above: list[Any], below: Any) -> Any:
    """Emit x times the polynomial `above` over `below` and a last coefficient 1, both of x^2.

    x is kept within the limit. What needs no multiplication leaves its units to the others.
    """
    b = lanes.builder
    x = lanes.at_least(lanes.at_most(x, limit[0]), b.fneg(limit[0]))
    square = b.fmul(x, x)
    value, total = above[-1], b.fadd(square, below[-1])
    for coefficient in above[-2::-1]:
        value = lanes.fma(square, value, coefficient)
    for coefficient in below[-2::-1]:
        total = lanes.fma(square, total, coefficient)
    return b.fdiv(b.fmul(x, value), total)


def _emit_tanh64(lanes: Lanes, x: Any) -> Any:
    b = lanes.builder
    doubled = b.fmul(lanes.intrinsic("fabs", x), lanes.constant(2.0))
    doubled = lanes.at_most(doubled, lanes.constant(44.0))
    rounded = lanes.fma(doubled, lanes.constant(1 / math.log(2)), lanes.constant(_ROUND))
    whole = b.fsub(rounded, lanes.constant(_ROUND))
    rest = lanes.fma(whole, lanes.constant(-_LN2_HIGH), doubled)
    rest = lanes.fma(whole, lanes.constant(-_LN2_LOW), rest)
    small = b.fmul(rest, lanes.polynomial(rest, [1 / math.factorial(i) for i in range(1, 15)]))
    integers = ir.VectorType(I64, lanes.count)

    def every(value: int) -> ir.Constant:
        return ir.Constant(integers, [value] * lanes.count)

    bits = b.shl(b.bitcast(rounded, integers), every(52))
    power = b.bitcast(b.add(bits, every(1023 << 52)), lanes.type)
    grown = lanes.fma(power, small, b.fsub(power, lanes.constant(1.0)))  # expm1(2 |x|)
    value = b.fdiv(grown, b.fadd(grown, lanes.constant(2.0)))
    return lanes.intrinsic("copysign", value, x)


def emit(lanes: Lanes, code: int, x: Any, parameters: list[Any]) -> Any:
    """Emit a vector activation; `parameters` are three vectors, or `PARAMETERS` of them."""
    b = lanes.builder
    if code == CLIP:
        return lanes.at_most(lanes.at_least(x, parameters[0]), parameters[1])
    if code in FOLDED and not lanes.double:
        above = 4 + len(_P)
        value = _emit_rational(lanes, x, parameters[3:4], parameters[4:above], parameters[above:])
        return b.fadd(value, parameters[2]) if code == SHIFTED else value
    if code == TANH or code in FOLDED:
        return lanes.fma(parameters[0], emit_tanh(lanes, b.fmul(x, parameters[1])), parameters[2])
    positive = b.fcmp_ordered(">", x, lanes.constant(0.0))
    return b.select(positive, x, b.fmul(x, parameters[0]))


@njit(error_model="numpy")
def _clip01(a: float) -> float:
    if a < 0:
        return 0.0
    return 1.0 if a > 1 else a


@njit(error_model="numpy")
def scalar_activation(code: int, a: float, p0: float) -> float:
    """Return the activation `code` of the net input `a`; a NaN stays."""
    kind = code - SCALAR
    if kind == 0:
        return p0 * math.expm1(a) if a <= 0 else a
    if kind == 1:
        return (a if a > 0 else 0.0) + math.log1p(math.exp(-abs(a)))
    if kind == 2:
        return a / (1 + abs(a))
    if kind == 3:
        return a * (0.5 * math.tanh(0.5 * a) + 0.5)
    if kind == 4:
        return a * (1 + math.erf(a * math.sqrt(0.5))) * 0.5
    if kind == 5:
        return _clip01(a / 6 + 0.5)
    if kind == 6:
        return a * _clip01(a / 6 + 0.5)
    return math.exp(a) if kind == 7 else a * a
