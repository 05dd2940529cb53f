"""Save a graph to one file and load it again.

The file is a zip of plain arrays and one JSON header with a format name and a version (see
archive.py); there is no pickle in it, and equal graphs give equal bytes. It keeps the normal form
as it is: ids, fields and kernels with their empty and cut slots, functions, constants, layers,
named weight arrays, which weights are trainable, inputs and outputs.

The format's version is 1, the first; every file that any neurograph has written loads.

Values that have been drawn or set are kept to the last bit. Of values not drawn yet the recipes
and the seed are kept: the loaded graph draws, when first asked, what the saved one would have
drawn (with the same NumPy: its generators may change from one release to the next).
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError, NeurographError, kind_of
from neurograph.functions import Function
from neurograph.graph import Graph
from neurograph.graph.draws import Draw
from neurograph.names import IdArray
from neurograph.storage import archive
from neurograph.storage.files import as_path
from neurograph.storage.origins import origins_text
from neurograph.storage.parts import COLUMNS, HEADER, OPTIONAL, graph_of
from neurograph.storage.pictures import pictures_text
from neurograph.storage.soundness import problem

FORMAT, VERSION = "neurograph graph", 1


def save(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write `graph` to the file `path`, whole or not at all; an existing file is replaced.

    Raises ConversionError, naming the path, for anything but a Graph, for one that `load` would
    refuse (a weight that is not finite, say), or if it cannot be written.

    >>> import tempfile
    >>> from neurograph.models import mlp
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(mlp((4, 3, 2)), f"{directory}/mlp.npz")
    ...     load(f"{directory}/mlp.npz")
    Graph(9 neurons in 3 layers, 23 weights)
    """
    where = as_path(path, "save", ConversionError)
    if not isinstance(graph, Graph):
        raise ConversionError(f"{where}: found {kind_of(graph)} to save, needed a Graph")
    weights = graph.weights
    if weights.allocated and (at := weights.beyond()) >= 0:
        raise ConversionError(
            f"{where}: the weight {graph.weight_name(at)} to save is {weights.value[at]}, "
            "needed a finite number"
        )
    if found := problem(graph):
        raise ConversionError(f"{where}: the graph to save cannot be: {found}")
    archive.write(where, *_parts(graph))


def _parts(graph: Graph) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the header and the arrays that hold a graph."""
    table, weights = graph.table, graph.weights
    arrays: dict[str, NDArray[Any]] = {name: getattr(table, name) for name in COLUMNS}
    for name, rows in (("fields", table.fields), ("kernels", table.kernels)):
        arrays[f"{name}.ptr"], arrays[f"{name}.ids"] = rows.ptr, rows.ids
    arrays["trainable"] = weights.trainable
    if weights.allocated:
        arrays["value"] = weights.value
    if graph.explicit_outputs is not None:
        arrays["outputs"] = graph.explicit_outputs
    header = {
        "format": FORMAT,
        "version": VERSION,
        "functions": [_function_text(f) for f in graph.functions],
        "constants": [[i, graph.neuron_name(i), state] for i, state in graph.constants.items()],
        "layers": [
            [
                layer.name,
                layer.kind,
                _put_ids(layer.neurons, f"layer.{number}", arrays),
                list(layer.arrays),
            ]
            for number, layer in enumerate(graph.layers.values())
        ],
        "weights": [
            [name, _put_ids(weights.names[name], f"weight.{number}", arrays)]
            for number, name in enumerate(weights)
        ],
        "draws": [_put_draw(d, f"draw.{number}", arrays) for number, d in enumerate(weights.draws)],
        "seed": int(weights.seed),
        "inputs": [layer.name for layer in graph.inputs],
    }
    if weights.origins:
        header["origins"] = origins_text(weights.origins)
    if weights.dissolved:
        header["dissolved"] = [
            [name, list(before.shape), f"dissolved.{number}"]
            for number, (name, before) in enumerate(weights.dissolved.items())
        ]
        for number, before in enumerate(weights.dissolved.values()):
            arrays[f"dissolved.{number}"] = before.places
    header |= pictures_text(graph.pictures)
    if graph.labels:
        header["labels"] = [[i, graph.labels[i]] for i in sorted(graph.labels)]
    return header, arrays


def load(path: str | os.PathLike[str]) -> Graph:
    """Return the graph in a file that `save` wrote.

    It must hold exactly what `save` can write and a graph can be: every size is checked before
    memory is taken, and every id, name and number before the graph is handed out (see
    soundness.py). Raises ConversionError, naming the path, for a file that is missing, truncated,
    damaged, foreign or of a later version.

    >>> import tempfile
    >>> from neurograph.models import mlp
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(mlp((4, 3, 2)), f"{directory}/mlp.npz")
    ...     load(f"{directory}/mlp.npz").weight_name(0)
    'N1.kernel[0, 0]'
    """
    with archive.opened(path) as file:
        header = file.header
        version = header.get("version")
        if header.get("format") != FORMAT or type(version) is not int:
            file.fail("found a zip file of something else")
        if version != VERSION:
            raise ConversionError(
                f"{file.path}: found version {version} of the format; this neurograph reads "
                f"version {VERSION}, a later one may read more"
            )
        try:
            file.check_members()
            graph = graph_of(file)
            if found := problem(graph):
                file.fail(f"is damaged: {found}")
            file.require_all_read(HEADER | OPTIONAL)
        except ConversionError:
            raise
        except NeurographError as error:
            raise ConversionError(f"{file.path}: is damaged: {error}") from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ConversionError(
                f"{file.path}: is damaged: its header is not of the form that is needed "
                f"({type(error).__name__}: {error})"
            ) from error
        return graph


# ---- parts to arrays and JSON -------------------------------------------------------------------


def _function_text(function: Function) -> list[Any]:
    squash = function.activation
    return [function.combine, function.reduce, squash.name, list(squash.parameters)]


def _put_ids(ids: IdArray, name: str, arrays: dict[str, NDArray[Any]]) -> list[Any]:
    """Return [shape, first id] of a range, or put explicit ids among the arrays: [their name]."""
    if ids.explicit is None:
        return [list(ids.shape), ids.first]
    arrays[name] = ids.explicit
    return [name]


def _put_draw(draw: Draw, name: str, arrays: dict[str, NDArray[Any]]) -> list[Any]:
    """Return [first, shape, present, initializer, fan_in, trainable].

    An array, put among the arrays, stands there by its name in brackets.
    """
    present = None
    if draw.places is not None:
        # The whole shape: a file cannot ask for a larger draw than it has bytes for.
        mask = np.zeros(math.prod(draw.shape), bool)
        mask[draw.places] = True
        arrays[f"{name}.present"], present = mask, f"{name}.present"
    initializer: Any = draw.initializer
    if not isinstance(initializer, str):
        initializer = _put_number(initializer, f"{name}.initializer", arrays)
    fan_in = _put_number(draw.fan_in, f"{name}.fan_in", arrays)
    return [draw.first, list(draw.shape), present, initializer, fan_in, draw.trainable]


def _put_number(value: Any, name: str, arrays: dict[str, NDArray[Any]]) -> Any:
    array = np.asarray(value, np.float64)
    if array.ndim == 0:
        return float(array)
    arrays[name] = array
    return [name]
