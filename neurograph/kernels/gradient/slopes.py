"""Activations and their slopes for a training step, over contiguous vectors of states.

TANH and CLIP tell their slope from the state alone; the others need the net input, which is kept
for them. An op has five parameters: the three of its activation, then c0 and c1 with which
p0 tanh(p1 a) + p2 has the slope c0 - c1 (y - p2)^2 at the state y.
"""

from __future__ import annotations

import math
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.functions import Activation
from neurograph.kernels import activations
from neurograph.kernels.activations import CLIP, LEAKY, SCALAR, TANH
from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.vectors import call
from neurograph.kernels.lanes import I64, Lanes

PARAMETERS = 5


def parameters(activation: Activation) -> tuple[int, tuple[float, ...]]:
    """Return the code of an activation and its five parameters.

    >>> parameters(Activation("sigmoid"))
    (2, (0.5, 0.5, 0.5, 0.25, 1.0))
    """
    code, own = activations.encode(activation)
    scale, slope = own[0], own[1]
    if code != TANH:
        return code, (*own, 0.0, 0.0)
    return code, (*own, scale * slope, slope / scale if scale else 0.0)


def _switch(lanes: Lanes, code: Any, vectors: Any, cases: dict[int, Any]) -> None:
    """Emit a loop over vectors, calling `cases[code](first lane)` for each."""
    b = lanes.builder
    after = b.append_basic_block("done")
    switch = b.switch(code, after)
    for number, case in cases.items():
        switch.add_case(I64(number), b.append_basic_block(f"code{number}"))
        b.position_at_end(switch.cases[-1][1])
        with cgutils.for_range(b, vectors) as loop:
            case(b.mul(loop.index, I64(lanes.count)))
        b.branch(after)
    b.position_at_end(after)


def _emit_activate(
    lanes: Lanes, states: Any, nets: Any, parameter: Any, at: Any, vectors: Any, code: Any
) -> None:
    b = lanes.builder
    own = [lanes.broadcast(parameter, I64(i)) for i in range(3)]

    def case(number: int) -> Any:
        def one(lane: Any) -> None:
            place = b.add(at, lane)
            net = lanes.load(states, place)
            if number == LEAKY:
                lanes.store(net, nets, place)
            lanes.store(activations.emit(lanes, number, net, own), states, place)

        return one

    _switch(lanes, code, vectors, {number: case(number) for number in (CLIP, TANH, LEAKY)})


def _emit_slope(
    lanes: Lanes,
    states: Any,
    nets: Any,
    parameter: Any,
    deltas: Any,
    at: Any,
    vectors: Any,
    code: Any,
    squared: Any,
) -> None:
    b = lanes.builder
    p0, p1, p2, c0, c1 = (lanes.broadcast(parameter, I64(i)) for i in range(PARAMETERS))
    one, zero = lanes.constant(1.0), lanes.constant(0.0)
    twice = b.icmp_signed("!=", squared, I64(0))

    def clip(place: Any) -> Any:
        y = lanes.load(states, place)
        inside = b.and_(b.fcmp_ordered(">", y, p0), b.fcmp_ordered("<", y, p1))
        return b.select(inside, one, zero)

    def tanh(place: Any) -> Any:
        y = b.fsub(lanes.load(states, place), p2)
        return b.fsub(c0, b.fmul(c1, b.fmul(y, y)))

    def leaky(place: Any) -> Any:
        return b.select(b.fcmp_ordered(">", lanes.load(nets, place), zero), one, p0)

    def case(slope: Any) -> Any:
        def each(lane: Any) -> None:
            place = b.add(at, lane)
            found = slope(place)
            found = b.fmul(found, b.select(twice, found, one))
            lanes.store(b.fmul(lanes.load(deltas, place), found), deltas, place)

        return each

    _switch(lanes, code, vectors, {CLIP: case(clip), TANH: case(tanh), LEAKY: case(leaky)})


@intrinsic
def activate(
    typing: Any, states: Any, nets: Any, parameter: Any, at: Any, vectors: Any, code: Any
) -> Any:
    """Apply a vector activation to the vectors from states[at] on; keep nets where needed."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"squash_{states.dtype}", _emit_activate)

    return types.void(states, nets, parameter, *[types.int64] * 3), emit


@intrinsic
def slope(
    typing: Any,
    states: Any,
    nets: Any,
    parameter: Any,
    deltas: Any,
    at: Any,
    vectors: Any,
    code: Any,
    squared: Any,
) -> Any:
    """Multiply the deltas from deltas[at] on by the slope of a vector activation, or its square."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"slope_{states.dtype}", _emit_slope)

    return types.void(states, nets, parameter, deltas, *[types.int64] * 4), emit


@inner
def scalar_slope(code: int, a: float, y: float, p0: float) -> float:
    """Return the slope of the activation `code` at the net input `a` with the state `y`."""
    kind = code - SCALAR
    if kind == 0:
        return 1.0 if a > 0 else y + p0
    if kind == 1:
        return 0.5 * math.tanh(0.5 * a) + 0.5
    if kind == 2:
        return 1 / ((1 + abs(a)) * (1 + abs(a)))
    if kind == 3:
        share = 0.5 * math.tanh(0.5 * a) + 0.5
        return share * (1 + a * (1 - share))
    if kind == 4:
        below = 0.5 * (1 + math.erf(a * math.sqrt(0.5)))
        return below + a * math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    if kind == 5:
        return 1 / 6 if -3 < a < 3 else 0.0
    if kind == 6:
        return a / 3 + 0.5 if abs(a) <= 3 else (1.0 if a > 3 else 0.0)
    return y if kind == 7 else 2 * a
