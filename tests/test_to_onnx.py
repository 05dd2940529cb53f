"""Graphs as ONNX models: onnxruntime and ONNX's own checker are the oracles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance import LAYERS
from drawn import graphs
from hypothesis import given, settings
from networks import PAIRS, build, images, irregular, randomize, shuffled

import neurograph as ng
from neurograph.functions import ACTIVATIONS, Activation

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

MANY = settings(max_examples=15, deadline=None)
ROUNDED = {"float32": 2e-5, "float64": 1e-12}


def outputs_of(model: Any, inputs: list[np.ndarray], dtype: str) -> np.ndarray:
    """What onnxruntime says, every output flat, one after the other."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options)
    names = [value.name for value in session.get_inputs()]
    given = {n: np.asarray(x, dtype) for n, x in zip(names, inputs, strict=True)}
    return np.concatenate([y.reshape(len(y), -1) for y in session.run(None, given)], axis=1)


def agree(graph: ng.Graph, *, form: str = "layers", dtype: str = "float32") -> Any:
    """Compare a graph with its model, in onnxruntime; return the model."""
    model = ng.to_onnx(graph, form=form, dtype=dtype)
    onnx.checker.check_model(model, full_check=True)
    inputs = [np.round(x, 3) for x in images(graph, 3)]
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(*inputs).reshape(3, -1)
    found = outputs_of(model, inputs, dtype)
    size = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(found / size, wanted / size, rtol=0, atol=ROUNDED[dtype])
    return model


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def counts(graph: ng.Graph) -> tuple[int, ...]:
    total = ng.count(graph).total
    return total.neurons, total.connections, total.bias_connections, total.used


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    agree(LAYERS[name]())


@pytest.mark.parametrize("name", [n for n in LAYERS if n != "Activation"])  # no erf of float64
def test_layers_as_products_of_float64(name: str) -> None:
    agree(LAYERS[name](), form="products", dtype="float64")


@MANY
@given(irregular())
def test_irregular_graphs(graph: ng.Graph) -> None:
    agree(graph)


@MANY
@given(graphs())
def test_drawn_graphs(graph: ng.Graph) -> None:
    agree(graph)


@settings(max_examples=8, deadline=None)
@given(irregular(pairs=[p for p in PAIRS if p == ("multiply", "sum")]))
def test_weighted_sums_come_back_as_they_were(graph: ng.Graph) -> None:
    back = ng.from_onnx(ng.to_onnx(graph).SerializeToString())
    inputs = images(graph, 2)
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(*inputs)
    found = ng.Simulator(back, engine="scipy", dtype="float64")(*inputs)
    np.testing.assert_allclose(found.reshape(2, -1), wanted.reshape(2, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name: str) -> None:
    graph = ng.Graph()
    graph.add(ng.Activation(Activation(name)), graph.add(ng.Input((40,))))
    model = ng.to_onnx(graph)
    onnx.checker.check_model(model, full_check=True)
    low, high = (1.1, 3.0) if name == "acosh" else (-0.9, 0.9) if "a" in name[:1] else (-4.0, 4.0)
    low = 0.1 if name in ("sqrt", "rsqrt", "log", "log1p", "reciprocal", "power") else low
    x = np.linspace(low, high, 40)[None]
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(x)
    np.testing.assert_allclose(outputs_of(model, [x], "float32"), wanted, rtol=1e-4, atol=1e-5)


def test_lenet5_with_its_table() -> None:
    graph = ng.models.lenet5(weights="mnist")
    model = agree(graph)
    assert kinds(model).count("Conv") == 5
    assert kinds(model).count("Gemm") == 1
    arrays = {x.name: onnx.numpy_helper.to_array(x) for x in model.graph.initializer}
    assert arrays["C3.kernel"].shape == (1500,)
    for name in ("C1.kernel", "C1.bias", "S2.coefficient", "F6.kernel", "output.centers"):
        np.testing.assert_allclose(arrays[name], graph.weights[name], rtol=1e-6)
    assert [value.name for value in model.graph.output] == ["output"]
    back = ng.from_onnx(model.SerializeToString())
    assert counts(back) == counts(graph)
    assert ng.count(back).total.fixed == ng.count(graph).total.fixed
    assert str(back.function("C1[0, 0, 0]")) == "(multiply, sum) scaled_tanh(1.7159, 0.666667)"


def residual(side: int = 8) -> ng.Graph:
    """A residual network: batch norms, a skip, one that is strided, pooling."""
    graph = ng.Graph()
    x = graph.add(ng.Input((3, side, side), name="image"))
    x = graph.add(ng.Conv2d(4, 3, padding=1, bias=None, name="conv1"), x)
    x = graph.add(ng.BatchNorm2d(activation="relu", name="bn1"), x)
    y = graph.add(ng.Conv2d(4, 3, padding=1, bias=None, name="conv2"), x)
    y = graph.add(ng.BatchNorm2d(name="bn2"), y)
    x = graph.add(ng.Add(activation="relu", name="add1"), x, y)
    y = graph.add(ng.Conv2d(6, 3, stride=2, padding=1, name="conv3"), x)
    z = graph.add(ng.Conv2d(6, 1, stride=2, name="down"), x)
    x = graph.add(ng.Add(activation="relu", name="add2"), y, z)
    x = graph.add(ng.AvgPool2d(side // 2, name="pool"), x)
    graph.add(ng.Linear(5, name="fc"), x)
    return randomize(graph)


def test_a_residual_network_comes_back_as_it_was() -> None:
    graph = residual()
    graph.weights["bn1.inverse_deviation"] = np.abs(graph.weights["bn1.inverse_deviation"]) + 0.1
    graph.weights["bn2.inverse_deviation"] = np.abs(graph.weights["bn2.inverse_deviation"]) + 0.1
    model = agree(graph)
    expected = ["Conv", "BatchNormalization", "Relu", "Conv", "BatchNormalization", "Add", "Relu",
                "Conv", "Conv", "Add", "Relu", "AveragePool", "Reshape", "Gemm"]  # fmt: skip
    assert kinds(model) == expected
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


def test_a_shared_array_is_one_initializer() -> None:
    graph = ng.Graph()
    a = graph.add(ng.Input((2, 6, 6), name="a"))
    b = graph.add(ng.Conv2d(2, 3, padding=1, name="C1"), a)
    graph.add(ng.Conv2d(2, 3, padding=1, weights="C1", name="C2"), b)
    model = agree(randomize(graph))
    assert [x.name for x in model.graph.initializer].count("C1.kernel") == 1
    assert {tuple(n.input)[1] for n in model.graph.node if n.op_type == "Conv"} == {"C1.kernel"}
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


def test_several_inputs_and_outputs_keep_their_names() -> None:
    graph = ng.Graph()
    a, b = (graph.add(ng.Input((2, 3), name=name)) for name in ("left", "right"))
    y = graph.add(ng.Linear(4, activation="relu", name="first"), a, b)
    z = graph.add(ng.Multiply(name="second"), a, b)
    graph.outputs = np.concatenate([y.reshape(-1), z.reshape(-1)])
    model = agree(randomize(graph))
    assert [value.name for value in model.graph.input] == ["left", "right"]
    assert [value.name for value in model.graph.output] == ["first", "second"]
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


def test_what_an_edit_leaves_regular_stays_a_convolution() -> None:
    graph = randomize(build(ng.Conv2d(4, 3, padding=1, name="C1"), shape=(2, 6, 6)))
    mask = np.random.default_rng(0).random(graph.weights["C1.kernel"].shape) < 0.5
    pruned = ng.prune(graph, {"C1.kernel": mask})
    model = agree(pruned)
    assert kinds(model) == ["Reshape", "Pad", "Gather", "Conv"]
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(pruned)


def test_what_an_edit_made_irregular_is_gathered() -> None:
    graph = randomize(build(ng.Conv2d(2, 3, name="C1"), ng.Linear(3, name="fc"), shape=(1, 5, 5)))
    middle = graph.neuron_id("C1[1, 1, 1]")
    where = graph.select(source=13, target=middle)
    edited = ng.cut(graph, where)
    rewired = ng.rewire(graph, where, 3)
    for changed in (edited, rewired, ng.unshare(graph, "C1")):
        model = agree(changed)
        assert "Gather" in kinds(model)
        assert counts(ng.from_onnx(model.SerializeToString())) == counts(changed)


def test_layers_that_read_each_other_are_split_by_levels() -> None:
    graph = residual(4)
    agree(shuffled(ng.subgraph(graph, ["image", "conv1", "bn1.normalized", "bn1"])))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_softmax_comes_back_as_itself(kind: str, axis: int) -> None:
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ("N", 2, 3, 4))
        for name in "xy"
    )
    node = onnx.helper.make_node(kind, ["x"], ["y"], axis=axis)
    made = onnx.helper.make_model(onnx.helper.make_graph([node], "net", [x], [y]))
    graph = ng.from_onnx(made.SerializeToString())
    model = agree(graph)
    assert kinds(model) == [kind]
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    graph = build(ng.Linear(3, name="fc"), shape=(4,))
    assert ng.to_onnx(graph, tmp_path / "net.onnx") is None
    assert counts(ng.from_onnx(tmp_path / "net.onnx")) == counts(graph)
    with pytest.raises(ng.ConversionError, match="cannot be written"):
        ng.to_onnx(graph, tmp_path / "absent" / "net.onnx")


def test_what_cannot_be_said_is_refused() -> None:
    graph = build(ng.Linear(3, name="fc"), shape=(4,))
    with pytest.raises(ng.ConversionError, match="form='layer'"):
        ng.to_onnx(graph, form="layer")
    with pytest.raises(ng.ConversionError, match="dtype 'int8'"):
        ng.to_onnx(graph, dtype="int8")
    with pytest.raises(ng.GraphError, match="needed a Graph"):
        ng.to_onnx(3)
    graph.weights["fc.kernel[1, 2]"] = 1e39
    with pytest.raises(ng.ConversionError, match=r"fc.kernel\[1, 2\] is 1e\+39"):
        ng.to_onnx(graph)
    with pytest.raises(ng.ConversionError, match="no inputs"):
        ng.to_onnx(ng.Graph())
    cycle = ng.Graph.from_connections([(1, 0, 2), (3, 0, 2), (2, 0, 3)], inputs=[1])
    with pytest.raises(ng.GraphError, match="cycle"):
        ng.to_onnx(cycle)


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_over_what_is_picked_are_a_convolution(stride: int) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 4, 3), name="x"))
    wide = np.pad(x.repeat(2, axis=1).repeat(2, axis=2), [(0, 0), (1, 1), (1, 1)], mode="wrap")
    graph.add(ng.Conv2d(3, 3, stride=stride, name="C1"), wide)  # upsampled, and padded in a circle
    model = agree(randomize(graph))
    assert kinds(model).count("Conv") == 1
    assert "C1.kernel" in {name for node in model.graph.node for name in node.input}
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


@pytest.mark.parametrize("pads", [(1, 1), ((1, 0), (0, 2))])
def test_transposed_convolutions_are_said_as_such(pads: Any) -> None:
    layer = ng.ConvTranspose2d(4, 3, stride=2, padding=pads, groups=2, name="up")
    graph = randomize(build(layer, shape=(2, 4, 3)))
    model = agree(graph)
    assert kinds(model) == ["ConvTranspose"]
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)


def test_rows_of_a_dense_layer_are_parted_by_samples() -> None:
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ("N", 3, size))
        for name, size in (("x", 4), ("y", 5))
    )
    weights = onnx.numpy_helper.from_array(np.ones((4, 5), np.float32), "w")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"]),
        onnx.helper.make_node("ReduceMean", ["a"], ["m"], axes=[1]),
        onnx.helper.make_node("Sub", ["a", "m"], ["y"]),
    ]
    made = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "net", [x], [y], [weights]),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
    )
    graph = ng.from_onnx(made.SerializeToString())
    model = agree(graph)
    assert {"Gemm", "AveragePool", "Sub"} <= set(kinds(model))
    assert counts(ng.from_onnx(model.SerializeToString())) == counts(graph)
