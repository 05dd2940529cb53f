"""How many connections a position has, and how many use a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_one_of
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph, Layer, in_degree, out_degree, require_graph
from neurograph.graph import uses as uses_of
from neurograph.plot.canvas import (
    BLUE,
    ORANGE,
    bare,
    counted,
    entitle,
    ink,
    one_axes,
    picture,
    scale,
)
from neurograph.plot.mosaic import mosaic, shape_text, values_of

_DEGREES = {"out": out_degree, "in": in_degree}
_SAID = {"out": "out of", "in": "into"}
ARRAYS_MAX = 60
_VALUES_MAX = 4000  # different numbers of uses in one array that are drawn


def degree(
    graph: Graph,
    layer: str | None = None,
    *,
    direction: str = "out",
    ax: Any = None,
    **kwargs: Any,
) -> Any:
    """Draw how many connections go out of, or into, each position of a layer; return the Axes.

    layer: its name; the first input where none is given. direction: "out", or "in", where biases
    count. At the edges of a convolution's input fewer windows fit: the border effect. kwargs go to
    `imshow`. Raises GraphError for an unknown layer or direction, or a layer without neurons.

    >>> from neurograph.models import lenet5
    >>> degree(lenet5()).get_title("left")
    'input: 6 to 150 connections out of each neuron'
    """
    require_graph(graph, "plot.degree")
    if not is_one_of(direction, _DEGREES):
        raise GraphError(f'plot.degree: direction is {shown(direction)}, needed "out" or "in"')
    chosen = _first_input(graph) if layer is None else graph.layer(layer)
    tiles = mosaic("plot.degree", chosen, 1.0)
    values = values_of(chosen, _DEGREES[direction](graph))
    height, width = tiles.size
    ax = one_axes("plot.degree", ax, (7.4, min(9.0, max(3.0, 1.4 + 5.6 * height / width))))
    drawn = picture(ax, tiles.filled(values), **{"vmin": 0, **kwargs})
    bare(ax)
    low, high = int(np.nanmin(values)), int(np.nanmax(values))
    scale(ax, drawn, "", sorted({0, low, high}))
    many = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    entitle(
        ax,
        f"{chosen.name}: {many} connections {_SAID[direction]} each neuron",
        f"{shape_text(chosen.neurons.shape)}, {int(np.nansum(values)):,} connections in all",
    )
    return ax


def _first_input(graph: Graph) -> Layer:
    if not graph.inputs:
        raise GraphError("plot.degree: the graph has no input; needed layer=")
    return graph.inputs[0]


def uses(graph: Graph, layer: str | None = None, *, ax: Any = None, **kwargs: Any) -> Any:
    """Draw how many connections use the weights of each array; return the Axes.

    A row an array, a dot a number of uses, the larger the more of its weights have it; weights that
    no connection uses are marked at 0. layer: only the arrays that it brought. kwargs go to
    `scatter`. Raises GraphError for an unknown layer, and for no arrays or more than 60.

    >>> from neurograph.models import lenet5
    >>> ax = uses(lenet5()); [t.get_text() for t in ax.get_yticklabels()][:2]
    ['C1.kernel', 'C1.bias']
    """
    require_graph(graph, "plot.uses")
    names = list(graph.weights) if layer is None else list(graph.layer(layer).arrays)
    if not 0 < len(names) <= ARRAYS_MAX:
        where = "the graph" if layer is None else layer
        raise GraphError(
            f"plot.uses: {where} has {len(names)} arrays of weights, needed 1 to {ARRAYS_MAX}; "
            "layer= chooses those of one layer"
        )
    found = uses_of(graph)
    each = [np.unique(found[graph.weights.names[n].present], return_counts=True) for n in names]
    most = max(int(c.max(initial=1)) for _, c in each)
    ax = one_axes("plot.uses", ax, (9.0, 1.7 + 0.36 * len(names)))
    for row, (times, counts) in enumerate(each):
        _row(ax, row, times[:_VALUES_MAX], counts[:_VALUES_MAX], most, kwargs)
        _say(ax, row, times, counts)
    _finish(ax, names, found)
    return ax


def _row(ax: Any, row: int, times: Any, counts: Any, most: int, options: dict[str, Any]) -> None:
    """Draw the dots of one array, and a line from the least to the most uses."""
    if times.size > 1:
        ax.plot([times[0], times[-1]], [row, row], color=ink(), alpha=0.3, linewidth=2, zorder=1)
    area = 45 + 320 * np.log1p(counts) / np.log1p(most)
    colour = np.where(times == 0, ORANGE, BLUE)
    at = np.full(times.size, row)
    ax.scatter(times, at, area, **{"color": colour, "zorder": 2, "linewidth": 0, **options})


def _say(ax: Any, row: int, times: NDArray[Any], counts: NDArray[Any]) -> None:
    """Write beside the row how many weights there are, and how often each is used."""
    text = counted(int(counts.sum()), "weight")
    if times.size:
        many = f"{times[0]:,}" if times.size == 1 else f"{times[0]:,} to {times[-1]:,}"
        text += f" × {many}"
    ax.annotate(
        text,
        (1, row),
        xytext=(10, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=12,
        color=ink(),
    )


def _finish(ax: Any, names: list[str], found: NDArray[Any]) -> None:
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set_xlim(-0.35, max(2, int(found.max(initial=1))) * 2.2)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks(range(len(names)), names, fontsize=12)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel("connections that use a weight", fontsize=12)
    ax.tick_params(length=0, labelsize=12)
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines[:].set_visible(False)
    dead = int((found == 0).sum())
    entitle(
        ax,
        f"{counted(found.size, 'weight')} make {counted(int(found.sum()), 'connection')}",
        f"dead, used by no connection: {counted(dead, 'weight')}" if dead else "none is dead",
    )
