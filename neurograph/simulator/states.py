"""States of a batch: of every neuron, by layer or neuron."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph import Reference, ids_of
from neurograph.names import Names
from neurograph.program import Program

Array = NDArray[Any]


class States(Mapping[Any, Array]):
    """The state of every neuron for a batch: by layer name (batch, *shape), by id or name (batch,).

    A mapping over the layers; a place of a layer where no neuron is holds NaN. `array` has all of
    them, (batch, ids), the constants' too. Raises GraphError for an unknown layer or id.

    >>> from neurograph.models import mlp
    >>> from neurograph.simulator import Simulator
    >>> states = Simulator(mlp((4, 3, 2)), engine="scipy").states(np.zeros((5, 4)))
    >>> list(states), states["N1"].shape, states["output[1]"].shape, states[[8, 9]].shape
    (['input', 'N1', 'output'], (5, 3), (5,), (5, 2))
    """

    def __init__(
        self, program: Program, states: Array, labels: Mapping[int, str] | None = None
    ) -> None:
        self._program, self._labels = program, dict(labels or {})
        self.array = states

    def __getitem__(self, key: Reference) -> Array:
        """Return (batch, *shape) of a layer, of one neuron by id or name, or of several."""
        if isinstance(key, str) and key in self._names:
            ids = self._names[key].ids
            found = self.array[:, ids]
            return np.where(ids >= 0, found, np.nan) if (ids < 0).any() else found
        return np.asarray(self.array[:, ids_of(self._names, self._program.size, key, "states")])

    @cached_property
    def _names(self) -> Names:
        names = Names("neuron")
        for name, ids in self._program.layers.items():
            names.add(name, ids)
        there = {i: text for i, text in self._labels.items() if i < self._program.size}
        names.label([*there], [*there.values()])
        return names

    def __repr__(self) -> str:
        batch, ids = self.array.shape
        return f"States({batch:,} images x {ids:,} ids, {len(self)} layers)"

    def __iter__(self) -> Iterator[str]:
        return iter(self._program.layers)

    def __len__(self) -> int:
        return len(self._program.layers)
