"""What a neuron computes: activation(reduce over its live slots of combine(weight, source) + bias).

The pair (combine, reduce) is data. A new kind of layer names a pair; it adds no branch to an
engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, shown, suggestion

Array = NDArray[Any]

COMBINE: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": np.multiply,
    "squared_difference": lambda weight, source: np.square(source - weight),
}

REDUCE: dict[str, np.ufunc] = {
    "sum": np.add,
    "product": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}

# What a reduction over no slot gives; max and min have none, so a neuron without a live slot is an
# error there.
IDENTITY: dict[str, float] = {"sum": 0.0, "product": 1.0}

# name -> (d combine / d source, d combine / d weight), functions of (weight, source).
COMBINE_SLOPES: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "multiply": lambda weight, source: (weight, source),
    "squared_difference": lambda weight, source: (2 * (source - weight), 2 * (weight - source)),
}


def _one_winner(terms: Array, winner: Array) -> Array:
    share = np.zeros_like(terms)
    np.put_along_axis(share, np.expand_dims(winner, 1), 1, axis=1)
    return share


def _product_of_others(terms: Array) -> Array:
    # Of those before times of those after, so that no term is divided by: some may be zero.
    share = np.ones_like(terms)
    np.cumprod(terms[:, :-1], axis=1, out=share[:, 1:])
    after = np.cumprod(terms[:, :0:-1], axis=1)
    share[:, :-1] *= after[:, ::-1]
    return share


# name -> d reduce / d term, for terms (rows, slots, ...) of which axis 1 is reduced. A max or min
# goes to its winner, the first on ties.
REDUCE_SLOPES: dict[str, Callable[[Array], Array]] = {
    "sum": np.ones_like,
    "product": _product_of_others,
    "max": lambda terms: _one_winner(terms, terms.argmax(axis=1)),
    "min": lambda terms: _one_winner(terms, terms.argmin(axis=1)),
}


def _sigmoid(a: Array) -> Array:
    # Written with tanh so that no exponential overflows for a large negative a.
    half = a.dtype.type(0.5)
    return np.asarray(half * (np.tanh(half * a) + a.dtype.type(1)))


def _erf(a: Array) -> Array:
    from scipy.special import erf  # only gelu needs scipy.special

    return np.asarray(erf(a))


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
    "hardsigmoid": ((), lambda a: np.clip(a / 6 + 0.5, 0, 1)),
    "hardswish": ((), lambda a: a * np.clip(a / 6 + 0.5, 0, 1)),
    "exp": ((), np.exp),
    "square": ((), np.square),
}


def _inside(state: Array, low: float, high: float) -> Array:
    return ((state > low) & (state < high)).astype(state.dtype)


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
    "hardsigmoid": (True, lambda a, x: _inside(a, -3, 3) / 6),
    "hardswish": (True, lambda a, x: np.where(np.abs(a) < 3, a / 3 + 0.5, a > 0)),
    "exp": (False, lambda a, x: x),
    "square": (True, lambda a, x: 2 * a),
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
                f"activation {self.name!r} is unknown{suggestion(str(self.name), ACTIVATIONS)}"
            )
        defaults = ACTIVATIONS[self.name][0]
        try:
            given = tuple(float(p) for p in self.parameters) or defaults
        except (TypeError, ValueError, OverflowError):
            given = (math.nan,)
        if len(given) != len(defaults) or not all(math.isfinite(p) for p in given):
            raise GraphError(
                f"activation {self.name!r}: found parameters {shown(self.parameters)}, "
                f"needed {len(defaults)} finite number(s)"
            )
        object.__setattr__(self, "parameters", given)

    def __call__(self, net: Array) -> Array:
        """Return the states for the net inputs `net`, in their dtype and shape."""
        net = np.asarray(net)
        out = ACTIVATIONS[self.name][1](net, *self.parameters)
        return np.asarray(out, dtype=net.dtype)

    def derivative(self, net: Array, state: Array) -> Array:
        """Return d state / d net, in the dtype and shape of `state`.

        `net` is looked at only where `reads_net`.

        >>> Activation("relu").derivative(np.zeros(1), np.zeros(1))
        array([0.])
        """
        state = np.asarray(state)
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


@dataclass(frozen=True)
class Function:
    """The function of a neuron: `activation(reduce(combine(weight, source)) + bias)`.

    combine is "multiply" (w x) or "squared_difference" ((x - w)^2); reduce is "sum", "product",
    "max" or "min".

    >>> str(Function("multiply", "max"))
    '(multiply, max) identity'

    Raises GraphError for an unknown name.
    """

    combine: str = "multiply"
    reduce: str = "sum"
    activation: Activation = field(default_factory=Activation)

    def __post_init__(self) -> None:
        for value, known, what in (
            (self.combine, COMBINE, "combine"),
            (self.reduce, REDUCE, "reduce"),
        ):
            if not isinstance(value, str) or value not in known:
                raise GraphError(f"{what} {value!r} is unknown{suggestion(value, known)}")
        object.__setattr__(self, "activation", as_activation(self.activation))

    @property
    def linear(self) -> bool:
        """Whether the net input is a weighted sum: (multiply, sum)."""
        return self.combine == "multiply" and self.reduce == "sum"

    def __str__(self) -> str:
        return f"({self.combine}, {self.reduce}) {self.activation}"
