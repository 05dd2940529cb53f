"""Parameters as torch names them, set on a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import floats, number
from neurograph.errors import ConversionError, kind_of, shown, suggestion
from neurograph.graph import Graph, require_graph

Floats = NDArray[np.float64]
_WRAPPERS = "state_dict", "model_state_dict", "model"  # where checkpoints keep what is meant
_PREFIXES = "module.", "_orig_mod."  # what DataParallel and torch.compile put before every name


def load_state(graph: Graph, state: Mapping[str, Any], *, epsilon: float = 1e-5) -> None:
    """Set the weights of an ImageNet model from arrays named as in torchvision's state dictionary.

    "conv1.weight" goes to "conv1.kernel", "fc.bias" to "fc.bias"; of a batch norm "bn1.weight" and
    "bn1.bias" go to scale and shift, "bn1.running_mean" and "bn1.running_var" to the fixed weights
    (sigma^2 = var + epsilon). A checkpoint that holds such a dictionary as "state_dict" is taken
    too, names that all begin with "module.", and pruned weights, "weight_orig" times "weight_mask"
    (their connections stay: see `prune`). Raises ConversionError, before any weight is set, for a
    name that the graph does not have, a shape that differs, what are no real numbers, or an array
    of the graph that is not given.
    """
    require_graph(graph, "load_state")
    if not isinstance(state, Mapping):
        raise ConversionError(f"load_state: found {kind_of(state)}, needed arrays by name")
    epsilon = number("load_state: epsilon", epsilon, error=ConversionError)
    found = _by_our_names(graph, _unpruned(_arrays(state)), epsilon)
    names = graph.weights.names
    missing = [n for n in graph.weights if n not in found and names[n].shape != ()]
    for name in [*missing, *found]:
        if name not in found:
            raise ConversionError(f"state: nothing for {name}; each array of the graph is needed")
        if name not in names:
            raise ConversionError(f"state: the graph has no {name}{suggestion(name, names)}")
        shape = names[name].shape
        if found[name].shape != shape:
            raise ConversionError(f"state: {name} has shape {found[name].shape}, needed {shape}")
    graph.weights.assign(found)


def _arrays(state: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the arrays of a state dictionary, out of what a checkpoint wraps them in."""
    inner = [state[key] for key in _WRAPPERS if isinstance(state.get(key), Mapping)]
    if inner:
        return _arrays(inner[0])
    for key in state:
        if not isinstance(key, str):
            raise ConversionError(f"state: found the name {shown(key)}, needed text")
    for prefix in _PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            return _arrays({key.removeprefix(prefix): given for key, given in state.items()})
    return {
        key: floats(f"state: {key}", given, error=ConversionError)
        for key, given in state.items()
        if key.rpartition(".")[2] != "num_batches_tracked"
    }


def _unpruned(arrays: dict[str, Floats]) -> dict[str, Floats]:
    """Return the arrays with what torch's pruning keeps in two, an original and a mask, as one."""
    found = {}
    for key, values in arrays.items():
        whole, _, part = key.rpartition("_")
        if part not in ("orig", "mask"):
            found[key] = values
            continue
        both = arrays.get(f"{whole}_orig"), arrays.get(f"{whole}_mask")
        if both[0] is None or both[1] is None or both[0].shape != both[1].shape:
            raise ConversionError(f"state: {key} needs {whole}_orig and {whole}_mask, of one shape")
        found[whole] = both[0] * both[1]
    return found


def _by_our_names(graph: Graph, arrays: dict[str, Floats], epsilon: float) -> dict[str, Floats]:
    """Return the arrays by the names they have here, batch norms' as what multiplies and shifts."""
    found: dict[str, Floats] = {}
    for key, values in arrays.items():
        layer, _, kind = key.rpartition(".")
        if f"{layer}.scale" not in graph.weights.names:
            found[f"{layer}.{'kernel' if kind == 'weight' else kind}"] = values
        elif kind == "running_mean":
            if f"{layer}.running_var" not in arrays:
                raise ConversionError(f"state: {key} needs {layer}.running_var, which is not given")
            deviation = _deviation(arrays, layer, epsilon)
            if deviation.shape != values.shape:
                raise ConversionError(
                    f"state: {key} has shape {values.shape}, its running_var {deviation.shape}"
                )
            found[f"{layer}.center"] = -values / deviation
        elif kind == "running_var":
            found[f"{layer}.inverse_deviation"] = 1 / _deviation(arrays, layer, epsilon)
        else:
            ours = {"weight": "scale", "bias": "shift"}.get(kind, kind)
            found[f"{layer}.{ours}"] = values
    return found


def _deviation(arrays: dict[str, Floats], layer: str, epsilon: float) -> Floats:
    variance = arrays[f"{layer}.running_var"] + epsilon
    if not (variance > 0).all():
        raise ConversionError(f"state: {layer}.running_var + {epsilon:g} is not above 0 throughout")
    return np.asarray(np.sqrt(variance))
