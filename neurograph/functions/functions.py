"""What a neuron computes: activation(reduce over its live slots of combine(weight, source) + bias).

The pair (combine, reduce) is data. A new kind of layer names a pair; it adds no branch to an
engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, shown, suggestion
from neurograph.functions.activations import ACTIVATIONS, DERIVATIVES, Activation, as_activation

__all__ = [
    "ACTIVATIONS",
    "COMBINE",
    "COMBINE_SLOPES",
    "DERIVATIVES",
    "IDENTITY",
    "REDUCE",
    "REDUCE_SLOPES",
    "Activation",
    "Function",
    "as_activation",
]

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
                raise GraphError(f"{what} {shown(value)} is unknown{suggestion(value, known)}")
        object.__setattr__(self, "activation", as_activation(self.activation))

    @property
    def linear(self) -> bool:
        """Whether the net input is a weighted sum: (multiply, sum)."""
        return self.combine == "multiply" and self.reduce == "sum"

    def __str__(self) -> str:
        return f"({self.combine}, {self.reduce}) {self.activation}"
