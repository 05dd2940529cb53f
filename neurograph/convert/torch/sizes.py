"""How large the graph of an exported program would be, from its tensors' shapes alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx import Node

from neurograph.convert.torch.activations import ACTIVATIONS
from neurograph.convert.torch.moves import MOVES, SAME

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Size:
    """How many neurons and slots there would be; entries of fields, which neurons share."""

    neurons: int = 0
    slots: int = 0
    entries: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(
            self.neurons + other.neurons, self.slots + other.slots, self.entries + other.entries
        )


def size_of(exported: Any) -> tuple[Size, int]:
    """Return the size of a program's graph and how many of its operators make neurons."""
    signature = exported.graph_signature
    held = {
        *signature.inputs_to_parameters,
        *signature.inputs_to_buffers,
        *signature.inputs_to_lifted_tensor_constants,
    }
    alive: set[Node] = set()
    total, operators = Size(), 0
    for node in exported.graph.nodes:
        if node.op == "placeholder" and node.name not in held:
            if isinstance(node.meta.get("val"), torch.Tensor):
                alive.add(node)
                total += Size(math.prod(_shape(node)))
        elif node.op == "call_function" and any(n in alive for n in node.all_input_nodes):
            alive.add(node)
            found = _of_operator(node, alive)
            total += found
            operators += bool(found.neurons)
    return total, operators


def _of_operator(node: Node, alive: set[Node]) -> Size:
    name = str(getattr(node.target, "__name__", node.target)).split(".")[0]
    if node.target is operator.getitem or name in MOVES or name in SAME:
        return Size()
    if name in ACTIVATIONS and _fused(node, alive):
        return Size()
    for start, counted in _COUNTED.items():
        if name.startswith(start):
            return counted(node, alive)
    return _elementwise(node, alive)


def _fused(node: Node, alive: set[Node]) -> bool:
    """Return whether the neurons that an activation reads, alone, apply it themselves."""
    read: Any = node.args[0]
    while isinstance(read, Node) and read in alive and len(read.users) == 1:
        if read.op != "call_function":
            return False
        name = str(getattr(read.target, "__name__", read.target)).split(".")[0]
        if read.target is not operator.getitem:
            return name not in MOVES and name not in SAME and name not in ACTIVATIONS
        read = read.args[0]
    return False


def _shape(node: Any) -> Shape:
    """Return the shape of a node's tensor, of the first of several; () for a number."""
    value = node.meta.get("val") if isinstance(node, Node) else None
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    return tuple(map(int, value.shape)) if isinstance(value, torch.Tensor) else ()


def _convolution(node: Node, _: set[Node]) -> Size:
    own, weights = _shape(node), _shape(node.args[1])
    neurons, window = math.prod(own), math.prod(weights[1:])
    groups = _shape(node.args[0])[1] // weights[1]
    return Size(neurons, neurons * window, neurons // own[1] * groups * window)


def _transposed(node: Node, _: set[Node]) -> Size:
    own, weights = _shape(node), _shape(node.args[1])
    slots = math.prod(_shape(node.args[0])) * math.prod(weights[1:])
    return Size(math.prod(own), slots, slots // weights[1])


def _product(node: Node, alive: set[Node]) -> Size:
    """Size a linear layer, or a matrix product; of two arrays of neurons each product is one."""
    own, first = _shape(node), node.args[0]
    name = str(node.target)
    inner = _shape(node.args[1] if "addmm" in name else first)[-1]
    neurons, slots = math.prod(own), math.prod(own) * inner
    if all(isinstance(n, Node) and n in alive for n in node.args[:2]):
        return Size(neurons + slots, 3 * slots, 3 * slots)
    return Size(neurons, slots, slots // max(own[-1] if own else 1, 1))


def _pool(node: Node, _: set[Node]) -> Size:
    own = _shape(node)
    size: Any = node.args[1]
    axes = len(_shape(node.args[0])) - 2
    window = math.prod(size) if len(size) == axes else int(size[0]) ** axes
    slots = math.prod(own) * window
    return Size(math.prod(own), slots, slots)


def _reduced(node: Node, _: set[Node]) -> Size:
    slots = math.prod(_shape(node.args[0]))
    return Size(math.prod(_shape(node)), slots, slots)


def _batch_norm(node: Node, _: set[Node]) -> Size:
    count = math.prod(_shape(node)) * (2 if node.args[1] is not None else 1)
    return Size(count, count, count)


def _normalization(node: Node, _: set[Node]) -> Size:
    """Size a mean, the differences, the sum of their squares, the quotients, and the weights."""
    count = math.prod(_shape(node))
    return Size(3 * count, 7 * count, 7 * count)


def _softmax(node: Node, _: set[Node]) -> Size:
    count = math.prod(_shape(node))
    return Size(2 * count, 6 * count, 6 * count)


def _elementwise(node: Node, alive: set[Node]) -> Size:
    count = math.prod(_shape(node))
    slots = count * sum(n in alive for n in node.all_input_nodes)
    return Size(count, slots, slots)


# By how an operator's name begins; the first that fits.
_COUNTED: dict[str, Callable[[Node, set[Node]], Size]] = {
    "conv_transpose": _transposed,
    "conv": _convolution,
    **dict.fromkeys(["linear", "addmm", "matmul", "mm", "bmm", "mv", "dot"], _product),
    **dict.fromkeys(["max_pool", "avg_pool"], _pool),
    **dict.fromkeys(["adaptive", "_adaptive", "mean", "sum", "amax", "amin", "prod"], _reduced),
    **dict.fromkeys(["batch_norm", "_native_batch_norm"], _batch_norm),
    **dict.fromkeys(
        ["layer_norm", "native_layer", "group_norm", "native_group", "instance_norm", "rms_norm"],
        _normalization,
    ),
    **dict.fromkeys(["softmax", "_softmax", "log_softmax", "_log_softmax"], _softmax),
}
