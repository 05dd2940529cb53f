"""Operators that only move data: run by ONNX's reference, on ids in place of numbers.

Ids go in with 1 added, so that the zeros that an operator fills in mean no neuron. A fill of
another value is not a move; it becomes a constant unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from neurograph.convert.onnx.calls import numbers
from neurograph.convert.onnx.evaluation import Evaluator, attributes
from neurograph.convert.values import Neurons, Parameters, Scene
from neurograph.errors import ConversionError

# operator -> the inputs that say where to: constants
MOVES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ["Concat", "Transpose", "Flatten", "DepthToSpace", "SpaceToDepth"], ()
    ),
    **dict.fromkeys(
        ["Split", "Reshape", "Squeeze", "Unsqueeze", "Expand", "Gather", "GatherElements",
         "GatherND", "CenterCropPad", "ReverseSequence", "Compress", "ScatterElements",
         "ScatterND", "Scatter", "Trilu"],
        (1,),
    ),
    "Tile": (1, 2),
    "Slice": (1, 2, 3, 4),
    "Pad": (1, 2, 3),
    "Where": (0,),
}  # fmt: skip
SAME = frozenset(["Identity", "Dropout"])


@dataclass(frozen=True)
class Move:
    """A node that moves data, and where it stands."""

    scene: Scene
    layer: str
    node: NodeProto
    evaluator: Evaluator

    def run(self, values: list[Any]) -> list[Any] | None:
        """Return what is moved where, an output each; None for weights among other numbers.

        Raises ConversionError where states say where to.
        """
        told = MOVES[self.node.op_type]
        if attributes(self.node).get("reduction", "none") != "none":
            raise ConversionError("scattering that reduces is no move")
        if any(isinstance(v, Neurons) for i, v in enumerate(values) if i in told):
            raise ConversionError("where to is computed, needed a constant")
        values = [numbers(v) if i in told and v is not None else v for i, v in enumerate(values)]
        fill, node, values = self._fill(values)
        data = [value for i, value in enumerate(values) if i not in told]
        if any(isinstance(value, Neurons) for value in data):
            return self._neurons(node, values, fill)
        return self._parameters(node, values, fill)

    def _fill(self, values: list[Any]) -> tuple[float, NodeProto, list[Any]]:
        """Return the value that is filled in, and the node and inputs that fill in zeros."""
        if self.node.op_type != "Pad":
            return 0.0, self.node, values
        node = NodeProto()
        node.CopyFrom(self.node)
        kept = [a for a in node.attribute if a.name != "value"]
        fill = float(attributes(node).get("value", 0.0))
        del node.attribute[:]
        node.attribute.extend(kept)
        if len(values) > 2 and values[2] is not None:
            fill = float(values[2].reshape(()))
            values = [*values[:2], np.asarray(0), *values[3:]]
        return fill, node, values

    def _neurons(self, node: NodeProto, values: list[Any], fill: float) -> list[Any]:
        told = MOVES[node.op_type]
        ids = [v if v is None or i in told else self._ids(v, fill) for i, v in enumerate(values)]
        found = []
        for moved in self.evaluator.run(node, ids, moved=True):
            at = np.asarray(moved, np.int64) - 1
            if fill:
                at = np.where(at < 0, self.scene.wiring.constant(fill), at)
            found.append(Neurons(at.astype(np.int32)))
        return found

    def _ids(self, value: Any, fill: float) -> NDArray[np.int64]:
        """Return neurons that stand for a value, with 1 added; a zero is none unless filled."""
        if isinstance(value, Neurons):
            ids = self.scene.wiring.solid(value.ids) if fill else value.ids
        else:
            ids = self.scene.neurons(self.layer, value)
            if not isinstance(value, Parameters) and not fill:
                ids = np.where(np.asarray(value) == 0, -1, ids)
        return ids.astype(np.int64) + 1

    def _parameters(self, node: NodeProto, values: list[Any], fill: float) -> list[Any] | None:
        """Move weight ids, then the values; None where other numbers come among them."""
        if fill or not all(
            isinstance(v, Parameters) or v is None or i in MOVES[node.op_type]
            for i, v in enumerate(values)
        ):
            return None
        weights = [v for v in values if isinstance(v, Parameters)]
        arrays = frozenset[str]().union(*(v.arrays for v in weights))
        ids = [v.ids.astype(np.int64) + 1 if isinstance(v, Parameters) else v for v in values]
        given = [v.values if isinstance(v, Parameters) else v for v in values]
        return [
            Parameters((np.asarray(moved) - 1).astype(np.int32), np.asarray(value), arrays)
            for moved, value in zip(
                self.evaluator.run(node, ids, moved=True),
                self.evaluator.run(node, given),
                strict=True,
            )
        ]
