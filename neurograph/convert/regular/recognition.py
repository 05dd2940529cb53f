"""A layer's neurons as an operator, by their fields and kernels alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.operations import (
    Convolution,
    Dense,
    Ids,
    Operation,
    Pooling,
    Reduction,
    Together,
)
from neurograph.convert.regular.places import Shape, maps_of
from neurograph.convert.regular.rows import Rows, bias_of, padded
from neurograph.convert.regular.seeing import Fields
from neurograph.convert.regular.tensors import collapsed
from neurograph.convert.regular.transposing import transposed
from neurograph.convert.regular.windows import sliding

_TOGETHER = 8  # sources up to which a neuron for each place of them is one operator
_AXES = 3
_HOW = {
    ("multiply", "sum"): "sum",
    ("multiply", "product"): "product",
    ("multiply", "max"): "max",
    ("multiply", "min"): "min",
}


def recognised(rows: Rows) -> Operation | str:
    """Return the operator that a layer is, or why there is none."""
    ways = [_pooling, _together, _reduction]
    if rows.function.linear:
        ways += [_convolution, _dense, transposed]
    for way in ways:
        found = way(rows)
        if found is not None:
            return found
    if not rows.function.linear:
        return f"{rows.function} by weights is no operator"
    return "its fields and kernels are no windows, and not all of one field"


# ---- fixed weights ------------------------------------------------------------------------------


def _no_gaps(rows: Rows, sources: Ids) -> bool:
    return rows.function.linear or not sources.size or int(sources.min()) >= 0


def _together(rows: Rows) -> Operation | None:
    """Return an operator place by place of up to a few sources, by fixed weights."""
    width, kernel = rows.width(), rows.one_kernel()
    pair = rows.function.combine, rows.function.reduce
    if not (width and width <= _TOGETHER) or kernel is None or int(rows.bias.max()) >= 0:
        return None
    weights = rows.weights(np.array(kernel), width)
    sources = rows.sources(rows.field, width)
    values = [rows.places.one_value(weights[[slot]]) for slot in range(width)]
    if pair not in _HOW or not _no_gaps(rows, sources):
        return None
    how = _HOW[pair] if all(v == 1 for v in values) else ""
    if values == [1, -1] and rows.function.linear:
        how = "difference"
    if not how or (width > 2 and _run(sources)):
        return None
    each = [np.ascontiguousarray(sources[..., slot]) for slot in range(width)]
    narrow = [collapsed(ids) for ids in each]
    if np.broadcast_shapes(*(ids.shape for ids in narrow)) == rows.shape:
        each = narrow
    return Together(ids=rows.ids, sources=each, how=how, **rows.common)


def _run(sources: Ids) -> bool:
    """Return whether the slots are neighbours: parts of one layer rather than several."""
    steps = np.diff(sources, axis=-1)
    return bool((steps == steps.flat[0]).all())


def _reduction(rows: Rows) -> Operation | None:
    """Return a reduction by one fixed weight."""
    width, kernel = rows.width(), rows.one_kernel()
    if not width or kernel is None:
        return None
    value = rows.places.one_value(rows.weights(np.array(kernel), width))
    pair = rows.function.combine, rows.function.reduce
    how = _HOW.get(pair, "") if value == 1 else ""
    if rows.function.linear and value == 1 / width and width > 1:
        how = "mean"
    if pair == ("squared_difference", "sum") and value == 0:
        how = "squares"
    if not how:
        return None
    sources = rows.sources(rows.field, width)
    if not _no_gaps(rows, sources):
        return None
    bias = rows.bias if int(rows.bias.max()) >= 0 else None
    return Reduction(ids=rows.ids, x=sources, how=how, bias=bias, **rows.common)


# ---- windows ------------------------------------------------------------------------------------


def _shapes(rows: Rows, hint: Shape) -> Iterator[Shape]:
    """Yield the shapes that a layer's maps may have: as many axes as the weights' array has."""
    shape = rows.shape
    hinted = [len(hint) - 2] if 2 < len(hint) <= _AXES + 2 else []
    own = [2, 3] if len(shape) == 4 and shape[0] == 1 else [len(shape) - 1, len(shape) - 2]
    own += [2] if len(shape) == 2 else []
    for axes in dict.fromkeys([*hinted, *own]):
        found = maps_of(shape, axes) if 0 < axes <= _AXES else None
        if found is not None:
            yield (found[0], *found[1])


def fields_of(rows: Rows, shape: Shape, *, weighed: bool) -> Fields | None:
    """Return the fields of maps in this shape, classes of maps that share them.

    Where they are `weighed`, a slot is live if any map of the class has a weight there. None where
    neurons of a map differ in width.
    """
    graph = rows.places.graph.table
    field = rows.field.reshape(shape[0], -1)
    classes: dict[bytes, int] = {}
    of = np.array([classes.setdefault(row.tobytes(), len(classes)) for row in field], np.intp)
    first = np.unique(of, return_index=True)[1]
    lengths = graph.fields.lengths(field[first].reshape(-1)).reshape(first.size, -1)
    if (lengths != lengths[:, :1]).any() or not int(lengths.max()):
        return None
    chosen = field[first].reshape(first.size, *shape[1:])
    ids = padded(graph.fields, chosen, int(lengths.max()))
    alive = np.ones((first.size, ids.shape[-1]), bool)
    if weighed:
        kernel = rows.kernel.reshape(shape[0], -1)[:, 0]
        alive[:] = False
        np.logical_or.at(alive, of, padded(graph.kernels, kernel, ids.shape[-1]) >= 0)
    return Fields(ids, of, alive)


def _pooling(rows: Rows) -> Operation | None:
    """Return the largest or the mean of windows, each over one map, by fixed weights."""
    pair = rows.function.combine, rows.function.reduce
    width = rows.width()
    if pair not in (("multiply", "max"), ("multiply", "sum")) or not (width and width > 1):
        return None
    some = rows.kernel.reshape(-1)
    if rows.places.one_value(rows.weights(some[:1], width)) is None:
        return None
    kernels, which = np.unique(some, return_inverse=True)
    weights = rows.weights(kernels, width)
    fixed = int(weights.min()) >= 0 and not rows.places.graph.weights.trainable[weights].any()
    if int(rows.bias.max()) >= 0 or not fixed:
        return None
    values = rows.places.graph.weights.value[weights]
    if (values != values[:, :1]).any() or not (values > 0).all():
        return None
    for shape in _shapes(rows, ()):
        found = _pool_of(rows, shape, values[which.reshape(-1), 0])
        if found is not None:
            return found
    return None


def _pool_of(rows: Rows, shape: Shape, values: NDArray[np.float64]) -> Operation | None:
    fields = fields_of(rows, shape, weighed=False)
    if fields is None or len(fields.ids) < shape[0]:
        return None
    found = sliding(rows.places, fields, [])
    if found is None or found.groups != shape[0] or len(found.x) != shape[0]:
        return None
    if (found.x < 0).any():
        return None
    made = {"ids": rows.ids.reshape(shape), "x": found.x, "windows": found.windows, **rows.common}
    if rows.function.reduce == "max":
        return Pooling(how="max", **made) if (values == 1).all() else None
    inside = (fields.ids >= 0).sum(-1)
    for whole, count in ((True, np.array(found.windows.slots)), (False, inside)):
        if np.allclose(values.reshape(shape) * count, 1, rtol=1e-12, atol=0):
            return Pooling(how="mean", padded=whole, **made)
    return None


def _convolution(rows: Rows) -> Operation | None:
    """Return maps by one kernel each, over windows that slide alike."""
    table = rows.places.graph.table.kernels
    first = table[int(rows.kernel.flat[0])]
    hint = rows.places.array_shape(int(first.max())) if first.size and first.max() >= 0 else ()
    for shape in _shapes(rows, hint):
        kernel = rows.kernel.reshape(shape[0], -1)
        if (kernel != kernel[:, :1]).any():
            continue
        axes = len(shape) - 1
        fields = fields_of(rows, shape, weighed=True)
        tries = [hint[-axes:]] if len(hint) == axes + 2 else []
        found = None if fields is None else sliding(rows.places, fields, tries)
        if fields is None or found is None:
            continue
        maps = len(found.x) // found.groups
        weights = np.full((shape[0], maps * found.windows.slots + 1), -1, np.int32)
        slots = padded(table, kernel[:, 0], fields.ids.shape[-1])
        np.put_along_axis(weights, found.places[fields.of], slots, 1)  # the last is for none
        return Convolution(
            ids=rows.ids.reshape(shape),
            x=found.x,
            weights=weights[:, :-1].reshape(shape[0], maps, *found.windows.kernel),
            bias=bias_of(rows.bias.reshape(shape), 0),
            windows=found.windows,
            groups=found.groups,
            **rows.common,
        )
    return None


def _dense(rows: Rows) -> Operation | None:
    """Return units that read all of one field, at each place of the axes before."""
    shape = rows.shape
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    field, kernel = (c.reshape(-1, shape[-1]) for c in (rows.field, rows.kernel))
    width = rows.width()
    if not width or (field != field[:, :1]).any() or (kernel != kernel[:1]).any():
        return None
    return Dense(
        ids=rows.ids.reshape(shape),
        x=rows.sources(field[:, 0], width).reshape(*shape[:-1], width),
        weights=rows.weights(kernel[0], width),
        bias=bias_of(rows.bias.reshape(shape), len(shape) - 1),
        **rows.common,
    )
