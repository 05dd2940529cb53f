"""Transposed convolutions, found from where the weights of an array reach."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.operations import Ids, TransposedConvolution
from neurograph.convert.regular.places import Shape, coordinates, maps_of
from neurograph.convert.regular.rows import Rows, bias_of
from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.graph.table import Table
from neurograph.operators import Windows, Wiring, convolve_transposed

_SAMPLE = 4096  # neurons from which geometry is read; all are compared with it


def transposed(rows: Rows) -> TransposedConvolution | None:
    """Return the transposed convolution whose connections a layer has, slot for slot."""
    places, sample = rows.places, rows.ids.reshape(-1)
    sample = sample[np.linspace(0, sample.size - 1, min(sample.size, _SAMPLE)).astype(np.int64)]
    owner, source, weight = places.graph.table.slots(sample)
    live = (source >= 0) & (weight >= 0)
    owner, source, weight = owner[live], source[live], weight[live]
    if not live.any():
        return None
    holders = np.unique(places.neurons.number[source]), np.unique(places.weights.number[weight])
    if any(h.size > 1 or h[0] < 0 for h in holders):
        return None
    array = places.array_shape(int(weight[0]))
    axes = len(array) - 2
    here = maps_of(rows.shape, axes) if axes > 0 else None
    there = places.maps_of(int(holders[0][0]), axes) if axes > 0 else None
    if here is None or there is None or there[0] != array[0] or here[0] % array[1]:
        return None
    sizes = (here[1], there[1], array[2:])
    each = (places.neurons.place[sample[owner]], places.neurons.place[source],
            places.weights.place[weight])  # fmt: skip
    at = [
        coordinates(place % math.prod(size), size) for place, size in zip(each, sizes, strict=True)
    ]
    windows = _windows(at[0], at[1], at[2], array[2:])
    x = places.map_ids(int(holders[0][0]), axes)
    weights = places.graph.weights.names[places.arrays[int(holders[1][0])]].ids
    return None if windows is None else _exact(rows, x, weights, windows, here)


def _windows(p: Any, q: Any, t: Any, kernel: Shape) -> Windows | None:
    """Return the geometry by which p + low = stride q + dilation t on each axis."""
    stride, pads, dilation = [], [], []
    for axis in range(len(kernel)):
        one = np.stack([q[:, axis], t[:, axis], np.full(len(q), -1)], axis=1).astype(float)
        constant = [not np.ptp(one[:, column]) for column in range(2)]
        left = p[:, axis] - sum(one[:, c] for c in range(2) if constant[c])
        kept = [c for c in range(3) if c == 2 or not constant[c]]
        solved = np.linalg.lstsq(one[:, kept], left, rcond=None)[0]
        found = dict(zip(kept, np.rint(solved).astype(int).tolist(), strict=True))
        stride.append(found.get(0, 1))
        dilation.append(found.get(1, 1))
        pads.append((found[2], found[2]))
    if min(*stride, *dilation) < 1 or min(low for low, _ in pads) < 0:
        return None
    return Windows(kernel, tuple(stride), tuple(pads), tuple(dilation))


def _exact(
    rows: Rows, x: Ids, weights: Ids, windows: Windows, here: tuple[int, Shape]
) -> TransposedConvolution | None:
    """Return the operator, if wiring it anew gives the very connections."""
    maps, sizes = here
    scratch = Graph()
    wiring = Wiring(scratch)
    windows, extra = _ends(windows, x.shape[1:], sizes)
    room = (max(s, d) for s, d in zip(windows.stride, windows.dilation, strict=True))
    if any(e >= most for e, most in zip(extra, room, strict=True)):
        return None
    groups = maps // weights.shape[1]
    try:
        made = convolve_transposed(
            wiring, "again", x[None], weights, windows, extra=extra, groups=groups
        )
    except GraphError:
        return None
    graph = rows.places.graph
    if not _equal(graph.table, rows.ids.reshape(-1), scratch.table, made.reshape(-1)):
        return None
    return TransposedConvolution(
        ids=rows.ids.reshape(maps, *sizes),
        x=x,
        weights=weights,
        bias=bias_of(rows.bias.reshape(maps, *sizes), 0),
        windows=windows,
        groups=groups,
        extra=extra,
        **rows.common,
    )


def _ends(windows: Windows, given: Shape, sizes: Shape) -> tuple[Windows, tuple[int, ...]]:
    """Return what is cut off after, and what is added there: as much cut off as before, if so."""
    pads, extra = [], []
    for size, n, s, (low, _), d, k in zip(
        sizes, given, windows.stride, windows.pads, windows.dilation, windows.kernel, strict=True
    ):
        over = (n - 1) * s + d * (k - 1) + 1 - low - size  # padding after, less what is added
        high = low if 0 <= low - over < max(s, d) else max(over, 0)
        pads.append((low, high))
        extra.append(high - over)
    return replace(windows, pads=tuple(pads)), tuple(extra)


def _equal(table: Table, neurons: NDArray[Any], other: Table, others: NDArray[Any]) -> bool:
    """Return whether neurons of two tables have the same connections, in whatever order."""
    mine, theirs = _sorted(table, neurons), _sorted(other, others)
    return mine.shape == theirs.shape and bool((mine == theirs).all())


def _sorted(table: Table, neurons: NDArray[Any]) -> NDArray[np.int64]:
    owner, source, weight = table.slots(neurons)
    live = (source >= 0) & (weight >= 0)
    key = source[live].astype(np.int64) << 32 | weight[live]
    order = np.lexsort((key, owner[live]))
    return np.stack([owner[live][order], key[order]])
