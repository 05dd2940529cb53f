"""ONNX's elementwise operators as activations: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurograph.convert.onnx.calls import numbers
from neurograph.functions.activations import Activation

Options = Mapping[str, Any]
_Made = Callable[[Options, list[Any]], Activation | None]


def activation(name: str, options: Options, further: list[Any]) -> Activation | None:
    """Return an operator of these attributes and further inputs as an activation; None: it is none.

    The further inputs, behind the first, are constants or None.
    """
    return ACTIVATIONS[name](options, further) if name in ACTIVATIONS else None


def _named(name: str, **defaults: float) -> _Made:
    """Return what makes an activation of attributes, in this order, each with its default."""

    def made(options: Options, further: list[Any]) -> Activation | None:
        given = tuple(float(options.get(key, default)) for key, default in defaults.items())
        return Activation(name, given)

    return made


def _clip(options: Options, further: list[Any]) -> Activation | None:
    low, high = (_bound(options, further, *end) for end in ((0, "min"), (1, "max")))
    if low is not None and high is not None:
        return Activation("clip", (low, high))
    if low is None and high is None:
        return Activation()
    return Activation("at_most", (high,)) if high is not None else Activation("at_least", (low,))


def _bound(options: Options, further: list[Any], place: int, name: str) -> Any:
    given = further[place] if place < len(further) else None
    if given is None:
        given = options.get(name)
    if given is None:
        return None
    found = float(numbers(given).reshape(()))
    return found if np.isfinite(found) else None


def _gelu(options: Options, _: list[Any]) -> Activation:
    return Activation("gelu" if options.get("approximate", "none") == "none" else "gelu_tanh")


def _thresholded(options: Options, _: list[Any]) -> Activation:
    return Activation("threshold", (float(options.get("alpha", 1.0)), 0.0))


def _shrink(options: Options, _: list[Any]) -> Activation | None:
    edge, bias = float(options.get("lambd", 0.5)), float(options.get("bias", 0.0))
    if bias not in (0.0, edge):
        return None
    return Activation("soft_shrink" if bias else "hard_shrink", (edge,))


def power(exponent: float) -> Activation:
    """Return the activation that raises to a power."""
    if exponent == 2:
        return Activation("square")
    named = {1.0: "identity", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}.get(exponent)
    return Activation(named) if named else Activation("power", (exponent,))


def _power(_: Options, further: list[Any]) -> Activation | None:
    exponent = numbers(further[0])
    return power(float(exponent.reshape(()))) if exponent.size == 1 == 1 + exponent.ndim else None


_SAME_NAME = (
    "Relu", "Sigmoid", "Tanh", "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil",
    "Cos", "Cosh", "Erf", "Exp", "Floor", "Log", "Mish", "Reciprocal", "Round", "Sign", "Sin",
    "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "HardSwish",
)  # fmt: skip

ACTIVATIONS: dict[str, _Made] = {
    **{name: _named(name.lower()) for name in _SAME_NAME},
    "Elu": _named("elu", alpha=1.0),
    "Celu": _named("celu", alpha=1.0),
    "Selu": _named("selu", alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "LeakyRelu": _named("leaky_relu", alpha=0.01),
    "HardSigmoid": _named("hardsigmoid", alpha=0.2, beta=0.5),
    "Swish": _named("swish", alpha=1.0),
    "Gelu": _gelu,
    "ThresholdedRelu": _thresholded,
    "Shrink": _shrink,
    "Clip": _clip,
    "Pow": _power,
}
