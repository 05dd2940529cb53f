"""tanh in vectors, with the factors in front of and behind it folded into its numbers.

With 16 numbers to a vector (float32, AVX-512) a register holds 16 of a table and an instruction
looks 16 of 32 up: |x| is cut into 32 intervals, tanh is a polynomial of degree 4 in each, and no
division is needed, which takes the time of all the rest. Error 1.9e-7 in exact arithmetic. With
fewer it is the rational x P(x^2) / Q(x^2) of degrees 3 and 4, fitted to least maximal error up to
7.9: 1.5e-7. In float32 both are within 4.5e-7. Beyond 8.1 and 7.9 tanh, sigmoid and most scaled
ones are flat exactly, so that what is multiplied by a closed gate is 0. In float64 it is
expm1(2 |x|) / (expm1(2 |x|) + 2), within 1e-15.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from neurograph.kernels.lanes import I32, I64, Lanes, vector_bytes

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding one of these leaves a whole number in the low bits, and taking it away again the number.
_ROUND_SINGLE, _ROUND_DOUBLE = 1.5 * 2.0**23, 1.5 * 2.0**52
_AROUND = 3000  # numbers of float32 on either side of a limit, of which one is to be taken


def count() -> int:
    """Return how many numbers `folded` returns."""
    return _way().count


def cycles() -> int:
    """Return about how many cycles it takes a vector."""
    return _way().cycles


def folded(scale: float, slope: float) -> tuple[float, ...] | None:
    """Return the numbers of scale tanh(slope x); None where float32 has not their precision."""
    if not _SLOPES[0] <= slope <= _SLOPES[1]:
        return None
    way = _way()
    numbers = way.folded(scale, slope)
    return numbers if way.holds(numbers) else None


def load(lanes: Lanes, pointer: Any, first: int) -> list[Any]:
    """Emit the loads of the numbers `folded` from pointer[first:]; return the vectors."""
    return _way().load(lanes, pointer, first)


def emit(lanes: Lanes, x: Any) -> Any:
    """Emit tanh of a vector."""
    return _emit_double(lanes, x) if lanes.double else _way().emit(lanes, x, _plain(lanes))


def emit_folded(lanes: Lanes, x: Any, numbers: list[Any]) -> Any:
    """Emit scale tanh(slope x) of a vector of float32; `numbers` are what `load` returns."""
    return _way().emit(lanes, x, numbers)


def _plain(lanes: Lanes) -> list[Any]:
    """Return the vectors of the numbers of tanh itself."""
    numbers = ir.Constant(ir.ArrayType(lanes.element, count()), list(_way().folded(1.0, 1.0)))
    name = "numbers_of_tanh"
    module = lanes.builder.module
    if name not in module.globals:
        table = ir.GlobalVariable(module, numbers.type, name)
        table.linkage, table.global_constant, table.initializer = "internal", True, numbers
    zero = I64(0)
    return load(lanes, lanes.builder.gep(module.globals[name], [zero, zero]), 0)


class _Way(Protocol):
    """A way to compute scale tanh(slope x) in float32: what its numbers are, and its code."""

    cycles: int  # a vector

    @property
    def count(self) -> int:
        """How many numbers it has."""

    def folded(self, scale: float, slope: float) -> tuple[float, ...]:
        """Return them, slope above 0."""

    def holds(self, numbers: tuple[float, ...]) -> bool:
        """Return whether float32 has them, and their precision."""

    def load(self, lanes: Lanes, pointer: Any, first: int) -> list[Any]:
        """Emit their loads from pointer[first:]; return the vectors."""

    def emit(self, lanes: Lanes, x: Any, numbers: list[Any]) -> Any:
        """Emit the value at x; a NaN stays."""


class _LookedUp(_Way):
    """A polynomial of |x| for each of the intervals, its coefficients looked up in registers."""

    lanes = 16
    cycles = 7
    pieces, degree = 32, 4
    width = 0.265  # of an interval; the middle of the first is 0
    end = 31.49  # in widths: what lies beyond is rounded down to it, never up to a 33rd interval
    count = 2 + (degree + 1) * pieces

    def holds(self, numbers: tuple[float, ...]) -> bool:
        return bool((np.abs(numbers) <= np.finfo(np.float32).max).all())

    def folded(self, scale: float, slope: float) -> tuple[float, ...]:
        limit, widths = self.end * self.width / slope, slope / self.width
        return (limit, widths, *(scale * self.table).ravel().tolist())

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """The coefficients (degree + 1, pieces) of tanh around the middle of each interval.

        They meet tanh where Chebyshev's polynomial is 0. In the first interval, half of which is
        used, the polynomial is 0 at 0, so that small numbers keep their precision. In the last,
        which has all beyond it, it is 1.
        """
        count = self.degree + 1
        nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count) / 2
        powers = np.vander(nodes, increasing=True)
        middles = np.arange(self.pieces)[:, None]
        table = np.linalg.solve(powers, np.tanh((middles + nodes) * self.width).T)
        few = 0.25 + np.cos(np.pi * (np.arange(self.degree) + 0.5) / self.degree) / 4
        powers = np.vander(few, count, increasing=True)[:, 1:]
        table[:, 0] = [0, *np.linalg.solve(powers, np.tanh(few * self.width))]
        table[:, -1] = [1, *np.zeros(self.degree)]
        return np.asarray(table)

    def load(self, lanes: Lanes, pointer: Any, first: int) -> list[Any]:
        alone = [lanes.broadcast(pointer, I64(first + i)) for i in range(2)]
        starts = range(first + 2, first + self.count, self.lanes)
        return [*alone, *(lanes.load(pointer, I64(start)) for start in starts)]

    def emit(self, lanes: Lanes, x: Any, numbers: list[Any]) -> Any:
        """Emit the polynomial of the interval that |x| lies in, with the sign of x; a NaN stays."""
        b = lanes.builder
        limit, widths, *tables = numbers
        size = lanes.at_most(lanes.intrinsic("fabs", x), limit)
        rounding = lanes.constant(_ROUND_SINGLE)
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


class _Rational(_Way):
    """x times the polynomial `above` over `below` and a last coefficient 1, both of x^2."""

    cycles = 10
    limit = 7.9
    above = (4207805.668929697, 542830.6674517968, 12307.290013128464, 46.96410654411059)
    below = (4207808.779367038, 1945422.276293605, 99752.30946817572, 989.1148540916294)
    count = 1 + len(above) + len(below)

    def holds(self, numbers: tuple[float, ...]) -> bool:
        sizes = np.abs(numbers)
        normal = np.finfo(np.float32)
        return bool(((sizes >= normal.tiny) & (sizes <= normal.max)).all())

    @lru_cache(maxsize=64)  # noqa: B019 - there is one of it
    def folded(self, scale: float, slope: float) -> tuple[float, ...]:
        whole = slope ** (2 * len(self.below))
        above = [scale * slope * p * slope ** (2 * i) / whole for i, p in enumerate(self.above)]
        below = [q * slope ** (2 * i) / whole for i, q in enumerate(self.below)]
        return (self._flat(scale, slope, above, below), *above, *below)

    def _flat(self, scale: float, slope: float, above: list[float], below: list[float]) -> float:
        """Return the limit: of the numbers of float32 about it one whose value is the scale.

        At its limit the rational is 1.5e-7 below 1, its rounding errors are as large.
        """
        around = np.float32(self.limit / slope).view(np.int32) + np.arange(-_AROUND, _AROUND)
        x = around.astype(np.int32).view(np.float32)
        with np.errstate(all="ignore"):  # what float32 has not is not folded
            square, few = x * x, np.array([*above, *below], np.float32)
            value, total = few[len(above) - 1], square + few[-1]
            for coefficient in few[len(above) - 2 :: -1]:
                value = _fma(square, value, coefficient)
            for coefficient in few[-2 : len(above) - 1 : -1]:
                total = _fma(square, total, coefficient)
            flat = np.flatnonzero(x * value / total == np.float32(scale))
        if not flat.size:
            return self.limit / slope
        return float(x[flat[np.abs(flat - _AROUND).argmin()]])

    def load(self, lanes: Lanes, pointer: Any, first: int) -> list[Any]:
        return [lanes.broadcast(pointer, I64(first + i)) for i in range(self.count)]

    def emit(self, lanes: Lanes, x: Any, numbers: list[Any]) -> Any:
        """Emit the rational of x, kept within the limit; a NaN stays.

        What needs no multiplication leaves its units to the others.
        """
        b = lanes.builder
        limit, above, below = (
            numbers[0],
            numbers[1 : 1 + len(self.above)],
            numbers[-len(self.below) :],
        )
        x = lanes.at_least(lanes.at_most(x, limit), b.fneg(limit))
        square = b.fmul(x, x)
        value, total = above[-1], b.fadd(square, below[-1])
        for coefficient in above[-2::-1]:
            value = lanes.fma(square, value, coefficient)
        for coefficient in below[-2::-1]:
            total = lanes.fma(square, total, coefficient)
        return b.fdiv(b.fmul(x, value), total)


def _fma(a: Any, b: Any, c: Any) -> Any:
    """Return a b + c of float32, rounded once (but for one sum in hundreds of millions)."""
    return (np.multiply(a, b, dtype=np.float64) + c).astype(np.float32)


_SLOPES = (2.0**-4, 2.0**4)  # slopes that a test has seen folded
_WAYS = _LookedUp(), _Rational()


def _way() -> _Way:
    """Return how tanh is computed in float32 here."""
    looked_up, rational = _WAYS
    return looked_up if vector_bytes() == 4 * looked_up.lanes else rational


def _with_sign(lanes: Lanes, value: Any, x: Any) -> Any:
    """Emit the value, its sign turned where x is negative."""
    b = lanes.builder
    integers = ir.VectorType(I32, lanes.count)
    sign = b.and_(b.bitcast(x, integers), ir.Constant(integers, [-(2**31)] * lanes.count))
    return b.bitcast(b.xor(b.bitcast(value, integers), sign), lanes.type)


def _emit_double(lanes: Lanes, x: Any) -> Any:
    b = lanes.builder
    doubled = b.fmul(lanes.intrinsic("fabs", x), lanes.constant(2.0))
    doubled = lanes.at_most(doubled, lanes.constant(44.0))
    rounding = lanes.constant(_ROUND_DOUBLE)
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
