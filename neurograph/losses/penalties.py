"""Losses of penalties, of which the smallest wins: LeCun et al. 1998, formulas (8) and (9)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_real
from neurograph.errors import DataError, shown
from neurograph.losses.targets import ready

Array = NDArray[Any]


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
        outputs, place, label = ready(outputs, targets)
        return np.asarray(outputs[place, label] / self.scale)

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return 1 / (scale * batch) at the right class, 0 elsewhere."""
        outputs, place, label = ready(outputs, targets)
        found = np.zeros_like(outputs)
        found[place, label] = 1 / (self.scale * max(len(outputs), 1))
        return found

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return zeros."""
        return np.zeros_like(ready(outputs, targets)[0])

    def hessian(self, outputs: Array, targets: Array) -> Array:
        """Return zeros (batch, classes, classes)."""
        outputs, _, _ = ready(outputs, targets)
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
        outputs, place, label = ready(outputs, targets)
        return np.asarray((outputs[place, label] + self._shares(outputs)[1]) / self.scale)

    def gradient(self, outputs: Array, targets: Array) -> Array:
        """Return ((1 at the right class) - p) / (scale * batch)."""
        outputs, place, label = ready(outputs, targets)
        found = -self._shares(outputs)[0]
        found[place, label] += 1
        return np.asarray(found / (self.scale * max(len(outputs), 1)))

    def curvature(self, outputs: Array, targets: Array) -> Array:
        """Return p (1 - p) / (scale * batch)."""
        outputs, _, _ = ready(outputs, targets)
        share = self._shares(outputs)[0]
        return np.asarray(share * (1 - share) / (self.scale * max(len(outputs), 1)))

    def hessian(self, outputs: Array, targets: Array) -> Array:
        """Return (diag(p) - p p^T) / (scale * batch), shape (batch, classes, classes)."""
        outputs, _, _ = ready(outputs, targets)
        share = self._shares(outputs)[0]
        found = -share[:, :, None] * share[:, None, :]
        each = np.arange(outputs.shape[1])
        found[:, each, each] += share
        return np.asarray(found / (self.scale * max(len(outputs), 1)))


def _check_scale(scale: float) -> None:
    if not (is_real(scale) and scale > 0 and math.isfinite(scale)):
        raise DataError(f"loss: found scale {shown(scale)}, needed a number above 0")
