"""The samples that a page offers: input states by input layer, and what each is called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.datasets import Digits, digits, normalize
from neurograph.errors import DataError, shown
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
        texts = ("",) * count if labels is None else _texts(labels)
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


def _texts(labels: Any) -> tuple[str, ...]:
    """Return labels as texts. Raises DataError for what is no row of them."""
    if isinstance(labels, str) or not np.iterable(labels):
        raise DataError(f"explore: found labels {shown(labels)}, needed one a sample")
    return tuple(map(str, labels))


def _fits_digits(shape: Shape) -> bool:
    """Return whether an input is one picture of about a digit's size."""
    side = _sides(shape)
    return side is not None and all(_SMALLEST <= n <= _LARGEST for n in side)


def _sides(shape: Shape) -> tuple[int, int] | None:
    """Return rows and columns of an input that is one picture, square where it is flat."""
    if len(shape) == 1:
        root = math.isqrt(shape[0])
        return (root, root) if root * root == shape[0] else None
    rows, columns = shape[-2:] if len(shape) > 1 else (0, 0)
    return (rows, columns) if math.prod(shape[:-2]) == 1 and len(shape) > 1 else None


def _ten_digits() -> Digits:
    """Return one digit of each class."""
    every = digits()
    first = [int(np.flatnonzero(every.labels == label)[0]) for label in range(10)]
    return Digits(every.images[first], every.labels[first])


def _normalized(given: Digits, shapes: list[Shape]) -> Array:
    """Return digits as the only input takes them. Raises DataError where they do not fit."""
    sides = _sides(shapes[0]) if len(shapes) == 1 else None
    if sides is None:
        raise DataError(f"explore: digits do not fit inputs of shapes {shapes}, needed one picture")
    return normalize(given.images, size=sides).reshape(len(given), *shapes[0])
