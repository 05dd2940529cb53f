"""LeNet-5 with parts of it changed, each trained the same way.

    python examples/ablations.py [DIRECTORY] [--passes N]

With a directory of the four MNIST files: 60,000 digits to learn, 10,000 to test. Without one: the
sample in the package, 300 to learn and 100 to test, which only shows how it is done. Quick with the
extra "fast".
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable

import numpy as np

import neurograph as ng

Digits = tuple[np.ndarray, np.ndarray]


def lenet(
    *, table: tuple[tuple[int, ...], ...] | None = ng.models.LENET5_C3, rbf: bool = True
) -> ng.Graph:
    """LeNet-5, wired as in the paper unless told otherwise."""
    graph = ng.Graph()
    squash = "scaled_tanh"
    x = graph.add(ng.Input((1, 32, 32), name="input"))
    c1 = graph.add(ng.Conv2d(6, 5, activation=squash, name="C1"), x)
    s2 = graph.add(ng.Subsample2d(2, activation=squash, name="S2"), c1)
    c3 = graph.add(ng.Conv2d(16, 5, table=table, activation=squash, name="C3"), s2)
    s4 = graph.add(ng.Subsample2d(2, activation=squash, name="S4"), c3)
    c5 = graph.add(ng.Conv2d(120, 5, activation=squash, name="C5"), s4)
    f6 = graph.add(ng.Linear(84, activation=squash, name="F6"), c5)
    graph.add(ng.RBF(ng.models.LENET5_CODES) if rbf else ng.Linear(10), f6)
    graph.weights.initialize(seed=0, initializer="uniform_fan_in")
    return graph


def train(graph: ng.Graph, digits: Digits, passes: int) -> None:
    """One pattern an update, by the paper's algorithm; the loss is the one of the output."""
    penalties = graph.function(int(graph.outputs[0])).combine == "squared_difference"
    # The scale is what the published rates are made for; the paper gives neither it nor the others.
    loss = ng.DiscriminativePenalty(rubbish=10.0, scale=25.0) if penalties else "cross_entropy"
    optimizer = ng.StochasticDiagonalLM(patterns=min(500, len(digits[1])), estimates=10)
    how = {"loss": loss, "optimizer": optimizer, "order": "shuffled"}
    ng.fit(graph, *digits, **how, passes=passes, progress=False)


def pruned(graph: ng.Graph, images: np.ndarray, share: float) -> ng.Graph:
    """Cut all but a share of the connections, one by one: those that carry least go first.

    What a connection carries is |w| times the standard deviation of its source's state over the
    images, compared within its layer. Biases and the output's codes stay. A weight is cut from some
    of the places that share it and goes on being shared by the others.
    """
    states = ng.Simulator(graph).states(images).array
    deviation, value = states.std(axis=0), np.abs(graph.weights.value)
    connections = graph.connections.all()
    carried = value[connections.weight] * deviation[connections.source]
    layer = np.zeros(graph.size, int)
    for number, one in enumerate(graph.layers.values()):
        layer[one.ids] = number
    kept = (connections.source == 0) | (layer[connections.target] == len(graph.layers) - 1)
    free = np.flatnonzero(~kept)
    part = (share * len(connections) - kept.sum()) / free.size  # of each layer's free ones
    for number in np.unique(layer[connections.target[free]]):
        mine = free[layer[connections.target[free]] == number]
        best = np.argsort(carried[mine])[::-1][: int(part * mine.size)]
        kept[mine[best]] = True
    return ng.cut(graph, ~kept)


def error(graph: ng.Graph, digits: Digits) -> float:
    """The share of digits that are classified wrong."""
    return float((ng.Simulator(graph).classify(digits[0]) != digits[1]).mean())


def read(directory: str | None) -> tuple[Digits, Digits]:
    """Digits to learn, and digits to test."""
    if directory is not None:
        train, test = (ng.datasets.mnist(directory, split=s) for s in ("train", "test"))
        pairs = [(d.images, d.labels) for d in (train, test)]
    else:
        sample = ng.datasets.digits()
        pairs = [(sample.images[a:b], sample.labels[a:b]) for a, b in ((0, 300), (300, 400))]
    ready = [(ng.datasets.normalize(x).astype(np.float32), y) for x, y in pairs]
    return ready[0], ready[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", nargs="?", help="where the MNIST files are")
    # Pattern by pattern, the scipy engine takes more than sixty times as long as compiled code.
    passes = 10 if importlib.util.find_spec("numba") else 1
    parser.add_argument("--passes", type=int, default=passes)
    chosen = parser.parse_args()
    try:
        digits, test = read(chosen.directory)
    except ng.NeurographError as wrong:
        parser.error(str(wrong))
    print(f"{len(digits[1]):,} digits to learn, {len(test[1]):,} to test, {chosen.passes} passes")
    print(f"{'':34}{'parameters':>12}{'connections':>13}{'test error':>12}")

    def row(name: str, graph: ng.Graph) -> None:
        total = ng.count(ng.drop_dead(graph)).total  # without weights that lost their last use
        print(
            f"{name:34}{total.parameters:12,}{total.connections:13,}{error(graph, test):12.2%}",
            flush=True,
        )

    base = lenet()
    variants: dict[str, Callable[[], ng.Graph]] = {
        "LeNet-5 (1998)": lambda: base,
        "C3 fully connected": lambda: lenet(table=None),
        "C1 unshared": lambda: ng.unshare(lenet(), "C1"),
        "ten linear units for the RBF": lambda: lenet(rbf=False),
    }
    for name, wire in variants.items():
        graph = wire()
        train(graph, digits, chosen.passes)
        row(name, graph)
    small = pruned(base, digits[0][:500], 0.10)
    row("LeNet-5, 10 % of its connections", small)
    train(small, digits, chosen.passes)
    row("the same, trained again", small)


if __name__ == "__main__":
    main()
