"""The whole network in one drawing, from the graph itself, as figure 2 of LeCun et al. 1998."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.graph import Graph, Layer, in_degree, receptive_field, require_graph
from neurograph.plot.blocks import Block
from neurograph.plot.canvas import BLUE, ORANGE, QUIET, entitle, face, ink, one_axes
from neurograph.plot.mosaic import as_maps, layers_of

LAYERS_MAX = 40
_PITCH, _LANE = 1.42, 2.7  # inches from a column to the next, and from a lane to the next
_OVER = 0.68  # inches above the centre where what leads over layers runs


def overview(
    graph: Graph, *, layers: list[str] | None = None, ax: Any = None, **kwargs: Any
) -> Any:
    """Draw the network: maps as stacked squares, vectors as bars; return the Axes.

    Between two layers stands what one neuron of the right one reads of the left one; arrows lead
    over layers in between. Under each layer: its kind, its connections and the weights it brought.
    layers: the names of those to draw. kwargs go to the squares (`Rectangle`). Raises GraphError
    for unknown layers, none at all, and more than 40.

    >>> from neurograph.models import lenet5
    >>> overview(lenet5()).get_title("left")
    '9,118 neurons, 340,908 connections, 60,840 weights'
    """
    require_graph(graph, "plot.overview")
    chosen = layers_of(graph, "plot.overview", layers, LAYERS_MAX)
    read = {layer.name: _sources(graph, layer, chosen) for layer in chosen}
    blocks = _blocks(chosen, read)
    columns = 1 + max(block.column for block in blocks.values())
    lanes = 1 + max(block.lane for block in blocks.values())
    size = max(6.5, _PITCH * columns + 0.9), _LANE * lanes + 1.15
    ax = one_axes("plot.overview", ax, size)
    for layer in chosen:
        for source in read[layer.name]:
            _link(ax, graph, blocks[source], blocks[layer.name])
    degrees = in_degree(graph)
    for block in blocks.values():
        block.draw(ax, kwargs)
        _figures(ax, graph, block, int(degrees[block.layer.neurons.present].sum()))
    _finish(ax, graph, columns, lanes, int(degrees.sum()))
    return ax


def _sources(graph: Graph, layer: Layer, among: list[Layer]) -> list[str]:
    """Return the names of the layers among these that a layer reads, itself left out."""
    read = np.zeros(graph.size, bool)
    read[receptive_field(graph, layer.neurons.present, depth=1)] = True
    return [x.name for x in among if x is not layer and read[x.neurons.present].any()]


def _blocks(layers: list[Layer], read: dict[str, list[str]]) -> dict[str, Block]:
    """Return where each layer stands: a column right of all that it reads, a lane below others."""
    blocks: dict[str, Block] = {}
    lanes: dict[int, int] = {}
    side = max(max(as_maps(x.ids).shape[1:]) for x in layers)
    longest = max([x.neurons.size for x in layers if as_maps(x.ids).shape[1:] == (1, 1)], default=1)
    for layer in layers:
        before = [blocks[name].column for name in read[layer.name] if name in blocks]
        column = 1 + max(before, default=-1)
        lane = lanes[column] = lanes.get(column, -1) + 1
        centre = column * _PITCH, -lane * _LANE
        blocks[layer.name] = Block(layer, column, lane, centre, side, longest)
    return blocks


def _link(ax: Any, graph: Graph, source: Block, target: Block) -> None:
    """Draw what one neuron of the target reads of the source; an arrow if there is one between."""
    if abs(target.column - source.column) != 1:
        _arrow(ax, source, target)
        return
    neuron, tip = target.example()
    read = graph.incoming(neuron).source
    box = source.around(read)
    if box is None:  # this one reads nothing of it; others do
        _arrow(ax, source, target)
        return
    left, bottom, right, top = box
    for y in (bottom, top):
        ax.plot([right, tip[0]], [y, tip[1]], color=ORANGE, linewidth=1.3, zorder=6)
    ax.fill([right, tip[0], right], [bottom, tip[1], top], color=ORANGE, alpha=0.14, zorder=5)
    edge = [left, right, right, left, left], [bottom, bottom, top, top, bottom]
    ax.plot(*edge, color=ORANGE, linewidth=1.6, zorder=6)


def _arrow(ax: Any, source: Block, target: Block) -> None:
    """Lead over the layers in between, or straight to another lane."""
    look = {"color": BLUE, "linewidth": 1.8, "zorder": 2}
    if source.lane != target.lane or source.column > target.column:
        ends = (target.left, target.centre[1]), (source.right, source.centre[1])
        ax.annotate("", *ends, arrowprops={"arrowstyle": "-|>", **look})
        return
    over = source.centre[1] + _OVER
    (start, low), (end, high) = source.top, target.top
    ax.plot([start, start, end, end], [low, over, over, high], **look)
    ax.plot(end, high + 0.03, "v", color=BLUE, markersize=7, zorder=4)


def _figures(ax: Any, graph: Graph, block: Block, connections: int) -> None:
    """Write the name and shape above a layer; kind, connections and weights below."""
    x, y = block.centre
    maps, rows, columns = as_maps(block.layer.ids).shape
    shape = f"{maps} @ {rows}×{columns}" if (rows, columns) != (1, 1) else f"{maps:,}"
    box = {"facecolor": face(), "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
    look = {"ha": "center", "color": ink(), "zorder": 8, "bbox": box}
    ax.text(x, y + 0.92, block.layer.name, fontsize=14, fontweight="bold", va="bottom", **look)
    ax.text(x, y + 0.88, shape, fontsize=12, va="top", **look)
    names = graph.weights.names
    weights = sum(names[array].present.size for array in block.layer.arrays)
    lines = [block.layer.kind, f"{connections:,}", f"{weights:,}"]
    if not connections and not block.lane:  # an input has none, and room for what the rows are
        lines[1:] = ["connections", "weights"]
    style = "italic" if not connections else "normal"
    for down, line in enumerate(lines):
        below = {"fontsize": 11, "alpha": QUIET, "style": style if down else "normal", **look}
        ax.text(x, y - 0.92 - 0.2 * down, line, **below)


def _finish(ax: Any, graph: Graph, columns: int, lanes: int, connections: int) -> None:
    ax.set_aspect("equal")
    ax.set_xlim(-0.75, (columns - 1) * _PITCH + 0.75)
    ax.set_ylim(-(lanes - 1) * _LANE - 1.42, 1.2)
    ax.set_axis_off()
    entitle(
        ax,
        f"{len(graph.neurons):,} neurons, {connections:,} connections, "
        f"{graph.weights.count:,} weights",
        "orange: what the neuron with the red dot reads",
    )
