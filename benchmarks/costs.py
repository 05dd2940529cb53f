"""How the cost of each function grows with the network: the exponents, fitted to measured times.

    python benchmarks/costs.py                     # all of them, up to an hour
    python benchmarks/costs.py verify "deep: save" # those whose name holds one of these

Each is timed at n, 2 n, 4 n, ... on networks made anew, until a run takes longer than --seconds or
n reaches --largest. Printed are the largest n, the processor's seconds (which a busy machine does
not stretch), and the exponent p of time ~ n^p over
the last two doublings, which leaves out most of what does not grow: about 1 for n, 1.1 for n log n,
2 for what compares each with each.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neurograph as ng
from neurograph.functions import Activation, Function
from neurograph.layers import Input, Linear

Made = Any
Action = Callable[[Made], Any]


def deep(n: int) -> ng.Graph:
    """Return a chain of n layers of one neuron, each with a kernel and a bias."""
    graph = ng.Graph()
    front = graph.add(Input((1,), name="x"))
    for i in range(n):
        front = graph.add(Linear(1, name=f"y{i}"), front)
    return graph


def beside(n: int) -> ng.Graph:
    """Return n layers that read the one input, an output each."""
    graph = ng.Graph()
    x = graph.add(Input((2,), name="x"))
    graph.outputs = np.concatenate([graph.add(Linear(1, name=f"y{i}"), x) for i in range(n)])
    return graph


def wide(n: int) -> ng.Graph:
    """Return n neurons in one layer, each of two inputs."""
    graph = ng.Graph()
    graph.add(Linear(n, name="y"), graph.add(Input((2,), name="x")))
    return graph


def triples(n: int) -> ng.Graph:
    """Return 4 n connections of n neurons wired at random, few of equal sources."""
    rng = np.random.default_rng(0)
    inputs = np.arange(1, n + 1)
    source = rng.integers(1, n + 1, 4 * n)
    target = np.repeat(np.arange(n + 1, 2 * n + 1), 4)
    every = np.stack([source, np.arange(4 * n) % n, target], axis=1)
    return ng.Graph.from_connections(every, inputs=inputs)


def chained(n: int) -> ng.Graph:
    """Return n neurons of one layer in a chain of bare triples, listed from the end."""
    ids = np.arange(n, 0, -1)
    every = np.stack([ids + 1, 0 * ids, ids], axis=1)
    return ng.Graph.from_connections(every, inputs=[n + 1], values=[0.5])


def with_inputs(n: int) -> ng.Graph:
    """Return n inputs of one neuron each and one neuron that reads them all."""
    graph = ng.Graph()
    every = [graph.add(Input((1,), name=f"x{i}")) for i in range(n)]
    graph.add(Linear(1, name="y"), np.concatenate(every))
    return graph


def with_constants(n: int) -> ng.Graph:
    """Return n constant units and one neuron that reads them all."""
    graph = ng.Graph()
    x = graph.add(Input((1,), name="x"))
    every = [graph.add_constant(f"c{i}", i) for i in range(n)]
    graph.add(Linear(1, name="y"), np.array([*x, *every]))
    return graph


def with_functions(n: int) -> ng.Graph:
    """Return n neurons of n different functions."""
    functions = {i: Function(activation=_activation(i)) for i in range(2, n + 2)}
    every = [(1, 0, i) for i in functions]
    return ng.Graph.from_connections(every, inputs=[1], functions=functions)


def with_cuts(n: int) -> ng.Graph:
    """Return n neurons with four sources, of which each has lost some at random."""
    graph = ng.Graph()
    graph.add(Linear(n, name="y"), graph.add(Input((16,), name="x")))
    return ng.prune(graph, {"y.kernel": np.random.default_rng(0).random((n, 16)) < 0.5})


def of_widths(n: int) -> ng.Graph:
    """Return neurons of about sqrt(2 n) different numbers of connections, n in all."""
    most = math.isqrt(2 * n)
    every = [(1 + s, s, most + 1 + width) for width in range(1, most) for s in range(width)]
    return ng.Graph.from_connections(every, inputs=list(range(1, most + 1)))


def _activation(i: int) -> Activation:
    return Activation("leaky_relu", (1 / (i + 1),))


def _images(graph: ng.Graph, batch: int = 2) -> list[Any]:
    return [np.ones((batch, *layer.neurons.shape)) for layer in graph.inputs]


def _saved(graph: ng.Graph) -> Path:
    path = Path(tempfile.mkdtemp()) / "graph.npz"
    ng.save(graph, path)
    return path


def _saved_and_removed(graph: ng.Graph) -> None:
    path = _saved(graph)
    path.unlink()
    path.parent.rmdir()


def _run(graph: ng.Graph, engine: str) -> Any:
    return ng.Simulator(graph, engine=engine, dtype="float64")(*_images(graph))


def _gradient(graph: ng.Graph, engine: str) -> Any:
    simulator = ng.Simulator(graph, engine=engine, dtype="float64")
    outputs = simulator.program.outputs
    return simulator.pullback(tuple(_images(graph)), np.ones((2, *outputs.shape)))


def _first_neuron(graph: ng.Graph) -> int:
    return int(graph.outputs.reshape(-1)[-1])


def _count_networkx(graph: ng.Graph) -> Any:
    return ng.count(ng.to_networkx(graph))


# What is asked of every graph: a name and the function timed, on a graph made for it alone.
ASKED: dict[str, Action] = {
    "count": ng.count,
    "str(count)": lambda graph: str(ng.count(graph)),
    "count, each row by name": lambda graph: list(map(ng.count(graph).__getitem__, graph.layers)),
    "verify": ng.verify,
    "verify, not compiled": lambda graph: ng.verify(graph, compiled=False),
    "compile": ng.compile,
    "levels": lambda graph: ng.compile(graph).levels,
    "run scipy": lambda graph: _run(graph, "scipy"),
    "run numba": lambda graph: _run(graph, "numba"),
    "pullback scipy": lambda graph: _gradient(graph, "scipy"),
    "pullback numba": lambda graph: _gradient(graph, "numba"),
    "save": _saved_and_removed,
    "to_networkx": ng.to_networkx,
    "drop_dead": ng.drop_dead,
    "subgraph": lambda graph: ng.subgraph(graph, graph.neurons),
    "subgraph of one": lambda graph: ng.subgraph(graph, _first_neuron(graph)),
    "cut": lambda graph: ng.cut(graph, lambda some: some.source % 3 == 0),
    "prune": lambda graph: ng.prune(graph, np.arange(graph.weights.count) % 3 > 0),
    "receptive_field": lambda graph: ng.receptive_field(graph, _first_neuron(graph)),
    "projective_field": lambda graph: ng.projective_field(graph, 1),
    "explain": lambda graph: ng.explain(graph, _first_neuron(graph), *_images(graph, 1)),
    "incoming of each": lambda graph: [graph.incoming(i) for i in range(graph.size)],
    "outgoing of each": lambda graph: [graph.outgoing(i) for i in range(1, graph.size)],
    "sharing of each": lambda graph: [graph.sharing(i) for i in range(graph.weights.count)],
    "neuron_name of each": lambda graph: [graph.neuron_name(i) for i in range(graph.size)],
    "weight_name of each": lambda graph: [graph.weight_name(i) for i in range(graph.weights.count)],
    "neuron_id of each": lambda graph: [
        graph.neuron_id(graph.neuron_name(i)) for i in range(graph.size)
    ],
    "layer(name) of each": lambda graph: [graph.layer(name).ids for name in graph.layers],
    "repr of each layer": lambda graph: [repr(layer) for layer in graph.layers.values()],
    "select(layer=all)": lambda graph: len(graph.select(layer=[*graph.layers])),
    "select(weight=all)": lambda graph: len(graph.select(weight=np.arange(graph.weights.count))),
    "select(source=all)": lambda graph: len(graph.select(source=np.arange(graph.size))),
    "connections": lambda graph: [len(block) for block in graph.connections],
    "weights by name": lambda graph: [graph.weights.names[name].ids for name in graph.weights],
    "weights.initialize": lambda graph: graph.weights.initialize(seed=1),
    "weights.assign all": lambda graph: graph.weights.assign(dict.fromkeys(graph.weights, 0.5)),
    "neurons": lambda graph: graph.neurons,
    "nbytes": lambda graph: graph.nbytes,
    "repr": repr,
}


def _added(n: int) -> None:
    graph = ng.Graph()
    x = graph.add(Input((1,)))
    for _ in range(n):
        graph.add(Linear(1), x)


def _in_turns(look: Callable[[ng.Graph, Any], Any]) -> Action:
    """Return what adds n layers and looks at the graph after each."""

    def act(n: int) -> None:
        graph = ng.Graph()
        x = graph.add(Input((1,), name="x"))
        for i in range(n):
            look(graph, graph.add(Linear(1, name=f"y{i}"), x))

    return act


def _different_functions(n: int) -> None:
    graph = ng.Graph()
    x = graph.add(Input((1,)))
    for i in range(n):
        graph.add(Linear(1, activation=_activation(i), name=f"y{i}"), x)


def _borrowing(n: int) -> None:
    graph = ng.Graph()
    x = graph.add(Input((1,), name="x"))
    graph.add(Linear(1, name="y"), x)
    for i in range(n):
        graph.add(Linear(1, weights="y", name=f"y{i}"), x)


def _renamed(graph: ng.Graph) -> None:
    for name in list(graph.weights):
        graph.rename_array(name, f"{name}.new")


def _outputs_of_inputs(n: int) -> Any:
    graph = ng.Graph()
    for i in range(n):
        graph.add_inputs(f"x{i}", (1,))
        with contextlib.suppress(ng.GraphError):
            _ = graph.outputs
    graph.add(Linear(1, name="y"), graph.neurons)
    return graph.outputs


@dataclass(frozen=True)
class Case:
    """One row: what is made, untimed, for an n, and what is timed on it."""

    name: str
    make: Callable[[int], Made]
    act: Action
    most: int = 1 << 30  # the largest n that there can be


def _whole(n: int) -> int:
    return n


def cases() -> Iterator[Case]:
    """Yield every case."""
    graphs: list[tuple[str, Callable[[int], ng.Graph], int]] = [
        ("deep", deep, 1 << 30),
        ("beside", beside, 1 << 30),
        ("wide", wide, 1 << 30),
        ("inputs", with_inputs, 1 << 30),
        ("constants", with_constants, 1 << 30),
        ("functions", with_functions, 1 << 15),
        ("triples", triples, 1 << 30),
        ("chained", chained, 1 << 30),
        ("cuts", with_cuts, 1 << 30),
        ("widths", of_widths, 1 << 30),
    ]
    for name, make, most in graphs:
        yield Case(f"{name}: build", _whole, make, most)
        for asked, act in ASKED.items():
            yield Case(f"{name}: {asked}", make, act, most)
        yield Case(f"{name}: load", lambda n, make=make: _saved(make(n)), ng.load, most)
        yield Case(
            f"{name}: from_networkx",
            lambda n, make=make: ng.to_networkx(make(n)),
            ng.from_networkx,
            most,
        )
        yield Case(
            f"{name}: count(networkx)",
            lambda n, make=make: ng.to_networkx(make(n)),
            ng.count,
            most,
        )
    yield Case("layers without a name", _whole, _added)
    yield Case("add and neuron_name", _whole, _in_turns(lambda g, y: g.neuron_name(int(y[0]))))
    yield Case(
        "add and weight_name", _whole, _in_turns(lambda g, y: g.weight_name(g.weights.count - 1))
    )
    yield Case("add and outputs", _whole, _in_turns(lambda g, y: g.outputs))
    yield Case("add and incoming", _whole, _in_turns(lambda g, y: g.incoming(int(y[0]))))
    yield Case("add and layer", _whole, _in_turns(lambda g, y: g.layer("x").ids))
    yield Case("add and function", _whole, _in_turns(lambda g, y: g.function(int(y[0]))))
    yield Case("outputs and inputs in turns", _whole, _outputs_of_inputs)
    yield Case("different functions", _whole, _different_functions, 1 << 15)
    yield Case("borrowing layers", _whole, _borrowing)
    yield Case("rename_array of each", deep, _renamed)
    yield Case("tie one layer of n", deep, lambda graph: ng.tie(graph, "y0"))
    yield Case("unshare one layer of n", deep, lambda graph: ng.unshare(graph, "y0"))
    yield Case("tie a wide layer", wide, lambda graph: ng.tie(graph, "y"))
    yield Case("unshare a wide layer", wide, lambda graph: ng.unshare(graph, "y"))


def seconds(case: Case, n: int) -> float:
    """Return the processor's time for one run, after everything it needs has been made."""
    made = case.make(n)
    gc.collect()
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.process_time()
        case.act(made)
        return time.process_time() - start


def measured(case: Case, least: int, largest: int, enough: float) -> list[tuple[int, float]]:
    """Return (n, seconds) at doubling n, until a run takes `enough` or n is `largest`."""
    seconds(case, 16)  # so that imports and compiled code are there
    found, n = [], least
    while n <= min(largest, case.most) and (not found or found[-1][1] < enough):
        found.append((n, min(seconds(case, n) for _ in range(2 if n < largest // 4 else 1))))
        n *= 2
    return found


def exponent(points: list[tuple[int, float]]) -> float:
    """Return p of time ~ n^p, by least squares through the last three points."""
    n, taken = np.log([p[0] for p in points[-3:]]), np.log([p[1] for p in points[-3:]])
    return float(np.polyfit(n, taken, 1)[0])


def main() -> None:
    """Print a row for every case asked for; mark those that grow faster than n log n might."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a case's name")
    parser.add_argument("--least", type=int, default=500, help="the first n (500)")
    parser.add_argument("--largest", type=int, default=16_000, help="the last n (16,000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="a run that is enough (2)")
    given = parser.parse_args()
    print(f"{'function':44}{'n':>10}{'seconds':>10}{'exponent':>10}")
    for case in cases():
        if given.names and not any(name in case.name for name in given.names):
            continue
        try:
            points = measured(case, given.least, given.largest, given.seconds)
        except ng.NeurographError as error:
            print(f"{case.name:44}{'-':>10}{'-':>10}{'-':>10}  {error}", flush=True)
            continue
        n, taken = points[-1]
        power = exponent(points) if len(points) > 1 else math.nan
        mark = "  <- " if power > 1.35 and taken > 0.02 else ""
        print(f"{case.name:44}{n:>10,}{taken:>10.4f}{power:>10.2f}{mark}", flush=True)


if __name__ == "__main__":
    main()
