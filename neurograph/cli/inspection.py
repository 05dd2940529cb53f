"""The commands neuron and weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurograph.cli.arguments import identity, takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.completion import neuron_names, weight_names
from neurograph.cli.digits import package_digit
from neurograph.cli.output import emit, first
from neurograph.cli.tables import table, wrapped
from neurograph.counting import OTHER
from neurograph.explanation import Explanation, explain
from neurograph.graph import Graph, receptive_field

_SHOWN = 10  # connections shown unless --all is given

Ids = NDArray[Any]

_every = click.option("--all", "every", is_flag=True, help="Show every connection, as --json does.")


@click.command(short_help="Show what one neuron reads, sees and feeds.")
@takes_trained_model
@click.argument("name", shell_complete=neuron_names)
@click.option(
    "--digit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Explain its sum for image N of the digits carried in the package.",
)
@_every
@takes_json
def neuron(model: Model, name: str, digit: int | None, every: bool, as_json: bool) -> None:
    """Show one neuron, NAME ("C1[2, 10, 10]") or id: what it reads, sees and feeds.

    With --digit N, also why it is in the state it is in for a handwritten digit: every source's
    state times every weight, and their sum. MODEL's weights are the trained ones if the package
    carries them.
    """
    graph = model.graph
    number = identity(name, graph.neuron_names, graph.size)
    function = graph.function(number)
    links = graph.incoming(number)
    why = None if digit is None else _explain(model, number, digit)
    shown, more = first(_SHOWN, len(links), every or as_json)
    document = {
        "model": model.name,
        "weights": model.weights,
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
    return explain(model.graph, number, package_digit(digit, model.graph, model.name))


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
        f"weights: {found['weights']}",
        _sees(found["receptive_field"]),
        _fed(found["outgoing"]),
        f"reads {found['incoming']:,} connection{'' if found['incoming'] == 1 else 's'}",
    ]
    lines = [part for line in lines for part in wrapped(line)]
    if rows:
        lines += ["", table(columns, rows, less=["value", "state", "weight"]) + more]
    if "state" in found:
        net = found["net_input"]
        of = f"net input {net:.9g}, " if found["function"] else ""
        lines += ["", *wrapped(f"on digit {found['digit']}: {of}state {found['state']:.9g}")]
    elif found["function"]:
        lines += ["", *wrapped("--digit N explains its sum for image N of the package's digits")]
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
@takes_trained_model
@click.argument("name", shell_complete=weight_names)
@_every
@takes_json
def weight(model: Model, name: str, every: bool, as_json: bool) -> None:
    """Show one weight, NAME ("C1.kernel[0, 0, 2, 2]") or id, and the connections that share it."""
    graph = model.graph
    number = identity(name, graph.weights.names, graph.weights.count)
    uses = graph.sharing(number)
    shown, more = first(_SHOWN, len(uses), every or as_json)
    some = uses.keep(slice(0, shown))
    document = {
        "model": model.name,
        "weights": model.weights,
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
        f"weights: {found['weights']}",
        f"shared by {found['uses']:,} connections: {by_layer}"
        if found["uses"]
        else "dead: no connection uses it",
    ]
    lines = [part for line in lines for part in wrapped(line)]
    rows = [[c["source"], c["target"]] for c in found["connections"]]
    if rows:
        lines += ["", table(["source", "target"], rows, left=2) + more]
    return "\n".join(lines)
