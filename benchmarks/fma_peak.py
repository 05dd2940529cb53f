"""What this machine can do at most: multiply-adds, and the tanh of the kernels, on one core.

Both are loops over registers or the nearest cache, compiled like the kernels of the numba engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.functions import Activation
from neurograph.kernels import activations
from neurograph.kernels.lanes import I64, Lanes, lane_count

_CHAINS = 10  # a multiply-add takes four cycles and two start in each
_ROUNDS = 400_000
_VECTORS = 256


@intrinsic
def _multiply_adds(typing: Any, array: Any, rounds: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, b, given[0]).data
        lanes = Lanes(b, ir.FloatType())
        factor = lanes.load(data, I64(0))
        sums = [cgutils.alloca_once_value(b, lanes.constant(float(i))) for i in range(_CHAINS)]
        with cgutils.for_range(b, given[1]):
            for place in sums:
                b.store(lanes.add_product(factor, factor, b.load(place)), place)
        for number, place in enumerate(sums):
            lanes.store(b.load(place), data, I64(number * lanes.count))
        return context.get_dummy_value()

    return types.void(array, types.int64), emit


@intrinsic
def _tanhs(typing: Any, array: Any, parameter: Any, vectors: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        data, own = (
            context.make_array(signature.args[i])(context, b, given[i]).data for i in (0, 1)
        )
        lanes = Lanes(b, ir.FloatType())
        numbers = activations.load(lanes, activations.SCALED, own)
        with cgutils.for_range(b, given[2]) as loop:
            at = b.mul(loop.index, I64(lanes.count))
            value = activations.emit(lanes, activations.SCALED, lanes.load(data, at), numbers)
            lanes.store(value, data, at)
        return context.get_dummy_value()

    return types.void(array, parameter, types.int64), emit


def multiply_adds() -> tuple[Callable[[], None], float]:
    """Return (a run of multiply-adds on registers, how many floating point operations it is)."""

    @njit
    def loop(array: Any, rounds: int) -> None:
        _multiply_adds(array, rounds)

    array = np.zeros(_CHAINS * lane_count(4), np.float32)
    return lambda: loop(array, _ROUNDS), 2.0 * _ROUNDS * _CHAINS * lane_count(4)


def tanhs() -> tuple[Callable[[], None], int]:
    """Return (a run of scaled tanh over a cached array, how many it is)."""

    @njit
    def loop(array: Any, parameter: Any, vectors: int) -> None:
        for _ in range(400):
            _tanhs(array, parameter, vectors)

    array = np.linspace(-2, 2, _VECTORS * lane_count(4), dtype=np.float32)
    own = np.array(activations.parameters(Activation("scaled_tanh"))[1], np.float32)
    return lambda: loop(array, own, _VECTORS), 400 * array.size
