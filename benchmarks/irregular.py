"""Irregular sparsity, one thread: pruned LeNet-5, pruned 4 x 4096, RadiX-Net.

    python benchmarks/irregular.py [lenet5] [pruned] [radixnet]

The peers are scipy's CSR times dense (prebuilt, C-contiguous float32) and torch's sparse CSR.
Outputs are checked first: ours in float32 against the scipy engine in float64, and each peer.
Needs the extra `fast`; torch where it is installed.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from side_by_side import in_turns, limit_threads, machine, median, ratio, spread

limit_threads(1)

import numpy as np  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

import neurograph as ng  # noqa: E402

try:
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="Sparse")  # torch says that its CSR is in beta state
except ImportError:
    torch = None


class Layer(NamedTuple):
    """activation(matrix @ x + squares @ x^2 + bias), states (units, batch)."""

    matrix: csr_matrix
    squares: csr_matrix | None
    bias: Any
    activation: Any


def pruned_lenet5(density: float) -> ng.Graph:
    """Return LeNet-5 with only a share of its connections left, chosen at random."""
    graph = ng.models.lenet5()
    rng = np.random.default_rng(0)
    return ng.cut(graph, lambda some: rng.random(len(some)) >= density)


def pruned_layers(density: float, *, size: int = 4096, count: int = 4) -> ng.Graph:
    """Return fully connected layers of which a share of the weights, chosen at random, is left."""
    rng = np.random.default_rng(0)
    graph = ng.Graph()
    x = graph.add(ng.Input((size,), name="input"))
    for _ in range(count):
        links = np.argwhere(rng.random((size, size)) < density)[:, ::-1]
        layer = ng.Sparse(size, links, activation="relu", initializer="he_normal")
        x = graph.add(layer, x)
    return graph


def chain(graph: ng.Graph) -> list[Layer]:
    """Return the graph's layers as matrices over the layer before."""
    before = graph.inputs[0].ids.reshape(-1)
    found = []
    program = ng.compile(graph)
    for layer in graph.layers.values():
        if layer.kind == "Input":
            continue
        function = graph.function(int(layer.ids.flat[0]))
        assert function is not None
        whole = program.matrix(layer.name, graph.weights.value).tocsc()
        bias, matrix = whole[:, [0]].toarray(), whole[:, before]
        squares = None
        if function.combine == "squared_difference":  # sum of x^2 - 2 w x + w^2
            squares = csr_matrix(matrix != 0, dtype=np.float32)
            bias, matrix = np.asarray(matrix.multiply(matrix).sum(axis=1)), -2 * matrix
        weights = csr_matrix(matrix, dtype=np.float32)
        found.append(Layer(weights, squares, bias.astype(np.float32), function.activation))
        before = layer.ids.reshape(-1)
    return found


def by_scipy(layers: list[Layer], state: Any) -> Any:
    """Run a chain with scipy, states (units, batch)."""
    for layer in layers:
        net = layer.matrix @ state
        net += layer.bias
        if layer.squares is not None:
            net += layer.squares @ (state * state)
        state = layer.activation(net)
    return state


def by_torch(layers: list[Layer], inputs: Any) -> Callable[[], Any]:
    """Return a call that runs a chain with torch's sparse CSR matrices."""

    def sparse(matrix: Any) -> Any:
        arrays = matrix.indptr, matrix.indices, matrix.data
        return torch.sparse_csr_tensor(*(torch.from_numpy(a) for a in arrays), matrix.shape)

    parts = [
        (
            sparse(layer.matrix),
            None if layer.squares is None else sparse(layer.squares),
            torch.from_numpy(layer.bias),
            TORCH[layer.activation.name],
            layer.activation,
        )
        for layer in layers
    ]
    x = torch.from_numpy(inputs)

    def run() -> Any:
        state = x
        with torch.no_grad():
            for matrix, squares, bias, squash, activation in parts:
                net = torch.addmm(bias.expand(-1, x.shape[1]), matrix, state)
                if squares is not None:
                    net = torch.addmm(net, squares, state * state)
                state = squash(net, activation)
        return state

    return run


TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda a, f: torch.relu(a),
    "hardtanh": lambda a, f: torch.clamp(a, *f.parameters),
    "scaled_tanh": lambda a, f: f.parameters[0] * torch.tanh(f.parameters[1] * a),
    "identity": lambda a, f: a,
}


def cases(names: list[str]) -> Iterator[tuple[str, Callable[[], ng.Graph]]]:
    """Yield the networks asked for."""
    if "pruned" in names:
        yield "4 x 4096, 90 % pruned", lambda: pruned_layers(0.10)
        yield "4 x 4096, 95 % pruned", lambda: pruned_layers(0.05)
    if "radixnet" in names:
        yield "RadiX-Net 1024 x 120", ng.models.radixnet
    if "lenet5" in names:
        yield "LeNet-5, 90 % cut", lambda: pruned_lenet5(0.10)
        yield "LeNet-5, 95 % cut", lambda: pruned_lenet5(0.05)


def compare(name: str, graph: ng.Graph, batch: int) -> None:
    """Print one row: our time and how many times as long the peers take."""
    rng = np.random.default_rng(1)
    shape = graph.inputs[0].neurons.shape
    images = rng.uniform(0, 1, (batch, *shape)).astype(np.float32)
    truth = ng.Simulator(graph, engine="scipy", dtype="float64")
    states = truth.states(images)
    live = [layer for layer in graph.layers.values() if layer.kind not in ("Input", "RBF")]
    share = min(float((states[layer.name] != 0).mean()) for layer in live)
    simulator = ng.Simulator(graph, engine="numba")
    expected = truth(images).reshape(batch, -1)
    check(simulator(images).reshape(batch, -1), expected, "ours")
    actions: dict[str, Callable[[], Any]] = {"ours": lambda: simulator(images)}
    columns = np.ascontiguousarray(images.reshape(batch, -1).T)
    layers = chain(graph)
    actions["scipy CSR"] = lambda: by_scipy(layers, columns)
    if torch is not None:
        actions["torch CSR"] = by_torch(layers, columns)
    for peer, action in list(actions.items())[1:]:
        found = np.asarray(action())
        check(found if found.shape == expected.shape else found.T, expected, peer)
    times = in_turns(actions)
    connections = len(graph.connections)
    rate = connections * batch / median(times["ours"]) / 1e9
    print(
        f"{name}, batch {batch}: ours {median(times['ours']) * 1e3:.2f} ms "
        f"({spread(times['ours'])}), {rate:.1f} G connections x inputs per second, "
        f"at least {share:.0%} of a layer's states live"
    )
    for peer, found_times in list(times.items())[1:]:
        print(
            f"    {peer}: {median(found_times) * 1e3:.2f} ms ({spread(found_times)}), "
            f"{ratio(found_times, times['ours']):.2f}x"
        )


def check(found: Any, expected: Any, who: str) -> None:
    """Stop if outputs differ by more than float32 allows over many layers."""
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if not error < 1e-4:
        raise SystemExit(f"{who}: outputs differ by {error:.1e} of the largest")


def main() -> None:
    """Print the rows asked for, all by default."""
    every = ["lenet5", "pruned", "radixnet"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(every)}")
    names = parser.parse_args().names or every
    if wrong := [name for name in names if name not in every]:
        parser.error(f"found {', '.join(wrong)}, needed some of {', '.join(every)}")
    packages = ["numpy", "scipy", "numba", *(["torch"] if torch is not None else [])]
    print(machine(*packages), "- one thread each, medians (quartiles)")
    for name, make in cases(names):
        graph = make()
        for batch in (64, 256, 1024):
            compare(name, graph, batch)


if __name__ == "__main__":
    main()
