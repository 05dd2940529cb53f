"""LeNet-5 as sparse matrices: digits pushed through with nothing but scipy products.

Each layer's connections are one sparse matrix, a row for each of its neurons and a column for each
neuron of the whole graph; the bias unit is column 0. What is counted is what is multiplied: the
matrices together have 340,908 entries. The result is compared with the Simulator's, and with torch
where that is installed. (The weights are drawn, not trained: the classes mean nothing yet.)

    python examples/sparse_forward.py
"""

import sys
import time

import numpy as np

import neurograph as ng


def weighted_sums(matrix, state: np.ndarray) -> np.ndarray:
    """Return sum w x for each row."""
    return matrix @ state


def squared_distances(matrix, state: np.ndarray) -> np.ndarray:
    """Return sum (x - w)^2 = sum x^2 - 2 sum w x + sum w^2 for each row: sparse products again."""
    pattern, squares = matrix.copy(), matrix.copy()
    pattern.data = np.ones_like(matrix.data)
    squares.data = matrix.data**2
    return pattern @ state**2 - 2 * (matrix @ state) + np.asarray(squares.sum(axis=1))


# How a neuron combines a weight with its source's state: the output's units measure a distance.
NET = {"multiply": weighted_sums, "squared_difference": squared_distances}


def propagate(graph: ng.Graph, images: np.ndarray) -> np.ndarray:
    """Return every neuron's state, (ids, images), level by level."""
    program = ng.compile(graph)
    values = graph.weights.value
    state = np.zeros((graph.size, len(images)))
    for constant, fixed in graph.constants.items():
        state[constant] = fixed  # the bias unit is always 1
    state[graph.layer("input").ids.reshape(-1)] = images.reshape(len(images), -1).T
    total = 0
    for layer in list(graph.layers.values())[1:]:
        ids = layer.ids.reshape(-1)
        function = graph.function(int(ids[0]))
        matrix = program.matrix(layer.name, values)
        start = time.perf_counter()
        net = NET[function.combine](matrix, state)
        state[ids] = function.activation(net)
        spent = (time.perf_counter() - start) * 1e3
        total += matrix.nnz
        rows, columns = matrix.shape
        print(
            f"{layer.name:7} {rows:5,} x {columns:,} matrix, {matrix.nnz:7,} entries "
            f"({matrix.nnz / rows / columns:7.3%} of it), {spent:5.1f} ms   {function}"
        )
    print(f"together {total:,} entries: the connections of LeNet-5\n")
    return state


def with_torch(graph: ng.Graph, images: np.ndarray):
    """Return the outputs of the same network as torch's layers compute them, or None."""
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return None
    w = {name: torch.tensor(graph.weights[name]) for name in graph.weights}

    def squash(a):
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsample(x, name):
        summed = 4 * functional.avg_pool2d(x, 2)
        return squash(
            summed * w[f"{name}.coefficient"][:, None, None] + w[f"{name}.bias"][:, None, None]
        )

    x = torch.tensor(images)
    x = squash(functional.conv2d(x, w["C1.kernel"], w["C1.bias"]))
    x = subsample(x, "S2")
    # Where Table I has no link the array reads 0, which is all that a dense convolution can do.
    x = squash(functional.conv2d(x, w["C3.kernel"], w["C3.bias"]))
    x = subsample(x, "S4")
    x = squash(functional.conv2d(x, w["C5.kernel"], w["C5.bias"])).flatten(1)
    x = squash(functional.linear(x, w["F6.kernel"], w["F6.bias"]))
    return ((x[:, None] - w["output.centers"]) ** 2).sum(dim=2).numpy()


def main() -> int:
    graph = ng.models.lenet5()
    digits = ng.datasets.digits(100)
    images = ng.datasets.normalize(digits.images)
    print(f"{len(digits)} handwritten digits, as {images.shape[1:]} inputs, float64\n")
    state = propagate(graph, images)
    outputs = state[graph.outputs.reshape(-1)].T

    print("digit 0 is a", digits.labels[0], "- its ten penalties, the smallest wins:")
    print(np.array2string(outputs[0], precision=3))
    print("class", outputs[0].argmin(), "(weights drawn, seed 0: by chance)\n")

    simulator = ng.Simulator(graph, engine="scipy", dtype="float64")
    worst = np.abs(outputs - simulator(images)).max()
    print(f"largest difference from the Simulator: {worst:.1e}")
    found = [worst]
    torch = with_torch(graph, images)
    if torch is None:
        print("torch is not installed: not compared with it")
    else:
        found.append(np.abs(outputs - torch).max())
        print(f"largest difference from torch:         {found[-1]:.1e}")
    return int(not max(found) < 1e-10)


if __name__ == "__main__":
    sys.exit(main())
