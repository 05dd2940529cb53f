"""From a file's header and arrays to the parts of a graph, and the graph of them.

What is checked here is the form: types, sizes, and that what is named is there. Whether a graph can
be so is the business of soundness.py. What is not of the form raises TypeError, ValueError,
LookupError or a NeurographError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurograph.functions import Activation, Function
from neurograph.graph import Graph, Layer
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.draws import Draw
from neurograph.graph.initializers import check
from neurograph.graph.ragged import Ragged
from neurograph.graph.table import Table
from neurograph.graph.weights import Weights
from neurograph.memory import INT32_MAX
from neurograph.names import IdArray
from neurograph.storage.archive import Archive
from neurograph.storage.fields import flag, items, number, shape, text, whole
from neurograph.storage.origins import origins_of
from neurograph.storage.pictures import PICTURES, pictures_of
from neurograph.storage.soundness import out_of_range

COLUMNS = ("field", "kernel", "bias", "function")
HEADER = {"functions", "constants", "layers", "weights", "draws", "seed", "inputs"}
OPTIONAL = {"dissolved", "labels", "origins", *PICTURES}


def graph_of(file: Archive) -> Graph:
    """Return the graph in a file."""
    header = file.header
    table, weights = _table(file), _weights(file)
    constants, states = {}, {}
    for identity, name, state in items(header["constants"]):
        at = whole(identity, table.size - 1)
        constants[at], states[at] = text(name), number(state)
    if 0 not in constants or len(constants) < len(header["constants"]):
        raise ValueError("a constant is missing, or there twice")
    layers = [_layer(entry, table.size, file) for entry in items(header["layers"])]
    inputs = [text(name) for name in items(header["inputs"])]
    for name in inputs:
        if name not in {layer.name for layer in layers}:
            raise ValueError(f"found the input {name!r}, which is no layer")
    outputs = None
    if "outputs" in header["arrays"]:
        outputs = file.array("outputs", np.int32, rank=None)
    return Graph.assemble(
        table,
        weights,
        [_function(*entry) for entry in items(header["functions"])],
        layers,
        constants=constants,
        states=states,
        inputs=inputs,
        outputs=outputs,
        labels=_labels(header, table.size),
        pictures=pictures_of(header, table.size),
    )


def _labels(header: dict[str, Any], size: int) -> dict[int, str]:
    """Return the names of single neurons' own; whether they can be, the graph says."""
    entries = items(header.get("labels", []))
    found = {whole(identity, size - 1): text(label) for identity, label in entries}
    if len(found) < len(entries) or "" in found.values():
        raise ValueError("a label is empty, or a neuron has two")
    return found


def _layer(entry: Sequence[Any], size: int, file: Archive) -> Layer:
    name, kind, ids, arrays = entry
    owned = tuple(text(array) for array in items(arrays))
    return Layer(text(name), text(kind), _ids(ids, size, file), owned)


def _function(combine: Any, reduce: Any, activation: Any, parameters: Any) -> Function:
    numbers = tuple(number(p) for p in items(parameters))
    found = Activation(text(activation), numbers)
    if found.parameters != numbers:  # the defaults, if there are none
        raise ValueError(f"{activation}: found no parameters, needed {len(found.parameters)}")
    return Function(text(combine), text(reduce), found)


def _table(file: Archive) -> Table:
    table = Table()
    field, kernel, bias = (file.array(name, np.int32) for name in COLUMNS[:3])
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


def _weights(file: Archive) -> Weights:
    header = file.header
    trainable = file.array("trainable", np.bool_)
    count = trainable.size
    value = file.array("value", np.float64) if "value" in header["arrays"] else None
    if count > INT32_MAX or (value is not None and value.size != count):
        file.fail(f"is damaged: there are {count} weights, but not as many values")
    arrays = {text(name): _ids(ids, count, file) for name, ids in items(header["weights"])}
    if len(arrays) < len(header["weights"]):
        raise ValueError("two weight arrays have one name")
    draws = [_draw(*entry, count=count, file=file) for entry in items(header["draws"])]
    seed = whole(header["seed"], None)
    entries = items(header.get("dissolved", []))
    dissolved = {text(entry[0]): _dissolved(*entry, arrays=arrays, file=file) for entry in entries}
    if len(dissolved) < len(entries):
        raise ValueError("the sharing that an array had is there twice")
    shapes = {name: ids.shape for name, ids in arrays.items()}
    return Weights.of(
        arrays,
        trainable,
        value,
        draws=draws,
        seed=seed,
        dissolved=dissolved,
        origins=origins_of(header.get("origins"), shapes),
    )


def _dissolved(
    name: Any, extent: Any, places: Any, *, arrays: dict[str, IdArray], file: Archive
) -> Dissolved:
    """Return the sharing that an array had, which has to be of that array's shape."""
    old = shape(extent)
    found = file.array(text(places), np.int32, rank=None)
    if name not in arrays or arrays[name].shape != found.shape:
        raise ValueError(f"{places} is of shape {found.shape}, which {name!r} is not")
    for wrong in out_of_range(found, -1, math.prod(old), places):
        file.fail(f"is damaged: {wrong}")
    return Dissolved(old, found)


def _draw(
    first: Any,
    extent: Any,
    present: Any,
    initializer: Any,
    fan_in: Any,
    trainable: Any,
    *,
    count: int,
    file: Archive,
) -> Draw:
    found, places = shape(extent), None
    # Before anything is drawn: no draw is larger than what the file has bytes for.
    size = math.prod(found)
    stored = size <= count if present is None else file.entry(text(present))[1] == (size,)
    if not stored:
        raise ValueError(f"an initializer draws {found}, more than the weights there are")
    if present is not None:
        places = np.flatnonzero(file.array(present, np.bool_))
    if isinstance(initializer, str):
        check(initializer, "the file")
    else:
        initializer = _number(initializer, file)
    divisor = np.asarray(_number(fan_in, file))
    return Draw(whole(first, count), places, found, initializer, divisor, flag(trainable))


def _number(entry: Any, file: Archive) -> Any:
    if isinstance(entry, list):
        (name,) = entry
        return file.array(text(name), np.float64, rank=None)
    return number(entry)


def _ids(entry: Sequence[Any], count: int, file: Archive) -> IdArray:
    """Return an IdArray of ids below `count`, -1 allowed where they are explicit."""
    if len(items(entry)) == 1:
        ids = file.array(text(entry[0]), np.int32, rank=None)
        for wrong in out_of_range(ids, -1, count, entry[0]):
            file.fail(f"is damaged: {wrong}")
        ids.flags.writeable = False
        return IdArray(ids.shape, 0, ids)
    extent, first = entry
    found = shape(extent)
    if whole(first, count) + math.prod(found) > count:
        raise ValueError(f"ids {first} to {first + math.prod(found) - 1} of {count}")
    return IdArray(found, first)
