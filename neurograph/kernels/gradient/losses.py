"""Losses by number, for compiled training: what neurograph.losses says, one pattern at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.gradient.inside import inner
from neurograph.losses import (
    CorrectPenalty,
    CrossEntropy,
    DiscriminativePenalty,
    Loss,
    MeanSquaredError,
)

CROSS_ENTROPY, SQUARED_ERROR, CORRECT_PENALTY, DISCRIMINATIVE_PENALTY = range(4)


def encode(loss: Loss) -> tuple[int, tuple[float, float]] | None:
    """Return the number of a loss and its two parameters; None for one that is not known here.

    >>> encode(DiscriminativePenalty(rubbish=0.5))
    (3, (1.0, 0.5))
    """
    if type(loss) is CrossEntropy:
        return CROSS_ENTROPY, (0.0, 0.0)
    if type(loss) is MeanSquaredError:
        return SQUARED_ERROR, (loss.low, loss.high)
    if type(loss) is CorrectPenalty:
        return CORRECT_PENALTY, (loss.scale, 0.0)
    if type(loss) is DiscriminativePenalty:
        return DISCRIMINATIVE_PENALTY, (loss.scale, loss.rubbish)
    return None


@dataclass(frozen=True, eq=False)
class Compiled:
    """A loss and its targets as compiled code takes them; code -1: the gradients are given."""

    code: int
    first: float
    second: float
    labels: NDArray[np.int64]
    wanted: NDArray[Any]


def given(batch: int, dtype: np.dtype[Any]) -> Compiled:
    """Return what stands for a loss where its gradients are given."""
    return Compiled(-1, 0.0, 0.0, np.zeros(batch, np.int64), np.empty((batch, 0), dtype))


def compiled(loss: Loss, targets: NDArray[Any], dtype: np.dtype[Any]) -> Compiled | None:
    """Return a loss and labels (batch,) or target states (batch, outputs) for compiled code.

    None for a loss that is not known here, or does not take such targets.
    """
    known = encode(loss)
    if known is None or (targets.ndim > 1 and known[0] != SQUARED_ERROR):
        return None
    code, (first, second) = known
    none = given(len(targets), dtype)
    if targets.ndim == 1:
        return Compiled(code, first, second, targets.astype(np.int64), none.wanted)
    return Compiled(code, first, second, none.labels, np.ascontiguousarray(targets, dtype))


@inner
def _shares(outputs: Any, sign: int, rest: float, found: Any) -> None:
    """Set found to exp(sign * outputs) / (exp(sign * rest) + the sum of them)."""
    top = sign * rest
    for i in range(outputs.size):
        top = max(top, sign * float(outputs[i]))
    total = math.exp(sign * rest - top)
    for i in range(outputs.size):
        found[i] = math.exp(sign * float(outputs[i]) - top)
        total += found[i]
    for i in range(outputs.size):
        found[i] /= total


@inner
def loss_gradient(
    code: int, first: float, second: float, outputs: Any, label: int, wanted: Any, found: Any
) -> None:
    """Set `found` to the gradient of a pattern's loss by its outputs.

    `wanted` are target states for the squared error; where there are none, the label says them.
    """
    count = outputs.size
    if code == SQUARED_ERROR:
        for i in range(count):
            target = float(wanted[i]) if wanted.size else (second if i == label else first)
            found[i] = 2 * (float(outputs[i]) - target) / count
    elif code == CORRECT_PENALTY:
        for i in range(count):
            found[i] = 0.0
        found[label] = 1 / first
    elif code == CROSS_ENTROPY:
        _shares(outputs, 1, -math.inf, found)
        found[label] -= 1
    else:
        _shares(outputs, -1, second, found)
        for i in range(count):
            found[i] = -found[i] / first
        found[label] += 1 / first
