"""The samples that a page offers: input states by input layer, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.datasets import Digits, digits, normalize
from neurograph.errors import DataError
from neurograph.explorer.packing import Pack
from neurograph.graph import Graph
from neurograph.simulator import real_array

Array = NDArray[Any]
Shape = tuple[int, ...]
_SMALLEST, _LARGEST = 28, 64  # rows and columns of an input that digits are offered for
_PAPER, _INK = -0.1, 1.175  # the range of LeNet-5's input


@dataclass(frozen=True, eq=False)
class Samples:
    """Input states (samples, *shape) for every input layer, and the samples' labels as text."""

    inputs: tuple[Array, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, graph: Graph, samples: Any = None, labels: Any = None) -> Samples:
        """Return samples as `explore` takes them; raises DataError for what does not fit."""
        shapes = [layer.neurons.shape for layer in graph.inputs]
        if samples is None:
            samples = _ten_digits() if len(shapes) == 1 and _fits_digits(shapes[0]) else ()
        if isinstance(samples, Digits):
            labels = samples.labels.tolist() if labels is None else labels
            samples = _normalized(samples, shapes)
        arrays = _arrays(graph, samples, shapes)
        count = len(arrays[0]) if arrays else 0
        texts = tuple(map(str, labels)) if labels is not None else ("",) * count
        if len(texts) != count or any(len(a) != count for a in arrays):
            found = ", ".join(str(len(a)) for a in arrays) or "no"
            raise DataError(
                f"explore: found {found} samples and {len(texts)} labels, needed as many of each"
            )
        return cls(arrays, texts)

    def packed(self, pack: Pack) -> dict[str, Any]:
        """Put the samples into a pack; return where, the labels, and the range of each input."""
        ranges = [
            [float(a.min()), float(a.max())] if a.size else [_PAPER, _INK] for a in self.inputs
        ]
        inputs = [pack.coded(states) for states in self.inputs]
        return {"labels": list(self.labels), "inputs": inputs, "ranges": ranges}


def _arrays(graph: Graph, samples: Any, shapes: list[Shape]) -> tuple[Array, ...]:
    """Return what is given as one float64 array an input. Raises DataError if it does not fit."""
    if isinstance(samples, tuple) and not samples:
        return tuple(np.empty((0, *shape)) for shape in shapes)
    given = samples if isinstance(samples, tuple) else (samples,)
    if len(given) != len(shapes):
        raise DataError(
            f"explore: found samples for {len(given)} inputs, needed a tuple for {len(shapes)}"
        )
    arrays = []
    for layer, shape, one in zip(graph.inputs, shapes, given, strict=True):
        states = real_array(one, layer.name).astype(np.float64)
        if states.shape[1:] != shape or not states.ndim:
            raise DataError(
                f"explore: {layer.name}: found samples of shape {states.shape}, needed "
                f"(samples, {', '.join(map(str, shape))})"
            )
        if not np.isfinite(states).all():
            raise DataError(f"explore: {layer.name}: found a sample that is not finite")
        arrays.append(states)
    return tuple(arrays)


def _fits_digits(shape: Shape) -> bool:
    """Return whether an input is one picture of about a digit's size."""
    sides = shape[1:] if len(shape) == 3 and shape[0] == 1 else ()
    return len(sides) == 2 and all(_SMALLEST <= side <= _LARGEST for side in sides)


def _ten_digits() -> Digits:
    """Return one digit of each class."""
    every = digits()
    first = [int(np.flatnonzero(every.labels == label)[0]) for label in range(10)]
    return Digits(every.images[first], every.labels[first])


def _normalized(given: Digits, shapes: list[Shape]) -> Array:
    shape = shapes[0] if len(shapes) == 1 else ()
    if len(shape) == 1:
        return normalize(given.images, size=shape[0])
    if len(shape) == 3 and shape[0] == 1:
        return normalize(given.images, size=(shape[1], shape[2]))
    raise DataError(f"explore: digits do not fit inputs of shapes {shapes}")
