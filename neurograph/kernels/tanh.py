"""tanh in vectors, with the factors in front of and behind it folded into its numbers.

With 16 numbers to a vector (float32, AVX-512) a register holds 16 of a table and an instruction
looks 16 of 32 up: |x| is cut into 32 intervals, tanh is a polynomial of degree 4 in each, and no
division is needed, which takes the time of all the rest. Error 1.8e-7 in exact arithmetic, the flat
end included. With fewer it is the rational x P(x^2) / Q(x^2) of degrees 3 and 4, x within +-7.9,
fitted to least maximal error: 1.5e-7. In float32 both are within 4.5e-7. In float64 it is
expm1(2 |x|) / (expm1(2 |x|) + 2), within 1e-15.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from neurograph.kernels.lanes import I32, I64, Lanes, vector_bytes

_LOOKED_UP = 16  # lanes of the vectors that are looked up in
_PIECES, _DEGREE = 32, 4
_WIDTH = 0.26  # of an interval, the middle of the first is 0
_END = 31.49  # in widths: what lies beyond is rounded down to it, never up to a 33rd interval
_LIMIT = 7.9
_P = (4207805.668929697, 542830.6674517968, 12307.290013128464, 46.96410654411059)
_Q = (4207808.779367038, 1945422.276293605, 99752.30946817572, 989.1148540916294)  # and x^8 alone
_FOLDS = (2.0**-4, 2.0**4)  # slopes whose powers are safe to have in P and Q
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = {False: 1.5 * 2.0**23, True: 1.5 * 2.0**52}  # adding it leaves a whole number's low bits


def _looks_up() -> bool:
    return vector_bytes() == 4 * _LOOKED_UP


def folds(slope: float) -> bool:
    """Return whether a slope in front of tanh may be folded into its numbers."""
    return _FOLDS[0] <= slope <= _FOLDS[1]


def folded(scale: float, slope: float) -> tuple[float, ...]:
    """Return the numbers of scale tanh(slope x), as many for any."""
    if _looks_up():
        return (_END * _WIDTH / slope, slope / _WIDTH, *(scale * _table()).ravel().tolist())
    whole = slope ** (2 * len(_Q))
    above = (scale * slope * p * slope ** (2 * i) / whole for i, p in enumerate(_P))
    below = (q * slope ** (2 * i) / whole for i, q in enumerate(_Q))
    return (_LIMIT / slope, *above, *below)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.float64]:
    """Return the coefficients (degree + 1, pieces) of tanh around the middle of each interval.

    They meet tanh where Chebyshev's polynomial is 0. In the first interval, half of which is used,
    the polynomial is 0 at 0, so that small numbers keep their precision.
    """
    count = _DEGREE + 1
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count) / 2
    powers = np.vander(nodes, increasing=True)
    middles = np.arange(_PIECES)[:, None]
    table = np.linalg.solve(powers, np.tanh((middles + nodes) * _WIDTH).T)
    few = 0.25 + np.cos(np.pi * (np.arange(_DEGREE) + 0.5) / _DEGREE) / 4
    powers = np.vander(few, count, increasing=True)[:, 1:]
    table[:, 0] = [0, *np.linalg.solve(powers, np.tanh(few * _WIDTH))]
    return np.asarray(table)


def load(lanes: Lanes, pointer: Any, first: int) -> list[Any]:
    """Emit the loads of the numbers `folded` from pointer[first:]; return the vectors."""
    alone = 2 if _looks_up() else 1 + len(_P) + len(_Q)
    vectors = [lanes.broadcast(pointer, I64(first + i)) for i in range(alone)]
    if _looks_up():
        starts = range(first + alone, first + alone + _table().size, _LOOKED_UP)
        vectors.extend(lanes.load(pointer, I64(start)) for start in starts)
    return vectors


def emit(lanes: Lanes, x: Any) -> Any:
    """Emit tanh of a vector."""
    if lanes.double:
        return _emit_double(lanes, x)
    numbers = folded(1.0, 1.0)
    if not _looks_up():
        return emit_folded(lanes, x, [lanes.constant(c) for c in numbers])
    parts = np.reshape(numbers[2:], (-1, _LOOKED_UP)).tolist()
    tables = [ir.Constant(lanes.type, part) for part in parts]
    return emit_folded(lanes, x, [*map(lanes.constant, numbers[:2]), *tables])


def emit_folded(lanes: Lanes, x: Any, numbers: list[Any]) -> Any:
    """Emit scale tanh(slope x) of a vector of float32; `numbers` are vectors of the folded ones."""
    if _looks_up():
        return _emit_looked_up(lanes, x, *numbers)
    return _emit_rational(lanes, x, numbers[0], numbers[1 : 1 + len(_P)], numbers[1 + len(_P) :])


def _emit_looked_up(lanes: Lanes, x: Any, limit: Any, widths: Any, *tables: Any) -> Any:
    """Emit the polynomial of the interval that |x| lies in, with the sign of x; a NaN stays."""
    b = lanes.builder
    size = lanes.at_most(lanes.intrinsic("fabs", x), limit)
    rounding = lanes.constant(_ROUND[False])
    rounded = lanes.fma(size, widths, rounding)
    rest = lanes.fma(size, widths, b.fneg(b.fsub(rounded, rounding)))
    integers = ir.VectorType(I32, lanes.count)
    number = b.bitcast(rounded, integers)
    kind = ir.FunctionType(lanes.type, [lanes.type, integers, lanes.type])
    look_up = b.module.declare_intrinsic("llvm.x86.avx512.vpermi2var.ps.512", fnty=kind)
    coefficients = [
        b.call(look_up, [low, number, high])
        for low, high in zip(tables[::2], tables[1::2], strict=True)
    ]
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = lanes.fma(rest, value, coefficient)
    return _with_sign(lanes, value, x)


def _with_sign(lanes: Lanes, value: Any, x: Any) -> Any:
    """Emit the value, its sign turned where x is negative."""
    b = lanes.builder
    integers = ir.VectorType(I32, lanes.count)
    sign = b.and_(b.bitcast(x, integers), ir.Constant(integers, [-(2**31)] * lanes.count))
    return b.bitcast(b.xor(b.bitcast(value, integers), sign), lanes.type)


def _emit_rational(lanes: Lanes, x: Any, limit: Any, above: list[Any], below: list[Any]) -> Any:
    """Emit x times the polynomial `above` over `below` and a last coefficient 1, both of x^2.

    x is kept within the limit. What needs no multiplication leaves its units to the others.
    """
    b = lanes.builder
    x = lanes.at_least(lanes.at_most(x, limit), b.fneg(limit))
    square = b.fmul(x, x)
    value, total = above[-1], b.fadd(square, below[-1])
    for coefficient in above[-2::-1]:
        value = lanes.fma(square, value, coefficient)
    for coefficient in below[-2::-1]:
        total = lanes.fma(square, total, coefficient)
    return b.fdiv(b.fmul(x, value), total)


def _emit_double(lanes: Lanes, x: Any) -> Any:
    b = lanes.builder
    doubled = b.fmul(lanes.intrinsic("fabs", x), lanes.constant(2.0))
    doubled = lanes.at_most(doubled, lanes.constant(44.0))
    rounding = lanes.constant(_ROUND[True])
    rounded = lanes.fma(doubled, lanes.constant(1 / math.log(2)), rounding)
    whole = b.fsub(rounded, rounding)
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
