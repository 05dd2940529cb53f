"""The command info."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_trained_model
from neurograph.cli.expectations import (
    Expectation,
    exit_with,
    failures,
    judge,
    read_from,
    takes_expectations,
    verdict,
)
from neurograph.cli.output import emit, shape_text
from neurograph.cli.tables import table, wrapped
from neurograph.counting import count
from neurograph.graph import Graph, Layer
from neurograph.graph.table import INPUT
from neurograph.memory import readable
from neurograph.names import IdArray


@click.command(short_help="Show layers, arrays of weights and memory.")
@takes_trained_model
@takes_expectations
@takes_json
def info(model: Model, expect: tuple[Expectation, ...], as_json: bool) -> None:
    """Show the layers, what their neurons compute, the arrays of weights, and memory."""
    graph = model.graph
    layers = [_layer(graph, layer) for layer in graph.layers.values()]
    arrays = [_array(graph, name) for name in graph.weights]
    judged = judge(expect, read_from(count(graph))) if expect else []
    document = {
        "model": model.name,
        "neurons": len(graph.neurons),
        "weights": graph.weights.count,
        "values": model.weights,
        "bytes": graph.nbytes,
        "constants": {graph.neuron_name(i): state for i, state in graph.constants.items()},
        "layers": layers,
        "arrays": arrays,
        "expectations": judged,
    }
    emit(document, lambda: f"{_info(document)}{verdict(judged)}", as_json=as_json)
    exit_with(failures(judged))


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
    lines = [
        f"{found['model']}: {found['neurons']:,} neurons in {len(layers)} layers, "
        f"{found['weights']:,} weights in {len(arrays)} arrays, {readable(found['bytes'])}",
        f"weights: {found['values']}",
        f"constants: {constants}",
    ]
    head = ["layer", "kind", "function", "shape", "neurons", "fields", "kernels"]
    less = ["fields", "kernels", "function", "kind"]
    return "\n".join(
        [
            *(part for line in lines for part in wrapped(line)),
            "",
            table(head, layers, left=3, less=less),
            "",
            table(["array", "shape", "weights", "absent", "trainable"], arrays, less=["absent"]),
        ]
    )
