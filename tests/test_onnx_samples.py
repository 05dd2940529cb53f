"""ONNX models that mix the samples of a batch are refused where batches can be asked of them."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

pytest.importorskip("onnx")
from onnx import helper
from onnx_nets import K, model, node, numbers

MIXING = {
    "a mean over all": ([node("ReduceMean", keepdims=1)], {}),
    "a mean over samples": ([node("ReduceMean", "zero", keepdims=1)], {"zero": np.array([0])}),
    "a softmax over samples": ([node("Softmax", axis=0)], {}),
    "axes exchanged": ([node("Transpose", perm=[1, 0, 2, 3]),
                        helper.make_node("ReduceSum", ["y", "one"], ["z"], keepdims=0)],
                       {"one": np.array([1])}),
    "samples as maps": ([node("Reshape", "to"), helper.make_node("Conv", ["y", "k"], ["z"])],
                        {"to": np.array([1, 2, -1, 4]), "k": K}),
    "all pairs": ([node("Reshape", "rows"), helper.make_node("Transpose", ["y"], ["t"]),
                   helper.make_node("MatMul", ["y", "t"], ["z"])], {"rows": np.array([0, -1])}),
    "a sum of shuffled samples": ([node("Slice", "end", "past", "zero", "back"),
                                   helper.make_node("Add", ["x", "y"], ["z"])],
                                  {"end": np.array([-1]), "past": np.array([-9]),
                                   "zero": np.array([0]), "back": np.array([-1])}),
}  # fmt: skip
APART = {
    "a convolution": ([node("Conv", "k")], {"k": K}),
    "maps shuffled": ([node("Reshape", "to"),
                       helper.make_node("Transpose", ["y"], ["t"], perm=[0, 2, 1, 3, 4]),
                       helper.make_node("Reshape", ["t", "back"], ["z"])],
                      {"to": np.array([0, 2, 1, 4, 4]), "back": np.array([-1, 2, 4, 4])}),
    "the shape's own": ([helper.make_node("Shape", ["x"], ["s"]),
                         helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
                         helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
                         node("Reshape", "to"), helper.make_node("Gemm", ["y", "w"], ["z"])],
                        {"zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1]),
                         "w": numbers(32, 3)}),
    "samples moved and back": ([node("Transpose", perm=[1, 0, 2, 3]),
                                helper.make_node("Transpose", ["y"], ["z"], perm=[1, 0, 2, 3])],
                               {}),
    "one sample only": ([node("Reshape", "to"), helper.make_node("Gemm", ["y", "w"], ["z"])],
                        {"to": np.array([1, -1]), "w": numbers(32, 3)}),
}  # fmt: skip


def made(case: Any, first: Any) -> bytes:
    nodes, arrays = case
    return model(nodes, {"x": (first, 2, 4, 4)}, arrays, (nodes[-1].output[0],)).SerializeToString()


@pytest.mark.parametrize("name", MIXING)
def test_samples_that_mix(name: str) -> None:
    with pytest.raises(ConversionError, match="mixes the samples"):
        ng.from_onnx(made(MIXING[name], "N"))
    ng.from_onnx(made(MIXING[name], 1))  # of one sample it is what it says
    with pytest.raises(ConversionError, match="mixes the samples"):
        ng.from_onnx(made(MIXING[name], 1), input_shapes={"x": (3, 2, 4, 4)})


@pytest.mark.parametrize("name", APART)
def test_samples_apart(name: str) -> None:
    assert ng.verify(ng.from_onnx(made(APART[name], "N"))).ok


def test_usual_networks_need_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("neurograph.convert.onnx._require_samples_apart", second)
    nodes = [node("Conv", "k", "b", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["y"], ["r"]),
             helper.make_node("Concat", ["r", "x"], ["c"], axis=1),
             helper.make_node("ReduceMean", ["c", "places"], ["m"], keepdims=1),
             helper.make_node("Mul", ["c", "m"], ["u"]), helper.make_node("Add", ["u", "u"], ["v"]),
             helper.make_node("GlobalAveragePool", ["v"], ["g"]),
             helper.make_node("Flatten", ["g"], ["f"]), helper.make_node("Gemm", ["f", "w"], ["l"]),
             helper.make_node("Softmax", ["l"], ["z"])]  # fmt: skip
    arrays = {"k": K, "b": K[:, 0, 0, 0], "w": numbers(6, 3), "places": np.array([2, 3])}
    ng.from_onnx(model(nodes, {"x": ("N", 2, 4, 4)}, arrays, ("z",)).SerializeToString())
