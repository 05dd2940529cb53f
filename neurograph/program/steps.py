"""Steps of a Program.

A step computes some neurons from states that earlier steps, inputs or constants left. It comes in
two forms:

- `Blocks`: B equal-shaped blocks of *fields x kernels*. In block b, map m and field f give neuron
  `targets[b, m, f]`:
  activation(reduce over k of combine(value[weights[b, m, k]], state[sources[b, f, k]]) +
  value[bias[b, m, f]]).
- `Rows`: CSR rows, one neuron each, for neurons that share neither field nor kernel with enough
  others.

Weights in a step are always live. Sources in a (multiply, sum) `Blocks` may be -1, an empty slot:
it contributes nothing, and an engine may read a zero there because 0 w = 0. All other steps hold
live slots only. A bias of -1 means no bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Function
from neurograph.rows import spans

Ids = NDArray[np.int32]


class Frozen:
    """A dataclass whose arrays are read-only: those that somebody may write to are copied."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _frozen(value))

    @classmethod
    def of(cls, *given: Any) -> Self:
        """Return one of arrays that nobody else has: they are not copied, but made read-only."""
        for one in given:
            if isinstance(one, np.ndarray):
                one.flags.writeable = False
        return cls(*given)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy it, or pickle it, as what it is made of: a copied array may be written to."""
        made = (getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in made)


def _frozen(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    return value


@dataclass(frozen=True, eq=False, repr=False)
class Rows(Frozen):
    """One CSR row a neuron: row i has the slots `ptr[i]:ptr[i + 1]`.

    Shapes: targets (N,), ptr (N + 1,) int64, sources (S,), weights (S,), bias (N,) with -1 for
    none.
    """

    level: int
    function: Function
    targets: Ids
    ptr: NDArray[np.int64]
    sources: Ids
    weights: Ids
    bias: Ids

    @property
    def slots(self) -> int:
        """The number of slots."""
        return self.sources.size

    def __repr__(self) -> str:
        return f"Rows(level {self.level}, {self.targets.size:,} neurons, {self.slots:,} slots)"

    def rows(self) -> Rows:
        """Return the step itself."""
        return self

    def lengths(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return how many slots each of the targets at flat `places` has."""
        return np.asarray(self.ptr[places + 1] - self.ptr[places])

    def slots_of(self, places: NDArray[Any]) -> tuple[NDArray[Any], Ids, Ids]:
        """Return (which of `places`, source, weight) of the slots of the targets there."""
        lengths = self.lengths(places)
        at = spans(self.ptr[places], lengths)
        return np.repeat(np.arange(places.size), lengths), self.sources[at], self.weights[at]

    def biases(self, places: NDArray[Any]) -> Ids:
        """Return the bias of each of the targets at flat `places`, -1 for none."""
        return np.asarray(self.bias[places])


@dataclass(frozen=True, eq=False, repr=False)
class Blocks(Frozen):
    """B blocks of F fields x M kernels of K slots each.

    Shapes: sources (B, F, K), -1 empty; weights (B, M, K); bias (B, M, F) or (B, M, 1), -1 none;
    targets (B, M, F).
    """

    level: int
    function: Function
    sources: Ids
    weights: Ids
    bias: Ids
    targets: Ids

    @property
    def slots(self) -> int:
        """The number of slots, empty ones included."""
        return int(self.targets.size * self.sources.shape[2])

    def __repr__(self) -> str:
        return f"Blocks(level {self.level}, {self.targets.shape} neurons, {self.slots:,} slots)"

    def rows(self) -> Rows:
        """Return the step with every live slot spelled out, ordered block, map, field, slot."""
        blocks, maps, fields = self.targets.shape
        slots = self.sources.shape[2]
        shape = (blocks, maps, fields, slots)
        sources = np.broadcast_to(self.sources[:, None], shape).reshape(-1)
        weights = np.broadcast_to(self.weights[:, :, None], shape).reshape(-1)
        live = sources >= 0
        length = live.reshape(-1, slots).sum(1) if slots else np.zeros(self.targets.size, np.int64)
        ptr = np.zeros(self.targets.size + 1, np.int64)
        np.cumsum(length, out=ptr[1:])
        bias = np.broadcast_to(self.bias, self.targets.shape).reshape(-1)
        return Rows.of(
            self.level,
            self.function,
            self.targets.reshape(-1),
            ptr,
            sources[live],
            weights[live],
            bias,
        )

    def lengths(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return how many slots, empty ones included, each of the targets at flat `places` has."""
        return np.full(places.size, self.sources.shape[2])

    def slots_of(self, places: NDArray[Any]) -> tuple[NDArray[Any], Ids, Ids]:
        """Return (which of `places`, source, weight) of the live slots of the targets there."""
        block, kernel, field = np.unravel_index(places, self.targets.shape)
        sources, weights = self.sources[block, field], self.weights[block, kernel]
        live = sources >= 0
        return np.nonzero(live)[0], sources[live], weights[live]

    def biases(self, places: NDArray[Any]) -> Ids:
        """Return the bias of each of the targets at flat `places`, -1 for none."""
        at = np.unravel_index(places, self.targets.shape)
        return np.asarray(np.broadcast_to(self.bias, self.targets.shape)[at])


Step = Blocks | Rows


def join_rows(steps: Sequence[Step]) -> Rows:
    """Return steps of one level and function as one, their rows one after the other."""
    parts = [step.rows() for step in steps]
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([np.diff(p.ptr) for p in parts])
    ptr = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=ptr[1:])
    targets, sources, weights, bias = (
        np.concatenate([getattr(p, column) for p in parts])
        for column in ("targets", "sources", "weights", "bias")
    )
    return Rows.of(parts[0].level, parts[0].function, targets, ptr, sources, weights, bias)
