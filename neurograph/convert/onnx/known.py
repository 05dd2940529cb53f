"""Which operators can be said as neurons, told before any is wired."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import GraphProto, NodeProto

from neurograph.convert.onnx import analysis
from neurograph.convert.onnx.activations import ACTIVATIONS
from neurograph.convert.onnx.inputs import free_inputs
from neurograph.convert.onnx.moves import MOVES, SAME
from neurograph.convert.onnx.operators import OPERATORS
from neurograph.errors import ConversionError

DOMAINS = ("", "ai.onnx")
_KNOWN = frozenset([*OPERATORS, *ACTIVATIONS, *MOVES, *SAME, *analysis.CASTS, "If"])
_SHOWN = 4  # places of an operator, beyond which they are only counted


def full_name(node: NodeProto) -> str:
    """Return an operator's name, with its domain where that is not ONNX's own."""
    return str(node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}")


def require_sayable(graph: GraphProto, bound: set[str]) -> set[str]:
    """Return the names that are neurons, if all inputs are but those that are `bound`.

    Raises ConversionError that lists every operator on neurons that is not known.
    """
    inputs = {value.name for value in free_inputs(graph)} - bound
    alive = analysis.computed(graph.node, inputs)
    unknown: dict[str, list[str]] = {}
    for node in graph.node:
        known = node.domain in DOMAINS and node.op_type in _KNOWN
        if not known and any(name in alive for name in node.output):
            unknown.setdefault(full_name(node), []).append(node.name or node.output[0])
    if unknown:
        raise ConversionError(
            f"from_onnx: these operators cannot be said as neurons: {listed(unknown)}"
        )
    return alive


def listed(places: Mapping[str, list[str]]) -> str:
    """Return operators with how often they stand, and where.

    >>> listed({"TopK": ["best"], "NonZero": ["a", "b"]})
    'TopK (1 x: best); NonZero (2 x: a, b)'
    """
    return "; ".join(
        f"{name} ({len(at)} x: {', '.join(at[:_SHOWN])}{', ...' if len(at) > _SHOWN else ''})"
        for name, at in places.items()
    )
