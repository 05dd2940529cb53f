"""Connections as bare triples, checked."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from neurograph.connections import Connections
from neurograph.errors import GraphError
from neurograph.memory import INT32_MAX


def as_triples(connections: Iterable[tuple[int, int, int]] | Connections) -> NDArray[np.int64]:
    """Return connections as an array (connections, 3) of whole numbers."""
    if isinstance(connections, Connections):
        parts = connections.source, connections.weight, connections.target
        return np.stack(parts, axis=1).astype(np.int64)
    array = np.asarray(
        connections if isinstance(connections, np.ndarray) else list(connections)
    ).reshape(-1, 3)
    if array.size and array.dtype.kind not in "iu":
        raise GraphError(f"connections: found values of type {array.dtype}, needed whole numbers")
    return array.astype(np.int64)


def check_triples(
    triples: NDArray[np.int64], more: list[NDArray[np.int64]], inputs: NDArray[np.int64], size: int
) -> None:
    """Raise GraphError for ids out of range and for an input or the bias unit that is a target."""
    for column, what, least in ((0, "source", 0), (1, "weight", 0), (2, "target", 1)):
        ids = triples[:, column]
        bad = np.flatnonzero((ids < least) | (ids > INT32_MAX))
        if bad.size:
            raise GraphError(
                f"connection {bad[0]}, {tuple(triples[bad[0]].tolist())}: {what} ids go from "
                f"{least} to {INT32_MAX:,}"
            )
    for ids in more:
        if ids.size and (int(ids.min()) < 1 or size > INT32_MAX):
            raise GraphError(
                f"neuron {ids.min()}: inputs, functions and outputs are neurons from 1"
            )
    fed = np.flatnonzero(np.isin(triples[:, 2], inputs))
    if fed.size:
        raise GraphError(
            f"connection {fed[0]}, {tuple(triples[fed[0]].tolist())}: its target is an input, "
            "which takes its state from the user"
        )
