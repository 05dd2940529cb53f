"""The values of a layer's weights, as pictures of its kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, shown, suggestion
from neurograph.graph import Graph, Layer, require_graph
from neurograph.plot.canvas import (
    SIGNED,
    bare,
    counted,
    entitle,
    one_axes,
    picture,
    scale,
    symmetric,
)
from neurograph.plot.mosaic import CELLS_MAX, Mosaic

SHOWN = 32  # kernels a side


def kernels(
    graph: Graph, layer: str, *, array: str | None = None, ax: Any = None, **kwargs: Any
) -> Any:
    """Draw a layer's kernels, a column an output map and a row an input map; return the Axes.

    Kernels that do not exist stay empty; red is above 0, blue below. Of an array with more than
    32 x 32 kernels the first are drawn; one of two axes is drawn as a matrix. array: its name; the
    layer's largest where none is given. kwargs go to `imshow`. Raises GraphError for an unknown
    layer or array, and for a layer that brought none.

    >>> from neurograph.models import lenet5
    >>> kernels(lenet5(), "C3").get_title("left")
    'C3.kernel: 60 kernels of 5×5'
    """
    require_graph(graph, "plot.kernels")
    name = _array(graph, graph.layer(layer), array)
    ids = graph.weights.names[name].ids
    ids = ids.reshape(1, -1) if ids.ndim < 2 else ids
    present = ids >= 0
    value = graph.weights.value
    values = np.where(present, value[ids], np.nan)
    tiles, values, across = _tiled(name, values)
    cells = tiles.filled(values)
    height, width = cells.shape
    inches = min(7.6 / max(height, width), 0.4)
    ax = one_axes("plot.kernels", ax, (max(6.0, inches * width + 1.6), inches * height + 1.25))
    drawn = picture(ax, cells, **{"cmap": SIGNED, **symmetric(cells), **kwargs})
    bare(ax)
    _number(ax, tiles, across)
    scale(ax, drawn, "value")
    entitle(ax, *_said(name, present, across))
    return ax


def _array(graph: Graph, layer: Layer, array: str | None) -> str:
    """Return the name of the array to draw."""
    if not layer.arrays:
        raise GraphError(f"plot.kernels: {layer.name} brought no weights, needed a layer with some")
    if array is None:
        return max(layer.arrays, key=lambda name: graph.weights.names[name].size)
    if not isinstance(array, str) or array not in layer.arrays:
        near = suggestion(array, layer.arrays)
        raise GraphError(f"plot.kernels: array {shown(array)} is unknown{near}")
    return array


def _tiled(name: str, values: NDArray[Any]) -> tuple[Mosaic, NDArray[Any], tuple[int, int]]:
    """Return where kernels lie, their values, and how many outputs and inputs are shown."""
    if values.ndim == 2:
        if values.size > CELLS_MAX:
            raise GraphError(
                f"plot.kernels: {name} has {values.size:,} places, needed at most {CELLS_MAX:,}"
            )
        return Mosaic((1, *values.shape), 1), values[None], (values.shape[0], values.shape[1])
    out, sources, *size = values.shape
    size = [1, *size] if len(size) == 1 else [int(np.prod(size[:-1])), size[-1]]
    down, across = min(out, SHOWN), min(sources, SHOWN)
    wrapped = across == 1  # the kernels of one input map
    tiles = Mosaic.of((down, *size), 2.0) if wrapped else Mosaic((down * across, *size), down)
    first = values[:down, :across].swapaxes(0, 1).reshape(-1, *size)
    return tiles, first, (down, across)


def _number(ax: Any, tiles: Mosaic, drawn: tuple[int, int]) -> None:
    """Number the maps, where a column is an output map and a row an input map."""
    if tiles.shape[0] != drawn[0] * drawn[1] or tiles.across != drawn[0] or drawn[1] == 1:
        return
    height, width = (length + tiles.gap for length in tiles.shape[1:])
    ax.set_xticks([(tiles.shape[2] - 1) / 2 + width * i for i in range(drawn[0])], range(drawn[0]))
    ax.set_yticks([(tiles.shape[1] - 1) / 2 + height * i for i in range(drawn[1])], range(drawn[1]))
    ax.tick_params(length=0, labelsize=11)


def _said(name: str, present: NDArray[np.bool_], drawn: tuple[int, int]) -> tuple[str, str]:
    """Return the title and the note."""
    if present.ndim == 2:
        return (
            f"{name}: {counted(int(present.sum()), 'weight')}",
            "a row an output, a column an input",
        )
    out, sources, *size = present.shape
    count = int(present.reshape(out * sources, -1).any(1).sum())
    text = f"{name}: {counted(count, 'kernel')} of {'×'.join(map(str, size))}"
    if drawn != (out, sources):
        return text, f"the first {drawn[0]}×{drawn[1]} of {out}×{sources} pairs of maps"
    if sources == 1:
        return text, "one for each output map"
    return text, "a column an output map, a row an input map"
