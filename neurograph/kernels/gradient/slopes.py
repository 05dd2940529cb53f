"""Activations and their slopes for a training step, over contiguous vectors of states.

TANH and CLIP tell their slope from the state alone; the others need the net input, which is kept
for them. An op has five parameters: the three of its activation, then c0 and c1 with which
p0 tanh(p1 a) + p2 has the slope c0 - c1 (y - p2)^2 at the state y.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numba.core import cgutils

from neurograph.functions import Activation
from neurograph.kernels import activations
from neurograph.kernels.activations import CLIP, LEAKY, TANH
from neurograph.kernels.gradient.emitting import choose, emitted
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


def _each(lanes: Lanes, at: Any, vectors: Any, one: Callable[[Any], None]) -> None:
    """Emit `one(place)` for each of the vectors from the place `at` on."""
    b = lanes.builder
    with cgutils.for_range(b, vectors) as loop:
        one(b.add(at, b.mul(loop.index, I64(lanes.count))))


@emitted
def activate(
    lanes: Lanes, states: Any, nets: Any, parameter: Any, at: Any, vectors: Any, code: Any
) -> None:
    """Apply a vector activation to the vectors from states[at] on; keep nets where needed."""
    own = [lanes.broadcast(parameter, I64(i)) for i in range(3)]

    def one(code: int, place: Any) -> None:
        net = lanes.load(states, place)
        if code == LEAKY:
            lanes.store(net, nets, place)
        lanes.store(activations.emit(lanes, code, net, own), states, place)

    cases = (CLIP, TANH, LEAKY)
    choose(
        lanes.builder, code, {c: partial(_each, lanes, at, vectors, partial(one, c)) for c in cases}
    )


@emitted
def slope(
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
    """Multiply the deltas from deltas[at] on by the slope of a vector activation, or its square."""
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

    def multiply(slope: Callable[[Any], Any], place: Any) -> None:
        found = slope(place)
        found = b.fmul(found, b.select(twice, found, one))
        lanes.store(b.fmul(lanes.load(deltas, place), found), deltas, place)

    cases = {CLIP: clip, TANH: tanh, LEAKY: leaky}
    choose(
        b,
        code,
        {c: partial(_each, lanes, at, vectors, partial(multiply, s)) for c, s in cases.items()},
    )
