"""An ONNX model in the making: nodes, and initializers by what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSET, IR_VERSION = 20, 10
BATCH = "batch"  # what the open first dimension is called


class Model:
    """Nodes and initializers under free names; numbers and index arrays stand once.

    dtype is that of every state and weight.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._nodes: list[NodeProto] = []
        self._initializers: list[TensorProto] = []
        self._names: set[str] = set()
        self._called: set[str] = set()  # names of nodes
        self._known: dict[tuple[Any, ...], str] = {}

    def reserve(self, name: str) -> str:
        """Take a name, which is then not free; another like it if it is taken."""
        return _free(name, self._names)

    def call_last(self, output: str) -> None:
        """Give the output of the last node, which nothing reads yet, another name."""
        self._nodes[-1].output[0] = output

    def node(self, op: str, *inputs: str, name: str, output: str = "", **attributes: Any) -> str:
        """Add a node called `name`; return the name of its output, by default a free one."""
        made = output or self.reserve(f"{name}:{op.lower()}")
        given = {k: v for k, v in attributes.items() if v is not None}
        made_as = _free(name, self._called)
        self._nodes.append(helper.make_node(op, list(inputs), [made], made_as, **given))
        return made

    def initializer(self, name: str, values: NDArray[Any]) -> str:
        """Add an initializer of the model's dtype under a name that is reserved; return that."""
        found = name
        array = np.ascontiguousarray(values, self.dtype).reshape(np.shape(values))
        self._initializers.append(numpy_helper.from_array(array, found))
        return found

    def number(self, value: float) -> str:
        """Return a constant of the model's dtype, without an axis."""
        key = ("number", float(value).hex())
        if key not in self._known:
            self._known[key] = self.initializer(self.reserve(f"{value:g}"), np.array(value))
        return self._known[key]

    def whole(self, values: Iterable[int] | NDArray[Any]) -> str:
        """Return a constant of whole numbers."""
        array = np.ascontiguousarray(values, np.int64)
        key = ("whole", array.shape, array.tobytes())
        if key not in self._known:
            name = self.reserve("index")
            self._initializers.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def finished(self, inputs: Sequence[ValueInfoProto], outputs: Any) -> ModelProto:
        """Return the model of these inputs and outputs."""
        graph = helper.make_graph(
            self._nodes, "neurograph", list(inputs), list(outputs), self._initializers
        )
        opset = helper.make_opsetid("", OPSET)
        made: ModelProto = helper.make_model(
            graph, opset_imports=[opset], producer_name="neurograph", ir_version=IR_VERSION
        )
        return made

    def value(self, name: str, shape: tuple[int, ...]) -> ValueInfoProto:
        """Return what declares an input or output: samples of this shape."""
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        return helper.make_tensor_value_info(name, kind, (BATCH, *shape))


def _free(name: str, taken: set[str]) -> str:
    """Return a name, or another like it where it is taken, and take it."""
    found, number = name or "value", 1
    while found in taken:
        found, number = f"{name}.{number}", number + 1
    taken.add(found)
    return found
