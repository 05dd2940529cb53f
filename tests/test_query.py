"""Receptive and projective fields and cones against networkx, at any depth."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.graph import query

SOME = settings(deadline=None, max_examples=40)


def as_networkx(graph: ng.Graph) -> nx.DiGraph:
    found = nx.DiGraph()
    found.add_nodes_from(graph.neurons.tolist())
    found.add_edges_from((s, t) for s, _, t in triples_of(graph) if s not in graph.constants)
    return found


def steps(neighbours: object, start: set[int], depth: int) -> list[int]:
    front = start
    for _ in range(depth):
        front = {n for i in front for n in neighbours(i)}  # type: ignore[operator]
    return sorted(front)


@SOME
@given(graphs(), st.data())
def test_fields_are_those_of_networkx(graph: ng.Graph, data: st.DataObject) -> None:
    other = as_networkx(graph)
    inputs = {i for layer in graph.inputs for i in layer.neurons.present.tolist()}
    some = data.draw(st.lists(st.sampled_from(graph.neurons.tolist()), min_size=1, max_size=3))
    above = set(some).union(*(nx.ancestors(other, n) for n in some))
    below = set().union(*(nx.descendants(other, n) for n in some)) - set(some)
    assert query.cone(graph, some).tolist() == sorted(above)
    assert ng.receptive_field(graph, some).tolist() == sorted(above & inputs)
    assert ng.projective_field(graph, some).tolist() == sorted(below)
    for depth in range(5):
        back = ng.receptive_field(graph, some, depth=depth)
        ahead = ng.projective_field(graph, some, depth=depth)
        assert back.tolist() == steps(other.predecessors, set(some), depth)
        assert ahead.tolist() == steps(other.successors, set(some), depth)


@pytest.mark.parametrize("chunk", [1, 3])
def test_fields_do_not_depend_on_the_size_of_the_blocks(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = ng.models.lenet5()
    output, pixel = graph.neuron_id("output[3]"), graph.neuron_id("input[0, 16, 16]")
    place = graph.neuron_id("C3[6, 4, 4]")
    wanted = [ng.cone(graph, output), ng.projective_field(graph, pixel)]
    monkeypatch.setattr(query, "_CHUNK", chunk)
    assert ng.receptive_field(graph, place).size == 14 * 14
    monkeypatch.setattr(query, "_CHUNK", 64 * chunk)
    assert (ng.cone(graph, output) == wanted[0]).all()
    assert (ng.projective_field(graph, pixel) == wanted[1]).all()


def test_fields_of_lenet5() -> None:
    graph = ng.models.lenet5()
    c3 = graph.layer("C3").ids
    assert ng.receptive_field(graph, c3[0, 0, 0]).size == 14 * 14  # 5 + 4 * 2 + 1 wide
    assert ng.receptive_field(graph, c3[0, 0, 0], depth=1).size == 3 * 25
    assert ng.receptive_field(graph, c3[15, 0, 0], depth=1).size == 6 * 25
    assert ng.receptive_field(graph, c3[0, 0, 0], depth=2).size == 3 * 100
    assert ng.receptive_field(graph, graph.neuron_id("C5[0, 0, 0]")).size == 1024
    corner = graph.neuron_id("input[0, 0, 0]")
    assert ng.projective_field(graph, corner, depth=1).tolist() == [
        int(i) for i in graph.layer("C1").ids[:, 0, 0]
    ]
    assert ng.projective_field(graph, corner, depth=3).size == 16
    assert ng.cone(graph, graph.outputs).size == 9118  # everything, the bias unit left out


def test_cut_slots_and_constants_are_no_path() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 2, 2), name="x"))
    layer = ng.Conv2d(1, 3, padding=1, border=-1.0, name="c")
    c = graph.add(layer, x)
    border = graph.neuron_id("c.border")
    assert border in graph.incoming(c[0, 0, 0]).source
    assert ng.receptive_field(graph, c[0, 0, 0]).tolist() == x.reshape(-1).tolist()
    assert border not in ng.receptive_field(graph, c[0, 0, 0], depth=1)
    assert ng.receptive_field(graph, 0).size == ng.cone(graph, [0, border]).size == 0
    assert ng.projective_field(graph, border).tolist() == c.reshape(-1).tolist()
    assert ng.receptive_field(graph, 0, depth=0).tolist() == [0]

    masked = ng.Graph()
    x = masked.add(ng.Input((2,)))
    field = masked.table.fields.add(x[None])
    weight = masked.weights.add("w", (2,))
    kernel = masked.table.kernels.add(np.array([[-1, weight.first]]))
    y = masked.add_neurons("y", "Neurons", (1,), field=field, kernel=kernel, function=ng.Function())
    assert ng.receptive_field(masked, y).tolist() == [int(x[1])]
    assert ng.projective_field(masked, x[0]).size == 0


def test_bad_input() -> None:
    graph = ng.models.mlp((2, 1))
    for neuron in (4, -1):
        with pytest.raises(ng.GraphError, match=r"does not exist; ids go from 0 to 3"):
            ng.receptive_field(graph, neuron)
    with pytest.raises(ng.GraphError, match=r"cone: found 0\.5, needed whole numbers"):
        ng.cone(graph, 0.5)
    with pytest.raises(ng.GraphError, match="projective_field: found no neuron"):
        ng.projective_field(graph, [])
    with pytest.raises(ng.GraphError, match="neuron array 'outptu' is unknown; did"):
        ng.receptive_field(graph, "outptu")
    for field in (ng.receptive_field, ng.projective_field):
        with pytest.raises(
            ng.GraphError, match=r"depth is -1, needed a whole number of at least 0"
        ):
            field(graph, 3, depth=-1)


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_degrees_and_uses_are_those_of_the_triples(graph: ng.Graph) -> None:
    triples = list(graph.connections.all())
    for side, found in ((0, ng.out_degree(graph)), (1, ng.uses(graph)), (2, ng.in_degree(graph))):
        tally = Counter(triple[side] for triple in triples)
        size = graph.weights.count if side == 1 else graph.size
        assert found.tolist() == [tally[i] for i in range(size)]


@pytest.mark.parametrize("cut", [False, True])
def test_uses_of_many_maps_over_padded_fields(cut: bool) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Conv2d(9, 3, padding=1, name="a"), graph.add(ng.Input((2, 6, 5))))
    graph.add(ng.Conv2d(70, 3, padding=2, stride=3, groups=1, name="b"), x)
    if cut:
        keep = np.random.default_rng(0).random(graph.weights.count) < 0.7
        graph = ng.prune(graph, keep)
    expanded = np.zeros(graph.weights.count, np.int64)
    for block in graph.connections:
        expanded += np.bincount(block.weight, minlength=expanded.size)
    np.testing.assert_array_equal(ng.uses(graph), expanded)
