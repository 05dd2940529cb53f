"""Gradients of a loss, by the backward pass of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array, finite, reals
from neurograph.engines import Engine
from neurograph.errors import DataError
from neurograph.graph import Layer
from neurograph.losses import (
    Loss,
    Seed,
    check_labels,
)
from neurograph.program import Program

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Gradient:
    """A batch's mean loss, outputs (batch, *shape), and dE/dweight, float64 (weights,).

    `inputs` is dE/dinput where it was asked for, in the form of the images, else None.

    >>> from neurograph.models import mlp
    >>> from neurograph.simulator import Simulator
    >>> sim = Simulator(mlp((4, 3)), engine="scipy")
    >>> found = sim.gradient(np.zeros((2, 4)), [0, 2], "cross_entropy", inputs=True)
    >>> found.loss > 0, found.outputs.shape, found.inputs.shape
    (True, (2, 3), (2, 4))
    """

    loss: float
    outputs: Array
    weights: NDArray[np.float64]
    inputs: Array | tuple[Array, ...] | None = None


def check_targets(program: Program, batch: int, targets: ArrayLike) -> Array:
    """Return labels (batch,), or target states (batch, outputs).

    Raises DataError for labels out of range or of the wrong number, and for target states of
    another shape than the outputs or not finite.
    """
    given = array("targets", targets, what="targets", error=DataError)
    shape = program.outputs.shape
    if given.ndim != 1 and given.shape == (batch, *shape):
        finite("targets", targets, what="targets", error=DataError)
        found = reals("targets", targets, what="targets", error=DataError)
        return found.reshape(batch, program.outputs.size)
    if given.ndim != 1 or len(shape) != 1:
        raise DataError(
            f"targets: found shape {given.shape}, needed {(batch, *shape)}"
            + (" or a label an image" if len(shape) == 1 else "")
        )
    return check_labels(targets, batch, shape[0])


def gradient(
    engine: Engine,
    layers: Sequence[Layer],
    inputs: Array,
    targets: Array,
    loss: Loss,
    *,
    wrt_inputs: bool,
) -> Gradient:
    """Return the gradient of the mean loss; `layers` are the inputs that it is split for."""
    ids, seed = engine.program.outputs, Seed(loss, targets)
    weights, below = engine.backward(inputs, ids.reshape(-1), seed, wrt_inputs=wrt_inputs)
    outputs = seed.outputs
    mean = float(np.mean(loss.each(outputs, targets), dtype=np.float64)) if len(inputs) else 0.0
    shaped = outputs.reshape(len(inputs), *ids.shape)
    return Gradient(mean, shaped, weights, None if below is None else split(layers, below))


def split(layers: Sequence[Layer], flat: Array) -> Array | tuple[Array, ...]:
    """Return dE/dinput for each input in its images' shape; 0 where a neuron is absent."""
    found, start = [], 0
    for layer in layers:
        present = (layer.ids >= 0).reshape(-1)
        size = int(present.sum())
        part = np.zeros((len(flat), present.size), flat.dtype)
        part[:, present] = flat[:, start : start + size]
        found.append(part.reshape(len(flat), *layer.ids.shape))
        start += size
    return found[0] if len(found) == 1 else tuple(found)
