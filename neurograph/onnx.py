"""A backend as ONNX defines it: models run as graphs of explicit connections.

>>> import numpy as np
>>> from onnx import helper
>>> node = helper.make_node("Softplus", ["x"], ["y"])
>>> run_node(node, [np.zeros((2, 2), np.float32)])[0].shape
(2, 2)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import missing

try:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
    from onnx.backend.base import Backend, BackendRep
except ImportError as error:
    raise missing("neurograph.onnx", "onnx", "onnx") from error

from neurograph.convert.onnx.importer import Importer
from neurograph.convert.onnx.inputs import free_inputs
from neurograph.convert.onnx.known import require_sayable
from neurograph.convert.onnx.places import bound_inputs
from neurograph.convert.onnx.reading import Source
from neurograph.engines import create
from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.program.compiler import compile

__all__ = ["NeurographBackend", "NeurographRep", "is_compatible", "prepare", "run_model",
           "run_node", "supports_device"]  # fmt: skip

Array = NDArray[Any]


class NeurographRep(BackendRep):
    """A model that is wired when it is run, for the shapes and the bound inputs it is given.

    An input that stands only where an operator takes weights, shapes or indices is bound: it is no
    neuron but what an initializer would be.
    """

    def __init__(self, model: ModelProto) -> None:
        self._model = ModelProto()
        self._model.CopyFrom(model)
        self._inputs = free_inputs(self._model.graph)
        self._bound = bound_inputs(self._model.graph)

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """Return the outputs for inputs in the model's order, computed in float64.

        Raises ConversionError as `from_onnx` does, and for another number of inputs.
        """
        given = [np.asarray(value) for value in inputs]
        if len(given) != len(self._inputs):
            raise ConversionError(
                f"onnx backend: found {len(given)} inputs, needed {len(self._inputs)}"
            )
        names = [value.name for value in self._inputs]
        bound = {n: a for n, a in zip(names, given, strict=True) if n in self._bound}
        for value, array in zip(self._inputs, given, strict=True):
            if value.name not in bound:
                _fix(value, array.shape)
        importer = Importer(Source(self._model), bound=bound)
        graph = importer.graph()
        states = [a for n, a in zip(names, given, strict=True) if n not in bound]
        samples = [np.asarray(array, np.float64).reshape(1, -1) for array in states]
        return tuple(self._parted(_states(graph, samples), [ids.shape for ids in importer.outputs]))

    def _parted(self, states: Array, shapes: list[tuple[int, ...]]) -> list[Array]:
        """Return the states of each output, in its shape and type."""
        found, at = [], 0
        for output, shape in zip(self._model.graph.output, shapes, strict=True):
            size = int(np.prod(shape))
            kind = output.type.tensor_type.elem_type or TensorProto.FLOAT
            dtype = helper.tensor_dtype_to_np_dtype(kind)
            found.append(states[at : at + size].reshape(shape).astype(dtype))
            at += size
        return found


class NeurographBackend(Backend):
    """What ONNX asks of a backend."""

    @classmethod
    def is_compatible(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Return whether every operator that a model computes states with is known."""
        if not cls.supports_device(device):
            return False
        try:
            require_sayable(model.graph, bound_inputs(model.graph))
        except ConversionError:
            return False
        return True

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> NeurographRep:
        """Return a model ready to run. Raises ConversionError for another device than CPU."""
        if not cls.supports_device(device):
            raise ConversionError(f"onnx backend: found device {device!r}, needed CPU")
        return NeurographRep(model)

    @classmethod
    def run_node(
        cls,
        node: NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[Any, Any]] | None = None,
        **kwargs: Any,
    ) -> tuple[Array, ...]:
        """Return the outputs of a node alone, for its inputs in order (those left out apart)."""
        arrays = [np.asarray(value) for value in inputs]
        names = [name for name in node.input if name]
        kinds = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in arrays]
        given = [
            helper.make_tensor_value_info(name, kind, array.shape)
            for name, kind, array in zip(names, kinds, arrays, strict=True)
        ]
        outputs = [ValueInfoProto(name=name) for name in node.output if name]
        graph = helper.make_graph([node], "node", given, outputs)
        return cls.prepare(helper.make_model(graph), device, **kwargs).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Return whether a device is the CPU."""
        return device.split(":", maxsplit=1)[0] == "CPU"


def _states(graph: Graph, samples: list[Array]) -> Array:
    """Return the outputs, flat; unlike a Simulator, for inputs that are not finite too."""
    engine = create("scipy", compile(graph), dtype=np.dtype(np.float64), threads=1)
    engine.load(graph.weights.value)
    with np.errstate(all="ignore"):
        return np.asarray(engine.run(np.concatenate(samples, axis=1))).reshape(-1)


def _fix(value: ValueInfoProto, shape: tuple[int, ...]) -> None:
    """Let an input have this shape."""
    dims = value.type.tensor_type.shape
    del dims.dim[:]
    for size in shape:
        dims.dim.add().dim_value = size
    value.type.tensor_type.shape.SetInParent()


is_compatible = NeurographBackend.is_compatible
prepare = NeurographBackend.prepare
run_model = NeurographBackend.run_model
run_node = NeurographBackend.run_node
supports_device = NeurographBackend.supports_device
