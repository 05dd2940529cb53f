"""What the neurons do with an image: the state of every map; codes, and the states beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import wholes
from neurograph.errors import DataError, GraphError, shown
from neurograph.graph import Graph, Layer, require_graph
from neurograph.plot.canvas import (
    BLUE,
    QUIET,
    SIGNED,
    Size,
    bare,
    framed,
    head,
    picture,
    several_axes,
    symmetric,
    tiled_axes,
)
from neurograph.plot.mosaic import layers_of, mosaic, shape_text, values_of
from neurograph.simulator import Simulator, real_array

Array = NDArray[Any]
LAYERS_MAX = 24
_STRIP: Size = (7.0, 1.25)  # inches of a layer's picture


def states_of(graph: Graph, image: ArrayLike | tuple[ArrayLike, ...], who: str) -> Array:
    """Return the state of every id for one image, (ids,); a tuple of images for several inputs.

    Raises DataError for images that do not fit, and for a batch of several.
    """
    images = list(image) if isinstance(image, tuple) else [image]
    for i, (layer, given) in enumerate(zip(graph.inputs, images, strict=False)):
        one = real_array(given, layer.name)
        images[i] = one[None] if one.ndim == len(layer.neurons.shape) else one
    found = Simulator(graph, engine="scipy", dtype="float64").states(*images).array
    if len(found) != 1:
        raise DataError(f"{who}: found {len(found)} images, needed one")
    return np.asarray(found[0])


def maps(
    graph: Graph,
    image: ArrayLike | tuple[ArrayLike, ...],
    *,
    layers: list[str] | None = None,
    ax: Any = None,
    **kwargs: Any,
) -> Array:
    """Draw the state of every map for an image; return the Axes, one a layer.

    image: of the input's shape, or a batch of one; a tuple for several inputs. Each layer has its
    own scale, white at 0. kwargs go to `imshow`. Raises DataError for images that do not fit,
    GraphError for unknown layers, and for more than 24.

    >>> from neurograph.models import lenet5
    >>> maps(lenet5(), np.zeros((1, 32, 32))).shape
    (8,)
    """
    require_graph(graph, "plot.maps")
    chosen = layers_of(graph, "plot.maps", layers, LAYERS_MAX)
    tiles = [mosaic("plot.maps", layer, _STRIP[0] / _STRIP[1]) for layer in chosen]
    states = states_of(graph, image, "plot.maps")
    size = (_STRIP[0] + 2.4, len(chosen) * (_STRIP[1] + 0.12) + 0.5)
    axes = several_axes("plot.maps", ax, (len(chosen), 1), size)[:, 0]
    for one, layer, tile in zip(axes, chosen, tiles, strict=True):
        values = tile.filled(values_of(layer, states))
        picture(one, values, **{"cmap": SIGNED, **symmetric(values), **kwargs})
        bare(one)
        one.set_facecolor("none")
        one.set_anchor("W")
        framed(one, tile.size, (3, 1))
        _name(one, layer, values)
    if ax is None:
        head(axes[0].figure, "Every neuron's state: blue below 0, red above")
    return axes


def _name(ax: Any, layer: Layer, values: Array) -> None:
    """Write beside a layer its name, its shape and the range of its states."""
    low, high = np.nanmin(values), np.nanmax(values)
    text = f"{shape_text(layer.neurons.shape)}\n{low:.3g} to {high:.3g}".replace("-", "\u2212")
    place = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "va": "top"}
    ax.annotate(layer.name, (0, 1), (-12, 1), fontsize=14, fontweight="bold", **place)
    ax.annotate(text, (0, 1), (-12, -19), fontsize=11, alpha=QUIET, **place)


def codes(
    graph: Graph,
    image: ArrayLike | tuple[ArrayLike, ...] | None = None,
    *,
    layer: str | None = None,
    shape: tuple[int, int] = (12, 7),
    ax: Any = None,
    **kwargs: Any,
) -> Array:
    """Draw the codes of an RBF layer as pictures; return the Axes, one a class.

    With an image, the states that are compared with them stand first, each class says its squared
    distance, and the nearest is framed. layer: the last RBF layer where none is given. shape: rows
    and columns of a picture. kwargs go to `imshow`. Raises GraphError where there is no such layer,
    and for codes of another size or of different sources.

    >>> from neurograph.models import lenet5
    >>> codes(lenet5()).size, codes(lenet5(), np.zeros((1, 32, 32))).size
    (10, 11)
    """
    require_graph(graph, "plot.codes")
    chosen = _rbf(graph, layer)
    laid = _laid(shape)
    sources, centres = _centres(graph, chosen, laid)
    states = None if image is None else states_of(graph, image, "plot.codes")
    count = len(centres) + (states is not None)
    across = -(-count // 2) if count > 6 else count
    axes = tiled_axes("plot.codes", ax, count, across, _codes_size)
    seen = centres if states is None else np.append(centres, states[sources])
    most = symmetric(seen)["vmax"]
    limits = {"cmap": "gray_r", "vmin": -1.08 * most, "vmax": most, **kwargs}  # no paper is white
    first = count - len(centres)
    for number, (one, centre) in enumerate(zip(axes[first:], centres, strict=True)):
        _draw(one, centre.reshape(laid), str(number), limits)
    if states is not None:
        own = (x.name for x in graph if x.neurons.position(int(sources[0])) >= 0)
        source = next(own, "states")
        _draw(axes[0], states[sources].reshape(laid), source, limits)
        _compare(axes[1:], states[chosen.neurons.present])
    if ax is None:
        _head(axes[0].figure, chosen, states)
    return axes


def _codes_size(rows: int, columns: int) -> Size:
    return max(7.4, 1.25 * columns + 0.3), 2.45 * rows + 0.9


def _rbf(graph: Graph, layer: str | None) -> Layer:
    """Return the layer of distances that is meant. Raises GraphError if there is none."""
    candidates = list(graph) if layer is None else [graph.layer(layer)]
    for one in reversed(candidates):
        ids = one.neurons.present
        function = graph.function(int(ids[0])) if ids.size else None
        if function is not None and function.combine == "squared_difference":
            return one
    where = "the graph" if layer is None else layer
    raise GraphError(f"plot.codes: {where} has no RBF neurons, needed a layer such as RBF(centers)")


def _laid(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the rows and columns of a code. Raises GraphError for what are none."""
    found = wholes("plot.codes: shape", shape)
    if found.shape != (2,) or (found < 1).any():
        raise GraphError(f"plot.codes: shape is {shown(shape)}, needed (rows, columns)")
    rows, columns = found.tolist()
    return rows, columns


def _centres(graph: Graph, layer: Layer, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Return the sources (n,) and the codes (classes, n) of a layer of distances to them."""
    links = [graph.incoming(int(neuron)) for neuron in layer.neurons.present]
    first = links[0].source
    if len(links) > 100 or not all(np.array_equal(one.source, first) for one in links):
        raise GraphError(
            f"plot.codes: {layer.name} has {len(links)} neurons, needed at most 100 that all read "
            "the same sources"
        )
    if first.size != shape[0] * shape[1]:
        raise GraphError(
            f"plot.codes: {layer.name}'s codes have {first.size} places, not "
            f"{shape[0]}×{shape[1]}; shape= says how to lay them out"
        )
    return first, np.stack([graph.weights.value[one.weight] for one in links])


def _draw(ax: Any, values: Array, name: str, options: dict[str, Any]) -> None:
    picture(ax, values, **options)
    bare(ax)
    ax.set_title(name, fontsize=15, fontweight="bold", pad=5)


def _compare(axes: Array, distances: Array) -> None:
    """Write each squared distance under its code, and frame the nearest."""
    nearest = int(np.argmin(distances))
    for number, (ax, distance) in enumerate(zip(axes, distances, strict=True)):
        won = number == nearest
        ax.set_xlabel(f"{distance:.1f}", fontsize=13, fontweight="bold" if won else "normal")
        if won:
            ax.spines[:].set(visible=True, color=BLUE, linewidth=4)


def _head(figure: Any, layer: Layer, states: Array | None) -> None:
    text = f"{layer.name}: the code of each class"
    if states is not None:
        text += ", and its squared distance below"
    head(figure, text)
