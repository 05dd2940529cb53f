"""Counts against brute force over all triples, and what the counted words mean."""

from __future__ import annotations

import json
import sys
import threading
from math import prod

import networkx as nx
import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.counting import OTHER, Row
from neurograph.graph import usage
from neurograph.graph.usage import used_weights

SOME = settings(deadline=None, max_examples=60)

LENET5 = """
layer        maps    neurons    parameters    used    fixed    connections    of which bias    slots    dead
-------  --------  ---------  ------------  ------  -------  -------------  ---------------  -------  ------
input     1x32x32      1,024             0       0        0              0                0        0       0
C1        6x28x28      4,704           156     156        0        122,304            4,704  122,304       0
S2        6x14x14      1,176            12      12        0          5,880            1,176    5,880       0
C3       16x10x10      1,600         1,516   1,516        0        151,600            1,600  151,600       0
S4         16x5x5        400            32      32        0          2,000              400    2,000       0
C5        120x1x1        120        48,120  48,120        0         48,120              120   48,120       0
F6             84         84        10,164  10,164        0         10,164               84   10,164       0
output         10         10             0       0      840            840                0      840       0
-------  --------  ---------  ------------  ------  -------  -------------  ---------------  -------  ------
total                  9,118        60,000  60,000      840        340,908            8,084  340,908       0
parameters: trainable weights as declared; used: those that a connection uses
"""  # noqa: E501


def brute(graph: ng.Graph) -> dict[str, tuple[int, ...]]:
    """Count (neurons, trainable, fixed, connections, bias, dead) of each layer from its triples."""
    every = triples_of(graph)
    used = {w for _, w, _ in every}
    found = {}
    for layer in graph.layers.values():
        ids = set(layer.neurons.present.tolist())
        own = {i for a in layer.arrays for i in graph.weights.names[a].present.tolist()}
        free = {i for i in own if graph.weights.trainable[i]}
        into = [t for t in every if t[2] in ids]
        bias = [t for t in into if t[0] == 0]
        numbers = len(ids), len(free), len(own - free), len(into), len(bias), len(own - used)
        found[layer.name] = numbers
    return found


@SOME
@given(graphs(), st.sampled_from([1, 7, 1 << 20]))
def test_count_is_that_of_all_triples(graph: ng.Graph, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usage, "_BLOCK", block)
        counts = ng.count(graph)
    found = {
        r.name: (r.neurons, r.trainable, r.fixed, r.connections, r.bias_connections, r.dead)
        for r in counts
    }
    assert found == brute(graph)
    assert counts.total.connections == len(triples_of(graph)) == len(graph.connections)
    uses = np.zeros(graph.weights.count, bool)
    uses[[w for _, w, _ in triples_of(graph)]] = True
    assert (used_weights(graph.table, graph.weights.count) == uses).all()


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(*[st.integers(1, 4)] * 4),
    st.tuples(*[st.integers(3, 8)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.integers(0, 2),
    st.sampled_from(["map", "neuron", None]),
)
def test_count_verify_and_the_closed_formula_agree(
    sizes: tuple[int, ...],
    maps: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    bias: str | None,
) -> None:
    channels, out, *kernel = sizes
    kernel = [min(k, n + 2 * padding) for k, n in zip(kernel, maps, strict=True)]
    graph = ng.Graph()
    x = graph.add(ng.Input((channels, *maps)))
    layer = ng.Conv2d(out, tuple(kernel), stride=stride, padding=padding, bias=bias, name="c")
    graph.add(layer, x)
    places, taps = [], []
    for n, k, s in zip(maps, kernel, stride, strict=True):
        starts = range(-padding, n + padding - k + 1, s)
        places.append(len(starts))
        taps.append(sum(0 <= i < n for start in starts for i in range(start, start + k)))
    neurons = out * prod(places)
    biases = 0 if bias is None else neurons
    weights = {"map": out, "neuron": neurons, None: 0}[bias]
    row = ng.count(graph)["c"]
    assert row.neurons == neurons
    assert row.parameters == out * channels * prod(kernel) + weights
    assert row.connections == channels * out * prod(taps) + biases
    assert row.bias_connections == biases
    assert row.slots == neurons * channels * prod(kernel) + biases
    result = ng.verify(graph, compiled=False)
    assert result.ok
    assert result.triples == row.connections


def test_a_weight_is_counted_once_in_the_layer_that_brought_it() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((4,), name="x"))
    graph.add(ng.Linear(3, name="a"), x)
    graph.add(ng.Linear(3, weights="a", name="b"), x)
    counts = ng.count(graph)
    assert (counts["a"].parameters, counts["b"].parameters) == (15, 0)
    assert counts["a"].connections == counts["b"].connections == 15
    assert (counts.total.parameters, counts.total.connections) == (15, 30)


def test_dead_weights_are_those_that_no_connection_uses() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 1, 1), name="x"))
    graph.add(ng.Conv2d(2, 3, padding=1, name="c"), x)
    row = ng.count(graph)["c"]
    assert (row.parameters, row.dead) == (20, 16)  # the middle of each kernel and the biases live
    assert (row.connections, row.slots) == (4, 20)


def test_weights_and_neurons_of_no_layer_have_a_row() -> None:
    graph = ng.models.mlp((2, 1))
    graph.weights.add("loose", (3,))
    row = ng.count(graph)[OTHER]
    assert (row.neurons, row.trainable, row.dead) == (0, 3, 3)
    assert ng.count(graph).total.weights == graph.weights.count


def test_rows_add_and_the_table_is_printed() -> None:
    counts = ng.count(ng.models.lenet5())
    assert counts["C1"] + counts["S2"] == Row("C1", 5880, 168, 0, 128184, 5880, 128184, 0, 168)
    assert [row.name for row in counts] == ["input", "C1", "S2", "C3", "S4", "C5", "F6", "output"]
    assert str(counts) == LENET5.strip()
    data = json.loads(json.dumps(counts.as_dict()))
    assert data["total"]["connections"] == 340_908
    assert data["layers"][3]["name"] == "C3"


def test_bad_input() -> None:
    counts = ng.count(ng.models.lenet5())
    with pytest.raises(ng.GraphError, match=r"layer 'C2' is unknown; did you mean S2, C5, C3\?"):
        counts["C2"]
    with pytest.raises(
        ng.GraphError, match=r"count: found str, needed a Graph or a networkx graph"
    ):
        ng.count("lenet5")


def lost() -> ng.Graph:
    """A network in which a neuron has no connection in, and another feeds none that is read."""
    # 1, 2 -> 3 -> 6, the output; 2, 4 -> 5, which nothing reads; nothing leads to 4.
    triples = [(1, 0, 3), (2, 0, 3), (3, 1, 6), (4, 2, 5), (2, 3, 5)]
    return ng.Graph.from_connections(triples, inputs=[1, 2], outputs=[6])


def test_neurons_that_nothing_reaches_and_that_reach_nothing_are_counted() -> None:
    graph = lost()
    total = ng.count(graph).total
    assert (total.unfed, total.unread) == (1, 2)  # 4; 4 and 5
    for compiled in (False, True):
        found = ng.verify(graph, compiled=compiled)
        assert found.ok
        assert (found.unfed, found.unread) == (1, 2)
    for said in (str(ng.count(graph)), str(ng.verify(graph))):
        assert "unfed neurons, with no connection in, though no inputs: 1 (neuron 1)" in said
        assert "unread neurons, with no way to an output: 2 (neuron 2)" in said
    assert "unfed" not in str(ng.count(ng.models.lenet5()))


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_what_is_unfed_and_unread_is_so_by_networkx(graph: ng.Graph) -> None:
    G = nx.DiGraph((s, t) for s, _, t in graph.connections.all())
    G.add_nodes_from(range(graph.size))
    inputs = {int(i) for layer in graph.inputs for i in layer.neurons.present}
    neurons = set(graph.neurons.tolist())
    reading = {a for o in graph.outputs.reshape(-1).tolist() for a in (o, *nx.ancestors(G, o))}
    counts = ng.count(graph)
    assert counts.total.unfed == len({n for n in neurons - inputs if not G.in_degree(n)})
    assert counts.total.unread == len(neurons - reading)
    used = {w for _, w, _ in graph.connections.all() if graph.weights.trainable[w]}
    assert counts.total.used == len(used)
    assert ng.verify(graph).ok


def test_rows_know_the_shape_of_their_maps() -> None:
    counts = ng.count(ng.models.lenet5(input_shape=(1, 64, 64)))
    assert counts["C5"].maps == (120, 9, 9)
    assert "120x9x9" in str(counts)


def test_counts_as_a_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    counts = ng.count(ng.models.lenet5())
    frame = counts.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.loc["C3", "connections"] == 151_600
    assert frame.loc["total", "used"] == frame["used"][:-1].sum() == 60_000
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ng.MissingDependency, match=r"to_pandas needs pandas, .* in a clone"):
        counts.to_pandas()


def test_a_graph_with_named_arrays_and_no_weights_left() -> None:
    graph = ng.Graph()
    graph.add(ng.Linear(2, name="y"), graph.add(ng.Input((3,), name="x")))
    bare = ng.drop_dead(ng.prune(graph, np.zeros(8, bool)))
    assert bare.weights.count == 0
    assert bare.weights["y.kernel"].tolist() == [[0, 0, 0], [0, 0, 0]]
    for compiled in (False, True):
        found = ng.verify(bare, compiled=compiled)
        assert (found.ok, found.triples, found.unfed, found.unread) == (True, 0, 2, 3)


def test_threads_that_do_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ng.GraphError, match="verify: can't start new thread; needed fewer threads"):
        ng.verify(lost(), threads=2)
