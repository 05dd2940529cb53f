"""The matrix of a layer, a colour a weight: sharing made visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph, Reference, neuron_ids, require_graph
from neurograph.plot.canvas import bare, colours, counted, entitle, one_axes
from neurograph.plot.mosaic import layers_of
from neurograph.program.compiler import compile

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ids = NDArray[Any]
BIAS_UNIT = 0
_PIXELS = 512  # a side at most: what is larger is reduced


def matrix(
    graph: Graph,
    layer: str,
    *,
    targets: Reference | None = None,
    sources: Reference | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Any:
    """Draw the matrix of a layer, each connection in the colour of its weight; return the Axes.

    A row is a target, a column a source; targets and sources choose some, by ids or names: all the
    layer's, and every neuron that it reads (biases, in column 0 of `Program.matrix`, are left out;
    sources=[0] shows them). A matrix of more than 512 rows or columns is reduced: a pixel has the
    colour of the first connection in it, never a mixture. kwargs go to `imshow`. Raises GraphError
    for unknown names and ids, targets of other layers, and where there is no connection.

    >>> from neurograph.models import lenet5
    >>> matrix(lenet5(), "C1").get_title("left")
    'C1: 117,600 connections share 150 weights'
    """
    require_graph(graph, "plot.matrix")
    chosen = layers_of(graph, "plot.matrix", [layer], 1)[0]
    rows = chosen.neurons.present if targets is None else _ids(graph, targets)
    if not np.isin(rows, chosen.neurons.present).all():
        raise GraphError(f"plot.matrix: targets are not all neurons of {layer}")
    found = compile(graph).matrix(layer)
    row, column, weight = _entries(found, _places(chosen.neurons.present, rows, graph.size))
    columns = _read(column) if sources is None else _ids(graph, sources)
    at = _places(columns, columns, graph.size)[column]
    row, column, weight = row[at >= 0], at[at >= 0], weight[at >= 0]
    if not weight.size:
        raise GraphError(f"plot.matrix: {layer} has no connection there, needed at least one")
    pixels, cell = reduced(row, column, weight, (rows.size, columns.size))
    ax = one_axes("plot.matrix", ax, _size(*pixels.shape))
    bare(ax)
    ax.imshow(_painted(pixels, np.unique(weight)), **{"interpolation": "none", **kwargs})
    ax.set_xlabel(f"{columns.size:,} sources, a column each", fontsize=12)
    ax.set_ylabel(f"{rows.size:,} neurons of {layer}, a row each", fontsize=12)
    _say(ax, layer, weight, cell)
    return ax


def _ids(graph: Graph, given: Reference) -> Ids:
    return neuron_ids(graph, given, "plot.matrix").reshape(-1)


def _places(ids: Ids, chosen: Ids, size: int) -> Ids:
    """Return for each of `size` ids its place among the chosen, -1 where it is none of them."""
    places = np.full(size, -1)
    places[chosen] = np.arange(chosen.size)
    return places if ids is chosen else places[ids]


def _entries(found: csr_matrix, row_of: Ids) -> tuple[Ids, Ids, Ids]:
    """Return row, source and weight of the connections into the wanted rows."""
    row = np.repeat(row_of, np.diff(found.indptr))
    wanted = row >= 0
    return row[wanted], found.indices[wanted], found.weight_ids[wanted]


def _read(sources: Ids) -> Ids:
    """Return the distinct sources but for the bias unit, ascending."""
    return np.setdiff1d(sources, [BIAS_UNIT])


def reduced(
    row: Ids, column: Ids, weight: Ids, shape: tuple[int, int], *, side: int = _PIXELS
) -> tuple[Ids, tuple[int, int]]:
    """Return weights as pixels, -1 where none is, and the rows and columns in a pixel.

    A pixel holds the first of its weights: the uppermost, of these the leftmost.

    >>> row, column = np.array([0, 1, 1]), np.array([1, 0, 3])
    >>> reduced(row, column, np.array([7, 8, 9]), (2, 4), side=2)[0].tolist()
    [[7, -1], [8, 9]]
    """
    cell = -(-shape[0] // side), -(-shape[1] // side)
    pixels = np.full((-(-shape[0] // cell[0]), -(-shape[1] // cell[1])), -1)
    last_first = np.lexsort((column, row))[::-1]  # of several the one written last stays
    at = row[last_first] // cell[0], column[last_first] // cell[1]
    pixels[at] = weight[last_first]
    return pixels, cell


def _painted(pixels: Ids, weights: Ids) -> NDArray[np.float64]:
    """Return the pixels in red, green, blue and opacity."""
    palette = np.append(colours(weights.size), [[0.0, 0.0, 0.0]], axis=0)
    place = np.where(pixels >= 0, np.searchsorted(weights, pixels), -1)
    return np.concatenate([palette[place], (pixels >= 0)[..., None]], axis=-1)


def _size(rows: int, columns: int) -> tuple[float, float]:
    """Return the inches of a figure for so many pixels."""
    height, width = np.clip(np.array([rows, columns]) / max(rows, columns), 0.25, 1) * 6.4
    return max(width, 5.4) + 0.9, height + 1.5


def _say(ax: Any, layer: str, weight: Ids, cell: tuple[int, int]) -> None:
    weights, connections = np.unique(weight).size, weight.size
    text = f"{layer}: {counted(connections, 'connection')}"
    text += f" share {counted(weights, 'weight')}" if weights < connections else ", a weight each"
    note = "a colour a weight"
    if max(cell) > 1:
        note += f"; a pixel is the first of {cell[0]}×{cell[1]} entries"
    entitle(ax, text, note)
