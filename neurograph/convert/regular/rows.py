"""The rows of a layer: the fields, kernels and biases of its neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.places import Places, Shape
from neurograph.functions import Function
from neurograph.graph import Layer
from neurograph.graph.ragged import Ragged

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a layer's neurons, which have one function, and where everything lies."""

    places: Places
    layer: Layer
    function: Function
    ids: Ids
    field: Ids
    kernel: Ids
    bias: Ids

    @property
    def shape(self) -> Shape:
        """The layer's shape."""
        return self.ids.shape

    @property
    def common(self) -> dict[str, Any]:
        """What every operator of the layer is made with."""
        return {"layer": self.layer.name, "activation": self.function.activation}

    def width(self) -> int | None:
        """Return how many slots every neuron has; None where they differ."""
        lengths = self.places.graph.table.fields.lengths(self.field.reshape(-1))
        return int(lengths[0]) if (lengths == lengths[0]).all() else None

    def one_kernel(self) -> int | None:
        """Return the kernel of all neurons; None where they have several."""
        first = int(self.kernel.flat[0])
        return first if (self.kernel == first).all() else None

    def sources(self, field: NDArray[Any], width: int) -> Ids:
        """Return the sources (..., slots) of fields of one width."""
        return padded(self.places.graph.table.fields, field, width)

    def weights(self, kernel: NDArray[Any], width: int) -> Ids:
        """Return the weights (..., slots) of kernels of one width."""
        return padded(self.places.graph.table.kernels, kernel, width)


def rows_of(places: Places, layer: Layer) -> Rows | str:
    """Return the rows of a layer, or why it is not regular."""
    table, ids = places.graph.table, places.ids_of(layer)
    if not ids.size or int(ids.min()) < 0:
        return "some of its neurons are absent"
    numbers = table.function[ids]
    if (numbers != numbers.flat[0]).any():
        return "its neurons have different functions"
    if int(table.field[ids].min()) < 0:
        return "it has neurons without a field"
    function = places.graph.functions[int(numbers.flat[0])]
    columns = (np.asarray(c[ids]) for c in (table.field, table.kernel, table.bias))
    return Rows(places, layer, function, ids, *columns)


def padded(rows: Ragged, chosen: NDArray[Any], width: int) -> Ids:
    """Return rows (..., width), those that are shorter filled up with -1."""
    slot = np.arange(width)
    inside = slot < rows.lengths(chosen)[..., None]
    at = rows.ptr[chosen][..., None] + slot
    if inside.all():
        return np.asarray(rows.ids[at])
    found = np.full(inside.shape, -1, np.int32)
    found[inside] = rows.ids[at[inside]]
    return found


def bias_of(bias: Ids, axis: int) -> Ids | None:
    """Return biases as one an entry of an axis where they are so, all of them, or none at all."""
    if int(bias.max()) < 0:
        return None
    moved = np.moveaxis(bias, axis, 0).reshape(bias.shape[axis], -1)
    return moved[:, 0].copy() if (moved == moved[:, :1]).all() else bias
