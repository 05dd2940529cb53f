"""Arithmetic place by place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call, is_constant, is_neurons, plain
from neurograph.convert.values import Neurons, Parameters
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]


def extremes(call: Call) -> Ids:
    """Wire the larger, or smaller, of two arrays place by place."""
    largest = call.name in ("max", "maximum", "fmax")
    return ops.together(
        call.wiring,
        call.layer,
        [call.neurons(0), call.neurons(1)],
        pair=("multiply", "max" if largest else "min"),
        activation=call.activation(),
        kind="Maximum" if largest else "Minimum",
    )


def sum_of_two(call: Call) -> Neurons:
    """Wire a + alpha b, a - alpha b or b - a: of neurons, weights and constants."""
    a, b = call.arguments[:2]
    alpha = float(call.get(2, 1, "alpha"))
    factors = [1.0, alpha if call.name == "add" else -alpha]
    if call.name == "rsub":
        factors = [-alpha, 1.0]
    if is_neurons(a) and is_neurons(b):
        weights = None if factors == [1.0, 1.0] else factors
        sources = [call.sources(0), call.sources(1)]
        return call.together(sources, weights=weights)
    place = 0 if is_neurons(a) else 1
    return _shifted(call, place, factors[place], factors[1 - place])


def _shifted(call: Call, place: int, factor: float, of_other: float) -> Neurons:
    """Wire neurons times a factor, plus weights or constants as their bias."""
    other = call.arguments[1 - place]
    if isinstance(other, Parameters) and of_other != 1:
        sources = [call.sources(place), call.neurons(1 - place)]
        weights = [factor, of_other]
        return call.together(sources, weights=weights)
    if isinstance(other, Parameters):
        shift = call.weights(1 - place)
    else:
        shift = call.wiring.fixed(call.layer, of_other * np.asarray(plain(other), np.float64))
    scale = None if factor == 1 else call.wiring.fixed(call.layer, factor)
    return call.affine(place, scale=scale, shift=shift)


def multiply(call: Call) -> Neurons:
    """Wire a product: of two arrays of neurons a gate, else a scale by weights."""
    a, b = call.arguments[:2]
    if is_neurons(a) and is_neurons(b):
        return call.gate(call.neurons(0), call.neurons(1))
    place = 0 if is_neurons(a) else 1
    return call.affine(place, scale=call.weights(1 - place))


def divide(call: Call) -> Neurons:
    """Wire a quotient: times the reciprocal of constants or of neurons."""
    a, b = call.arguments[:2]
    if mode := call.options.pop("rounding_mode", None):
        return _rounded(call, mode)
    if is_constant(b):
        call.arguments[1] = 1 / np.asarray(plain(b), np.float64)
        return multiply(call)
    reciprocal = call.wiring.free(f"{call.layer}.reciprocal")
    inverse = ops.affine(
        call.wiring, reciprocal, call.neurons(1), activation=Activation("reciprocal")
    )
    if is_neurons(a):
        return call.gate(call.neurons(0), inverse)
    scale = call.weights(0)
    return Neurons(
        ops.affine(call.wiring, call.layer, inverse, scale=scale, activation=call.activation())
    )


def _rounded(call: Call, mode: str) -> Neurons:
    """Wire a quotient that is rounded down, or towards zero."""
    name = call.wiring.free(f"{call.layer}.quotient")
    quotient = divide(Call(**{**vars(call), "layer": name, "fuse": lambda: None})).ids
    if mode == "trunc":
        return Neurons(ops.truncate(call.wiring, call.layer, quotient))
    return Neurons(ops.affine(call.wiring, call.layer, quotient, activation=Activation("floor")))


def truncate(call: Call) -> Neurons:
    """Wire rounding towards zero."""
    return Neurons(ops.truncate(call.wiring, call.layer, call.neurons()))


def exponential(call: Call) -> Neurons:
    """Wire base^x as exp(x ln base)."""
    base = 2.0 if call.name == "exp2" else call.arguments[0]
    if is_neurons(base) or not isinstance(base, (int, float)) or base <= 0:
        raise ConversionError(f"{call.layer}: a power with neurons as exponents cannot be said")
    place = 0 if call.name == "exp2" else 1
    scale = call.wiring.fixed(call.layer, math.log(base))
    found = ops.affine(
        call.wiring, call.layer, call.sources(place), scale=scale, activation=Activation("exp")
    )
    return Neurons(found)


# What is scaled and shifted behind an activation: log2 x = ln x / ln 2, erfc x = 1 - erf x.
_SCALED = {
    "log2": ("log", 1 / math.log(2), 0.0),
    "log10": ("log", 1 / math.log(10), 0.0),
    "erfc": ("erf", -1.0, 1.0),
}


def scaled(call: Call) -> Neurons:
    """Wire an activation, then a scale and a shift."""
    inner, factor, shift = _SCALED[call.name]
    name = call.wiring.free(f"{call.layer}.{inner}")
    x = ops.affine(call.wiring, name, call.neurons(), activation=Activation(inner))
    weights = call.wiring.fixed(call.layer, [factor, shift])
    found = ops.affine(
        call.wiring,
        call.layer,
        x,
        scale=weights[0],
        shift=weights[1] if shift else -1,
        activation=call.activation(),
    )
    return Neurons(found)


def negate(call: Call) -> Neurons:
    """Wire the negative."""
    scale = call.wiring.fixed(call.layer, -1.0)
    return Neurons(
        ops.affine(
            call.wiring, call.layer, call.sources(), scale=scale, activation=call.activation()
        )
    )


def prelu(call: Call) -> Neurons:
    """Wire a rectifier with a slope a map."""
    x, slope = call.neurons(), call.weights(1)
    shape = (1, -1) + (1,) * (x.ndim - 2) if x.ndim > 1 else (-1,)
    return Neurons(ops.leak(call.wiring, call.layer, x, slope.reshape(shape)))


def glu(call: Call) -> Neurons:
    """Wire one half, gated by the sigmoid of the other."""
    value, gate = np.split(call.neurons(), 2, axis=call.get(1, -1))
    name = call.wiring.free(f"{call.layer}.gate")
    opened = ops.affine(call.wiring, name, gate, activation=Activation("sigmoid"))
    return call.gate(value, opened)
