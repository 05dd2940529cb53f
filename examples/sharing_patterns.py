"""Six ways to share weights that no framework's layer has, each one option: `pattern=`.

A pattern is an array of whole numbers in the shape of a layer's kernel: which weight stands at each
place, -1 for none. Each network here is counted by enumeration, set against the closed formula for
its weights and connections, run, and set against the same matrix or kernel written out in NumPy.

    python examples/sharing_patterns.py
"""

from collections.abc import Callable, Iterator

import numpy as np

import neurograph as ng

Array = np.ndarray
# name, graph, weights and connections by formula, what the outputs are in NumPy
Case = tuple[str, ng.Graph, int, int, Callable[[Array], Array]]
RNG = np.random.default_rng(0)


def network(layer: object, shape: tuple[int, ...]) -> ng.Graph:
    graph = ng.Graph()
    graph.add(layer, graph.add(ng.Input(shape, name="x")))
    graph.weights.value = RNG.normal(size=len(graph.weights))
    return graph


def hashed() -> Case:
    """A 64x100 matrix of only 256 weights, a hash says which (Chen et al. 2015, HashedNets)."""
    place = np.arange(64 * 100, dtype=np.uint64).reshape(64, 100)
    pattern = ((place * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(56)).astype(int)
    graph = network(ng.Linear(64, pattern=pattern, bias=None, name="hashed"), (100,))
    matrix = graph.weights["hashed.kernel"][pattern]
    return "hashed matrix", graph, 256, 64 * 100, lambda x: x @ matrix.T


def rotated() -> Case:
    """One 5x5 kernel in its four rotations: a filter that meets edges of every direction."""
    one = np.arange(25).reshape(5, 5)
    pattern = np.stack([np.rot90(one, turns) for turns in range(4)])[:, None]
    graph = network(ng.Conv2d(4, 5, pattern=pattern, bias=None, name="rotated"), (1, 12, 12))
    kernel = graph.weights["rotated.kernel"].reshape(5, 5)

    def outputs(x: Array) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (5, 5), axis=(1, 2))
        turned = [np.rot90(kernel, turns) for turns in range(4)]
        return np.stack([np.einsum("nyxuv,uv->nyx", windows, k) for k in turned], axis=1)

    return "rotated kernels", graph, 25, 4 * 8 * 8 * 25, outputs


def symmetric() -> Case:
    """Kernels that are their own mirror image from left to right: 3 of 5 columns are free."""
    columns = np.minimum(np.arange(5), 4 - np.arange(5))
    one = np.arange(5)[:, None] * 3 + columns
    pattern = one + 15 * np.arange(6)[:, None, None, None]
    graph = network(ng.Conv2d(6, 5, pattern=pattern, bias=None, name="symmetric"), (1, 12, 12))
    free = graph.weights["symmetric.kernel"].reshape(6, 5, 3)
    kernel = np.concatenate([free, free[:, :, 1::-1]], axis=2)

    def outputs(x: Array) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], (5, 5), axis=(1, 2))
        return np.einsum("nyxuv,ouv->noyx", windows, kernel)

    return "symmetric kernels", graph, 6 * 15, 6 * 8 * 8 * 25, outputs


def circulant() -> Case:
    """A circulant 64x64 matrix: every row is the one above, moved by one. A Fourier transform."""
    pattern = (np.arange(64)[:, None] - np.arange(64)) % 64
    graph = network(ng.Linear(64, pattern=pattern, bias=None, name="circulant"), (64,))
    first = np.fft.rfft(graph.weights["circulant.kernel"])

    def outputs(x: Array) -> Array:
        return np.fft.irfft(np.fft.rfft(x) * first, n=64)

    return "circulant matrix", graph, 64, 64 * 64, outputs


def toeplitz() -> Case:
    """A banded Toeplitz matrix, one weight a diagonal: a convolution of one axis, seen as dense."""
    offset = np.arange(60) - np.arange(56)[:, None]
    pattern = np.where((offset >= 0) & (offset < 5), offset, -1)
    graph = network(ng.Linear(56, pattern=pattern, bias=None, name="toeplitz"), (60,))
    taps = graph.weights["toeplitz.kernel"]

    def outputs(x: Array) -> Array:
        return np.stack([np.correlate(one, taps, mode="valid") for one in x])

    return "Toeplitz matrix", graph, 5, 56 * 5, outputs


def tied() -> Case:
    """A decoder that uses its encoder's weights the other way round, with biases of its own."""
    graph = ng.Graph()
    x = graph.add(ng.Input((20,), name="x"))
    code = graph.add(ng.Linear(6, activation="tanh", name="encoder"), x)
    turned = np.arange(6 * 20).reshape(6, 20).T  # places in the encoder's kernel
    graph.add(ng.Linear(20, weights="encoder", pattern=turned, name="decoder"), code)
    graph.weights.value = RNG.normal(size=len(graph.weights))
    kernel, bias = graph.weights["encoder.kernel"], graph.weights["encoder.bias"]
    own = graph.weights["decoder.bias"]

    def outputs(x: Array) -> Array:
        return np.tanh(x @ kernel.T + bias) @ kernel + own

    return "tied decoder", graph, 6 * 20 + 6 + 20, 2 * 6 * 20 + 6 + 20, outputs


def cases() -> Iterator[Case]:
    for make in (hashed, rotated, symmetric, circulant, toeplitz, tied):
        yield make()


def main() -> None:
    print(f"{'':20}{'weights':>10}{'connections':>14}{'each used':>12}")
    for name, graph, weights, connections, outputs in cases():
        total = ng.count(graph).total
        if (total.trainable, total.connections) != (weights, connections):
            raise SystemExit(f"{name}: the formula says {weights}, {connections}; found {total}")
        if not ng.verify(graph).ok:
            raise SystemExit(f"{name}: verify finds {ng.verify(graph).problems}")
        x = RNG.normal(size=(3, *graph.inputs[0].neurons.shape))
        found = ng.Simulator(graph, engine="scipy", dtype="float64")(x)
        if not np.allclose(found, outputs(x), rtol=1e-9, atol=1e-9):
            raise SystemExit(f"{name}: the outputs are not those of NumPy")
        used = connections / weights
        print(f"{name:20}{weights:10,}{connections:14,}{used:12,.1f}")
    print("As the formulas say, verified connection by connection, outputs as NumPy's.")


if __name__ == "__main__":
    main()
