"""Activations: the common ones as vector code in registers, the others as scalar code.

An op names its activation by a code and a few parameters. Codes below `SCALAR` are emitted behind
the last accumulation; the others are applied to the stored states by `scalars.value`.
"""

from __future__ import annotations

import math
from typing import Any

from neurograph.functions import ACTIVATIONS, Activation
from neurograph.kernels import tanh
from neurograph.kernels.lanes import I64, Lanes
from neurograph.kernels.scalars import SCALARS

IDENTITY, CLIP, TANH, LEAKY, SCALED, SHIFTED = range(6)
SCALAR = 6
FOLDED = (SCALED, SHIFTED)
_OWN = 3  # parameters of an activation itself


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
        code, parameters = SCALAR + SCALARS.index(activation.name), own
    first, second, third = (*parameters, 0.0, 0.0, 0.0)[:3]
    return code, (first, second, third)


def parameters(activation: Activation) -> tuple[int, tuple[float, ...]]:
    """Return (code, numbers) of an activation, as many for any: the three of `encode`, then more.

    A TANH of a usual slope becomes SCALED, or SHIFTED where p2 is not 0: p0 and p1 are folded into
    the numbers that follow, so that in float32 it needs no scaling.

    >>> parameters(Activation("relu6"))[1][:3]
    (0.0, 6.0, 0.0)
    """
    code, own = encode(activation)
    folded = tanh.folded(*own[:2]) if code == TANH else None
    if folded is None:
        return code, padded(own)
    return SHIFTED if own[2] else SCALED, (*own, *folded)


def padded(own: tuple[float, ...] = ()) -> tuple[float, ...]:
    """Return the numbers of an activation that has no others than its `own`."""
    return own + (0.0,) * (_OWN + tanh.count() - len(own))


def load(lanes: Lanes, code: int, pointer: Any) -> list[Any]:
    """Emit the loads of what `emit` takes for an activation whose numbers are at `pointer`."""
    own = [lanes.broadcast(pointer, I64(i)) for i in range(_OWN)]
    return [*own, *tanh.load(lanes, pointer, _OWN)] if code in FOLDED and not lanes.double else own


def known_names() -> set[str]:
    """Return the activations that `encode` understands.

    A test holds it equal to functions.ACTIVATIONS.
    """
    simple = {"identity", "relu", "relu6", "hardtanh", "tanh", "sigmoid", "scaled_tanh"}
    return ({*SCALARS, "leaky_relu"} | simple) & set(ACTIVATIONS)


def emit(lanes: Lanes, code: int, x: Any, numbers: list[Any]) -> Any:
    """Emit a vector activation; `numbers` are three vectors, or as many as `load` returns."""
    b = lanes.builder
    if code == CLIP:
        return lanes.at_most(lanes.at_least(x, numbers[0]), numbers[1])
    if code in FOLDED and not lanes.double:
        value = tanh.emit_folded(lanes, x, numbers[_OWN:])
        return b.fadd(value, numbers[2]) if code == SHIFTED else value
    if code == TANH or code in FOLDED:
        return lanes.fma(numbers[0], tanh.emit(lanes, b.fmul(x, numbers[1])), numbers[2])
    positive = b.fcmp_ordered(">", x, lanes.constant(0.0))
    return b.select(positive, x, b.fmul(x, numbers[0]))
