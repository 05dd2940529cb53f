"""Losses of scores, of which the largest wins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import array, is_real
from neurograph.errors import DataError, shown
from neurograph.losses.targets import as_floats, ready

Array = NDArray[Any]


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
        outputs, place, label = ready(outputs, targets)
        top = outputs.max(axis=1)
        return np.asarray(
            top - outputs[place, label] + np.log(np.exp(outputs - top[:, None]).sum(axis=1))
        )

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return (p - 1 at the right class) / batch, p the softmax."""
        outputs, place, label = ready(outputs, targets)
        found = _softmax(outputs)
        found[place, label] -= 1
        return np.asarray(found / max(len(outputs), 1))

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return p (1 - p) / batch."""
        outputs, _, _ = ready(outputs, targets)
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
        outputs = as_floats("outputs", outputs)
        targets = array("targets", targets, what="targets", error=DataError)
        if targets.ndim == 1 and outputs.ndim == 2:
            _, place, label = ready(outputs, targets)
            targets = np.full_like(outputs, self.low)
            targets[place, label] = self.high
        if targets.shape != outputs.shape:
            raise DataError(
                f"targets: found shape {targets.shape}, needed {outputs.shape}, or a label an image"
            )
        return np.asarray(outputs - as_floats("targets", targets).astype(outputs.dtype))

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
