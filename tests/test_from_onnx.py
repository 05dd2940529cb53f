"""ONNX operators as neurons: ONNX's reference and ONNX Runtime are the oracles."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng

onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402
from onnx_nets import (  # noqa: E402
    DOUBLE,
    FLOAT,
    INT64,
    POSITIVE,
    ROW,
    Arrays,
    K,
    Shape,
    assert_as_runtime,
    assert_same,
    model,
    node,
    numbers,
)

# name -> nodes that make y of x, the shape of x, initializers
CASES: dict[str, tuple[list[Any], Shape, Arrays]] = {
    "conv": ([node("Conv", "k", "b", pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])],
             (1, 2, 7, 8), {"k": K, "b": ROW}),
    "conv same": ([node("Conv", "k", auto_pad="SAME_LOWER", strides=[2, 2])], (1, 2, 6, 7),
                  {"k": K}),
    "conv groups": ([node("Conv", "k", group=2)], (1, 4, 5, 5), {"k": K}),
    "conv 1d": ([node("Conv", "k")], (1, 2, 6), {"k": numbers(3, 2, 3)}),
    "conv 3d": ([node("Conv", "k")], (1, 2, 3, 3, 4), {"k": numbers(3, 2, 2, 2, 2)}),
    "transposed": ([node("ConvTranspose", "k", "b", strides=[2, 3], pads=[1, 0, 0, 1],
                         output_padding=[1, 1])], (1, 4, 3, 4), {"k": K, "b": ROW[:2]}),
    "gemm": ([node("Gemm", "w", "b", transB=1)], (1, 3), {"w": numbers(4, 3), "b": ROW}),
    "gemm scaled": ([node("Gemm", "w", "b", alpha=0.5, beta=2.0, transA=1)], (3, 2),
                    {"w": numbers(3, 4), "b": ROW}),
    "gemm without bias": ([node("Gemm", "w")], (2, 3), {"w": numbers(3, 4)}),
    "matmul": ([node("MatMul", "w")], (2, 5, 3), {"w": numbers(3, 4)}),
    "matmul in batches": ([node("MatMul", "w")], (2, 5, 3), {"w": numbers(2, 3, 4)}),
    "matmul stretched": ([node("MatMul", "w")], (5, 3), {"w": numbers(2, 3, 4)}),
    "matmul by a vector": ([node("MatMul", "w")], (2, 5, 3), {"w": numbers(3)}),
    "matmul from the left": ([helper.make_node("MatMul", ["w", "x"], ["y"])], (2, 3, 4),
                             {"w": numbers(5, 3)}),
    "matmul of a vector": ([node("MatMul", "w")], (3,), {"w": numbers(3, 4)}),
    "attention": ([node("Transpose", perm=[0, 2, 1]), helper.make_node("MatMul", ["x", "y"], ["a"]),
                   helper.make_node("Softmax", ["a"], ["s"]),
                   helper.make_node("MatMul", ["s", "x"], ["z"])], (1, 3, 4), {}),
    "einsum": ([node("Einsum", "w", equation="bhnd,dhe->bne")], (1, 2, 3, 4),
               {"w": numbers(4, 2, 5)}),
    "einsum of states": ([node("Einsum", "x", equation="bij,bik->bjk")], (1, 3, 4), {}),
    "einsum, summed": ([node("Einsum", equation="bij->jb")], (1, 3, 4), {}),
    "batch norm": ([node("BatchNormalization", "a", "b", "m", "v", epsilon=1e-3)], (1, 4, 3, 2),
                   {"a": ROW, "b": ROW[::-1].copy(), "m": ROW / 2, "v": POSITIVE}),
    "instance norm": ([node("InstanceNormalization", "a", "b")], (1, 4, 3, 2),
                      {"a": ROW, "b": ROW / 2}),
    "group norm": ([node("GroupNormalization", "a", "b", num_groups=2)], (1, 4, 3, 2),
                   {"a": ROW, "b": ROW / 2}),
    "layer norm": ([node("LayerNormalization", "a", "b", axis=-1)], (1, 3, 4),
                   {"a": ROW, "b": ROW / 2}),
    "lp norm 2": ([node("LpNormalization", axis=-1, p=2)], (2, 3, 2), {}),
    "softmax": ([node("Softmax", axis=1)], (1, 4, 3), {}),
    "log softmax": ([node("LogSoftmax")], (1, 4, 3), {}),
    "global average": ([node("GlobalAveragePool")], (1, 3, 4, 2), {}),
    "global max": ([node("GlobalMaxPool")], (1, 3, 4, 2), {}),
    "prelu": ([node("PRelu", "a")], (1, 4, 2, 2), {"a": ROW.reshape(4, 1, 1)}),
    "shrink": ([node("Shrink", lambd=0.4, bias=0.1)], (3, 4), {}),
    "clip": ([node("Clip", "low", "high")], (3, 4), {"low": np.array(-0.5), "high": np.array(0.6)}),
    "clip below": ([node("Clip", "", "high")], (3, 4), {"high": np.array(0.6)}),
    "power": ([node("Abs"), helper.make_node("Pow", ["y", "e"], ["z"])], (3, 4),
              {"e": np.array([2.0, 0.5, 1.0, 1.7])}),
    "of a power": ([helper.make_node("Pow", ["e", "x"], ["y"])], (3, 4), {"e": np.array(2.0)}),
    "add": ([node("Add", "x"), helper.make_node("Add", ["b", "y"], ["z"])], (1, 4), {"b": ROW}),
    "sub": ([node("Sub", "b"), helper.make_node("Sub", ["b", "y"], ["s"]),
             helper.make_node("Sub", ["s", "x"], ["z"])], (1, 4), {"b": ROW}),
    "mul": ([node("Mul", "b"), helper.make_node("Mul", ["y", "x"], ["z"])], (3, 4), {"b": ROW}),
    "div": ([node("Div", "b"), helper.make_node("Div", ["b", "y"], ["s"]),
             helper.make_node("Div", ["x", "s"], ["z"])], (3, 4), {"b": ROW}),
    "several": ([node("Max", "x", "b"), helper.make_node("Min", ["y", "x", "b"], ["m"]),
                 helper.make_node("Mean", ["y", "m", "x"], ["a"]),
                 helper.make_node("Sum", ["a", "y", "m"], ["z"])], (3, 4), {"b": ROW}),
    "compared": ([node("Greater", "b"), helper.make_node("Less", ["x", "b"], ["l"]),
                  helper.make_node("Or", ["y", "l"], ["o"]), helper.make_node("Not", ["y"], ["n"]),
                  helper.make_node("And", ["o", "n"], ["a"]),
                  helper.make_node("Where", ["a", "x", "b"], ["z"])], (3, 4), {"b": ROW}),
    "reshape": ([node("Reshape", "s")], (1, 3, 4), {"s": np.array([0, -1])}),
    "transpose": ([node("Transpose", perm=[2, 0, 1])], (1, 3, 4), {}),
    "slice": ([node("Slice", "a", "e", "i", "s")], (1, 3, 6),
              {"a": np.array([1, -1]), "e": np.array([3, -7]), "i": np.array([1, 2]),
               "s": np.array([1, -2])}),
    "gather": ([node("Gather", "i", axis=1)], (1, 3, 4), {"i": np.array([[2, 0], [0, 1]])}),
    "gather elements": ([node("GatherElements", "i", axis=1)], (2, 3),
                        {"i": np.array([[2, 0], [0, 1]])}),
    "gather nd": ([node("GatherND", "i")], (2, 3), {"i": np.array([[0, 2], [1, 0]])}),
    "scatter nd": ([node("ScatterND", "i", "u")], (2, 3),
                   {"i": np.array([[0, 2], [1, 0]]), "u": np.array([1.5, 0.0])}),
    "concat": ([node("Concat", "b", "x", axis=1)], (2, 3), {"b": numbers(2, 2)}),
    "expand": ([node("Expand", "s")], (3, 1), {"s": np.array([2, 3, 4])}),
    "tile": ([node("Tile", "s")], (3, 1), {"s": np.array([1, 3])}),
    "pad": ([node("Pad", "p", "c")], (1, 2, 3), {"p": np.array([0, 0, 1, 0, 1, 2]),
                                                "c": np.array(3.5)}),
    "pad by reflection": ([node("Pad", "p", mode="reflect")], (1, 2, 3),
                          {"p": np.array([0, 0, 1, 0, 1, 2])}),
    "pad an axis": ([node("Pad", "p", "", "a")], (1, 2, 3), {"p": np.array([1, 2]),
                                                           "a": np.array([2])}),
    "pad, then the largest": ([node("Pad", "p"), helper.make_node(
        "MaxPool", ["y"], ["z"], kernel_shape=[2, 2])], (1, 1, 3, 3),
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}),
    "depth to space": ([node("DepthToSpace", blocksize=2, mode="CRD")], (1, 8, 2, 3), {}),
    "space to depth": ([node("SpaceToDepth", blocksize=2)], (1, 2, 4, 2), {}),
    "chosen by a constant": ([helper.make_node("Where", ["c", "x", "b"], ["y"])], (3, 4),
                             {"c": np.eye(3, 4) > 0, "b": ROW}),
    "triangle": ([node("Trilu")], (3, 4), {}),
    "dropout": ([node("Dropout")], (3, 4), {}),
    "running sum": ([node("CumSum", "a", reverse=1, exclusive=1)], (3, 4), {"a": np.array(1)}),
    "cut off": ([node("Cast", to=INT64), helper.make_node("Cast", ["y"], ["z"], to=DOUBLE)],
                (3, 4), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator(name: str) -> None:
    nodes, shape, arrays = CASES[name]
    assert_same(model(nodes, {"x": shape}, arrays, (nodes[-1].output[0],)))


ELEMENTWISE: list[tuple[str, Arrays]] = [
    *((op, {}) for op in (
        "Relu", "Sigmoid", "Tanh", "Abs", "Atan", "Asinh", "Ceil", "Cos", "Cosh", "Erf", "Exp",
        "Floor", "Mish", "Neg", "Reciprocal", "Round", "Sign", "Sin", "Sinh", "Softplus",
        "Softsign", "Tan", "HardSwish", "Elu", "Celu", "Selu", "LeakyRelu", "HardSigmoid", "Gelu",
        "ThresholdedRelu", "Shrink",
    )),
    ("Elu", {"alpha": 0.7}), ("LeakyRelu", {"alpha": 0.2}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("Selu", {"alpha": 1.2, "gamma": 0.8}),
    ("Gelu", {"approximate": "tanh"}), ("ThresholdedRelu", {"alpha": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes"), ELEMENTWISE)
def test_an_activation_alone_and_behind_a_sum(op: str, attributes: Arrays) -> None:
    assert_same(model([node(op, **attributes)], {"x": (3, 4)}), atol=1e-6)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"]),
             helper.make_node(op, ["h"], ["y"], **attributes)]  # fmt: skip
    graph = assert_same(model(nodes, {"x": (1, 4)}, {"w": numbers(4, 3)}), atol=1e-6)
    assert graph.layers["y"].ids.shape == (3,)


def test_an_activation_before_another_is_not_lost() -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"]),
             helper.make_node("Softplus", ["h"], ["s"]),
             helper.make_node("Tanh", ["s"], ["t"]),
             helper.make_node("Softmax", ["t"], ["m"]),  # claims none
             helper.make_node("Relu", ["m"], ["y"])]  # fmt: skip
    assert_same(model(nodes, {"x": (1, 4)}, {"w": numbers(4, 3)}))


def test_an_activation_with_two_readers_is_no_part_of_the_sum() -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
             helper.make_node("Add", ["h", "r"], ["y"])]  # fmt: skip
    assert_same(model(nodes, {"x": (1, 4)}, {"w": numbers(4, 3)}))


REDUCTIONS = [
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceSumSquare", "ReduceLogSumExp",
]  # fmt: skip


@pytest.mark.parametrize("op", REDUCTIONS)
def test_a_reduction(op: str) -> None:
    axes = {"a": np.array([1, -1])}
    assert_same(model([node(op, "a", keepdims=0)], {"x": (2, 3, 4)}, axes))
    assert_same(model([node(op)], {"x": (2, 3)}))


# The reference has its own idea of these, ONNX Runtime the specification's.
BY_RUNTIME: dict[str, tuple[list[Any], Shape, Arrays]] = {
    "transposed groups": ([node("ConvTranspose", "k", group=2, strides=[2, 2])], (1, 4, 3, 2),
                          {"k": K}),
    "lrn": ([node("LRN", size=3, alpha=0.3, beta=0.7, bias=1.1)], (1, 5, 2, 2), {}),
    "lp norm 1": ([node("LpNormalization", axis=1, p=1)], (2, 3, 2), {}),
    "mean variance": ([node("MeanVarianceNormalization")], (2, 3, 2, 2), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_RUNTIME)
def test_an_operator_as_in_runtime(name: str) -> None:
    nodes, shape, arrays = BY_RUNTIME[name]
    reals = {key: np.asarray(array, np.float32) for key, array in arrays.items()}
    assert_as_runtime(model(nodes, {"x": shape}, reals, kind=FLOAT))


POOLS: dict[str, Any] = {
    "max": node("MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    "max dilated": node("MaxPool", kernel_shape=[2, 2], dilations=[2, 3]),
    "max beyond the edge": node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "max same": node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    "average": node("AveragePool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    "average, padded": node("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                            count_include_pad=1),
    "average beyond": node("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1,
                           pads=[1, 1, 1, 1], count_include_pad=1),
    "average same": node("AveragePool", kernel_shape=[2, 2], auto_pad="SAME_LOWER"),
    "lp": node("LpPool", kernel_shape=[2, 2], p=3),
}  # fmt: skip


@pytest.mark.parametrize("name", POOLS)
def test_a_pool(name: str) -> None:
    assert_as_runtime(model([POOLS[name]], {"x": (1, 2, 6, 7)}, kind=FLOAT))


SIZES = np.array([1, 2, 7, 5])
RESIZES: dict[str, Arrays] = {
    f"{mode}, {coordinates}": {"mode": mode, "coordinate_transformation_mode": coordinates}
    for mode in ("nearest", "linear", "cubic")
    for coordinates in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
} | {
    "floor": {"mode": "nearest", "nearest_mode": "floor"},
    "ceil": {"mode": "nearest", "nearest_mode": "ceil"},
    "prefer ceil": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    "excluded": {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5},
    "smooth": {"mode": "linear", "antialias": 1},
    "smooth cubic": {"mode": "cubic", "antialias": 1},
}


@pytest.mark.parametrize("name", RESIZES)
@pytest.mark.parametrize("sizes", [(7, 5), (3, 8), (2, 2)])
def test_a_resize(name: str, sizes: Shape) -> None:
    made = model([node("Resize", "", "", "s", **RESIZES[name])], {"x": (1, 2, 4, 5)},
                 {"s": np.array([1, 2, *sizes])}, opset=19, kind=FLOAT)  # fmt: skip
    assert_as_runtime(made)


def test_a_resize_by_scales_and_an_upsampling_of_old() -> None:
    scales = {"s": np.array([1, 1, 1.7, 0.6], np.float32)}
    assert_as_runtime(model([node("Resize", "", "s", mode="linear")], {"x": (1, 2, 5, 6)}, scales,
                            opset=13, kind=FLOAT))  # fmt: skip
    up = {"s": np.array([1, 1, 2, 3], np.float32)}
    made = model([node("Upsample", "s")], {"x": (1, 2, 3, 2)}, up, opset=9, kind=FLOAT)
    graph = assert_as_runtime(made)
    assert ng.count(graph).total.connections == 0  # each output is an input


def test_an_old_softmax_is_over_all_that_follows() -> None:
    made = model([node("Softmax", axis=1)], {"x": (1, 3, 4)}, opset=11, kind=FLOAT)
    assert_as_runtime(made)
