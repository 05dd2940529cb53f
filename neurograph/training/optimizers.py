"""Optimizers: how weights move along a gradient. Pure functions over one vector of weights.

`values` and `gradient` are vectors of the same weights, in training those that are trainable;
`state` is the optimizer's memory, vectors by name. A rate is one number, or one a pass, the last
of which stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_real, is_whole
from neurograph.errors import DataError, kind_of, shown, suggestion

Floats = NDArray[np.float64]
State = Mapping[str, Floats]
Rate = float | Sequence[float]

# LeCun et al. 1998, page 10: the global rate of passes 1-2, 3-5, 6-8, 9-12, and thereafter.
LENET5_RATES = (5e-4,) * 2 + (2e-4,) * 3 + (1e-4,) * 3 + (5e-5,) * 4 + (1e-5,)


class Optimizer(Protocol):
    """What training asks of an optimizer; more is offered by `Steady` and `Curved`."""

    @property
    def batch(self) -> int:
        """How many patterns an update takes unless another number is asked for."""

    def start(self, size: int) -> State:
        """Return the state before the first update of `size` weights.

        Names and shapes stay the same: those of a checkpoint are compared with them.
        """

    def step(
        self, values: Floats, gradient: Floats, state: State, number: int
    ) -> tuple[Floats, State]:
        """Return values and state after one update in pass `number`, counted from 0."""


@runtime_checkable
class Steady(Protocol):
    """An optimizer whose updates may all be -rate * gradient: one by one they are much faster."""

    def fixed_rates(self, state: State, number: int, size: int) -> Floats | None:
        """Return a rate per weight if, all through pass `number`, an update is so; else None."""


@runtime_checkable
class Curved(Protocol):
    """An optimizer that knows the curvature, estimated anew as a pass begins."""

    @property
    def patterns(self) -> int:
        """How many patterns the curvature is estimated on."""

    @property
    def estimates(self) -> int:
        """How many times a pass `before_pass` is called, at equal distances; once is usual."""

    def before_pass(self, state: State, number: int, curvature: Floats | None) -> State:
        """Return the state with which pass `number`, counted from 0, begins or goes on."""


def rate_of(rate: Rate, number: int) -> float:
    """Return the rate of pass `number`, counted from 0.

    >>> [rate_of(LENET5_RATES, number) for number in (0, 2, 19)]
    [0.0005, 0.0002, 1e-05]
    """
    if isinstance(rate, Sequence):
        return float(rate[min(number, len(rate) - 1)])
    return float(rate)


def cosine(rate: float, passes: int) -> tuple[float, ...]:
    """Return the rates of a half cosine from `rate` down, one a pass.

    >>> cosine(1.0, 2)
    (1.0, 0.5)
    """
    turn = np.pi * np.arange(passes) / max(passes, 1)
    return tuple((rate * 0.5 * (1 + np.cos(turn))).tolist())


def _check(optimizer: Any, *names: str) -> None:
    """Check the rate, and that options of these names are numbers from 0; make them floats."""
    who, rate = type(optimizer).__name__, optimizer.rate
    several = np.iterable(rate) and not isinstance(rate, str | bytes)
    rates = list(rate) if several else [rate]
    if not rates or not all(is_real(r) and 0 < r < np.inf for r in rates):
        raise DataError(f"{who}: found rate {shown(rate)}, needed numbers above 0")
    object.__setattr__(optimizer, "rate", tuple(map(float, rates)) if several else float(rate))
    for name in names:
        value = getattr(optimizer, name)
        if not (is_real(value) and 0 <= value < np.inf):
            raise DataError(f"{who}: found {name} {shown(value)}, needed a number from 0")
        object.__setattr__(optimizer, name, float(value))


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: v <- momentum v + g + decay w; w <- w - rate v.

    >>> values, _ = SGD(0.5).step(np.ones(1), np.ones(1), {}, 0)
    >>> values
    array([0.5])
    """

    rate: Rate = 0.01
    momentum: float = 0.0
    decay: float = 0.0

    batch = 64

    def __post_init__(self) -> None:
        _check(self, "momentum", "decay")

    def start(self, size: int) -> State:
        """Return no speed yet; without momentum, nothing."""
        return {"speed": np.zeros(size)} if self.momentum else {}

    def step(
        self, values: Floats, gradient: Floats, state: State, number: int
    ) -> tuple[Floats, State]:
        """Return values and state after one update."""
        speed = gradient + self.decay * values if self.decay else gradient
        if self.momentum:
            speed = self.momentum * state["speed"] + speed
            state = {"speed": speed}
        return values - rate_of(self.rate, number) * speed, state

    def fixed_rates(self, state: State, number: int, size: int) -> Floats | None:
        """Return the rate for each weight, if there is neither momentum nor decay."""
        if self.momentum or self.decay:
            return None
        return np.full(size, rate_of(self.rate, number))


@dataclass(frozen=True)
class Adam:
    """Adam, with decoupled decay: w <- w - rate (m' / (sqrt(v') + epsilon) + decay w).

    m and v are running means of g and g^2 with the factors `betas`; m' = m / (1 - beta1^t), v' = v
    / (1 - beta2^t) after t updates. D. P. Kingma, J. Ba, 2015; I. Loshchilov, F. Hutter, 2019.

    >>> adam = Adam(0.1)
    >>> adam.step(np.zeros(1), np.full(1, 7.0), adam.start(1), 0)[0].round(6)
    array([-0.1])
    """

    rate: Rate = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    decay: float = 0.0

    batch = 64

    def __post_init__(self) -> None:
        _check(self, "epsilon", "decay")
        betas = list(self.betas) if np.iterable(self.betas) else []
        if len(betas) != 2 or not all(is_real(b) and 0 <= b < 1 for b in betas):
            raise DataError(
                f"Adam: found betas {shown(self.betas)}, needed two numbers from 0 below 1"
            )
        object.__setattr__(self, "betas", tuple(map(float, betas)))

    def start(self, size: int) -> State:
        """Return means of zero after no update."""
        return {"first": np.zeros(size), "second": np.zeros(size), "updates": np.zeros(1)}

    def step(
        self, values: Floats, gradient: Floats, state: State, number: int
    ) -> tuple[Floats, State]:
        """Return values and state after one update."""
        one, two = self.betas
        first = one * state["first"] + (1 - one) * gradient
        second = two * state["second"] + (1 - two) * np.square(gradient)
        updates = state["updates"] + 1
        mean, spread = first / (1 - one**updates), np.sqrt(second / (1 - two**updates))
        move = mean / (spread + self.epsilon) + self.decay * values
        state = {"first": first, "second": second, "updates": updates}
        return values - rate_of(self.rate, number) * move, state


@dataclass(frozen=True)
class StochasticDiagonalLM:
    """Stochastic diagonal Levenberg-Marquardt: w_k <- w_k - rate / (mu + h_kk) g_k.

    h_kk, the curvature (see `Simulator.curvature`), is estimated anew on `patterns` patterns before
    each pass and kept through it; with `estimates` above 1, so many times a pass, at equal
    distances. LeCun et al. 1998, page 10 and Appendix C, (18) to (21); the defaults are those of
    the paper.

    >>> optimizer = StochasticDiagonalLM(rate=0.01, mu=0.02)
    >>> state = optimizer.before_pass({}, 0, np.array([0.0, 0.08]))
    >>> optimizer.fixed_rates(state, 0, 2)
    array([0.5, 0.1])
    """

    rate: Rate = LENET5_RATES
    mu: float = 0.02
    patterns: int = 500
    estimates: int = 1

    batch = 1

    def __post_init__(self) -> None:
        who = "StochasticDiagonalLM"
        _check(self, "mu")
        if not self.mu:
            raise DataError(f"{who}: found mu 0, needed a number above 0")
        for name in ("patterns", "estimates"):
            value = getattr(self, name)
            if not (is_whole(value) and value >= 1):
                raise DataError(
                    f"{who}: found {name} {shown(value)}, needed a whole number above 0"
                )
            object.__setattr__(self, name, int(value))

    def start(self, size: int) -> State:
        """Return rates of zero: none is known yet."""
        return {"rates": np.zeros(size)}

    def before_pass(self, state: State, number: int, curvature: Floats | None) -> State:
        """Return the weights' rates for this pass; a curvature below 0 counts as 0."""
        if curvature is None:
            raise DataError("StochasticDiagonalLM: found no curvature, needed one a weight")
        return {"rates": rate_of(self.rate, number) / (self.mu + np.maximum(curvature, 0))}

    def step(
        self, values: Floats, gradient: Floats, state: State, number: int
    ) -> tuple[Floats, State]:
        """Return values and state after one update."""
        return values - state["rates"] * gradient, state

    def fixed_rates(self, state: State, number: int, size: int) -> Floats | None:
        """Return the rates of this pass."""
        return state["rates"]


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": SGD,
    "adam": Adam,
    "diagonal_lm": StochasticDiagonalLM,
}


def as_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return `optimizer`, or the one of that name with its defaults.

    >>> as_optimizer("sgd")
    SGD(rate=0.01, momentum=0.0, decay=0.0)

    Raises DataError for an unknown name and for what is no optimizer.
    """
    if not isinstance(optimizer, str):
        parts = [hasattr(optimizer, name) for name in ("batch", "start", "step")]
        if isinstance(optimizer, type) or not all(parts):
            raise DataError(
                f"optimizer: found {kind_of(optimizer)}, needed a name or one such as Adam()"
            )
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise DataError(f"optimizer {optimizer!r} is unknown{suggestion(optimizer, OPTIMIZERS)}")
    found: Optimizer = OPTIMIZERS[optimizer]()
    return found
