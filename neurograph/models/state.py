"""Parameters as torch names them, set on a graph."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import floats, number
from neurograph.errors import ConversionError, kind_of, shown
from neurograph.graph import Graph, require_graph
from neurograph.graph.state import arrays_of, origins_of
from neurograph.models.state_files import read_state

Floats = NDArray[np.float64]
_WRAPPERS = "state_dict", "model_state_dict", "model"  # where checkpoints keep what is meant
_PREFIXES = "module.", "_orig_mod."  # what DataParallel and torch.compile put before every name


def load_state(
    graph: Graph,
    state: Mapping[str, Any] | str | os.PathLike[str],
    *,
    epsilon: float = 1e-5,
) -> None:
    """Set the weights of a graph from arrays named as in torch's state dictionary.

    `state` has them by name, or is the path of a safetensors file, as `save_state` writes.
    Of the library's own layers "conv1.weight" goes to "conv1.kernel", "fc.bias" to "fc.bias"; of a
    batch norm "bn1.weight" and "bn1.bias" go to scale and shift, "bn1.running_mean" and
    "bn1.running_var" to the fixed weights (sigma^2 = var + epsilon). A graph from `from_torch`
    takes the module's own names, ties and epsilons. A checkpoint that holds such a dictionary as
    "state_dict" is taken too, names that all begin with "module.", and pruned weights,
    "weight_orig" times "weight_mask" (their connections stay: see `prune`). What is cut stays cut.
    Raises ConversionError, before any weight is set, for a name that the graph does not have, a
    shape that differs, what are no real numbers, an array of the graph that is not given, tied
    arrays of different values, and a mask or another constant that has changed since the import.

    >>> from neurograph.models import mlp
    >>> graph = mlp((2, 1))
    >>> load_state(graph, {"output.weight": [[1.0, 2.0]], "output.bias": [3.0]})
    >>> graph.weights["output.kernel"].tolist()
    [[1.0, 2.0]]
    """
    require_graph(graph, "load_state")
    if isinstance(state, str | os.PathLike):
        state = read_state(state)
    if not isinstance(state, Mapping):
        raise ConversionError(f"load_state: found {kind_of(state)}, needed arrays by name")
    epsilon = number("load_state: epsilon", epsilon, error=ConversionError)
    origins = origins_of(graph.weights, epsilon)
    given = _unpruned(_arrays(state, origins.names), origins.names)
    graph.weights.assign(arrays_of(graph.weights, origins, given))


def _arrays(state: Mapping[str, Any], known: Set[str]) -> dict[str, Floats]:
    """Return the arrays of a state dictionary, out of what a checkpoint wraps them in."""
    inner = [state[key] for key in _WRAPPERS if isinstance(state.get(key), Mapping)]
    if inner:
        return _arrays(inner[0], known)
    for key in state:
        if not isinstance(key, str):
            raise ConversionError(f"state: found the name {shown(key)}, needed text")
    for prefix in _PREFIXES:
        wrapped = bool(state) and all(key.startswith(prefix) for key in state)
        if wrapped and known.isdisjoint(state):
            bare = {key.removeprefix(prefix): given for key, given in state.items()}
            return _arrays(bare, known)
    return {
        key: floats(f"state: {key}", given, error=ConversionError)
        for key, given in state.items()
        if key.rpartition(".")[2] != "num_batches_tracked"
    }


def _unpruned(arrays: dict[str, Floats], known: Set[str]) -> dict[str, Floats]:
    """Return the arrays with what torch's pruning keeps in two, an original and a mask, as one."""
    found = {}
    for key, values in arrays.items():
        whole, _, part = key.rpartition("_")
        if part not in ("orig", "mask") or key in known:
            found[key] = values
            continue
        both = arrays.get(f"{whole}_orig"), arrays.get(f"{whole}_mask")
        if both[0] is None or both[1] is None or both[0].shape != both[1].shape:
            raise ConversionError(f"state: {key} needs {whole}_orig and {whole}_mask, of one shape")
        found[whole] = both[0] * both[1]
    return found
