"""torch's elementwise operators as activations: one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from neurograph.functions.activations import Activation

# An operator's further arguments, as positions behind the input, with their defaults.
_Made = Callable[..., Activation | None]


def _clamp(low: Any = None, high: Any = None) -> Activation | None:
    if low is None or high is None:
        return _one_sided(low, high)
    return Activation("clip", (float(low), float(high)))


def _one_sided(low: Any, high: Any) -> Activation:
    if low is not None:
        return Activation("at_least", (float(low),))
    return Activation() if high is None else Activation("at_most", (float(high),))


def _softplus(beta: float = 1.0, threshold: float = 20.0) -> Activation | None:
    # Beyond the threshold torch takes the line instead, within 2e-9 of it.
    return Activation("softplus") if beta == 1 and threshold >= 20 else None


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Activation | None:
    return Activation("elu", (alpha,)) if scale == input_scale == 1 else None


def _power(exponent: float) -> Activation:
    if exponent == 2:
        return Activation("square")
    named = {1.0: "identity", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}.get(float(exponent))
    return Activation(named) if named else Activation("power", (float(exponent),))


def _rrelu(
    lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: None = None
) -> Activation | None:
    """In evaluation the slope is the middle of its range."""
    return None if training else Activation("leaky_relu", ((lower + upper) / 2,))


def _gelu(approximate: str = "none") -> Activation:
    return Activation("gelu" if approximate == "none" else "gelu_tanh")


_SAME_NAME = (
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "silu",
    "mish",
    "selu",
    "hardswish",
    "hardsigmoid",
    "log_sigmoid",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "abs",
    "sign",
    "floor",
    "ceil",
    "erf",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "acosh",
    "atanh",
    "square",
)

ACTIVATIONS: dict[str, _Made] = {
    **{name: partial(Activation, name) for name in _SAME_NAME},
    "log_sigmoid_forward": partial(Activation, "log_sigmoid"),
    "round": lambda decimals=0: Activation("round") if decimals == 0 else None,
    "hardtanh": lambda low=-1.0, high=1.0: Activation("hardtanh", (low, high)),
    "leaky_relu": lambda slope=0.01: Activation("leaky_relu", (slope,)),
    "rrelu": _rrelu,
    "sgn": partial(Activation, "sign"),
    "celu": lambda alpha=1.0: Activation("celu", (alpha,)),
    "hardshrink": lambda edge=0.5: Activation("hard_shrink", (edge,)),
    "softshrink": lambda edge=0.5: Activation("soft_shrink", (edge,)),
    "threshold": lambda edge, value: Activation("threshold", (edge, value)),
    "clamp": _clamp,
    "clamp_min": lambda low: Activation("at_least", (float(low),)),
    "clamp_max": lambda high: Activation("at_most", (float(high),)),
    "softplus": _softplus,
    "elu": _elu,
    "gelu": _gelu,
    "pow": _power,
}


def activation(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Activation | None:
    """Return an operator of these further arguments as an activation; None where it is none."""
    further = (*arguments, *options.values())
    if name not in ACTIVATIONS or any(
        not isinstance(a, (int, float, str, type(None))) for a in further
    ):
        return None
    return ACTIVATIONS[name](*arguments, **options)
