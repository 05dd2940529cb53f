"""Pruning: weights lose all their connections, by mask or by how little they matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array, finite, is_real
from neurograph.edit.rebuilding import copied_rows, rebuilt, table_of
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph, require_graph
from neurograph.graph.ragged import Ragged
from neurograph.graph.usage import used_weights

Mask = NDArray[np.bool_]


def prune(
    graph: Graph,
    masks: Mapping[str, ArrayLike] | ArrayLike | None = None,
    *,
    fraction: float | None = None,
    by: str | ArrayLike = "magnitude",
    scope: str = "global",
) -> Graph:
    """Return the graph without any connection of the weights that are masked out.

    `masks` gives bool arrays by weight array name, each of that array's shape, or is one bool for
    each weight by id; True keeps. Or `fraction`, from 0 to 1, of the trainable weights that have a
    connection, biases among them, goes: those of the smallest magnitude (`by`: or of the smallest
    of these numbers, one for each weight), of two equal ones the first. With scope="layer" each
    layer's weights lose that fraction, else all together do; either rounds as torch does. Every
    kernel slot and bias of such a weight is cut; slots are still counted as slots, and the weights
    stay, dead, until `drop_dead`. Raises GraphError unless one of the two is given, for an unknown
    array, and a mask that is not bool or of another shape.

    >>> from neurograph.layers import Input, Linear
    >>> graph = Graph()
    >>> y = graph.add(Linear(2, name="y"), graph.add(Input((3,))))
    >>> len(prune(graph, {"y.kernel": np.eye(2, 3) == 1}).connections)
    4
    >>> len(prune(graph, fraction=0.5).connections)
    4
    """
    require_graph(graph, "prune")
    if (masks is None) == (fraction is None):
        both = "both" if fraction is not None else "neither"
        raise GraphError(f"prune: found {both}, needed masks or a fraction")
    gone = _least(graph, fraction, by, scope) if masks is None else _masked_out(graph, masks)
    table, gone = graph.table, np.append(gone, True)  # the last stands for -1, which stays
    kernels = Ragged.of(table.kernels.ptr, _without(table.kernels.ids, gone))
    columns = table.field, table.kernel, _without(table.bias, gone), table.function
    return rebuilt(graph, table_of(copied_rows(table.fields), kernels, columns))


def _without(ids: NDArray[np.int32], gone: Mask) -> NDArray[np.int32]:
    return np.where(gone[ids], np.int32(-1), ids)


def _masked_out(graph: Graph, masks: Mapping[str, ArrayLike] | ArrayLike) -> Mask:
    weights = graph.weights
    if not isinstance(masks, Mapping):
        return ~_checked_mask("the weights", masks, (weights.count,))
    gone = np.zeros(weights.count, bool)
    for name, given in masks.items():
        ids = weights.names[name]
        keep = _checked_mask(name, given, ids.shape)
        gone[ids.ids[(ids.ids >= 0) & ~keep]] = True
    return gone


def _checked_mask(who: str, given: Any, shape: tuple[int, ...]) -> Mask:
    if is_real(given) and not isinstance(given, bool | np.bool_):
        raise GraphError(
            f"prune: found the number {shown(given)} as a mask for {who}, needed bool and {shape}; "
            f"so much of the weights goes with fraction={shown(given)}"
        )
    mask = array("prune", given, what=f"a mask for {who}", needed=f"bool and {shape}")
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise GraphError(
            f"prune: found a mask of {mask.dtype} and shape {mask.shape} for {who}, "
            f"needed bool and {shape}"
        )
    return mask


def _least(graph: Graph, fraction: Any, by: Any, scope: Any) -> Mask:
    """Return which weights matter least: a fraction of the trainable ones in use."""
    if not is_real(fraction) or isinstance(fraction, bool) or not 0 <= fraction <= 1:
        raise GraphError(f"prune: fraction is {shown(fraction)}, needed a number from 0 to 1")
    if not isinstance(scope, str) or scope not in ("global", "layer"):
        raise GraphError(f'prune: scope is {shown(scope)}, needed "global" or "layer"')
    score = _score(graph, by)
    candidate = graph.weights.trainable & used_weights(graph.table, graph.weights.count)
    gone = np.zeros(graph.weights.count, bool)
    for some in _groups(graph, candidate) if scope == "layer" else [np.flatnonzero(candidate)]:
        order = np.argsort(score[some], kind="stable")
        gone[some[order[: round(float(fraction) * some.size)]]] = True
    return gone


def _score(graph: Graph, by: Any) -> NDArray[np.float64]:
    if isinstance(by, str):
        if by != "magnitude":
            raise GraphError(
                f'prune: by is {shown(by)}, needed "magnitude" or a number for each weight'
            )
        return np.abs(graph.weights.value)
    score = finite("prune: by", by)
    if score.shape != (graph.weights.count,):
        raise GraphError(
            f"prune: by has shape {score.shape}, needed a number for each of "
            f"{graph.weights.count:,} weights"
        )
    return score


def _groups(graph: Graph, candidate: Mask) -> Iterator[NDArray[np.intp]]:
    """Yield the candidates among the weights that each layer brought, then those of no layer."""
    owner = np.full(candidate.size, -1)
    for number, layer in enumerate(graph.layers.values()):
        for name in layer.arrays:
            owner[graph.weights.names[name].present] = number
    some = np.flatnonzero(candidate)
    some = some[np.argsort(owner[some], kind="stable")]
    yield from np.split(some, np.flatnonzero(np.diff(owner[some])) + 1)
