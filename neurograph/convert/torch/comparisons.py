"""Comparisons and what is made of them: neurons of 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call
from neurograph.convert.torch.elementwise import sum_of_two
from neurograph.convert.values import Neurons
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]


def compared(call: Call) -> Neurons:
    """Wire a comparison: 1 where it holds, 0 elsewhere; step(a) is 1 for a above 0."""
    greater = call.name in ("gt", "le")
    arguments = call.arguments[:2] if greater else call.arguments[1::-1]
    return _beyond(call, _difference(call, arguments), negated=call.name in ("le", "ge"))


def equal(call: Call) -> Neurons:
    """Wire whether two numbers are equal, or not: whether their difference is above 0 in size."""
    name = call.wiring.free(f"{call.layer}.size")
    difference = _difference(call, call.arguments[:2])
    size = ops.affine(call.wiring, name, difference, activation=Activation("abs"))
    return _beyond(call, size, negated=call.name == "eq")


def _difference(call: Call, arguments: list[Any]) -> Ids:
    layer = call.wiring.free(f"{call.layer}.difference")
    own = {"name": "sub", "layer": layer, "arguments": arguments, "fuse": lambda: None}
    return sum_of_two(Call(**{**vars(call), **own})).ids


def _beyond(call: Call, x: Ids, *, negated: bool) -> Neurons:
    """Wire 1 where x is above 0, or where it is not."""
    name = call.wiring.free(f"{call.layer}.beyond") if negated else call.layer
    found = ops.affine(call.wiring, name, x, activation=Activation("step"))
    return Neurons(_opposite(call, found) if negated else found)


def _opposite(call: Call, x: Ids) -> Ids:
    one = call.wiring.fixed(call.layer, [-1.0, 1.0])
    return ops.affine(call.wiring, call.layer, x, scale=one[0], shift=one[1])


def contrary(call: Call) -> Neurons:
    """Wire 1 - x."""
    return Neurons(_opposite(call, call.sources()))


def both(call: Call) -> Neurons:
    """Wire "and" as the smaller of two truths, "or" as the larger."""
    least = "and" in call.name
    found = ops.together(
        call.wiring,
        call.layer,
        [call.neurons(0), call.neurons(1)],
        pair=("multiply", "min" if least else "max"),
        kind="Minimum" if least else "Maximum",
    )
    return Neurons(found)


def either(call: Call) -> Neurons:
    """Wire whether two truths differ."""
    found = ops.together(
        call.wiring,
        call.layer,
        [call.neurons(0), call.neurons(1)],
        weights=[1.0, -1.0],
        activation=Activation("abs"),
    )
    return Neurons(found)


def choose(call: Call) -> Neurons:
    """Wire where(condition, a, b) by neurons of 0 and 1: condition a + (1 - condition) b."""
    condition = call.neurons(0)
    parts = []
    for place, (factor, shift) in ((1, (1.0, 0.0)), (2, (-1.0, 1.0))):
        gate = condition
        if shift:
            name = call.wiring.free(f"{call.layer}.other")
            weights = call.wiring.fixed(name, [factor, shift])
            gate = ops.affine(call.wiring, name, gate, scale=weights[0], shift=weights[1])
        name = call.wiring.free(f"{call.layer}.part")
        sources = [gate, call.neurons(place)]
        parts.append(
            ops.together(call.wiring, name, sources, pair=("multiply", "product"), kind="Multiply")
        )
    return Neurons(ops.together(call.wiring, call.layer, parts, activation=call.activation()))
