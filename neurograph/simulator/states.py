"""States of a batch: of every neuron, by layer or neuron."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.graph import Reference, ids_of
from neurograph.names import Names
from neurograph.program import Program

Array = NDArray[Any]

_MAPS, _ZOOM = 64, 3  # maps of a layer that a notebook shows, and how large
_ROW, _ROW_ZOOM = 150, 6  # so of neurons that have no rows and columns


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

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the first image's states, a picture a layer."""
        rows = [(name, *_pictured(name, self[name][:1])) for name in self]
        head = "layer", "maps", "states of the first image", "least", "largest"
        return html.paragraph(repr(self)) + html.table(head, rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._program.layers)

    def __len__(self) -> int:
        return len(self._program.layers)


def _pictured(name: str, states: Array) -> tuple[str, html.Markup, str, str]:
    """Return the shape, a picture, the least and the largest of one layer's states (1, *shape)."""
    shape = "x".join(map(str, states.shape[1:]))
    if not states.size:
        return shape, html.Markup(), "", ""
    first = states[0].astype(np.float64)
    flat = first.ndim < 2 or first.shape[-2:] == (1, 1)
    if flat:
        shown = first.reshape(1, -1)[:, :_ROW]
    else:
        shown = html.tiled(first.reshape(-1, *first.shape[-2:])[:_MAPS])
    known = first[np.isfinite(first)]
    least, largest = (f"{x:.6g}" for x in (known.min(initial=0), known.max(initial=0)))
    alt = f"states of {name}, from {least} to {largest}"
    return shape, html.picture(shown, alt=alt, zoom=_ROW_ZOOM if flat else _ZOOM), least, largest
