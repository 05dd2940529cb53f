"""What a loss is, and what a backward pass starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import DataError

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
