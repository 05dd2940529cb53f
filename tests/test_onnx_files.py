"""ONNX files that nobody vouches for: named errors, sizes before memory, no way out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402
from onnx_nets import ROW, K, model, node, numbers  # noqa: E402

# ---- files ---------------------------------------------------------------------------------------


def small() -> Any:
    """Return a small model of many kinds of nodes."""
    nodes = [node("Conv", "k", "b", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["y"], ["r"]),
             helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Shape", ["p"], ["s"]),
             helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
             helper.make_node("Concat", ["n", "rest"], ["to"], axis=0),
             helper.make_node("Reshape", ["p", "to"], ["f"]),
             helper.make_node("Gemm", ["f", "w", "c"], ["z"])]  # fmt: skip
    arrays = {"k": K, "b": ROW, "w": numbers(16, 3), "c": ROW[:3], "zero": np.array([0]),
              "one": np.array([1]), "rest": np.array([-1])}  # fmt: skip
    return model(nodes, {"x": ("N", 2, 4, 4)}, arrays, ("z",))


def test_a_path(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(small().SerializeToString())
    assert ng.count(ng.from_onnx(path)).total.trainable == 72 + 4 + 48 + 3
    assert ng.count(ng.from_onnx(str(path))).total.trainable == 127


@pytest.mark.parametrize("source", [None, 5, [], b"", b"no model", "nowhere.onnx", "/dev/zero"])
def test_what_is_no_model(source: Any) -> None:
    with pytest.raises(ConversionError):
        ng.from_onnx(source)


def outside(folder: Path, location: str, **entries: str) -> Path:
    """Write a model whose kernel lies in another file."""
    made = model([node("Conv", "k")], {"x": (1, 2, 5, 5)}, {"k": K})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def test_external_data_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "k.bin").write_bytes(b"12345678" + K.tobytes())
    graph = ng.from_onnx(outside(tmp_path, "parts/k.bin", offset="8", length=str(K.nbytes)))
    np.testing.assert_array_equal(graph.weights["k"], K)


def test_external_data_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "k.bin").write_bytes(K.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "k.bin")
    (folder / "short.bin").write_bytes(K.tobytes()[:-1])
    (folder / "whole.bin").write_bytes(K.tobytes())
    for location in ("../k.bin", str(tmp_path / "k.bin"), "link.bin", "short.bin", "", ".",
                     "nowhere.bin", "/dev/zero", "own/../../k.bin"):  # fmt: skip
        with pytest.raises(ConversionError):
            ng.from_onnx(outside(folder, location))
    for entries in ({"offset": "-8"}, {"offset": "8"}, {"length": "1"}, {"offset": "x"}):
        with pytest.raises(ConversionError):
            ng.from_onnx(outside(folder, "whole.bin", **entries))
    data = outside(folder, "whole.bin").read_bytes()
    with pytest.raises(ConversionError, match="path"):
        ng.from_onnx(data)


HUGE = 10**9


@pytest.mark.parametrize(
    "nodes",
    [
        [helper.make_node("ConstantOfShape", ["huge"], ["c"]), node("Add", "c")],
        [helper.make_node("Expand", ["one", "huge"], ["c"]), node("Add", "c")],
        [node("Expand", "huge")],
        [node("Tile", "huge")],
        [node("Pad", "huge")],
        [helper.make_node("Range", ["zero", "end", "step"], ["c"]), node("Add", "c")],
        [*(helper.make_node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0)
           for i in range(40)), node("Add", "c40")],
        [node("Resize", "", "scales")],
        [node("MaxPool", kernel_shape=[HUGE, HUGE], pads=[HUGE] * 4)],
        [node("AveragePool", kernel_shape=[2, 2], pads=[HUGE] * 4)],
        [node("LRN", size=HUGE)],
    ],
    ids=lambda nodes: nodes[0].op_type,
)  # fmt: skip
def test_sizes_before_memory(nodes: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.convert.onnx.evaluation._ENTRIES", 1 << 20)
    arrays = {
        "huge": np.full(4, HUGE), "one": np.ones(1), "zero": np.array(0), "end": np.array(HUGE**2),
        "step": np.array(1), "c0": np.ones(2), "scales": np.full(4, 9e5, np.float32),
    }  # fmt: skip
    with pytest.raises(ConversionError):
        ng.from_onnx(model(nodes, {"x": (1, 1, 3, 3)}, arrays).SerializeToString())


def test_shapes_that_no_tensor_has() -> None:
    for dims in ([-1, 4], [HUGE, HUGE, HUGE], [4, 3]):
        made = model([node("Gemm", "w")], {"x": (1, 4)}, {"w": numbers(4, 4)})
        made.graph.initializer[0].dims[:] = dims
        with pytest.raises(ConversionError):
            ng.from_onnx(made.SerializeToString())


def test_names_that_have_no_maker_or_two() -> None:
    for nodes in (
        [node("Add", "nobody")],
        [node("Relu"), node("Tanh")],
        [helper.make_node("Relu", ["y"], ["y"])],
    ):
        with pytest.raises(ConversionError):
            ng.from_onnx(model(nodes, {"x": (1, 4)}).SerializeToString())


def test_damaged_files_are_named_errors() -> None:
    """Bytes changed at random: a graph or a ConversionError, nothing else."""
    data, rng, whole = small().SerializeToString(), np.random.default_rng(0), 0
    for _ in range(400):
        spoilt = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            spoilt[place] = rng.integers(0, 256)
        try:
            ng.from_onnx(bytes(spoilt[: rng.integers(1, 2 * len(data))]))
            whole += 1
        except ConversionError:
            pass
    assert 0 < whole < 400
