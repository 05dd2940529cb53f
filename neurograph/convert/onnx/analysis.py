"""What can be told of a model before anything is wired: who reads what, what are weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, NodeProto

from neurograph.convert.onnx.moves import MOVES, SAME

OF_SHAPES = frozenset(["Shape", "Size"])  # which read no state
CASTS = frozenset(["Cast", "CastLike"])

# operator -> the inputs that it takes as weights
WEIGHTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ["Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization",
         "GroupNormalization", "LayerNormalization"],
        (1, 2),
    ),
    **dict.fromkeys(["PRelu", "RMSNormalization"], (1,)),
    "Gemm": (0, 1, 2),
    **dict.fromkeys(["MatMul", "Add", "Mul", "Sum", "Einsum"], (0, 1)),
    **dict.fromkeys(["Sub", "Div"], (0,)),  # of a difference or a quotient the first is one
}  # fmt: skip
ELEMENTWISE = frozenset(["Add", "Mul", "Sum", "Sub", "Div"])  # where a lone number is a constant

Look = Callable[[str], NDArray[Any] | None]  # a constant's numbers by name, None for none


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the graphs among a node's attributes."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def readers(graph: GraphProto) -> dict[str, list[NodeProto | None]]:
    """Return the nodes that read each name; None stands for an output, or for another graph."""
    found: dict[str, list[NodeProto | None]] = {}
    for node in graph.node:
        for name in node.input:
            found.setdefault(name, []).append(node)
        for inner in subgraphs(node):
            for name in readers(inner):
                found.setdefault(name, []).append(None)
    for output in graph.output:
        found.setdefault(output.name, []).append(None)
    return found


def computed(nodes: Iterable[NodeProto], inputs: Iterable[str]) -> set[str]:
    """Return the names whose numbers depend on the inputs' states."""
    alive = set(inputs)
    for node in nodes:
        if node.op_type not in OF_SHAPES and any(name in alive for name in _read(node)):
            alive.update(name for name in node.output if name)
    return alive


def _read(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for inner in subgraphs(node):
        yield from readers(inner)


def weights(nodes: list[NodeProto], alive: set[str], look: Look) -> set[str]:
    """Return the names that an operator takes as weights, perhaps after moves and arithmetic.

    A number alone, without an axis, is no weight of an elementwise operator; zeros and ones that a
    weight is multiplied with are a mask. An exporter that says a group norm by an instance norm
    gives that scale and shift of Constant nodes, which are none.
    """
    needed: set[str] = set()
    constants = {name for node in nodes if node.op_type == "Constant" for name in node.output}
    for node in reversed(nodes):
        for place in _places(node, alive, needed):
            name = node.input[place]
            filler = node.op_type == "InstanceNormalization" and name in constants
            number = filler or _is_number(node, name, look, alive)
            if name and name not in alive and not number:
                needed.add(name)
    return needed


def _places(node: NodeProto, alive: set[str], needed: set[str]) -> Iterable[int]:
    """Return which inputs of a node are weights."""
    there = range(len(node.input))
    op = node.op_type
    if op in OF_SHAPES or not any(name in alive or name in needed for name in node.output):
        return ()
    if op in MOVES:
        return [place for place in there if place not in MOVES[op]]
    if op in CASTS or op in SAME:
        return [0]
    if any(name in alive for name in node.input):
        return [place for place in WEIGHTS.get(op, ()) if place in there]
    return there


def _is_number(node: NodeProto, name: str, look: Look, alive: set[str]) -> bool:
    """Return whether an input of a node is a constant even where weights may stand."""
    if node.op_type not in ELEMENTWISE:
        return False
    array = look(name)
    if array is None:
        return False
    folded = node.op_type == "Mul" and not any(n in alive for n in node.input)
    mask = folded and bool(np.isin(array, (0, 1)).all())
    return array.ndim == 0 or mask
