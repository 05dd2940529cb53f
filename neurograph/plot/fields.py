"""What a neuron can see, and what can see it, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.graph import Graph, Layer, Reference, cone, projective_field, require_graph
from neurograph.plot.canvas import (
    BLUE,
    ORANGE,
    RED,
    Size,
    bare,
    entitle,
    framed,
    head,
    picture,
    tiled_axes,
)
from neurograph.plot.mosaic import Mosaic, as_maps, layers_of, mosaic, one_neuron, values_of
from neurograph.plot.states import states_of

Array = NDArray[Any]
LAYERS_MAX = 16
_ACROSS = 4
_LEAST = 16  # cells a side that a picture has room for: a few neurons are not drawn huge
SEES, FEEDS, ITSELF = 1, 2, 3  # what a neuron is to the one that is asked about


def field(
    graph: Graph,
    neuron: Reference,
    image: ArrayLike | tuple[ArrayLike, ...] | None = None,
    *,
    layers: list[str] | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Array:
    """Draw what a neuron sees (orange) and what it feeds (blue); return the Axes, one a layer.

    neuron: an id or a name. With an image, of the input's shape, the states of every neuron lie
    under the colours. layers: the names of those to draw; all that have a part in it where none are
    given. kwargs go to the `imshow` of the colours. Raises GraphError for what is no neuron, for
    unknown layers, and for more than 16; DataError for images that do not fit.

    >>> from neurograph.models import lenet5
    >>> [ax.get_title("left") for ax in field(lenet5(), "C3[0, 2, 3]")][:3]
    ['input', 'C1', 'S2']
    """
    require_graph(graph, "plot.field")
    number, _ = one_neuron(graph, neuron, "plot.field")
    parts = _parts(graph, number)
    chosen = _layers(graph, parts, layers)
    tiles = [mosaic("plot.field", layer, 1.0) for layer in chosen]
    states = None if image is None else states_of(graph, image, "plot.field")
    across = min(len(chosen), _ACROSS)
    axes = tiled_axes("plot.field", ax, len(chosen), across, _size)
    for one, layer, tile in zip(axes, chosen, tiles, strict=True):
        _draw(one, layer, tile, states)
        _colour(one, tile, values_of(layer, parts), kwargs)
        _name(one, layer, parts)
    if ax is None:
        name = graph.neuron_name(number)
        head(axes[0].figure, f"{name}: what it sees (orange), what it feeds (blue)")
    return axes


def _size(rows: int, columns: int) -> Size:
    return max(8.1, 2.7 * columns), 3.2 * rows + 0.6


def _parts(graph: Graph, neuron: int) -> Array:
    """Return what every id is to the neuron: 0 nothing, else one of the three."""
    parts = np.zeros(graph.size, np.int8)
    parts[cone(graph, neuron)] = SEES
    parts[projective_field(graph, neuron)] = FEEDS
    parts[neuron] = ITSELF
    return parts


def _layers(graph: Graph, parts: Array, names: list[str] | None) -> list[Layer]:
    if names is None:
        names = [layer.name for layer in graph if parts[layer.neurons.present].any()]
    return layers_of(graph, "plot.field", names, LAYERS_MAX)


def _draw(ax: Any, layer: Layer, tile: Mosaic, states: Array | None) -> None:
    """Draw the maps: faint, or by their states in grey."""
    bare(ax)
    ax.set_facecolor("none")
    if states is None:
        there = tile.filled(np.where(as_maps(layer.ids) >= 0, 0.5, np.nan))
        picture(ax, there, cmap="gray", vmin=0, vmax=1, alpha=0.22)
    else:
        shown = tile.filled(values_of(layer, states))
        low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
        margin = 0.12 * (high - low) + 1e-9  # neither black nor white, to be seen on either
        picture(ax, shown, cmap="gray", vmin=low - margin, vmax=high + margin)


def _colour(ax: Any, tile: Mosaic, parts: Array, options: dict[str, Any]) -> None:
    """Lay the colours over the maps, and ring the neuron itself."""
    import matplotlib.colors

    seen = tile.filled(np.where(parts > 0, parts, np.nan))
    palette = matplotlib.colors.ListedColormap([ORANGE, BLUE, RED])
    picture(ax, seen, **{"cmap": palette, "vmin": SEES, "vmax": ITSELF, "alpha": 0.65, **options})
    side = max(*tile.size, _LEAST)
    framed(ax, (side, side), (side, side))
    for row, column in np.argwhere(seen == ITSELF):
        ax.plot(
            column,
            row,
            "o",
            markersize=17,
            markeredgecolor=RED,
            fillstyle="none",
            markeredgewidth=2.5,
            clip_on=False,
        )


def _name(ax: Any, layer: Layer, parts: Array) -> None:
    own = parts[layer.neurons.present]
    count = int((own > 0).sum())
    entitle(ax, layer.name, f"{count:,} of {own.size:,} neurons")
