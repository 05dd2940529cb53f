"""Units over any pairs of (source, unit): an arbitrary connection table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.graph.initializers import Initializer
from neurograph.layers import windows
from neurograph.layers.wiring import (
    ActivationLike,
    Ids,
    add_maps,
    biases,
    check_options,
    flat,
    positive,
    weight_array,
)


@dataclass(frozen=True, eq=False)
class Sparse:
    """Units connected to some of their sources only, each connection by a weight of its own.

    state[o] = activation(sum over links (s, o) of w * source[s] + b[o]).

    links: whole numbers (connections, 2), rows of (source, unit), counted from 0 in the flattened
    and joined sources; a pair may stand there several times. Kernel array (connections,), in the
    order of the links; a unit's slots keep that order too. initializer may be the values
    themselves, one a link.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> y = graph.add(Sparse(2, [(0, 1), (2, 1), (1, 0)], name="y"), graph.add(Input((3,))))
    >>> [(int(s), graph.weight_name(w)) for s, w, _ in graph.incoming(y[1])]
    [(1, 'y.kernel[0]'), (3, 'y.kernel[1]'), (0, 'y.bias[1]')]
    """

    out_features: int
    links: ArrayLike
    bias: str | bool | None = "map"
    activation: ActivationLike = None
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the units; any number of sources of any shape. Returns ids (out_features,).

        Raises GraphError for links that are no pairs of whole numbers in range.
        """
        out = positive(self.out_features, name, "out_features")
        ids = flat(sources, name)
        links = _checked(self.links, ids.size, out, name)
        windows.require_size(name, 2 * out, len(links), len(links), 40 * len(links) + 16 * out)
        check_options(self, name)
        length = np.bincount(links[:, 1], minlength=out)
        array = weight_array(
            graph,
            name,
            "kernel",
            (len(links),),
            self.weights,
            initializer=self.initializer,
            fan_in=np.maximum(length[links[:, 1]], 1),
        )
        bias = biases(graph, self, name, (out,), np.maximum(length, 1))
        order = np.argsort(links[:, 1], kind="stable")
        ptr = np.concatenate([[0], np.cumsum(length)])
        field = graph.table.fields.append(ptr, ids[links[order, 0]])
        kernel = graph.table.kernels.append(ptr, array.ids[order])
        rows = np.arange(out)
        return add_maps(graph, self, name, (out,), (field + rows, kernel + rows, bias))


def _checked(given: ArrayLike, sources: int, out: int, name: str) -> NDArray[np.intp]:
    """Return the links as (connections, 2) whole numbers in range."""
    try:
        links = np.asarray(given)
    except Exception:  # rows of different lengths, or what a foreign type raises
        raise GraphError(
            f"{name}: found links of different lengths, needed whole numbers (connections, 2)"
        ) from None
    if links.ndim != 2 or links.shape[1] != 2 or links.dtype.kind not in "iu":
        raise GraphError(
            f"{name}: found links of shape {links.shape} and type {links.dtype}, "
            "needed whole numbers (connections, 2)"
        )
    for column, what, size in ((0, "source", sources), (1, "unit", out)):
        bad = np.flatnonzero((links[:, column] < 0) | (links[:, column] >= size))
        if bad.size:
            raise GraphError(
                f"{name}: link {bad[0]} is {tuple(links[bad[0]].tolist())}, "
                f"needed a {what} from 0 to {size - 1}"
            )
    return links.astype(np.intp)
