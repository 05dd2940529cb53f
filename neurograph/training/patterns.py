"""Patterns: images of all inputs and their targets, taken in pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import reals
from neurograph.errors import DataError, kind_of
from neurograph.gradient import check_targets
from neurograph.simulator import Simulator, check_images

Array = NDArray[Any]
Images = ArrayLike | tuple[ArrayLike, ...]

PIECE = 500  # patterns between two looks at the loss, and two signs of life


def pieces(part: slice, size: int) -> Iterator[slice]:
    """Cut a part of the patterns into slices of `size`, the last one shorter.

    >>> list(pieces(slice(0, 5), 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return (slice(a, min(a + size, part.stop)) for a in range(part.start, part.stop, size))


def stages(count: int, number: int) -> list[slice]:
    """Cut `count` patterns into `number` slices as equal as can be; none is empty.

    >>> stages(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    cuts = [count * i // number for i in range(number + 1)]
    return [slice(a, b) for a, b in pairwise(cuts) if a < b]


@dataclass(frozen=True, eq=False)
class Patterns:
    """Images, one array an input, and labels (patterns,) or target states (patterns, outputs)."""

    images: tuple[Array, ...]
    targets: Array
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def labelled(self) -> bool:
        """Whether the targets are labels."""
        return self.targets.ndim == 1

    def take(self, some: Any) -> tuple[tuple[Array, ...], Array]:
        """Return images and targets of some patterns, as a Simulator takes them."""
        targets = self.targets[some]
        if not self.labelled:
            targets = targets.reshape(len(targets), *self.shape)
        return tuple(array[some] for array in self.images), targets

    def digest(self) -> str:
        """Return the number of patterns and a digest of their targets."""
        content = np.ascontiguousarray(self.targets).tobytes()
        found = hashlib.blake2b(content, digest_size=8).hexdigest()
        return f"{len(self)} with targets of digest {found}"


def ready(simulator: Simulator, images: Images, targets: ArrayLike) -> Patterns:
    """Return checked patterns.

    Raises DataError unless there is at least one, all are finite and of the shape of the inputs,
    and the targets fit.
    """
    parts = images if isinstance(images, tuple) else (images,)
    given = tuple(reals("images", part, what="images", error=DataError) for part in parts)
    count = len(given[0]) if given and given[0].ndim else 0
    if not count:
        raise DataError("images: found no patterns, needed at least one")
    wanted = check_targets(simulator.program, count, targets)
    for some in pieces(slice(0, max(len(part) if part.ndim else 0 for part in given)), PIECE):
        some_images = tuple(array[some] for array in given)
        check_images(simulator.graph.inputs, some_images, simulator.dtype)
    return Patterns(given, wanted, simulator.program.outputs.shape)


def error_rate(simulator: Simulator, images: Images, labels: ArrayLike) -> float:
    """Return the share of images whose class is not their label.

    Raises DataError for images or labels that do not fit.

    >>> from neurograph.models import mlp
    >>> sim = Simulator(mlp((4, 3, 2)), engine="scipy")
    >>> error_rate(sim, np.ones((6, 4)), sim.classify(np.ones((6, 4))))
    0.0
    """
    if not isinstance(simulator, Simulator):
        raise DataError(f"error_rate: found {kind_of(simulator)}, needed a Simulator")
    patterns = ready(simulator, images, labels)
    if not patterns.labelled:
        raise DataError("labels: found target states, needed a label an image")
    return wrong_share(simulator, patterns)


def wrong_share(simulator: Simulator, patterns: Patterns) -> float:
    """Return the share of labelled patterns that are classified wrongly."""
    wrong = 0
    for some in pieces(slice(0, len(patterns)), PIECE):
        images, labels = patterns.take(some)
        wrong += int((simulator.classify(*images) != labels).sum())
    return wrong / len(patterns)
