"""ONNX's own node cases, run by the backend: what passes is counted, what does not is named."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402
from onnx.backend.test.runner import Runner  # noqa: E402

from neurograph import onnx as backend  # noqa: E402

_VERSION = "1.23"  # whose cases are counted here
# Cases of known operators that are not passed.
EXCLUDED = {
    # lengths by the scales' product, not by the whole number that the output has; so does torch
    "test_resize_downsample_scales_cubic_align_corners",
    "test_resize_downsample_scales_linear_align_corners",
    # tensors of no numbers, which no neurons stand for
    "test_slice_start_out_of_bounds",
    "test_split_zero_size_splits_opset13",
    "test_split_zero_size_splits_opset18",
    "test_triu_zero",
}


def array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def outcome(case: Any) -> str:
    """Return how a case goes: passed, failed, or unsaid by a named error."""
    try:
        ready = backend.prepare(case.model)
        for inputs, outputs in case.data_sets:
            found = ready.run([array(value) for value in inputs])
            wanted = [array(value) for value in outputs]
            Runner.assert_similar_outputs(wanted, list(found), rtol=case.rtol, atol=case.atol)
    except ConversionError:
        return "unsaid"
    except (AssertionError, ValueError, TypeError):
        return "failed"
    return "passed"


@pytest.mark.skipif(not onnx.__version__.startswith(_VERSION), reason="other cases")
def test_the_cases_of_nodes() -> None:
    from onnx.backend.test.loader import load_model_tests

    tally, failed, operators = Counter[str](), set(), set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in load_model_tests(kind="node"):
            if "_expanded" in case.name or not backend.is_compatible(case.model):
                continue
            how = outcome(case)
            tally[how] += 1
            if how == "failed":
                failed.add(case.name)
            if how == "passed":
                operators |= {node.op_type for node in case.model.graph.node}
    assert failed == EXCLUDED
    assert tally["passed"] >= 640
    assert len(operators) >= 115


def test_a_node_alone() -> None:
    x, k = np.ones((1, 1, 3, 3), np.float32), np.ones((2, 1, 3, 3), np.float32)
    node = helper.make_node("Conv", ["x", "k"], ["y"])
    np.testing.assert_array_equal(backend.run_node(node, [x, k])[0], np.full((1, 2, 1, 1), 9.0))


def test_a_batch_is_run_as_it_is() -> None:
    x = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    node = helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)
    assert backend.run_node(node, [x])[0] == 23


def test_devices_and_inputs_that_are_not_there() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA")
    with pytest.raises(ConversionError, match="device"):
        backend.run_node(node, [np.ones(2)], device="CUDA")
    x = helper.make_tensor_value_info("x", 1, (2,))
    made = helper.make_model(
        helper.make_graph([node], "net", [x], [helper.make_empty_tensor_value_info("y")])
    )
    assert backend.is_compatible(made)
    assert not backend.is_compatible(made, device="CUDA")
    with pytest.raises(ConversionError, match="inputs"):
        backend.prepare(made).run([])


def test_it_is_found_by_its_name() -> None:
    assert ng.onnx is backend
