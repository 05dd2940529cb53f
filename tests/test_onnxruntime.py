"""LeNet-5 against ONNX Runtime, from a model written down independently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import neurograph as ng  # noqa: E402

# Subsampling is a depthwise convolution by its coefficient; an RBF is |x|^2 - 2 x.w + |w|^2.
MODEL = """
<ir_version: 8, opset_import: ["" : 17]>
lenet5 (float[N, 1, 32, 32] x) => (float[N, 10] y) {
    a1 = Conv (x, C1k, C1b)
    s1 = Squash (a1)
    a2 = Conv <group = 6, strides = [2, 2]> (s1, S2k, S2b)
    s2 = Squash (a2)
    a3 = Conv (s2, C3k, C3b)
    s3 = Squash (a3)
    a4 = Conv <group = 16, strides = [2, 2]> (s3, S4k, S4b)
    s4 = Squash (a4)
    a5 = Conv (s4, C5k, C5b)
    s5 = Squash (a5)
    v = Flatten (s5)
    a6 = Gemm <transB = 1> (v, F6k, F6b)
    z = Squash (a6)
    zz = Mul (z, z)
    n = ReduceSum <keepdims = 1> (zz, one)
    d = Gemm <transB = 1, alpha = -2.0> (z, W, norms)
    y = Add (d, n)
}
"""


def session(graph: ng.Graph) -> Any:
    text = MODEL
    for number in range(1, 7):
        name, result = f"a{number}", f"s{number}" if number < 6 else "z"
        text = text.replace(
            f"{result} = Squash ({name})",
            f"m{number} = Mul ({name}, slope)\n t{number} = Tanh (m{number})\n"
            f" {result} = Mul (t{number}, scale)",
        )
    model = onnx.parser.parse_model(text)
    weights = graph.weights
    arrays = {"slope": np.array(2 / 3), "scale": np.array(1.7159)}
    for layer in ("C1", "C3", "C5", "F6"):
        arrays[f"{layer}k"], arrays[f"{layer}b"] = (
            weights[f"{layer}.kernel"],
            weights[f"{layer}.bias"],
        )
    for layer in ("S2", "S4"):
        coefficient = weights[f"{layer}.coefficient"]
        arrays[f"{layer}k"] = np.tile(coefficient[:, None, None, None], (1, 1, 2, 2))
        arrays[f"{layer}b"] = weights[f"{layer}.bias"]
    centers = weights["output.centers"]
    arrays |= {"W": centers, "norms": np.square(centers).sum(1)}
    tensors = [onnx.numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items()]
    tensors.append(onnx.numpy_helper.from_array(np.array([1]), "one"))
    model.graph.initializer.extend(tensors)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("engine", ["scipy", "numba"])
@pytest.mark.parametrize("seed", [0, 1])
def test_lenet5_agrees_with_onnx_runtime(engine: str, seed: int) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    graph = ng.models.lenet5()
    graph.weights.initialize(seed=seed, initializer="uniform_fan_in")
    digits = ng.datasets.normalize(ng.datasets.digits(20).images).astype(np.float32)
    (expected,) = session(graph).run(None, {"x": digits})
    found = ng.Simulator(graph, engine=engine)(digits)
    assert np.ptp(expected) > 10
    np.testing.assert_allclose(found, expected, rtol=2e-5)
