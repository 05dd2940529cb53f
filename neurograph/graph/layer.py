"""A layer: a named group of neurons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.names import IdArray

Ids = NDArray[np.int32]
BIAS_NAME = "bias unit"


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """A named group of neurons, in the shape of its feature maps, and the weight arrays it brought.

    kind is the class that wired it, arrays the names of its weight arrays ("C1.kernel").

    >>> from neurograph.graph import Graph
    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> layer = graph.layer("C1"); layer.kind, layer.ids.shape, layer.arrays
    ('Conv2d', (6, 28, 28), ('C1.kernel', 'C1.bias'))
    """

    name: str
    kind: str
    neurons: IdArray
    arrays: tuple[str, ...] = ()

    @property
    def ids(self) -> Ids:
        """Neuron ids in the layer's shape, read-only; -1 where one is absent (after an edit)."""
        return read_only(self.neurons.ids)

    def __repr__(self) -> str:
        brought = f", brought {', '.join(self.arrays)}" if self.arrays else ""
        return f"Layer({self.name!r}, {self.kind}, neurons {self.neurons.shape}{brought})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what the layer is, in a table."""
        low, high = self.neurons.bounds()
        rows = [
            ("kind", self.kind),
            ("maps", "x".join(map(str, self.neurons.shape))),
            ("neurons", f"{self.neurons.present.size:,}"),
            ("ids", f"{low} to {high}"),
            ("brought", ", ".join(self.arrays) or "no weights"),
        ]
        return html.table((self.name, ""), rows)


def read_only(ids: Ids) -> Ids:
    """Return the ids so that nobody changes a copy and takes it for the graph."""
    view = ids.view()
    view.flags.writeable = False
    return view
