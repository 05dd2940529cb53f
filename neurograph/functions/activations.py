"""Activations: what a neuron makes of its net input, by name, with their slopes.

At a kink a slope is what torch takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import finite
from neurograph.errors import GraphError, shown, suggestion

Array = NDArray[Any]


def _sigmoid(a: Array) -> Array:
    # Written with tanh so that no exponential overflows for a large negative a.
    half = a.dtype.type(0.5)
    return np.asarray(half * (np.tanh(half * a) + a.dtype.type(1)))


def _gelu_line(a: Array) -> Array:
    # Hendrycks and Gimpel 2016: gelu is nearly a (1 + tanh(this)) / 2.
    return np.asarray(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))


def _erf(a: Array) -> Array:
    from scipy.special import erf  # only gelu needs scipy.special

    return np.asarray(erf(a))


def _threshold(a: Array, edge: float, value: float) -> Array:
    return np.asarray(np.where(a <= edge, value, a))


# name -> (default parameters, function of the net input and the parameters)
ACTIVATIONS: dict[str, tuple[tuple[float, ...], Callable[..., Array]]] = {
    "identity": ((), lambda a: a),
    "sigmoid": ((), _sigmoid),
    "tanh": ((), np.tanh),
    # LeCun et al. 1998, Appendix A: A tanh(S a), so that f(1) = 1 and f(-1) = -1.
    "scaled_tanh": ((1.7159, 2.0 / 3.0), lambda a, scale, slope: scale * np.tanh(slope * a)),
    "relu": ((), lambda a: np.maximum(a, 0)),
    "relu6": ((), lambda a: np.clip(a, 0, 6)),
    "leaky_relu": ((0.01,), lambda a, slope: np.where(a > 0, a, slope * a)),
    "elu": ((1.0,), lambda a, alpha: np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))),
    "softplus": ((), lambda a: np.logaddexp(a, 0)),
    "softsign": ((), lambda a: a / (1 + np.abs(a))),
    "silu": ((), lambda a: a * _sigmoid(a)),
    "gelu": ((), lambda a: a * (1 + _erf(a * math.sqrt(0.5))) * 0.5),
    "hardtanh": ((-1.0, 1.0), np.clip),
    "hardsigmoid": ((1 / 6, 0.5), lambda a, slope, shift: np.clip(slope * a + shift, 0, 1)),
    "hardswish": ((), lambda a: a * np.clip(a / 6 + 0.5, 0, 1)),
    "exp": ((), np.exp),
    "square": ((), np.square),
    "selu": (
        (1.6732632423543772, 1.0507009873554805),
        lambda a, alpha, scale: scale * np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0))),
    ),
    "celu": (
        (1.0,),
        lambda a, alpha: np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0) / alpha)),
    ),
    "mish": ((), lambda a: a * np.tanh(np.logaddexp(a, 0))),
    "swish": ((1.0,), lambda a, beta: a * _sigmoid(a.dtype.type(beta) * a)),
    "gelu_tanh": ((), lambda a: 0.5 * a * (1 + np.tanh(_gelu_line(a)))),
    "log_sigmoid": ((), lambda a: -np.logaddexp(-a, 0)),
    "soft_shrink": ((0.5,), lambda a, edge: np.sign(a) * np.maximum(np.abs(a) - edge, 0)),
    "hard_shrink": ((0.5,), lambda a, edge: np.where(np.abs(a) <= edge, a.dtype.type(0), a)),
    "tanh_shrink": ((), lambda a: a - np.tanh(a)),
    "threshold": ((0.0, 0.0), _threshold),
    "clip": ((-1.0, 1.0), lambda a, low, high: np.minimum(np.maximum(a, low), high)),
    "at_least": ((0.0,), np.maximum),
    "at_most": ((0.0,), np.minimum),
    "sqrt": ((), np.sqrt),
    "rsqrt": ((), lambda a: 1 / np.sqrt(a)),
    "reciprocal": ((), lambda a: 1 / a),
    "power": ((2.0,), np.power),
    "log": ((), np.log),
    "log1p": ((), np.log1p),
    "expm1": ((), np.expm1),
    "abs": ((), np.abs),
    "sign": ((), np.sign),
    "step": ((), lambda a: np.heaviside(a, 0)),
    "floor": ((), np.floor),
    "ceil": ((), np.ceil),
    "round": ((), np.rint),
    "erf": ((), _erf),
    "sin": ((), np.sin),
    "cos": ((), np.cos),
    "tan": ((), np.tan),
    "asin": ((), np.arcsin),
    "acos": ((), np.arccos),
    "atan": ((), np.arctan),
    "sinh": ((), np.sinh),
    "cosh": ((), np.cosh),
    "asinh": ((), np.arcsinh),
    "acosh": ((), np.arccosh),
    "atanh": ((), np.arctanh),
}


def _inside(state: Array, low: float, high: float) -> Array:
    return ((state > low) & (state < high)).astype(state.dtype)


def _gelu_tanh_slope(a: Array) -> Array:
    t = np.tanh(_gelu_line(a))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * np.square(a))
    return np.asarray(0.5 * (1 + t) + 0.5 * a * (1 - np.square(t)) * inner)


def _mish_slope(a: Array) -> Array:
    t = np.tanh(np.logaddexp(a, 0))
    return np.asarray(t + a * (1 - np.square(t)) * _sigmoid(a))


def _swish_slope(a: Array, beta: float) -> Array:
    share = _sigmoid(a.dtype.type(beta) * a)
    return np.asarray(share + beta * a * share * (1 - share))


def _gelu_slope(a: Array) -> Array:
    density = np.exp(-0.5 * np.square(a)) / math.sqrt(2 * math.pi)
    return 0.5 * (1 + _erf(a * math.sqrt(0.5))) + a * density


# name -> (whether it reads the net input, derivative of the net input, the state and the
# parameters). Where the state alone tells the derivative, an engine need not keep the net input.
# At a kink it is what torch takes: 0 for relu, the slope of the flat side for the clipped ones.
DERIVATIVES: dict[str, tuple[bool, Callable[..., Array]]] = {
    "identity": (False, lambda a, x: np.ones_like(x)),
    "sigmoid": (False, lambda a, x: x * (1 - x)),
    "tanh": (False, lambda a, x: 1 - np.square(x)),
    "scaled_tanh": (
        False,
        lambda a, x, scale, slope: slope * (scale - np.square(x) / scale) if scale else 0 * x,
    ),
    "relu": (False, lambda a, x: (x > 0).astype(x.dtype)),
    "relu6": (False, lambda a, x: _inside(x, 0, 6)),
    "leaky_relu": (True, lambda a, x, slope: np.where(a > 0, 1, slope)),
    "elu": (True, lambda a, x, alpha: np.where(a > 0, 1, x + alpha)),
    "softplus": (False, lambda a, x: -np.expm1(-x)),
    "softsign": (True, lambda a, x: 1 / np.square(1 + np.abs(a))),
    "silu": (True, lambda a, x: _sigmoid(a) * (1 + a * _sigmoid(-a))),
    "gelu": (True, lambda a, x: _gelu_slope(a)),
    "hardtanh": (False, lambda a, x, low, high: _inside(x, low, high)),
    "hardsigmoid": (False, lambda a, x, slope, shift: slope * _inside(x, 0, 1)),
    "hardswish": (True, lambda a, x: np.where(np.abs(a) < 3, a / 3 + 0.5, a > 0)),
    "exp": (False, lambda a, x: x),
    "square": (True, lambda a, x: 2 * a),
    "selu": (True, lambda a, x, alpha, scale: np.where(a > 0, scale, x + scale * alpha)),
    "celu": (True, lambda a, x, alpha: np.where(a > 0, 1, x / alpha + 1)),
    "mish": (True, lambda a, x: _mish_slope(a)),
    "swish": (True, lambda a, x, beta: _swish_slope(a, beta)),
    "gelu_tanh": (True, lambda a, x: _gelu_tanh_slope(a)),
    "log_sigmoid": (False, lambda a, x: -np.expm1(x)),
    "soft_shrink": (True, lambda a, x, edge: (np.abs(a) > edge).astype(x.dtype)),
    "hard_shrink": (True, lambda a, x, edge: (np.abs(a) > edge).astype(x.dtype)),
    "tanh_shrink": (True, lambda a, x: np.square(a - x)),
    "threshold": (True, lambda a, x, edge, value: (a > edge).astype(x.dtype)),
    "clip": (True, lambda a, x, low, high: ((a >= low) & (a <= high)).astype(x.dtype)),
    "at_least": (True, lambda a, x, low: (a >= low).astype(x.dtype)),
    "at_most": (True, lambda a, x, high: (a <= high).astype(x.dtype)),
    "sqrt": (False, lambda a, x: 0.5 / x),
    "rsqrt": (False, lambda a, x: -0.5 * x**3),
    "reciprocal": (False, lambda a, x: -np.square(x)),
    "power": (True, lambda a, x, exponent: exponent * np.power(a, exponent - 1)),
    "log": (True, lambda a, x: 1 / a),
    "log1p": (True, lambda a, x: 1 / (1 + a)),
    "expm1": (False, lambda a, x: x + 1),
    "abs": (True, lambda a, x: np.sign(a)),
    "sign": (False, lambda a, x: np.zeros_like(x)),
    "step": (False, lambda a, x: np.zeros_like(x)),
    "floor": (False, lambda a, x: np.zeros_like(x)),
    "ceil": (False, lambda a, x: np.zeros_like(x)),
    "round": (False, lambda a, x: np.zeros_like(x)),
    "erf": (True, lambda a, x: 2 / math.sqrt(math.pi) * np.exp(-np.square(a))),
    "sin": (True, lambda a, x: np.cos(a)),
    "cos": (True, lambda a, x: -np.sin(a)),
    "tan": (False, lambda a, x: 1 + np.square(x)),
    "asin": (True, lambda a, x: 1 / np.sqrt(1 - np.square(a))),
    "acos": (True, lambda a, x: -1 / np.sqrt(1 - np.square(a))),
    "atan": (True, lambda a, x: 1 / (1 + np.square(a))),
    "sinh": (True, lambda a, x: np.cosh(a)),
    "cosh": (True, lambda a, x: np.sinh(a)),
    "asinh": (True, lambda a, x: 1 / np.sqrt(np.square(a) + 1)),
    "acosh": (True, lambda a, x: 1 / np.sqrt(np.square(a) - 1)),
    "atanh": (True, lambda a, x: 1 / (1 - np.square(a))),
}


@dataclass(frozen=True)
class Activation:
    """An activation function by name, with its parameters (the defaults where none are given).

    >>> Activation("scaled_tanh").parameters
    (1.7159, 0.6666666666666666)
    >>> float(Activation("leaky_relu", (0.1,))(np.array(-2.0)))
    -0.2

    Raises GraphError for an unknown name or the wrong number of parameters.
    """

    name: str = "identity"
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in ACTIVATIONS:
            raise GraphError(
                f"activation {shown(self.name)} is unknown{suggestion(self.name, ACTIVATIONS)}"
            )
        defaults = ACTIVATIONS[self.name][0]
        try:
            given = finite("activation", self.parameters)
        except GraphError:
            given = np.full(1, np.nan)
        if given.shape not in ((0,), (len(defaults),)) or not np.isfinite(given).all():
            raise GraphError(
                f"activation {shown(self.name)}: found parameters {shown(self.parameters)}, "
                f"needed {len(defaults)} finite number(s)"
            )
        object.__setattr__(self, "parameters", tuple(given.tolist()) or defaults)

    def __call__(self, net: Array) -> Array:
        """Return the states for the net inputs `net`, in their dtype and shape."""
        net = np.asarray(net)
        with np.errstate(all="ignore"):  # what has no value is NaN or infinite, as in torch
            out = ACTIVATIONS[self.name][1](net, *self.parameters)
        return np.asarray(out, dtype=net.dtype)

    def derivative(self, net: Array, state: Array) -> Array:
        """Return d state / d net, in the dtype and shape of `state`.

        `net` is looked at only where `reads_net`.

        >>> Activation("relu").derivative(np.zeros(1), np.zeros(1))
        array([0.])
        """
        state = np.asarray(state)
        with np.errstate(all="ignore"):
            out = DERIVATIVES[self.name][1](net, state, *self.parameters)
        return np.asarray(out, dtype=state.dtype)

    @property
    def reads_net(self) -> bool:
        """Whether the derivative cannot be told from the state alone."""
        return DERIVATIVES[self.name][0]

    def __str__(self) -> str:
        defaults = ACTIVATIONS[self.name][0]
        if self.parameters == defaults:
            return self.name
        return f"{self.name}({', '.join(f'{p:g}' for p in self.parameters)})"


def as_activation(activation: str | Activation | None) -> Activation:
    """Return `activation` as an Activation; a string is a name, None the identity."""
    if isinstance(activation, Activation):
        return activation
    return Activation("identity" if activation is None else activation)
