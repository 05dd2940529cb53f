"""The scalar activations: one number at a time, by their place in `SCALARS`.

For what is rare enough to need no vector form. A NaN stays. Slopes are those of `functions`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

SCALARS = (
    "elu",
    "softplus",
    "softsign",
    "silu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "exp",
    "square",
    "selu",
    "celu",
    "mish",
    "swish",
    "gelu_tanh",
    "log_sigmoid",
    "soft_shrink",
    "hard_shrink",
    "tanh_shrink",
    "threshold",
    "clip",
    "at_least",
    "at_most",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "power",
    "log",
    "log1p",
    "expm1",
    "abs",
    "sign",
    "floor",
    "ceil",
    "round",
    "erf",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "acosh",
    "atanh",
    "step",
)


@njit(error_model="numpy")
def _between(a: float, low: float, high: float) -> float:
    if a < low:
        return low
    return high if a > high else a


@njit(error_model="numpy")
def _share(a: float) -> float:
    """Return sigmoid(a)."""
    return 0.5 * math.tanh(0.5 * a) + 0.5


@njit(error_model="numpy")
def _plus(a: float) -> float:
    """Return softplus(a)."""
    return (a if a > 0 else 0.0) + math.log1p(math.exp(-abs(a)))


@njit(error_model="numpy")
def _below(a: float) -> float:
    """Return the normal distribution's share below a."""
    return 0.5 * (1 + math.erf(a * math.sqrt(0.5)))


@njit(error_model="numpy")
def _gelu_line(a: float) -> float:
    return math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)


@njit(error_model="numpy")
def _gelu_tanh_slope(a: float) -> float:
    t = math.tanh(_gelu_line(a))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * a * a)
    return 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * inner


@njit(error_model="numpy")
def _mish_slope(a: float) -> float:
    t = math.tanh(_plus(a))
    return t + a * (1 - t * t) * _share(a)


@njit(error_model="numpy")
def _sign(a: float) -> float:
    return 1.0 if a > 0 else (-1.0 if a < 0 else a)


@njit(error_model="numpy")
def value(kind: int, a: float, p0: float, p1: float) -> Any:  # noqa: C901 - a case an activation, which LLVM makes a table of jumps
    """Return the activation `kind` of the net input `a`."""
    if kind == 0:  # elu
        return p0 * math.expm1(a) if a <= 0 else a
    if kind == 1:  # softplus
        return (a if a > 0 else 0.0) + math.log1p(math.exp(-abs(a)))
    if kind == 2:  # softsign
        return a / (1 + abs(a))
    if kind == 3:  # silu
        return a * _share(a)
    if kind == 4:  # gelu
        return a * _below(a)
    if kind == 5:  # hardsigmoid
        return _between(p0 * a + p1, 0.0, 1.0)
    if kind == 6:  # hardswish
        return a * _between(a / 6 + 0.5, 0.0, 1.0)
    if kind == 7:  # exp
        return math.exp(a)
    if kind == 8:  # square
        return a * a
    if kind == 9:  # selu
        return p1 * (p0 * math.expm1(a) if a <= 0 else a)
    if kind == 10:  # celu
        return p0 * math.expm1(a / p0) if a <= 0 else a
    if kind == 11:  # mish
        return a * math.tanh(_plus(a))
    if kind == 12:  # swish
        return a * _share(p0 * a)
    if kind == 13:  # gelu_tanh
        return 0.5 * a * (1 + math.tanh(_gelu_line(a)))
    if kind == 14:  # log_sigmoid
        return -_plus(-a)
    if kind == 15:  # soft_shrink
        return a - p0 if a > p0 else (a + p0 if a < -p0 else 0.0 * a)
    if kind == 16:  # hard_shrink
        return a if not abs(a) <= p0 else 0.0
    if kind == 17:  # tanh_shrink
        return a - math.tanh(a)
    if kind == 18:  # threshold
        return a if not a <= p0 else p1
    if kind == 19:  # clip
        return _between(a, p0, p1)
    if kind == 20:  # at_least
        return p0 if a < p0 else a
    if kind == 21:  # at_most
        return p0 if a > p0 else a
    if kind == 22:  # sqrt
        return math.sqrt(a)
    if kind == 23:  # rsqrt
        return 1 / math.sqrt(a)
    if kind == 24:  # reciprocal
        return 1 / a
    if kind == 25:  # power
        return a**p0
    if kind == 26:  # log
        return math.log(a)
    if kind == 27:  # log1p
        return math.log1p(a)
    if kind == 28:  # expm1
        return math.expm1(a)
    if kind == 29:  # abs
        return abs(a)
    if kind == 30:  # sign
        return _sign(a)
    if kind == 31:  # floor
        return np.floor(a)  # math.floor gives an integer, which has no infinity
    if kind == 32:  # ceil
        return np.ceil(a)
    if kind == 33:  # round
        return np.round(a)
    if kind == 34:  # erf
        return math.erf(a)
    if kind == 35:  # sin
        return math.sin(a)
    if kind == 36:  # cos
        return math.cos(a)
    if kind == 37:  # tan
        return math.tan(a)
    if kind == 38:  # asin
        return math.asin(a)
    if kind == 39:  # acos
        return math.acos(a)
    if kind == 40:  # atan
        return math.atan(a)
    if kind == 41:  # sinh
        return math.sinh(a)
    if kind == 42:  # cosh
        return math.cosh(a)
    if kind == 43:  # asinh
        return math.asinh(a)
    if kind == 44:  # acosh
        return math.acosh(a)
    if kind == 45:  # atanh
        return math.atanh(a)
    if kind == 46:  # step
        return 1.0 if a > 0 else (0.0 if a <= 0 else a)
    return math.nan


@njit(error_model="numpy")
def slope(kind: int, a: float, y: float, p0: float, p1: float) -> Any:  # noqa: C901 - a case an activation, which LLVM makes a table of jumps
    """Return the slope of the activation `kind` at the net input `a` with the state `y`."""
    if kind == 0:  # elu
        return 1.0 if a > 0 else y + p0
    if kind == 1:  # softplus
        return 0.5 * math.tanh(0.5 * a) + 0.5
    if kind == 2:  # softsign
        return 1 / ((1 + abs(a)) * (1 + abs(a)))
    if kind == 3:  # silu
        return _share(a) * (1 + a * (1 - _share(a)))
    if kind == 4:  # gelu
        return _below(a) + a * math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    if kind == 5:  # hardsigmoid
        return p0 if 0 < y < 1 else 0.0
    if kind == 6:  # hardswish
        return a / 3 + 0.5 if abs(a) < 3 else (1.0 if a > 0 else 0.0)
    if kind == 7:  # exp
        return y
    if kind == 8:  # square
        return 2 * a
    if kind == 9:  # selu
        return p1 if a > 0 else y + p0 * p1
    if kind == 10:  # celu
        return 1.0 if a > 0 else y / p0 + 1
    if kind == 11:  # mish
        return _mish_slope(a)
    if kind == 12:  # swish
        return _share(p0 * a) * (1 + p0 * a * (1 - _share(p0 * a)))
    if kind == 13:  # gelu_tanh
        return _gelu_tanh_slope(a)
    if kind == 14:  # log_sigmoid
        return -math.expm1(y)
    if kind == 15:  # soft_shrink
        return 1.0 if abs(a) > p0 else 0.0
    if kind == 16:  # hard_shrink
        return 1.0 if abs(a) > p0 else 0.0
    if kind == 17:  # tanh_shrink
        return (a - y) * (a - y)
    if kind == 18:  # threshold
        return 1.0 if a > p0 else 0.0
    if kind == 19:  # clip
        return 1.0 if p0 <= a <= p1 else 0.0
    if kind == 20:  # at_least
        return 1.0 if a >= p0 else 0.0
    if kind == 21:  # at_most
        return 1.0 if a <= p0 else 0.0
    if kind == 22:  # sqrt
        return 0.5 / y
    if kind == 23:  # rsqrt
        return -0.5 * y * y * y
    if kind == 24:  # reciprocal
        return -y * y
    if kind == 25:  # power
        return p0 * a ** (p0 - 1)
    if kind == 26:  # log
        return 1 / a
    if kind == 27:  # log1p
        return 1 / (1 + a)
    if kind == 28:  # expm1
        return y + 1
    if kind == 29:  # abs
        return _sign(a)
    if kind == 30:  # sign
        return 0.0
    if kind == 31:  # floor
        return 0.0
    if kind == 32:  # ceil
        return 0.0
    if kind == 33:  # round
        return 0.0
    if kind == 34:  # erf
        return 2 / math.sqrt(math.pi) * math.exp(-a * a)
    if kind == 35:  # sin
        return math.cos(a)
    if kind == 36:  # cos
        return -math.sin(a)
    if kind == 37:  # tan
        return 1 + y * y
    if kind == 38:  # asin
        return 1 / math.sqrt(1 - a * a)
    if kind == 39:  # acos
        return -1 / math.sqrt(1 - a * a)
    if kind == 40:  # atan
        return 1 / (1 + a * a)
    if kind == 41:  # sinh
        return math.cosh(a)
    if kind == 42:  # cosh
        return math.sinh(a)
    if kind == 43:  # asinh
        return 1 / math.sqrt(a * a + 1)
    if kind == 44:  # acosh
        return 1 / math.sqrt(a * a - 1)
    if kind == 45:  # atanh
        return 1 / (1 - a * a)
    if kind == 46:  # step
        return 0.0
    return math.nan
