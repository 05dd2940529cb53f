"""The connection table of a layer, map by map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph, Layer, receptive_field, require_graph
from neurograph.plot.canvas import BLUE, bare, entitle, ink, one_axes
from neurograph.plot.mosaic import as_maps, layers_of

MAPS_MAX = 128  # that can be told apart in a picture


def table(graph: Graph, layer: str, *, ax: Any = None, **kwargs: Any) -> Any:
    """Draw which maps each map of a layer reads, as Table I of LeCun et al. 1998; return the Axes.

    A column is a map of the layer, a row a map of a source; a cross where any neuron of the one
    reads one of the other. The first image of the Axes has the table as 1 and 0. kwargs go to
    `scatter`. Raises GraphError for an unknown layer, one that reads nothing, and more than 128
    maps on a side.

    >>> from neurograph.models import lenet5
    >>> table(lenet5(), "C3").get_title("left")
    'C3 reads S2: 60 of 96 pairs of maps'
    """
    require_graph(graph, "plot.table")
    chosen = layers_of(graph, "plot.table", [layer], 1)[0]
    targets = as_maps(chosen.ids).shape[0]
    _require_few(chosen, targets)
    sources = _sources(graph, chosen)
    links = _links(graph, chosen, sources)
    ax = one_axes("plot.table", ax, (2.2 + 0.44 * targets, 2.0 + 0.44 * len(links)))
    face = np.where(links, 0.16, 0.0)
    import matplotlib.colors

    cells = np.tile(matplotlib.colors.to_rgba(BLUE), (*links.shape, 1))
    cells[..., 3] = face
    ax.imshow(cells, interpolation="none", aspect="equal")
    row, column = np.nonzero(links)
    size = {"s": 70, "marker": "X", "color": BLUE, "linewidth": 0}
    ax.scatter(column, row, **{**size, **kwargs})
    _finish(ax, chosen, sources, links)
    return ax


def _require_few(layer: Layer, maps: int) -> None:
    if not 0 < maps <= MAPS_MAX:
        raise GraphError(f"plot.table: {layer.name} has {maps:,} maps, needed 1 to {MAPS_MAX}")


def _sources(graph: Graph, layer: Layer) -> list[Layer]:
    """Return the layers that a layer reads. Raises GraphError for none, or for too many maps."""
    read = np.zeros(graph.size, bool)
    read[receptive_field(graph, layer.neurons.present, depth=1)] = True
    found = [one for one in graph if read[one.neurons.present].any()]
    if not found:
        raise GraphError(f"plot.table: {layer.name} reads no layer, needed one that does")
    for one in found:
        _require_few(one, as_maps(one.ids).shape[0])
    return found


def _links(graph: Graph, layer: Layer, sources: list[Layer]) -> NDArray[np.bool_]:
    """Return whether each map of the sources (rows) is read by each map of the layer (columns)."""
    map_of, count = np.full(graph.size, -1), 0
    for source in sources:
        ids = as_maps(source.ids)
        own = np.broadcast_to(count + np.arange(len(ids))[:, None, None], ids.shape)
        map_of[ids[ids >= 0]] = own[ids >= 0]
        count += len(ids)
    columns = as_maps(layer.ids)
    links = np.zeros((count, len(columns)), bool)
    for column, ids in enumerate(columns):
        if (ids >= 0).any():
            read = map_of[receptive_field(graph, ids[ids >= 0], depth=1)]
            links[read[read >= 0], column] = True
    return links


def _finish(ax: Any, layer: Layer, sources: list[Layer], links: NDArray[np.bool_]) -> None:
    bare(ax)
    ax.set_facecolor("none")
    rows, columns = links.shape
    numbers = [i for one in sources for i in range(len(as_maps(one.ids)))]
    step = 1 if max(links.shape) <= 40 else 8
    ax.set_xticks(range(0, columns, step))
    ax.set_yticks(range(0, rows, step), [str(i) for i in numbers[::step]])
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=ink(), alpha=0.15, linewidth=0.8)
    ax.tick_params(which="both", length=0, labelsize=12)
    names = ", ".join(one.name for one in sources)
    ax.set_xlabel(f"map of {layer.name}", fontsize=12)
    ax.set_ylabel(f"map of {names}", fontsize=12)
    entitle(ax, f"{layer.name} reads {names}: {links.sum():,} of {links.size:,} pairs of maps")
