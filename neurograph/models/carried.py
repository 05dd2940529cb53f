"""Trained weights carried in the package, and where they came from."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_one_of
from neurograph.errors import GraphError, shown, suggestion
from neurograph.graph import Graph
from neurograph.storage.files import replacing

# (model, name) -> file in neurograph/datasets/data
CARRIED = {("lenet5", "mnist"): "lenet5-mnist.npz"}
_PROVENANCE = "provenance"


def assign_carried(graph: Graph, model: str, name: str) -> None:
    """Set the trainable weights of a graph to those called `name` that are carried for `model`.

    Raises GraphError for a name that is not carried.
    """
    arrays = _open(model, name)
    del arrays[_PROVENANCE]
    graph.weights.assign(arrays)


def provenance(model: str, name: str) -> dict[str, Any]:
    """Return how carried weights were made: command, seed, and errors in percent.

    Raises GraphError for a name that is not carried.
    """
    found: dict[str, Any] = json.loads(str(_open(model, name)[_PROVENANCE]))
    return found


def write_carried(path: str | os.PathLike[str], graph: Graph, how: dict[str, Any]) -> None:
    """Write a graph's trained arrays as float32, with how they were made, as they are carried.

    Raises OSError, leaving what stood there, if the file cannot be written.

    >>> import tempfile
    >>> from neurograph.models import lenet5
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     write_carried(f"{directory}/w.npz", lenet5(), {"command": "none"})
    ...     list(np.load(f"{directory}/w.npz"))[:2]
    ['provenance', 'C1.kernel']
    """
    weights = graph.weights
    trained = [n for n in weights if weights.trainable[_present(weights.names[n].ids)].any()]
    arrays: dict[str, Any] = {name: weights[name].astype(np.float32) for name in trained}
    how = {"parameters": int(weights.trainable.sum()), **how}
    with replacing(path) as stream:
        np.savez_compressed(stream, provenance=np.array(json.dumps(how)), **arrays)


def _present(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    return ids[ids >= 0]


def _open(model: str, name: str) -> dict[str, Any]:
    known = [weights for owner, weights in CARRIED if is_one_of(model, [owner])]
    if not is_one_of(name, known):
        who = model if isinstance(model, str) else shown(model)
        raise GraphError(f"{who}: weights {shown(name)} are unknown{suggestion(name, known)}")
    carried = files("neurograph.datasets") / "data" / CARRIED[model, name]
    with carried.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return dict(arrays)
