"""ONNX's arithmetic place by place, comparisons and choices, as neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.onnx.activations import power
from neurograph.convert.onnx.calls import Call, is_neurons, numbers
from neurograph.convert.values import Neurons, Parameters
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]
_PRODUCT = ("multiply", "product")
_BROADCAST_SINCE = 7  # the operator set from which operands broadcast as NumPy's


def _stretched(call: Call) -> Call:
    """Return a call whose second operand has the axes that its attribute says, as of old.

    Before operator set 7 an operand lay along the first's axes from `axis` on.
    """
    axis = call.get("axis")
    if call.opset >= _BROADCAST_SINCE or not call.get("broadcast", 0) or axis is None:
        return call
    a, b = call.inputs[:2]
    behind = len(np.shape(_places(a))) - int(axis) - len(np.shape(_places(b)))
    shape = (*np.shape(_places(b)), *(1,) * behind)
    if isinstance(b, Neurons):
        return replace(call, inputs=[a, Neurons(b.ids.reshape(shape))])
    if isinstance(b, Parameters):
        moved = Parameters(b.ids.reshape(shape), b.values.reshape(shape), b.arrays)
        return replace(call, inputs=[a, moved])
    return replace(call, inputs=[a, np.reshape(b, shape)])


def _places(value: Any) -> Any:
    return value.ids if isinstance(value, (Neurons, Parameters)) else value


def _sum_of_two(call: Call) -> Neurons:
    """Wire a + b or a - b: of neurons, weights and constants."""
    call = _stretched(call)
    minus = call.name == "Sub"
    a, b = call.inputs[:2]
    if is_neurons(a) and is_neurons(b):
        weights = [1.0, -1.0] if minus else None
        return call.together([call.sources(0), call.sources(1)], weights=weights)
    if is_neurons(a) and minus:
        shift = call.wiring.fixed(call.layer, -np.asarray(numbers(b), np.float64))
        return call.affine(0, shift=np.where(numbers(b) == 0, -1, shift))
    place = 0 if is_neurons(a) else 1
    scale = call.wiring.fixed(call.layer, -1.0) if minus else None
    return call.affine(place, scale=scale, shift=call.weights(1 - place))


def _multiply(call: Call) -> Neurons:
    call = _stretched(call)
    a, b = call.inputs[:2]
    if is_neurons(a) and is_neurons(b):
        return call.gate(call.neurons(0), call.neurons(1))
    place = 0 if is_neurons(a) else 1
    return call.affine(place, scale=call.weights(1 - place))


def _divide(call: Call) -> Neurons:
    call = _stretched(call)
    a, b = call.inputs[:2]
    if not is_neurons(b):
        inverse = 1 / np.asarray(numbers(b), np.float64)
        return call.affine(0, scale=call.wiring.fixed(call.layer, inverse))
    name = call.part("reciprocal")
    turned = ops.affine(call.wiring, name, call.neurons(1), activation=Activation("reciprocal"))
    if is_neurons(a):
        return call.gate(call.neurons(0), turned)
    scale = call.weights(0)
    found = ops.affine(call.wiring, call.layer, turned, scale=scale, activation=call.activation())
    return Neurons(found)


def _negate(call: Call) -> Neurons:
    return call.affine(0, scale=call.wiring.fixed(call.layer, -1.0))


def _power(call: Call) -> Neurons:
    """Wire powers: a layer for each different exponent; of a constant, by exp."""
    exponents = call.given(1)
    if is_neurons(exponents):
        base = np.log(np.asarray(call.constant(0), np.float64))
        scale = call.wiring.fixed(call.layer, base)
        powers = ops.affine(
            call.wiring, call.layer, call.neurons(1), scale=scale, activation=Activation("exp")
        )
        return Neurons(powers)
    x, exponent = np.broadcast_arrays(call.neurons(), numbers(exponents).astype(np.float64))
    found: Ids = np.empty(x.shape, np.int32)
    for value in np.unique(exponent):
        at, name = exponent == value, call.part("power")
        found[at] = ops.affine(call.wiring, name, x[at], activation=power(float(value)))
    return Neurons(found)


_ALL = {"Max": "max", "Min": "min", "Sum": "sum", "Mean": "sum"}


def _of_several(call: Call) -> Neurons:
    """Wire the sum, mean, largest or smallest of any number of sources."""
    count, reduced = len(call.inputs), _ALL[call.name]
    if count == 2 and call.name == "Sum":
        return _sum_of_two(call)
    read = call.sources if reduced == "sum" else call.neurons
    sources = [read(place) for place in range(count) if not _is_beyond(call, place)]
    if len(sources) == 1 and call.name != "Mean":
        return Neurons(sources[0])
    weights = [1 / count] * count if call.name == "Mean" else None
    kind = {"max": "Maximum", "min": "Minimum", "sum": "Add"}[reduced]
    return call.together(sources, weights=weights, pair=("multiply", reduced), kind=kind)


def _is_beyond(call: Call, place: int) -> bool:
    """Return whether an operand of a largest or smallest is infinite: any other is beyond it."""
    value, infinite = call.given(place), {"Max": -np.inf, "Min": np.inf}.get(call.name)
    if infinite is None or is_neurons(value):
        return False
    return bool((numbers(value) == infinite).all()) and np.ndim(numbers(value)) == 0


def _prelu(call: Call) -> Neurons:
    x, slope = call.neurons(), call.weights(1)
    if (
        slope.ndim == 1
        and x.ndim > 1
        and (call.opset < 7 or slope.size == x.shape[1] != x.shape[-1])
    ):
        slope = slope.reshape((-1,) + (1,) * (x.ndim - 2))  # one a map, as exporters write it
    return Neurons(ops.leak(call.wiring, call.layer, x, slope))


def _shrink(call: Call) -> Neurons:
    """Wire x + bias below -lambd, x - bias above lambd, else 0."""
    edge, bias = float(call.get("lambd", 0.5)), float(call.get("bias", 0.0))
    x, sides = call.neurons(), []
    for sign in (1.0, -1.0):
        name = call.part("side")
        scale = call.wiring.fixed(name, sign)
        own = Activation("threshold", (edge, bias))
        sides.append(ops.affine(call.wiring, name, x, scale=scale, activation=own))
    return call.together(sides, weights=[1.0, -1.0])


# ---- comparisons and choices: neurons of 0 and 1 -------------------------------------------------


def _compared(call: Call) -> Neurons:
    """Wire a comparison; step(a) is 1 for a above 0."""
    greater = call.name in ("Greater", "LessOrEqual")
    order = call.inputs if greater else call.inputs[::-1]
    difference = _sum_of_two(call.before("difference", name="Sub", inputs=list(order)))
    negated = call.name in ("LessOrEqual", "GreaterOrEqual")
    name = call.part("beyond") if negated else call.layer
    found = ops.affine(call.wiring, name, difference.ids, activation=Activation("step"))
    return _opposite(call, found) if negated else Neurons(found)


def _opposite(call: Call, condition: Any) -> Neurons:
    weights = call.wiring.fixed(call.layer, [-1.0, 1.0])
    found = ops.affine(call.wiring, call.layer, condition, scale=weights[0], shift=weights[1])
    return Neurons(found)


def _equal(call: Call) -> Neurons:
    """Wire 1 - step(|a - b|); with Xor what is left without the first."""
    difference = _sum_of_two(call.before("difference", name="Sub"))
    name = call.part("distance")
    distance = ops.affine(call.wiring, name, difference.ids, activation=Activation("abs"))
    if call.name == "Xor":
        return Neurons(ops.affine(call.wiring, call.layer, distance, activation=Activation("step")))
    name = call.part("different")
    different = ops.affine(call.wiring, name, distance, activation=Activation("step"))
    return _opposite(call, different)


def _both(call: Call) -> Neurons:
    return call.gate(call.neurons(0), call.neurons(1))


def _either(call: Call) -> Neurons:
    sources = [call.neurons(0), call.neurons(1)]
    return call.together(sources, pair=("multiply", "max"), kind="Maximum")


def _not(call: Call) -> Neurons:
    return _opposite(call, call.neurons())


def _choose(call: Call) -> Neurons:
    """Wire where(condition, a, b) by neurons of 0 and 1: condition a + (1 - condition) b."""
    condition = call.neurons(0)
    parts = []
    for place, name in ((1, "chosen"), (2, "other")):
        gate = condition if place == 1 else _not(call.before("else")).ids
        sources = [gate, call.neurons(place)]
        parts.append(
            ops.together(call.wiring, call.part(name), sources, pair=_PRODUCT, kind="Multiply")
        )
    return call.together(parts)


ARITHMETIC: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(["Add", "Sub"], _sum_of_two),
    "Mul": _multiply,
    "Div": _divide,
    "Neg": _negate,
    "Pow": _power,
    **dict.fromkeys(_ALL, _of_several),
    "PRelu": _prelu,
    "Shrink": _shrink,
    **dict.fromkeys(["Less", "Greater", "LessOrEqual", "GreaterOrEqual"], _compared),
    **dict.fromkeys(["Equal", "Xor"], _equal),
    "And": _both,
    "Or": _either,
    "Not": _not,
    "Where": _choose,
}
