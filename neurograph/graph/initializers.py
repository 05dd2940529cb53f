"""Initial weight values, drawn from a seeded generator.

F is the fan-in of the neuron that owns the connection, its bias not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import finite
from neurograph.errors import GraphError, shown, suggestion

Floats = NDArray[np.float64]
FanIn = NDArray[Any]  # broadcast against the drawn shape


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], bound: Any) -> Floats:
    return np.asarray(rng.uniform(-1.0, 1.0, shape) * bound)


INITIALIZERS: dict[str, Callable[[np.random.Generator, tuple[int, ...], FanIn], Floats]] = {
    "zeros": lambda rng, shape, fan_in: np.zeros(shape),
    "ones": lambda rng, shape, fan_in: np.ones(shape),
    # LeCun et al. 1998, Appendix A: uniform in +-2.4 / F (divided by F, not by its root).
    "lecun1998": lambda rng, shape, fan_in: _uniform(rng, shape, 2.4 / fan_in),
    "uniform_fan_in": lambda rng, shape, fan_in: _uniform(rng, shape, 1 / np.sqrt(fan_in)),
    "lecun_normal": lambda rng, shape, fan_in: rng.standard_normal(shape) / np.sqrt(fan_in),
    "he_normal": lambda rng, shape, fan_in: rng.standard_normal(shape) * np.sqrt(2 / fan_in),
    "he_uniform": lambda rng, shape, fan_in: _uniform(rng, shape, np.sqrt(6 / fan_in)),
}

# A name, one value for all, or the values themselves (a layer's kernel; its biases are then 0).
Initializer = str | float | NDArray[Any]


def check(initializer: Initializer, who: str) -> None:
    """Raise GraphError if `initializer` is a name that is not known."""
    if isinstance(initializer, str) and initializer not in INITIALIZERS:
        near = suggestion(initializer, INITIALIZERS)
        raise GraphError(f"{who}: initializer {shown(initializer)} is unknown{near}")


def own(initializer: Initializer, who: str) -> Initializer:
    """Return a known name, or values as an array that nobody else can change.

    Weights are drawn when they are first needed: what the caller does to the array until then must
    not reach them. Raises GraphError for an unknown name and for values that are not finite.
    """
    check(initializer, who)
    if isinstance(initializer, str):
        return initializer
    found = finite(who, initializer)
    # float32 stays so, at half the memory; what is drawn is float64.
    single = str(getattr(initializer, "dtype", "")).endswith("float32")
    return np.array(found, np.float32 if single else np.float64)


def fits(name: str, given: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise GraphError if values given for an array are neither one number nor of its shape."""
    if given.shape not in ((), shape):
        raise GraphError(f"{name}: found values of shape {given.shape}, needed {shape}")


def draw(
    initializer: Initializer,
    shape: tuple[int, ...],
    fan_in: FanIn,
    rng: np.random.Generator,
) -> Floats:
    """Return initial values of `shape`; `fan_in` is a number or broadcasts against it.

    >>> draw("lecun1998", (2,), np.array(24.0), np.random.default_rng(0)).round(4)
    array([ 0.0274, -0.046 ])
    """
    if isinstance(initializer, str):
        return INITIALIZERS[initializer](rng, shape, np.maximum(fan_in, 1))
    return np.broadcast_to(np.asarray(initializer, np.float64), shape).copy()
