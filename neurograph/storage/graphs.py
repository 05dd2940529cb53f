"""Save a graph to one file and load it again.

The file is a zip of plain arrays and one JSON header with a format name and a version (see
archive.py); there is no pickle in it, and equal graphs give equal bytes. It keeps the normal form
as it is: ids, fields and kernels with their empty and cut slots, functions, constants, layers,
named weight arrays, which weights are trainable, inputs and outputs.

Values that have been drawn or set are kept to the last bit. Of values not drawn yet the recipes
and the seed are kept: the loaded graph draws, when first asked, what the saved one would have
drawn (with the same NumPy: its generators may change from one release to the next).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import finite
from neurograph.errors import ConversionError, NeurographError, kind_of
from neurograph.functions import Activation, Function
from neurograph.graph import Graph, Layer
from neurograph.graph.initializers import Initializer, check
from neurograph.graph.table import INPUT, Ragged, Table
from neurograph.graph.weights import Draw, Weights
from neurograph.memory import INT32_MAX
from neurograph.names import IdArray
from neurograph.storage import archive
from neurograph.storage.archive import Archive, shape, text, whole

FORMAT, VERSION = "neurograph graph", 1
_COLUMNS = ("field", "kernel", "bias", "function")


def save(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write `graph` to the file `path`, whole or not at all; an existing file is replaced.

    Raises ConversionError, naming the path, for anything but a Graph, for a weight that is not
    finite, or if it cannot be written.

    >>> import tempfile
    >>> from neurograph.models import mlp
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(mlp((4, 3, 2)), f"{directory}/mlp.npz")
    ...     load(f"{directory}/mlp.npz")
    Graph(9 neurons in 3 layers, 23 weights)
    """
    if not isinstance(graph, Graph):
        raise ConversionError(f"{path}: found {kind_of(graph)} to save, needed a Graph")
    table, weights = graph.table, graph.weights
    arrays: dict[str, NDArray[Any]] = {name: getattr(table, name) for name in _COLUMNS}
    for name, rows in (("fields", table.fields), ("kernels", table.kernels)):
        arrays[f"{name}.ptr"], arrays[f"{name}.ids"] = rows.ptr, rows.ids
    arrays["trainable"] = weights.trainable
    if weights.allocated:
        arrays["value"] = weights.value
        if (at := weights.beyond()) >= 0:
            raise ConversionError(
                f"{path}: the weight {graph.weight_name(at)} to save is {weights.value[at]}, "
                "needed a finite number"
            )
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
    archive.write(path, header, arrays)


def load(path: str | os.PathLike[str]) -> Graph:
    """Return the graph in a file that `save` wrote.

    Every id is checked to be in range and every length to fit before the graph is made, and every
    size before memory is taken. (That names and counts agree is the business of `verify`.) Raises
    ConversionError, naming the path, for a file that is missing, truncated, damaged, foreign or
    of a later version.

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
                f"{path}: found version {version} of the format; this neurograph reads version "
                f"{VERSION}, a later one may read more"
            )
        try:
            file.check_members()
            return _graph(file)
        except ConversionError:
            raise
        except NeurographError as error:
            raise ConversionError(f"{path}: is damaged: {error}") from error
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ConversionError(
                f"{path}: is damaged: its header is not of the form that is needed "
                f"({type(error).__name__}: {error})"
            ) from error


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
    if array.ndim == 0 and math.isfinite(array):
        return float(array)
    arrays[name] = array
    return [name]


# ---- and back -----------------------------------------------------------------------------------


def _graph(file: Archive) -> Graph:
    header = file.header
    functions = [_function(*entry) for entry in header["functions"]]
    table, weights = _table(file), _weights(file)
    _check_table(table, weights.count, len(functions), file)
    constants, states = {}, {}
    for identity, name, state in header["constants"]:
        at = whole(identity, table.size - 1)
        if table.function[at] != INPUT or not isinstance(state, float | int):
            raise ValueError(f"constant {name!r} is not one")
        constants[at], states[at] = text(name), float(state)
    if 0 not in constants or len(constants) < len(header["constants"]):
        raise ValueError("a constant is missing, or there twice")
    layers = [_layer(entry, table.size, weights, file) for entry in header["layers"]]
    outputs = None
    if "outputs" in header["arrays"]:
        outputs = file.array("outputs", np.int32, rank=None)
        _in_range(outputs, -1, table.size, "outputs", file)
    graph = Graph.assemble(
        table,
        weights,
        functions,
        layers,
        constants=constants,
        states=states,
        inputs=[text(name) for name in header["inputs"]],
        outputs=outputs,
    )
    for layer in graph.inputs:
        if (table.function[layer.neurons.present] != INPUT).any():
            raise ValueError(f"input {layer.name!r} has neurons with a function")
    return graph


def _layer(entry: Sequence[Any], size: int, weights: Weights, file: Archive) -> Layer:
    name, kind, ids, arrays = entry
    for array in arrays:
        weights.names[text(array)]  # an unknown one is a GraphError
    return Layer(text(name), text(kind), _ids(ids, size, file), tuple(arrays))


def _function(combine: Any, reduce: Any, activation: Any, parameters: Any) -> Function:
    numbers = tuple(float(p) for p in parameters)
    return Function(text(combine), text(reduce), Activation(text(activation), numbers))


def _table(file: Archive) -> Table:
    table = Table()
    field, kernel, bias = (file.array(name, np.int32) for name in _COLUMNS[:3])
    function = file.array("function", np.int16)
    if not field.size == kernel.size == bias.size == function.size:
        file.fail("is damaged: the columns of the neurons differ in length")
    table.fields, table.kernels = _ragged("fields", file), _ragged("kernels", file)
    table.add(field.size, field, kernel, bias, function)
    return table


def _ragged(name: str, file: Archive) -> Ragged:
    ptr, ids = file.array(f"{name}.ptr", np.int64), file.array(f"{name}.ids", np.int32)
    sound = ptr.size and ptr[0] == 0 and ptr[-1] == ids.size and bool((ptr[1:] >= ptr[:-1]).all())
    if not sound:
        file.fail(f"is damaged: the rows of {name} do not fit their {ids.size} ids")
    return Ragged.of(ptr, ids)


def _check_table(table: Table, weight_count: int, functions: int, file: Archive) -> None:
    """Raise ConversionError unless every id is in range and every field fits its kernel."""
    for column, stop, what in (
        (table.field, table.fields.count, "field"),
        (table.kernel, table.kernels.count, "kernel"),
        (table.bias, weight_count, "bias"),
        (table.function, functions, "function"),
        (table.fields.ids, table.size, "fields"),
        (table.kernels.ids, weight_count, "kernels"),
    ):
        _in_range(column, -1, stop, what, file)
    differ = table.fields.lengths(table.field) != table.kernels.lengths(table.kernel)
    fed = (table.function == INPUT) & ((table.field >= 0) | (table.kernel >= 0) | (table.bias >= 0))
    for wrong, what in (
        (differ, "has a field and a kernel of different lengths"),
        (fed, "is an input or a constant, but has connections"),
    ):
        if wrong.any():
            file.fail(f"is damaged: neuron {int(np.argmax(wrong))} {what}")


def _in_range(ids: NDArray[Any], low: int, stop: int, what: str, file: Archive) -> None:
    if ids.size and not (int(ids.min()) >= low and int(ids.max()) < stop):
        file.fail(
            f"is damaged: {what} has ids from {ids.min()} to {ids.max()}, "
            f"they go from {low} to {stop - 1}"
        )


def _weights(file: Archive) -> Weights:
    header = file.header
    trainable = file.array("trainable", np.bool_)
    count = trainable.size
    value = file.array("value", np.float64) if "value" in header["arrays"] else None
    if count > INT32_MAX or (value is not None and value.size != count):
        file.fail(f"is damaged: there are {count} weights, but not as many values")
    if value is not None and not np.isfinite(value).all():
        at = int(np.argmin(np.isfinite(value)))
        file.fail(f"is damaged: the value of weight {at} is {value[at]}")
    arrays = {text(name): _ids(ids, count, file) for name, ids in header["weights"]}
    if len(arrays) < len(header["weights"]):
        raise ValueError("two weight arrays have one name")
    draws = _draws(header["draws"], count, file)
    if value is None and sum(d.size for d in draws) != count:
        file.fail("is damaged: there are weights without a value and without an initializer")
    seed = whole(header["seed"], None)
    return Weights.of(arrays, trainable, value, draws=draws, seed=seed)


def _draws(entries: Sequence[Any], count: int, file: Archive) -> list[Draw]:
    draws: list[Draw] = []
    for first, extent, present, initializer, fan_in, trainable in entries:
        places = None
        if present is not None:
            places = np.flatnonzero(file.array(text(present), np.bool_))
        draw = Draw(
            whole(first, count),
            places,
            shape(extent),
            _initializer(initializer, file),
            np.asarray(_number(fan_in, file)),
            bool(trainable),
        )
        _check_draw(draw, count, file.header["arrays"], present)
        draws.append(draw)
    return draws


def _check_draw(draw: Draw, count: int, arrays: Mapping[str, Any], present: Any) -> None:
    """Raise ValueError unless the draw is no larger than what is there, and its parts fit it."""
    size = math.prod(draw.shape)
    stored = count if present is None else arrays[present][1][0]
    if size > stored or (present is not None and size != stored) or draw.first + draw.size > count:
        raise ValueError(f"an initializer draws {draw.shape}, more than the weights there are")
    parts = [draw.fan_in] + ([] if isinstance(draw.initializer, str) else [draw.initializer])
    for part in parts:
        if np.broadcast_shapes(np.shape(part), draw.shape) != draw.shape:
            raise ValueError(f"an initializer of shape {np.shape(part)} for {draw.shape} weights")


def _initializer(entry: Any, file: Archive) -> Initializer:
    if isinstance(entry, str):
        check(entry, "the file")
        return entry
    found: Initializer = finite("an initializer", _number(entry, file))
    return found


def _number(entry: Any, file: Archive) -> Any:
    if isinstance(entry, list):
        (name,) = entry
        return file.array(text(name), np.float64, rank=None)
    if type(entry) not in (float, int):
        raise TypeError(f"found {entry!r}, needed a number")
    return float(entry)


def _ids(entry: Sequence[Any], count: int, file: Archive) -> IdArray:
    """Return an IdArray of ids below `count`, -1 allowed where they are explicit."""
    if len(entry) == 1:
        ids = file.array(text(entry[0]), np.int32, rank=None)
        _in_range(ids, -1, count, entry[0], file)
        ids.flags.writeable = False
        return IdArray(ids.shape, 0, ids)
    found, first = shape(entry[0]), whole(entry[1], count)
    if first + math.prod(found) > count:
        raise ValueError(f"ids {first} to {first + math.prod(found) - 1} of {count}")
    return IdArray(found, first)
