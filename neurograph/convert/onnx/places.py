"""Where operators take no states: weights, shapes, indices, bounds."""

from __future__ import annotations

from onnx import GraphProto

from neurograph.convert.onnx.analysis import ELEMENTWISE, WEIGHTS, subgraphs
from neurograph.convert.onnx.inputs import free_inputs
from neurograph.convert.onnx.moves import MOVES

_REDUCTIONS = ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")

# operator -> the inputs that never are states
PLACES: dict[str, tuple[int, ...]] = {
    **{op: places for op, places in MOVES.items() if op != "Where"},
    **{op: places for op, places in WEIGHTS.items() if op not in ELEMENTWISE},
    "BatchNormalization": (1, 2, 3, 4),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "Einsum": (1,),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "CastLike": (1,),
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "Pow": (1,),
    "Col2Im": (1, 2),
    "CumSum": (1,),
    "ConstantOfShape": (0,),
    "Range": (0, 1, 2),
    **{f"Reduce{kind}": (1,) for kind in _REDUCTIONS},
}


def bound_inputs(graph: GraphProto) -> set[str]:
    """Return the inputs that no operator takes as states."""
    states = {name for node in graph.node for inner in subgraphs(node) for name in _read(inner)}
    for node in graph.node:
        for place, name in enumerate(node.input):
            if place not in PLACES.get(node.op_type, ()):
                states.add(name)
    states |= {output.name for output in graph.output}
    return {value.name for value in free_inputs(graph)} - states


def _read(graph: GraphProto) -> set[str]:
    inner = {name for node in graph.node for g in subgraphs(node) for name in _read(g)}
    return inner | {name for node in graph.node for name in node.input}
