"""Which operators on neurons can be said, and the others by simpler ones where torch knows how."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.fx import Node
from torch.utils import _pytree as pytree

from neurograph.convert.torch.activations import activation
from neurograph.convert.torch.moves import INDICES, MOVES, SAME
from neurograph.convert.torch.operators import OPERATORS
from neurograph.errors import ConversionError

CHECKS = frozenset(
    [
        "_assert_async",
        "_assert_scalar",
        "_assert_tensor_metadata",
        "sym_constrain_range",
        "sym_constrain_range_for_size",
        "sym_size",
    ]
)
FILLED = {"zeros_like": 0.0, "ones_like": 1.0, "full_like": None}  # which depend on a shape alone
_ROUNDS = 6  # of saying operators by simpler ones, which may be unknown again
_ADDING = ("index_put", "scatter")  # no move where they add to what is there
_BOOLEAN = ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "__and__", "__or__",
            "__xor__", "logical_and", "logical_or", "logical_xor", "logical_not",
            "any", "all")  # fmt: skip


def simplified(exported: Any) -> Any:
    """Return a program with what cannot be said on neurons said by simpler operators.

    torch's own decompositions are used, of those operators alone. If something is left that cannot
    be said, the program is returned as it is, so that errors name what its author wrote.
    """
    found, known = exported, None
    for _ in range(_ROUNDS):
        targets = {node.target for node in _unknown(found)}
        if not targets:
            return found
        if known is None:  # for the first unknown one: the table takes a second to make
            known = {**decomposition_table, **torch.export.default_decompositions()}
        if not targets <= known.keys():
            return exported
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = found.run_decompositions({target: known[target] for target in targets})
    return exported


def require_sayable(exported: Any) -> None:
    """Raise ConversionError that lists every operator on neurons that is not known."""
    unknown: dict[str, list[str]] = {}
    for node in _unknown(exported):
        unknown.setdefault(str(node.target), []).append(module_of(node) or node.name)
    if unknown:
        lines = [
            f"{name} ({len(places)} x: {', '.join(dict.fromkeys(places[:4]))}"
            f"{', ...' if len(places) > 4 else ''})"
            for name, places in unknown.items()
        ]
        raise ConversionError(
            "from_torch: these operators cannot be said as neurons: " + "; ".join(lines)
        )


def _unknown(exported: Any) -> list[Node]:
    """Return the nodes that take neurons and cannot be said."""
    signature = exported.graph_signature
    held = {
        *signature.inputs_to_parameters,
        *signature.inputs_to_buffers,
        *signature.inputs_to_lifted_tensor_constants,
    }
    alive: set[Node] = set()
    found = []
    for node in exported.graph.nodes:
        if node.op == "placeholder" and node.name not in held:
            if isinstance(node.meta.get("val"), torch.Tensor):
                alive.add(node)
        elif node.op == "call_function" and any(n in alive for n in node.all_input_nodes):
            if name_of(node) not in FILLED:
                alive.add(node)
            if not _known(node, alive):
                found.append(node)
    return found


def _known(node: Node, alive: set[Node]) -> bool:
    name = name_of(node)
    if node.target is operator.getitem or name in CHECKS or name in FILLED or name in SAME:
        return True
    if name in ("copy", "where", "masked_fill"):
        return True
    if name in MOVES:
        places = INDICES.get(name, ())
        indices = pytree.tree_leaves([node.args[i] for i in places if i < len(node.args)])
        adding = name in _ADDING and ("reduce" in str(node.target) or node.args[3:] == (True,))
        return not adding and not any(isinstance(n, Node) and n in alive for n in indices)
    if name in _BOOLEAN:
        return all(_dtype(n) == torch.bool for n in node.all_input_nodes)
    if name == "addmm":
        plain = isinstance(node.args[1], Node) and not node.kwargs
        return plain and not any(n in alive for n in (node.args[0], node.args[2]))
    if name in OPERATORS:
        return True
    own = activation(name, tuple(node.args[1:]), dict(node.kwargs))
    return own is not None and node.args[0] in alive


def cast(node: Node) -> str | None:
    """Return the operator that a change of type comes to: "trunc" to integers, "ne" to truth."""
    before, after = _dtype(node.args[0]), _dtype(node)
    if before is None or after is None or not before.is_floating_point:
        return None
    if after == torch.bool:
        return "ne"
    return None if after.is_floating_point or after.is_complex else "trunc"


def _dtype(node: Any) -> torch.dtype | None:
    value = node.meta.get("val") if isinstance(node, Node) else None
    return value.dtype if isinstance(value, torch.Tensor) else None


def name_of(node: Node) -> str:
    """Return an operator's name without its overload: aten.conv2d.default is conv2d."""
    target: Any = node.target
    return str(getattr(target, "__name__", target)).split(".")[0]


def module_of(node: Node) -> str:
    """Return the path of the module a node belongs to."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""
