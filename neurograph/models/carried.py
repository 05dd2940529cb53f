"""Trained weights carried in the package, and where they came from."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np

from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph

# (model, name) -> file in neurograph/data
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


def _open(model: str, name: str) -> dict[str, Any]:
    known = [weights for owner, weights in CARRIED if owner == model]
    if name not in known:
        raise GraphError(f"{model}: weights {name!r} are unknown{suggestion(name, known)}")
    carried = files("neurograph") / "data" / CARRIED[model, name]
    with carried.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return dict(arrays)
