"""Operators that are several layers of a graph: batch norm, softmax and its logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.convert.regular.operations import BatchNorm, Ids, Operation, Softmax
from neurograph.convert.regular.places import Places
from neurograph.convert.regular.rows import Rows, rows_of

_DIFFERENCE = [1.0, -1.0]


@dataclass(frozen=True, eq=False)
class _Scene:
    """The layers of a graph, and who reads whom."""

    places: Places
    readers: dict[int, set[int]]
    shown: set[int]  # layers with outputs

    def rows(self, number: int) -> Rows | None:
        """Return the rows of a layer whose neurons have one function."""
        if number < 0:
            return None
        found = rows_of(self.places, self.places.layers[number])
        return None if isinstance(found, str) else found

    def holder(self, ids: Ids) -> int:
        """Return the layer that holds all of some neurons; -1 for none."""
        first = -1 if int(ids.flat[0]) < 0 else int(self.places.neurons.number[ids.flat[0]])
        if first < 0 or (ids < 0).any() or (self.places.neurons.number[ids] != first).any():
            return -1
        return first

    def hidden(self, number: int, *readers: int) -> bool:
        """Return whether nothing else than these layers reads a layer."""
        return number not in self.shown and self.readers.get(number, set()) == set(readers)


def composites(
    places: Places, layers: list[int], reads: dict[int, set[int]]
) -> tuple[dict[int, Operation], set[int]]:
    """Return operators by the layer that ends them, and the layers that are inside of one."""
    readers: dict[int, set[int]] = {}
    for number, sources in reads.items():
        for source in sources:
            readers.setdefault(source, set()).add(number)
    outputs = np.asarray(places.graph.outputs)
    scene = _Scene(places, readers, set(places.neurons.number[outputs].reshape(-1).tolist()))
    found: dict[int, Operation] = {}
    inside: set[int] = set()
    for number in layers:
        for way in (_batch_norm, _softmax, _log_softmax):
            made = way(scene, number)
            if made is not None:
                found[number], hidden = made
                inside |= set(hidden)
                break
    return found, inside


_Found = tuple[Operation, list[int]]

# ---- batch norm ---------------------------------------------------------------------------------


def _per_map(rows: Rows) -> tuple[Ids, Ids, Ids] | None:
    """Return (sources, factors, summands) of neurons with one source each; of a map (maps,)."""
    if not rows.function.linear or int(rows.bias.min()) < 0 or rows.width() != 1:
        return None
    axis = 1 if rows.ids.ndim > 1 and rows.shape[0] == 1 else 0
    if rows.ids.ndim == 0:
        return None
    each = []
    for column in (rows.kernel, rows.bias):
        moved = np.moveaxis(column, axis, 0).reshape(rows.shape[axis], -1)
        if (moved != moved[:, :1]).any():
            return None
        each.append(moved[:, 0])
    factors = rows.weights(each[0], 1)[:, 0]
    if int(factors.min()) < 0:
        return None
    return rows.sources(rows.field, 1)[..., 0], factors, each[1]


def _batch_norm(scene: _Scene, number: int) -> _Found | None:
    outer = scene.rows(number)
    scaled = None if outer is None else _per_map(outer)
    inner = None if scaled is None else scene.rows(source := scene.holder(scaled[0]))
    normal = None if inner is None else _per_map(inner)
    if outer is None or scaled is None or inner is None or normal is None:
        return None
    weights = scene.places.graph.weights
    if not scene.hidden(source, number) or inner.function.activation.name != "identity":
        return None
    if (
        not np.array_equal(scaled[0], inner.ids)
        or weights.trainable[[*normal[1], *normal[2]]].any()
    ):
        return None
    if not (weights.value[normal[1]] > 0).all():
        return None
    x, ids = normal[0], outer.ids
    if ids.ndim > 1 and ids.shape[0] == 1:
        x, ids = x[0], ids[0]
    made = BatchNorm(
        ids=ids,
        x=x,
        inverse_deviation=normal[1],
        center=normal[2],
        scale=scaled[1],
        shift=scaled[2],
        inside=inner.layer.name,
        **outer.common,
    )
    return made, [source]


# ---- softmax ------------------------------------------------------------------------------------


def _fixed(rows: Rows | None, values: list[float] | None, pair: str, squash: str) -> Ids | None:
    """Return the sources (..., slots) of neurons of this function and these fixed weights.

    `values` None stands for ones, as many as there are.
    """
    if rows is None or f"{rows.function.combine} {rows.function.reduce}" != pair:
        return None
    kernel, width = rows.one_kernel(), rows.width()
    if squash and str(rows.function.activation) != squash:
        return None
    if kernel is None or not width or int(rows.bias.max()) >= 0:
        return None
    weights = rows.weights(np.array(kernel), width)
    given = [rows.places.one_value(weights[[slot]]) for slot in range(min(width, 2))]
    if values is None:
        given, values = [rows.places.one_value(weights)], [1.0]
    return rows.sources(rows.field, width) if given == values else None


def _axis(reduced: Rows, sources: Ids | None, x: Ids) -> int | None:
    """Return the axis of x that neurons reduce, keeping it with length 1; None for none."""
    if sources is None or reduced.ids.ndim != x.ndim:
        return None
    for axis in range(x.ndim):
        one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        if reduced.shape != one or x.shape[axis] != sources.shape[-1]:
            continue
        if np.array_equal(np.moveaxis(x, axis, -1).reshape(sources.shape), sources):
            return axis
    return None


def _largest(scene: _Scene, shifted: Ids, readers: int) -> tuple[int, int] | None:
    """Return (axis, layer) of the maximum that is taken from x in x - max."""
    x, most = shifted[..., 0], shifted[..., 1]
    layer = scene.holder(most)
    rows = scene.rows(layer)
    if rows is None or not scene.hidden(layer, readers):
        return None
    axis = _axis(rows, _fixed(rows, None, "multiply max", "identity"), x)
    if axis is None or not np.array_equal(np.broadcast_to(rows.ids, x.shape), most):
        return None
    return axis, layer


def _total(scene: _Scene, ids: Ids, of: Ids, squash: str, axis: int) -> int | None:
    """Return the layer of the sums of `of` along an axis that these neurons are, spread."""
    layer = scene.holder(ids)
    rows = scene.rows(layer)
    if rows is None or _axis(rows, _fixed(rows, None, "multiply sum", squash), of) != axis:
        return None
    return layer if np.array_equal(np.broadcast_to(rows.ids, of.shape), ids) else None


def _softmax(scene: _Scene, number: int) -> _Found | None:
    outer = scene.rows(number)
    both = _fixed(outer, None, "multiply product", "")
    if outer is None or both is None or both.shape[-1] != 2:
        return None
    powers = scene.holder(both[..., 0])
    inner = scene.rows(powers)
    shifted = _fixed(inner, _DIFFERENCE, "multiply sum", "exp")
    if inner is None or shifted is None or not np.array_equal(inner.ids, both[..., 0]):
        return None
    largest = _largest(scene, shifted, powers)
    if largest is None:
        return None
    total = _total(scene, both[..., 1], inner.ids, "reciprocal", largest[0])
    if total is None or not (scene.hidden(powers, total, number) and scene.hidden(total, number)):
        return None
    return _made(outer, shifted, largest[0], log=False), [powers, total, largest[1]]


def _log_softmax(scene: _Scene, number: int) -> _Found | None:
    outer = scene.rows(number)
    both = _fixed(outer, _DIFFERENCE, "multiply sum", "")
    if outer is None or both is None or both.shape[-1] != 2:
        return None
    lower = scene.holder(both[..., 0])
    inner = scene.rows(lower)
    shifted = _fixed(inner, _DIFFERENCE, "multiply sum", "identity")
    if inner is None or shifted is None or not np.array_equal(inner.ids, both[..., 0]):
        return None
    largest = _largest(scene, shifted, lower)
    powers = max(scene.readers.get(lower, set()) - {number}, default=-1)
    exps = scene.rows(powers)
    raised = _fixed(exps, None, "multiply sum", "exp")
    if largest is None or exps is None or raised is None or raised.shape[-1] != 1:
        return None
    total = _total(scene, both[..., 1], exps.ids, "log", largest[0])
    hidden = total is not None and scene.hidden(lower, powers, number)
    if total is None or not np.array_equal(raised[..., 0], inner.ids):
        return None
    if not (hidden and scene.hidden(powers, total) and scene.hidden(total, number)):
        return None
    return _made(outer, shifted, largest[0], log=True), [lower, powers, total, largest[1]]


def _made(outer: Rows, shifted: Ids, axis: int, *, log: bool) -> Softmax:
    return Softmax(ids=outer.ids, x=shifted[..., 0], axis=axis, log=log, **outer.common)
