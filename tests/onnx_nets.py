"""Small ONNX models, and comparisons with ONNX's reference and with ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

DOUBLE, FLOAT, INT64, BOOL = (
    TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
)  # fmt: skip
Shape = tuple[int, ...]
Arrays = dict[str, Any]


def numbers(*shape: int, seed: int = 0) -> Any:
    """Return numbers of both signs, none near zero."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def node(op: str, *inputs: str, **attributes: Any) -> Any:
    """Return a node that makes y of x and further inputs."""
    return helper.make_node(op, ["x", *inputs], ["y"], **attributes)


def model(
    nodes: list[Any],
    inputs: dict[str, Any],
    arrays: Arrays | None = None,
    outputs: tuple[str, ...] = ("y",),
    *,
    opset: int = 21,
    kind: int = DOUBLE,
) -> Any:
    """Return a model of these nodes; initializers are arrays by name."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in (arrays or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def states(graph: ng.Graph, given: list[Any]) -> Any:
    """Return a graph's outputs for one sample, flat."""
    layers = graph.inputs
    samples = [x.reshape(1, *layer.ids.shape) for x, layer in zip(given, layers, strict=True)]
    return ng.Simulator(graph, engine="scipy", dtype="float64")(*samples).reshape(-1)


def assert_same(made: Any, *, atol: float = 1e-9, **options: Any) -> ng.Graph:
    """Compare a graph's outputs with the reference's, in float64."""
    graph = ng.from_onnx(made.SerializeToString(), **options)
    shapes = {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim]
              for v in made.graph.input}  # fmt: skip
    given = {name: numbers(*shape, seed=i + 1) for i, (name, shape) in enumerate(shapes.items())}
    wanted = ReferenceEvaluator(made).run(None, given)
    found = states(graph, list(given.values()))
    flat = np.concatenate([np.asarray(w, np.float64).reshape(-1) for w in wanted])
    np.testing.assert_allclose(found, flat, atol=atol, rtol=1e-6)
    assert ng.verify(graph).ok
    return graph


def runs(made: Any, given: dict[str, Any]) -> Any:
    """Return what ONNX Runtime makes of a model."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)


def assert_as_runtime(made: Any, *, atol: float = 1e-5) -> ng.Graph:
    """Compare a graph's outputs with ONNX Runtime's, in float32."""
    graph = ng.from_onnx(made.SerializeToString())
    given = {
        v.name: numbers(*(d.dim_value or 1 for d in v.type.tensor_type.shape.dim)).astype("f4")
        for v in made.graph.input
    }
    wanted = np.concatenate([np.asarray(w, float).reshape(-1) for w in runs(made, given)])
    np.testing.assert_allclose(states(graph, list(given.values())), wanted, atol=atol)
    return graph


K = numbers(4, 2, 3, 3)
ROW = numbers(4)
POSITIVE = np.abs(ROW) + 0.5
