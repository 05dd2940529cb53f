"""ONNX models as graphs: shapes worked out, which weights there are, what cannot be said."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx_nets import DOUBLE, INT64, POSITIVE, ROW, K, assert_same, model, node, numbers  # noqa: E402

# ---- shapes --------------------------------------------------------------------------------------


def flattening(shape: tuple[Any, ...]) -> Any:
    """Return a model that works its shapes out: pooled, flattened by Shape, Gather and Concat."""
    constant = helper.make_node("Constant", [], ["zero"], value_int=0)
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"]),
        constant,
        helper.make_node("Shape", ["c"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "at"], ["u"]),
        helper.make_node("Concat", ["u", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["c", "to"], ["f"]),
        helper.make_node("ConstantOfShape", ["to0"], ["o"], value=numpy_helper.from_array(
            np.array([2.0]))),
        helper.make_node("Mul", ["f", "o"], ["y"]),
    ]  # fmt: skip
    arrays = {"k": K, "at": np.array([0]), "rest": np.array([-1]), "to0": np.array([1])}
    return model(nodes, {"x": shape}, arrays)


def test_shapes_are_worked_out() -> None:
    graph = assert_same(flattening((1, 2, 5, 6)))
    assert graph.outputs.shape == (48,)


def test_open_dimensions_are_fixed() -> None:
    made = flattening(("N", 2, "height", "width"))
    with pytest.raises(ConversionError, match=r"x: dimension 2 \(height\), 3 \(width\) of 4"):
        ng.from_onnx(made.SerializeToString())
    graph = ng.from_onnx(made.SerializeToString(), input_shapes={"x": (1, 2, 5, 6)})
    assert graph.inputs[0].ids.shape == (2, 5, 6)
    several = ng.from_onnx(made.SerializeToString(), input_shapes={"x": (8, 2, 5, 6)})
    assert ng.count(several).total.connections == ng.count(graph).total.connections


@pytest.mark.parametrize(
    "given",
    [
        {"y": (1, 2, 5, 6)}, {"x": (1, 2, 5)}, {"x": (1, 3, 5, 6)}, {"x": (1, 2, 0, 6)}, {"x": 5},
        5, {"x": (1, 2, 10**12, 10**12)}, {"x": "1256"},
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(given: Any) -> None:
    made = flattening(("N", 2, "height", "width"))
    with pytest.raises(ConversionError, match="from_onnx"):
        ng.from_onnx(made.SerializeToString(), input_shapes=given)


def branching(condition: list[Any]) -> Any:
    """Return a model that squeezes x, or takes its negative."""
    empty = helper.make_empty_tensor_value_info
    squeezing = [
        helper.make_node("Constant", [], ["ax"], value_ints=[2]),
        helper.make_node("Squeeze", ["x", "ax"], ["a"]),
    ]
    bodies = [
        helper.make_graph(squeezing, "then", [], [empty("a")]),
        helper.make_graph([helper.make_node("Neg", ["x"], ["b"])], "else", [], [empty("b")]),
    ]
    chosen = helper.make_node("If", ["c"], ["h"], then_branch=bodies[0], else_branch=bodies[1])
    nodes = [*condition, chosen, helper.make_node("Mul", ["h", "h"], ["y"])]
    return model(nodes, {"x": (1, 3, 1)}, {"two": np.array(2), "one": np.array(1)})


@pytest.mark.parametrize("size", ["one", "two"])
def test_a_branch_is_taken_by_the_shape(size: str) -> None:
    condition = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "two"], ["n"]),
        helper.make_node("Equal", ["n", size], ["c"]),
    ]
    assert_same(branching(condition))


def test_a_branch_by_states_is_refused() -> None:
    condition = [helper.make_node("ReduceSum", ["x"], ["t"]),
                 helper.make_node("Cast", ["t"], ["c"], to=TensorProto.BOOL)]  # fmt: skip
    with pytest.raises(ConversionError, match=r"If: the condition is computed.* \(1 x: h\)"):
        ng.from_onnx(branching(condition).SerializeToString())


def test_several_inputs_and_outputs_in_order() -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["a"], name="first"),
             helper.make_node("Mul", ["a", "z"], ["b"])]  # fmt: skip
    made = model(nodes, {"x": (1, 4), "z": (1, 3)}, {"w": numbers(4, 3)}, ("b", "a"))
    graph = assert_same(made)
    assert [layer.name for layer in graph.inputs] == ["x", "z"]
    np.testing.assert_array_equal(
        graph.outputs, np.concatenate([graph.layer(name).ids for name in "ba"])
    )


# ---- which weights there are ---------------------------------------------------------------------


def test_counts_of_a_convolution() -> None:
    nodes = [node("Conv", "k", "b", name="first")]
    graph = ng.from_onnx(model(nodes, {"x": (1, 2, 6, 7)}, {"k": K, "b": ROW}).SerializeToString())
    total = ng.count(graph).total
    assert (total.trainable, total.connections) == (4 * 2 * 9 + 4, 4 * 4 * 5 * (2 * 9 + 1))
    np.testing.assert_array_equal(graph.weights["k"], K)
    np.testing.assert_array_equal(graph.weights["b"], ROW)


def test_a_shared_initializer_is_counted_once() -> None:
    nodes = [helper.make_node("Conv", ["x", "k"], ["h"]),
             helper.make_node("Conv", ["h", "k"], ["y"])]  # fmt: skip
    graph = assert_same(model(nodes, {"x": (1, 8, 6, 6)}, {"k": numbers(8, 8, 3, 3) / 9}))
    assert ng.count(graph).total.trainable == 576
    assert ng.count(graph).total.connections == 576 * (16 + 4)


def test_shared_through_a_transposition() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]),
             helper.make_node("Transpose", ["w"], ["t"]),
             helper.make_node("MatMul", ["h", "t"], ["y"])]  # fmt: skip
    graph = assert_same(model(nodes, {"x": (1, 4)}, {"w": numbers(4, 3)}))
    assert ng.count(graph).total.trainable == 12


def test_weights_in_constant_nodes() -> None:
    constant = helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(K))
    graph = assert_same(model([constant, node("Conv", "k")], {"x": (1, 2, 5, 5)}))
    assert ng.count(graph).total.trainable == 72
    assert list(graph.weights) == ["k"]


def test_an_instance_norm_that_says_a_group_norm_has_no_weights() -> None:
    ones, zeros = (numpy_helper.from_array(np.full(2, value)) for value in (1.0, 0.0))
    nodes = [
        helper.make_node("Constant", [], ["one"], value=ones),
        helper.make_node("Constant", [], ["zero"], value=zeros),
        helper.make_node("Reshape", ["x", "groups"], ["g"]),
        helper.make_node("InstanceNormalization", ["g", "one", "zero"], ["n"]),
        helper.make_node("Reshape", ["n", "maps"], ["r"]),
        helper.make_node("Mul", ["r", "a"], ["s"]),
        helper.make_node("Add", ["s", "b"], ["y"]),
    ]
    arrays = {"groups": np.array([0, 2, -1]), "maps": np.array([1, 4, 3, 2]),
              "a": ROW.reshape(4, 1, 1), "b": ROW.reshape(4, 1, 1) / 2}  # fmt: skip
    graph = assert_same(model(nodes, {"x": (1, 4, 3, 2)}, arrays))
    assert ng.count(graph).total.trainable == 8


def test_a_mask_cuts() -> None:
    mask = (numbers(4, 2, 3, 3, seed=5) > 0).astype(float)
    nodes = [helper.make_node("Mul", ["k", "mask"], ["m"]), node("Conv", "m")]
    graph = assert_same(model(nodes, {"x": (1, 2, 5, 5)}, {"k": K, "mask": mask}))
    total = ng.count(graph).total
    assert total.trainable - total.dead == mask.sum()
    assert total.connections == 9 * mask.sum()


def test_zeros_are_kept_or_cut() -> None:
    kernel = np.where(numbers(4, 2, 3, 3, seed=5) > 0, K, 0)
    made = model([node("Conv", "k", "b")], {"x": (1, 2, 5, 5)}, {"k": kernel, "b": 0 * ROW})
    kept, cut = assert_same(made), assert_same(made, zeros="cut")
    assert ng.count(kept).total.connections == 9 * (72 + 4)
    assert ng.count(cut).total.connections == 9 * (np.count_nonzero(kernel) + 4)
    total = ng.count(cut).total
    assert total.trainable - total.dead == np.count_nonzero(kernel) + 4
    with pytest.raises(ConversionError, match="zeros"):
        ng.from_onnx(made.SerializeToString(), zeros="drop")


def test_statistics_are_fixed_and_a_number_alone_is_no_weight() -> None:
    nodes = [node("BatchNormalization", "a", "b", "m", "v"),
             helper.make_node("Mul", ["y", "half"], ["z"])]  # fmt: skip
    arrays = {"a": ROW, "b": ROW / 2, "m": ROW / 3, "v": POSITIVE, "half": np.array(0.5)}
    graph = assert_same(model(nodes, {"x": (1, 4, 2, 2)}, arrays, ("z",)))
    assert ng.count(graph).total.trainable == 8
    assert {"a", "b"} <= set(graph.weights)
    assert not {"m", "v", "half"} & set(graph.weights)


def test_the_state_has_the_names_of_the_initializers() -> None:
    nodes = [node("Conv", "k"), helper.make_node("BatchNormalization", ["y", *"abmv"], ["z"])]
    arrays = {"k": K, "a": ROW, "b": ROW / 2, "m": ROW / 3, "v": POSITIVE}
    graph = assert_same(model(nodes, {"x": (1, 2, 5, 5)}, arrays, ("z",)))
    state = graph.state_dict()
    assert set(state) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_allclose(state[name], array, atol=1e-12)


def test_weights_made_of_others_are_derived() -> None:
    nodes = [helper.make_node("Mul", ["k", "g"], ["w"]), node("Conv", "w")]
    graph = assert_same(model(nodes, {"x": (1, 2, 5, 5)}, {"k": K, "g": numbers(4, 1, 1, 1)}))
    assert graph.weights.origins.derived == {"w.derived": ("g", "k")}


def test_a_fill_of_zero_is_no_connection() -> None:
    nodes = [helper.make_node("Pad", ["x", "p"], ["h"]),
             helper.make_node("Conv", ["h", "k"], ["y"])]  # fmt: skip
    arrays = {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "k": K}
    padded = assert_same(model(nodes, {"x": (1, 2, 5, 5)}, arrays))
    own = assert_same(model([node("Conv", "k", pads=[1, 1, 1, 1])], {"x": (1, 2, 5, 5)}, {"k": K}))
    assert ng.count(padded).total.connections == ng.count(own).total.connections


def test_whole_numbers_that_say_where_are_no_states() -> None:
    nodes = [helper.make_node("Cast", ["a"], ["w"], to=INT64), node("ReduceMean", "w")]
    assert_same(model(nodes, {"x": (2, 3)}, {"a": np.array([1.0])}))


def test_half_precision_is_read_exactly() -> None:
    kernel = K.astype(np.float16)
    nodes = [helper.make_node("Cast", ["k"], ["c"], to=DOUBLE), node("Conv", "c")]
    graph = assert_same(model(nodes, {"x": (1, 2, 5, 5)}, {"k": kernel}))
    np.testing.assert_array_equal(graph.weights["k"], kernel.astype(float))


# ---- what cannot be said -------------------------------------------------------------------------


def test_every_unknown_operator_is_listed() -> None:
    nodes = [helper.make_node("TopK", ["x", "k"], ["t", "i"], name="best"),
             helper.make_node("NonZero", ["x"], ["n"]),
             helper.make_node("NonZero", ["t"], ["m"]),
             helper.make_node("Relu", ["x"], ["y"])]  # fmt: skip
    made = model(nodes, {"x": (1, 4)}, {"k": np.array([2])})
    with pytest.raises(ConversionError, match=r"TopK \(1 x: best\); NonZero \(2 x: n, m\)"):
        ng.from_onnx(made.SerializeToString())


def test_equal_refusals_are_counted() -> None:
    nodes = [helper.make_node("CumSum", ["x", "x"], [f"y{i}"], name=f"at{i}") for i in range(6)]
    made = model(nodes, {"x": (4,)}, outputs=("y0", "y5"))
    with pytest.raises(ConversionError, match=r"CumSum: .* \(6 x: at0, at1, at2, at3, \.\.\.\)"):
        ng.from_onnx(made.SerializeToString())


def test_every_refusal_is_listed() -> None:
    nodes = [helper.make_node("Dropout", ["x", "r", "t"], ["a"], name="drops"),
             helper.make_node("MaxPool", ["x"], ["b", "i"], kernel_shape=[2], name="places"),
             helper.make_node("Relu", ["a"], ["y"])]  # fmt: skip
    arrays = {"r": np.array(0.5), "t": np.array(True)}
    made = model(nodes, {"x": (1, 2, 4)}, arrays, ("y", "i"))
    with pytest.raises(ConversionError, match=r"(?s)drops.*places"):
        ng.from_onnx(made.SerializeToString())


def test_whole_numbers_are_not_taken_for_real_ones() -> None:
    made = model([node("Div", "x")], {"x": (1, 4)}, kind=INT64)
    with pytest.raises(ConversionError, match="whole numbers"):
        ng.from_onnx(made.SerializeToString())
