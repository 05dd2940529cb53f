"""What the weights of a graph are called in the state dictionary that they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Tensor:
    """A tensor as places of a weight array of some size: from `offset`, in steps of `strides`."""

    array: str
    size: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def whole(cls, array: str, shape: tuple[int, ...]) -> Tensor:
        """Return the whole array as a tensor of its own shape.

        >>> Tensor.whole("fc.weight", (2, 3)).strides
        (3, 1)
        """
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        return cls(array, math.prod(shape), tuple(shape), strides)

    @property
    def stop(self) -> int:
        """One more than the last flat place that it reads; its offset where it reads none."""
        if 0 in self.shape:
            return self.offset
        steps = zip(self.shape, self.strides, strict=True)
        return self.offset + 1 + sum((size - 1) * stride for size, stride in steps)


@dataclass(frozen=True)
class Statistics:
    """A batch norm's running statistics, by name, and the fixed arrays made of them.

    inverse_deviation is 1 / sqrt(variance + epsilon), center -mean times that.
    """

    mean: str
    variance: str
    center: str
    inverse_deviation: str
    epsilon: float

    def prefixed(self, prefix: str) -> Statistics:
        """Return it with a prefix before each name."""
        names = self.mean, self.variance, self.center, self.inverse_deviation
        mean, variance, center, inverse = (prefix + name for name in names)
        return Statistics(mean, variance, center, inverse, self.epsilon)


@dataclass(frozen=True)
class Origins:
    """Where a graph's weights come from.

    tensors are named parameters as places of weight arrays, statistics those of batch norms;
    derived arrays are computed from the arrays named; constants are buffers that have become part
    of the graph (a mask, say), with a digest of what they were, "" where nothing reads them.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    statistics: tuple[Statistics, ...] = ()
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tensors or self.statistics or self.derived or self.constants)

    @property
    def names(self) -> frozenset[str]:
        """Every name of a state dictionary that stands for something here."""
        statistics = (name for s in self.statistics for name in (s.mean, s.variance))
        return frozenset((*self.tensors, *statistics, *self.constants))

    def prefixed(self, prefix: str) -> Origins:
        """Return it for arrays, and tensors, whose names have a prefix before them."""
        return Origins(
            {prefix + name: replace(t, array=prefix + t.array) for name, t in self.tensors.items()},
            tuple(s.prefixed(prefix) for s in self.statistics),
            {prefix + a: tuple(prefix + b for b in of) for a, of in self.derived.items()},
            {prefix + name: digest for name, digest in self.constants.items()},
        )

    def joined(self, other: Origins) -> Origins:
        """Return it and the other, whose names differ, as one."""
        return Origins(
            {**self.tensors, **other.tensors},
            self.statistics + other.statistics,
            {**self.derived, **other.derived},
            {**self.constants, **other.constants},
        )

    def within(self, shapes: Mapping[str, tuple[int, ...]]) -> Origins:
        """Return what is still so where the arrays have these shapes, as after an edit."""
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        return Origins(
            {name: t for name, t in self.tensors.items() if sizes.get(t.array) == t.size},
            tuple(s for s in self.statistics if {s.center, s.inverse_deviation} <= sizes.keys()),
            {array: of for array, of in self.derived.items() if array in sizes},
            self.constants,
        )
