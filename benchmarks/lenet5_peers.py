"""LeNet-5 in other libraries.

Each is written apart from neurograph, from the values in the graph's weight arrays, in the layout
that is fastest for it. Every function returns {name: callable(batch) -> penalties (batch, 10)}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

A, S = 1.7159, 2.0 / 3.0  # scaled tanh: A tanh(S a)
Weights = Mapping[str, np.ndarray]
Peer = Callable[[np.ndarray], np.ndarray]


def values(graph: Any) -> Weights:
    """Return the graph's weight arrays as float32; what the connection table leaves out is 0."""
    return {name: np.nan_to_num(graph.weights[name]).astype(np.float32) for name in graph.weights}


# ---- ONNX Runtime -------------------------------------------------------------------------------


class _Nodes:
    """Collects ONNX nodes and constants; `add` returns the name of the node's output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: Any) -> str:
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


def _onnx_model(w: Weights, *, depthwise: bool, folded: bool) -> bytes:
    """Return the network as an ONNX model.

    depthwise: subsampling as a grouped convolution, else as AveragePool x 4 w + b. folded: A and S
    multiplied into the weights, so that plain Tanh is left.
    """
    from onnx import TensorProto, helper

    n = _Nodes()
    slope, scale = (np.float32(S), np.float32(A)) if folded else (np.float32(1), np.float32(1))

    def squash(x: str) -> str:
        if folded:
            return n.add("Tanh", x)
        x = n.add("Tanh", n.add("Mul", x, n.constant(np.float32(S))))
        return n.add("Mul", x, n.constant(np.float32(A)))

    def convolve(x: str, layer: str, before: np.float32) -> str:
        kernel = w[f"{layer}.kernel"] * slope * before
        return n.add("Conv", x, n.constant(kernel), n.constant(w[f"{layer}.bias"] * slope))

    def subsample(x: str, layer: str) -> str:
        factor, bias = w[f"{layer}.coefficient"] * slope * scale, w[f"{layer}.bias"] * slope
        maps = factor.size
        if depthwise:
            kernel = np.broadcast_to(factor[:, None, None, None], (maps, 1, 2, 2)).copy()
            names = n.constant(kernel), n.constant(bias)
            return n.add("Conv", x, *names, strides=[2, 2], group=maps)
        x = n.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = n.add("Mul", x, n.constant(4 * factor[:, None, None]))
        return n.add("Add", x, n.constant(bias[:, None, None]))

    one = np.float32(1)
    x = squash(subsample(squash(convolve("image", "C1", one)), "S2"))
    x = squash(subsample(squash(convolve(x, "C3", scale)), "S4"))
    x = n.add("Flatten", squash(convolve(x, "C5", scale)))
    f6 = n.constant(w["F6.kernel"] * slope * scale), n.constant(w["F6.bias"] * slope)
    x = squash(n.add("Gemm", x, *f6, transB=1))
    x = n.add("Mul", x, n.constant(scale)) if folded else x
    x = n.add("Unsqueeze", x, n.constant(np.array([1])))
    x = n.add("Sub", x, n.constant(w["output.centers"]))
    n.nodes.append(helper.make_node("ReduceSumSquare", [x], ["penalties"], axes=[2], keepdims=0))
    shapes = {"image": ["batch", 1, 32, 32], "penalties": ["batch", 10]}
    ends = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in shapes.items()]
    graph = helper.make_graph(n.nodes, "lenet5", ends[:1], ends[1:], n.constants)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def onnx_runtime(w: Weights, threads: int = 1) -> dict[str, Peer]:
    """Return ONNX Runtime sessions with all graph optimisations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3

    def peer(model: bytes) -> Peer:
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        return lambda images: session.run(None, {"image": images})[0]

    return {
        f"onnxruntime, {pooling}{', scale folded' if folded else ''}": peer(
            _onnx_model(w, depthwise=pooling == "depthwise", folded=folded)
        )
        for pooling in ("depthwise", "average pool")
        for folded in (False, True)
    }


# ---- torch --------------------------------------------------------------------------------------


def torch_eager(w: Weights, threads: int = 1) -> dict[str, Peer]:
    """Return torch functions, no gradients, for both memory formats."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    formats = {"": torch.contiguous_format, ", channels last": torch.channels_last}

    def peer(memory: Any, depthwise: bool) -> Peer:
        t = {name: torch.from_numpy(value.copy()) for name, value in w.items()}
        for name in ("C1.kernel", "C3.kernel", "C5.kernel"):
            t[name] = t[name].contiguous(memory_format=memory)

        def squash(x: Any) -> Any:
            return torch.tanh_(x.mul_(S)).mul_(A)

        def subsample(x: Any, layer: str) -> Any:
            factor, bias = t[f"{layer}.coefficient"], t[f"{layer}.bias"]
            if depthwise:
                kernel = factor[:, None, None, None].expand(-1, 1, 2, 2)
                return functional.conv2d(x, kernel, bias, stride=2, groups=factor.numel())
            return (
                functional.avg_pool2d(x, 2)
                .mul_(4 * factor[:, None, None])
                .add_(bias[:, None, None])
            )

        @torch.no_grad()
        def run(images: np.ndarray) -> np.ndarray:
            x = torch.from_numpy(images).contiguous(memory_format=memory)
            x = squash(functional.conv2d(x, t["C1.kernel"], t["C1.bias"]))
            x = squash(subsample(x, "S2"))
            x = squash(functional.conv2d(x, t["C3.kernel"], t["C3.bias"]))
            x = squash(subsample(x, "S4"))
            x = squash(functional.conv2d(x, t["C5.kernel"], t["C5.bias"])).flatten(1)
            x = squash(functional.linear(x, t["F6.kernel"], t["F6.bias"]))
            return (x[:, None] - t["output.centers"]).square_().sum(2).numpy()

        return run

    return {
        f"torch eager{layout}, {'depthwise' if depthwise else 'average pool'}": peer(
            memory, depthwise
        )
        for layout, memory in formats.items()
        for depthwise in (False, True)
    }


# ---- scipy --------------------------------------------------------------------------------------


def _convolution(kernel: np.ndarray, side: int, stride: int = 1) -> Any:
    """Return a convolution over square maps as CSR; zero weights are left out."""
    from scipy.sparse import csr_matrix

    maps, sources, k, _ = kernel.shape
    out = (side - k) // stride + 1
    m, c, i, j, y, x = np.indices((maps, sources, k, k, out, out)).reshape(6, -1)
    rows, columns = (m * out + y) * out + x, (c * side + y * stride + i) * side + x * stride + j
    data = kernel[m, c, i, j]
    live = data != 0
    shape = (maps * out * out, sources * side * side)
    return csr_matrix((data[live], (rows[live], columns[live])), shape=shape)


def scipy_csr(w: Weights) -> dict[str, Peer]:
    """Return a chain of CSR products over states (neurons, batch), which is what it takes best."""

    def diagonal(layer: str) -> np.ndarray:
        factor = w[f"{layer}.coefficient"]
        return (
            np.eye(factor.size, dtype=np.float32)[:, :, None, None]
            * factor[:, None, None, None]
            * np.ones((1, 1, 2, 2), np.float32)
        )

    layers = [
        (_convolution(w["C1.kernel"], 32), w["C1.bias"], 784),
        (_convolution(diagonal("S2"), 28, 2), w["S2.bias"], 196),
        (_convolution(w["C3.kernel"], 14), w["C3.bias"], 100),
        (_convolution(diagonal("S4"), 10, 2), w["S4.bias"], 25),
        (_convolution(w["C5.kernel"], 5), w["C5.bias"], 1),
        (_convolution(w["F6.kernel"][:, :, None, None], 1), w["F6.bias"], 1),
    ]
    prepared = [(m, np.repeat(bias, size)[:, None]) for m, bias, size in layers]
    centers = w["output.centers"][:, :, None]

    def run(states: np.ndarray) -> np.ndarray:
        for matrix, bias in prepared:
            states = matrix @ states
            states += bias
            states *= np.float32(S)
            np.tanh(states, out=states)
            states *= np.float32(A)
        return np.square(centers - states).sum(1)

    def peer(images: np.ndarray) -> np.ndarray:
        return run(images).T

    return {"scipy CSR": peer}
