"""Losses: how wrong the outputs of a batch are, and its first two derivatives by each output.

All average over the batch, derivatives too. Targets are labels (batch,) of whole numbers; the mean
squared error also takes target states in the shape of the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array, is_real, reals, wholes
from neurograph.errors import DataError, kind_of, shown, suggestion

Array = NDArray[Any]


class Loss(Protocol):
    """What training asks of a loss; outputs are (batch, classes)."""

    def each(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every pattern, shape (batch,)."""

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return the gradient of the mean loss, in the shape of the outputs."""

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return the second derivative of the mean loss by each output, in the outputs' shape."""


@dataclass(eq=False)
class Seed:
    """dE/doutput of a batch, which a backward pass starts from: called with the outputs.

    It keeps them. An engine that knows the loss may take it from here and set the outputs itself.
    """

    loss: Loss
    targets: Array  # labels (batch,) or target states (batch, outputs)
    outputs: Array = field(default_factory=lambda: np.empty(0))

    def __call__(self, outputs: Array) -> Array:
        """Return the gradient of the mean loss by the outputs (batch, outputs)."""
        self.outputs = outputs
        return like_outputs(self.loss.gradient(outputs, self.targets), outputs)


def like_outputs(found: ArrayLike, outputs: Array) -> Array:
    """Return a loss's derivative by the outputs. Raises DataError for another shape, or no numbers.

    >>> like_outputs([[0.5, 1.0]], np.zeros((1, 2))).dtype
    dtype('float64')
    """
    try:
        array = np.asarray(found)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub" or array.shape != outputs.shape:
        raise DataError(
            f"loss: found a derivative of type {array.dtype} and shape {array.shape}, "
            f"needed real numbers of shape {outputs.shape}"
        )
    return array


def check_labels(labels: ArrayLike, batch: int, classes: int) -> NDArray[np.intp]:
    """Return the labels of a batch, one of 0 .. classes - 1 each.

    Raises DataError for another number of them, a type that is no whole number, or a label out of
    range.

    >>> check_labels([2, 0], 2, 10)
    array([2, 0])
    """
    given = array("labels", labels, what="labels", needed="whole numbers", error=DataError)
    if given.shape != (batch,):
        one_hot = (
            "; of one-hot rows take .argmax(axis=1)" if given.shape == (batch, classes) else ""
        )
        raise DataError(
            f"labels: found shape {given.shape}, needed ({batch},), one an image{one_hot}"
        )
    given = wholes("labels", labels, what="labels", error=DataError)
    if given.size and not (given.min() >= 0 and given.max() < classes):
        wrong = np.flatnonzero((given < 0) | (given >= classes))
        raise DataError(
            f"labels: found {given[wrong[0]]} at place {wrong[0]}, needed 0 to {classes - 1}"
        )
    return given.astype(np.intp, copy=False)


def _ready(outputs: Array, labels: Array) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Check a batch; return its outputs, the place of each pattern and its label."""
    outputs = _as_floats("outputs", outputs)
    if outputs.ndim != 2 or not outputs.shape[1]:
        raise DataError(f"loss: found outputs of shape {outputs.shape}, needed (batch, classes)")
    return outputs, np.arange(len(outputs)), check_labels(labels, *outputs.shape)


def _as_floats(what: str, values: ArrayLike) -> Array:
    """Return real numbers as floats, in their own precision. Raises DataError for others."""
    found = reals("loss", values, what=what, error=DataError)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy of scores: E = -z_D + log sum_i exp(z_i), D the right class.

    >>> round(float(CrossEntropy().each(np.zeros((1, 10)), np.array([3]))[0]), 4)
    2.3026
    """

    def each(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every pattern, shape (batch,)."""
        outputs, place, label = _ready(outputs, targets)
        top = outputs.max(axis=1)
        return np.asarray(
            top - outputs[place, label] + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        )

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return (p - 1 at the right class) / batch, p the softmax."""
        outputs, place, label = _ready(outputs, targets)
        found = _softmax(outputs)
        found[place, label] -= 1
        return np.asarray(found / max(len(outputs), 1))

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return p (1 - p) / batch."""
        outputs, _, _ = _ready(outputs, targets)
        found = _softmax(outputs)
        return np.asarray(found * (1 - found) / max(len(outputs), 1))


@dataclass(frozen=True)
class MeanSquaredError:
    """E = mean over outputs of (z - t)^2.

    Targets t in the shape of the outputs, or labels: then t is `high` at the right class and `low`
    at the others.

    >>> float(MeanSquaredError().each(np.zeros((1, 4)), np.array([3]))[0])
    0.25
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if not (is_real(value) and math.isfinite(value)):
                raise DataError(f"loss: found {name} {shown(value)}, needed a finite number")

    def _difference(self, outputs: Array, targets: Array) -> Array:
        outputs = _as_floats("outputs", outputs)
        targets = array("targets", targets, what="targets", error=DataError)
        if targets.ndim == 1 and outputs.ndim == 2:
            _, place, label = _ready(outputs, targets)
            targets = np.full_like(outputs, self.low)
            targets[place, label] = self.high
        if targets.shape != outputs.shape:
            raise DataError(
                f"targets: found shape {targets.shape}, needed {outputs.shape}, or a label an image"
            )
        return np.asarray(outputs - _as_floats("targets", targets).astype(outputs.dtype))

    def each(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every pattern, shape (batch,)."""
        squares = np.square(self._difference(outputs, targets))
        return np.asarray(squares.mean(axis=tuple(range(1, squares.ndim))))

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return 2 (z - t) / (outputs a pattern * batch)."""
        difference = self._difference(outputs, targets)
        return np.asarray(difference * difference.dtype.type(2 / max(difference.size, 1)))

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return 2 / (outputs a pattern * batch) everywhere."""
        difference = self._difference(outputs, targets)
        return np.full_like(difference, 2 / max(difference.size, 1))


@dataclass(frozen=True)
class CorrectPenalty:
    """Formula (8): E = y_D / scale, the penalty of the right class D.

    LeCun et al. 1998, page 9, where it is called equivalent to the mean squared error and scale is
    1. mu = 0.02 in the published step sizes only means something relative to the scale.

    >>> CorrectPenalty().each(np.array([[7.0, 3.0]]), np.array([1]))
    array([3.])
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _check_scale(self.scale)

    def each(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every pattern, shape (batch,)."""
        outputs, place, label = _ready(outputs, targets)
        return np.asarray(outputs[place, label] / self.scale)

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return 1 / (scale * batch) at the right class, 0 elsewhere."""
        outputs, place, label = _ready(outputs, targets)
        found = np.zeros_like(outputs)
        found[place, label] = 1 / (self.scale * max(len(outputs), 1))
        return found

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return zeros."""
        return np.zeros_like(_ready(outputs, targets)[0])

    def hessian(self, outputs: Array, targets: Array) -> Array:
        """Return zeros (batch, classes, classes)."""
        outputs, _, _ = _ready(outputs, targets)
        return np.zeros((*outputs.shape, outputs.shape[1]), outputs.dtype)


@dataclass(frozen=True)
class DiscriminativePenalty:
    """Formula (9): E = (y_D + log(exp(-j) + sum_i exp(-y_i))) / scale, D the right class.

    The sum goes over all classes, the right one included, so that E >= 0. j > 0 is the penalty of
    a rubbish class, which keeps the others from being pushed away for ever; the paper (LeCun et
    al. 1998, page 9) gives no value for it, and scale is 1 there. With p_i = exp(-y_i) / (exp(-j) +
    sum exp(-y)): dE/dy_i = (1 at D) - p_i. Safe for penalties of any size.

    >>> loss = DiscriminativePenalty(rubbish=1.0)
    >>> loss.each(np.array([[900.0, 0.0]]), np.array([0])).round(4)
    array([900.3133])
    """

    rubbish: float = 0.1
    scale: float = 1.0

    def __post_init__(self) -> None:
        _check_scale(self.scale)
        if not is_real(self.rubbish) or not self.rubbish > -np.inf:
            raise DataError(
                f"loss: found rubbish {shown(self.rubbish)}, needed a number or infinity"
            )

    def _shares(self, outputs: Array) -> tuple[Array, Array]:
        """Return p (batch, classes) and log(exp(-j) + sum exp(-y)) (batch,)."""
        least = np.minimum(outputs.min(axis=1), outputs.dtype.type(self.rubbish))
        powers = np.exp(least[:, None] - outputs)
        total = powers.sum(axis=1) + np.exp(least - outputs.dtype.type(self.rubbish))
        return powers / total[:, None], np.log(total) - least

    def each(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every pattern, shape (batch,)."""
        outputs, place, label = _ready(outputs, targets)
        return np.asarray((outputs[place, label] + self._shares(outputs)[1]) / self.scale)

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return ((1 at the right class) - p) / (scale * batch)."""
        outputs, place, label = _ready(outputs, targets)
        found = -self._shares(outputs)[0]
        found[place, label] += 1
        return np.asarray(found / (self.scale * max(len(outputs), 1)))

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return p (1 - p) / (scale * batch)."""
        outputs, _, _ = _ready(outputs, targets)
        share = self._shares(outputs)[0]
        return np.asarray(share * (1 - share) / (self.scale * max(len(outputs), 1)))

    def hessian(self, outputs: Array, targets: Array) -> Array:
        """Return (diag(p) - p p^T) / (scale * batch), shape (batch, classes, classes)."""
        outputs, _, _ = _ready(outputs, targets)
        share = self._shares(outputs)[0]
        found = -share[:, :, None] * share[:, None, :]
        each = np.arange(outputs.shape[1])
        found[:, each, each] += share
        return np.asarray(found / (self.scale * max(len(outputs), 1)))


def _check_scale(scale: float) -> None:
    if not (is_real(scale) and scale > 0 and math.isfinite(scale)):
        raise DataError(f"loss: found scale {shown(scale)}, needed a number above 0")


LOSSES: dict[str, Callable[..., Loss]] = {
    "cross_entropy": CrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "correct_penalty": CorrectPenalty,
    "discriminative_penalty": DiscriminativePenalty,
}


def as_loss(loss: str | Loss) -> Loss:
    """Return `loss`, or the loss of that name with its defaults.

    >>> as_loss("cross_entropy")
    CrossEntropy()

    Raises DataError for an unknown name and for what is no loss.
    """
    if not isinstance(loss, str):
        methods = [getattr(loss, name, None) for name in ("each", "gradient", "curvature")]
        if isinstance(loss, type) or not all(map(callable, methods)):
            raise DataError(
                f"loss: found {kind_of(loss)}, needed a name or a loss such as CrossEntropy()"
            )
        return loss
    if loss not in LOSSES:
        raise DataError(f"loss {shown(loss)} is unknown{suggestion(loss, LOSSES)}")
    return LOSSES[loss]()
