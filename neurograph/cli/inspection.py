"""The commands info, neuron and weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.arguments import Model, identity, takes_json, takes_model
from neurograph.cli.output import emit, first, shape_text, table
from neurograph.cli.running import fit
from neurograph.counting import OTHER
from neurograph.errors import DataError
from neurograph.explanation import Explanation, explain
from neurograph.graph import Graph, Layer, receptive_field
from neurograph.graph.table import INPUT
from neurograph.memory import readable
from neurograph.names import IdArray

_SHOWN = 10  # connections shown unless --all is given

Ids = NDArray[Any]

_every = click.option("--all", "every", is_flag=True, help="Show every connection.")


@click.command(short_help="Show layers, arrays of weights and memory.")
@takes_model
@takes_json
def info(model: Model, as_json: bool) -> None:
    """Show the layers, what their neurons compute, the arrays of weights, and memory."""
    graph = model.graph
    layers = [_layer(graph, layer) for layer in graph.layers.values()]
    arrays = [_array(graph, name) for name in graph.weights]
    document = {
        "model": model.name,
        "neurons": len(graph.neurons),
        "weights": graph.weights.count,
        "values": model.weights,
        "bytes": graph.nbytes,
        "constants": {graph.neuron_name(i): state for i, state in graph.constants.items()},
        "layers": layers,
        "arrays": arrays,
    }
    emit(document, lambda: _info(document), as_json=as_json)


def _layer(graph: Graph, layer: Layer) -> dict[str, Any]:
    ids = layer.neurons.present
    table = graph.table
    numbers = np.unique(table.function[ids])
    functions = [str(graph.functions[n]) for n in numbers if n != INPUT]
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": layer.neurons.shape,
        "neurons": ids.size,
        "ids": _bounds(layer.neurons),
        "functions": functions,
        "fields": np.unique(table.field[ids][table.field[ids] >= 0]).size,
        "kernels": np.unique(table.kernel[ids][table.kernel[ids] >= 0]).size,
        "arrays": layer.arrays,
    }


def _array(graph: Graph, name: str) -> dict[str, Any]:
    ids = graph.weights.names[name]
    present = ids.present
    return {
        "name": name,
        "shape": ids.shape,
        "weights": present.size,
        "absent": ids.size - present.size,
        "trainable": int(graph.weights.trainable[present].sum()),
        "ids": _bounds(ids),
    }


def _bounds(ids: IdArray) -> list[int] | None:
    low, high = ids.bounds()
    return [low, high] if high >= low else None


def _info(found: dict[str, Any]) -> str:
    layers = [
        [
            layer["name"],
            layer["kind"],
            "; ".join(layer["functions"]) or "-",
            shape_text(layer["shape"]),
            f"{layer['neurons']:,}",
            f"{layer['fields']:,}",
            f"{layer['kernels']:,}",
        ]
        for layer in found["layers"]
    ]
    arrays = [
        [
            array["name"],
            shape_text(array["shape"]),
            f"{array['weights']:,}",
            f"{array['absent']:,}",
            f"{array['trainable']:,}",
        ]
        for array in found["arrays"]
    ]
    constants = ", ".join(f"{name} {state:g}" for name, state in found["constants"].items())
    return "\n".join(
        [
            f"{found['model']}: {found['neurons']:,} neurons in {len(layers)} layers, "
            f"{found['weights']:,} weights in {len(arrays)} arrays, {readable(found['bytes'])}",
            f"weights: {found['values']}",
            f"constants: {constants}",
            "",
            table(
                ["layer", "kind", "function", "shape", "neurons", "fields", "kernels"],
                layers,
                left=3,
            ),
            "",
            table(["array", "shape", "weights", "absent", "trainable"], arrays),
        ]
    )


@click.command(short_help="Show what one neuron reads, sees and feeds.")
@takes_model
@click.argument("name")
@click.option(
    "--digit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Explain its sum for image N of the digits carried in the package.",
)
@_every
@takes_json
def neuron(model: Model, name: str, digit: int | None, every: bool, as_json: bool) -> None:
    """Show one neuron, NAME ("C1[2, 10, 10]") or id: what it reads, sees and feeds."""
    graph = model.graph
    number = identity(name, graph.neuron_id)
    function = graph.function(number)
    links = graph.incoming(number)
    why = None if digit is None else _explain(model, number, digit)
    shown, more = first(_SHOWN, len(links), every)
    document = {
        "model": model.name,
        "name": graph.neuron_name(number),
        "id": number,
        "function": None if function is None else str(function),
        "incoming": len(links),
        "connections": _incoming(graph, links.source[:shown], links.weight[:shown], why),
        "receptive_field": _field(graph, number),
        "outgoing": _feeds(graph, number),
    }
    if why is not None:
        document |= {"digit": digit, "net_input": why.net, "state": why.state}
    emit(document, lambda: _neuron(document, more), as_json=as_json)


def _explain(model: Model, number: int, digit: int) -> Explanation:
    sample = datasets.digits()
    if digit >= len(sample):
        raise DataError(f"--digit: found {digit}, the package has digits 0 to {len(sample) - 1}")
    shapes = [layer.neurons.shape for layer in model.graph.inputs]
    if len(shapes) != 1:
        raise DataError(f"--digit: {model.name} has {len(shapes)} inputs, needed one")
    return explain(model.graph, number, fit(sample.images[digit : digit + 1], shapes[0], "digits"))


def _incoming(
    graph: Graph, sources: Ids, weights: Ids, why: Explanation | None
) -> list[dict[str, Any]]:
    values = graph.weights.value
    rows: list[dict[str, Any]] = [
        {
            "source": graph.neuron_name(source),
            "weight": graph.weight_name(weight),
            "value": float(values[weight]),
        }
        for source, weight in zip(sources.tolist(), weights.tolist(), strict=True)
    ]
    if why is not None:
        for row, state, term in zip(rows, why.source_states, why.terms, strict=False):
            row |= {"state": float(state), "term": float(term)}
    return rows


def _field(graph: Graph, number: int) -> list[dict[str, Any]]:
    """Return which inputs a neuron can see: how many of each input, and from where to where."""
    seen = receptive_field(graph, number)
    found = []
    for layer in graph.inputs:
        at = np.argwhere(np.isin(layer.ids, seen))
        if len(at):
            corners = {"from": at.min(axis=0), "to": at.max(axis=0)}
            found.append({"input": layer.name, "neurons": len(at), **corners})
    return found


def _owners(graph: Graph, ids: Ids) -> list[tuple[str, Ids]]:
    """Return the ids by layer, (name, ids), in the layers' order."""
    owner = np.full(graph.size, len(graph.layers), np.int32)
    for number, layer in enumerate(graph.layers.values()):
        owner[layer.neurons.present] = number
    names = [*graph.layers, OTHER]
    of = owner[ids]
    return [(names[n], ids[of == n]) for n in np.unique(of)]


def _feeds(graph: Graph, number: int) -> list[dict[str, Any]]:
    return [
        {"layer": name, "neurons": np.unique(ids).size, "connections": ids.size}
        for name, ids in _owners(graph, graph.outgoing(number).target)
    ]


def _neuron(found: dict[str, Any], more: str) -> str:
    columns = ["source", "state", "weight", "value", "term"]
    if "state" not in found:
        columns = ["source", "weight", "value"]
    rows = [[_cell(row[c]) for c in columns] for row in found["connections"]]
    lines = [
        f"{found['name']}: neuron {found['id']:,}, {found['function'] or 'its state is given'}",
        _sees(found["receptive_field"]),
        _fed(found["outgoing"]),
        f"reads {found['incoming']:,} connection{'' if found['incoming'] == 1 else 's'}",
    ]
    if rows:
        lines += ["", table(columns, rows) + more]
    if "state" in found:
        net = found["net_input"]
        of = f"net input {net:.9g}, " if found["function"] else ""
        lines += ["", f"on digit {found['digit']}: {of}state {found['state']:.9g}"]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _sees(field: Sequence[dict[str, Any]]) -> str:
    parts = [
        f"{part['neurons']:,} of {part['input']}, from {part['from'].tolist()} to "
        f"{part['to'].tolist()}"
        for part in field
    ]
    return f"sees {'; '.join(parts) or 'no input'}"


def _fed(outgoing: Sequence[dict[str, Any]]) -> str:
    parts = [
        f"{part['neurons']:,} of {part['layer']}"
        + (
            f" ({part['connections']:,} connections)"
            if part["connections"] > part["neurons"]
            else ""
        )
        for part in outgoing
    ]
    return f"feeds {', '.join(parts) or 'nothing'}"


@click.command(short_help="Show one weight and every connection that shares it.")
@takes_model
@click.argument("name")
@_every
@takes_json
def weight(model: Model, name: str, every: bool, as_json: bool) -> None:
    """Show one weight, NAME ("C1.kernel[0, 0, 2, 2]") or id, and the connections that share it."""
    graph = model.graph
    number = identity(name, graph.weight_id)
    uses = graph.sharing(number)
    shown, more = first(_SHOWN, len(uses), every)
    some = uses.keep(slice(0, shown))
    document = {
        "model": model.name,
        "name": graph.weight_name(number),
        "id": number,
        "value": float(graph.weights.value[number]),
        "trainable": bool(graph.weights.trainable[number]),
        "uses": len(uses),
        "layers": {name: ids.size for name, ids in _owners(graph, uses.target)},
        "connections": [
            {"source": graph.neuron_name(source), "target": graph.neuron_name(target)}
            for source, _, target in some
        ],
    }
    emit(document, lambda: _weight(document, more), as_json=as_json)


def _weight(found: dict[str, Any], more: str) -> str:
    by_layer = ", ".join(f"{count:,} in {name}" for name, count in found["layers"].items())
    lines = [
        f"{found['name']}: weight {found['id']:,}, "
        f"{'trainable' if found['trainable'] else 'fixed'}, value {found['value']:.9g}",
        f"shared by {found['uses']:,} connections: {by_layer}"
        if found["uses"]
        else "dead: no connection uses it",
    ]
    rows = [[c["source"], c["target"]] for c in found["connections"]]
    if rows:
        lines += ["", table(["source", "target"], rows, left=2) + more]
    return "\n".join(lines)
