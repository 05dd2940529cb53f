"""Look-ups and views against brute force over all triples."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import graphs, layered_graphs, loose_graphs, same, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.graph.connections import Connections, join
from neurograph.graph.table import blocks_of

SOME = settings(deadline=None, max_examples=40)


@SOME
@given(graphs())
def test_incoming_outgoing_and_sharing_are_those_of_all_triples(graph: ng.Graph) -> None:
    every = triples_of(graph)
    for neuron in range(graph.size):
        assert list(graph.incoming(neuron)) == [t for t in every if t[2] == neuron]
        assert same(graph.outgoing(neuron), [t for t in every if t[0] == neuron])
    for weight in range(graph.weights.count):
        assert same(graph.sharing(weight), [t for t in every if t[1] == weight])


@SOME
@given(graphs(), st.integers(1, 30))
def test_the_view_yields_every_triple_once_in_blocks_of_bounded_size(
    graph: ng.Graph, size: int
) -> None:
    every, view = triples_of(graph), graph.connections
    assert len(view) == len(every)
    assert same(view.all(), every)
    blocks = list(view.blocks(size))
    assert same(join(blocks), every)
    for block in blocks:
        assert 0 < len(block) <= size or len(set(block.target.tolist())) == 1
    assert same(join(list(view)), every)


@SOME
@given(graphs(), st.data())
def test_filters_combine(graph: ng.Graph, data: st.DataObject) -> None:
    every = triples_of(graph)
    ids = st.lists(st.integers(0, graph.size - 1), max_size=4)
    weights = st.lists(st.integers(0, graph.weights.count - 1), max_size=4)
    source, target = (data.draw(st.none() | ids) for _ in range(2))
    weight = data.draw(st.none() | weights)
    layer = data.draw(st.none() | st.lists(st.sampled_from(list(graph.layers)), unique=True))
    into = [i for n in layer or [] for i in graph.layer(n).neurons.present.tolist()]
    wanted = [
        t
        for t in every
        if (source is None or t[0] in source)
        and (weight is None or t[1] in weight)
        and (target is None or t[2] in target)
        and (layer is None or t[2] in into)
    ]
    view = graph.select(layer=layer, source=source, weight=weight, target=target)
    assert len(view) == len(wanted)
    assert same(view.all(), wanted)
    if source is not None or weight is not None:
        assert all(len(block) <= 3 for block in view.blocks(3))
    assert same(join(list(view.blocks(3))), wanted)


def test_filters_take_one_name_or_id_and_can_be_narrowed_again() -> None:
    graph = ng.models.lenet5()
    weight = graph.weight_id("C1.kernel", (0, 0, 2, 2))
    assert len(graph.select(layer="C1", weight=weight)) == 784
    pixel = graph.neuron_id("input[0, 10, 10]")
    both = graph.select(layer="C1").narrowed(sources=np.array([pixel]))
    assert len(both) == 150
    assert len(both.narrowed(sources=np.array([pixel, pixel + 1]))) == 150
    assert len(graph.select(layer=[])) == len(graph.select(source=[])) == 0
    assert len(graph.select(weight=[]).all()) == 0


@SOME
@given(layered_graphs(), st.data())
def test_an_index_made_early_is_made_again_when_the_graph_grows(
    graph: ng.Graph, data: st.DataObject
) -> None:
    some = data.draw(st.sampled_from(graph.neurons.tolist()))
    before = list(graph.outgoing(some))
    extra = graph.add(ng.Linear(1, bias=None, name="more"), np.array([some]))
    weight = graph.weights.count - 1
    assert list(graph.outgoing(some)) == [*before, (some, weight, int(extra[0]))]
    loose = graph.weights.add("loose", (2,))
    assert len(graph.sharing(loose.first + 1)) == 0
    assert len(graph.connections) == len(triples_of(graph))


@given(loose_graphs())
@settings(deadline=None, max_examples=20)
def test_connections_are_int32_and_iterate_as_python_numbers(graph: ng.Graph) -> None:
    found = graph.connections.all()
    assert {found.source.dtype, found.weight.dtype, found.target.dtype} == {np.dtype(np.int32)}
    assert all(type(i) is int for triple in found for i in triple)
    kept = found.keep(found.target == found.target.max())
    assert set(kept.target.tolist()) == {int(found.target.max())}
    assert list(found.keep(slice(0, 2))) == list(found)[:2]


def test_a_neuron_with_more_connections_than_a_block_is_a_block() -> None:
    graph = ng.models.mlp((50, 3))
    assert [len(b) for b in graph.connections.blocks(10)] == [51, 51, 51]
    assert len(join([])) == 0
    assert blocks_of(np.array([], np.int64), 5) == []


def test_views_of_a_shared_weight_cost_their_answer_not_the_graph() -> None:
    graph = ng.models.lenet5()
    blocks = list(graph.select(weight=graph.weight_id("S4.coefficient[3]")).blocks(7))
    assert sum(len(b) for b in blocks) == 100
    assert max(len(b) for b in blocks) == 7


def test_all_connections_at_once_say_first_how_large_they_would_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = ng.models.lenet5()
    monkeypatch.setattr("neurograph.memory.physical", lambda: 8_000_000)
    with pytest.raises(
        ng.GraphError, match=r"all connections: would take 8\.2 MB, .*; read them in blocks"
    ):
        graph.connections.all()
    assert len(graph.select(layer="C3").all()) == 151_600


def test_bad_input() -> None:
    graph = ng.models.mlp((2, 1))
    with pytest.raises(ng.GraphError, match=r"blocks is 0, needed a whole number of at least 1"):
        list(graph.connections.blocks(0))
    with pytest.raises(ng.GraphError, match=r"select: neuron -1 does not exist; ids go from 0 to"):
        graph.select(source=[2, -1])
    with pytest.raises(ng.GraphError, match=r"select: neuron 9 does not exist; ids go from 0 to"):
        graph.select(target=9)
    with pytest.raises(ng.GraphError, match=r"weight 3 does not exist; ids go from 0 to 2"):
        graph.select(weight=[0, 3])
    with pytest.raises(ng.GraphError, match=r"select: found 0.5, needed whole numbers"):
        graph.select(source=0.5)
    with pytest.raises(ng.GraphError, match=r"select: found 0.5, needed whole numbers"):
        graph.select(weight=0.5)
    with pytest.raises(ng.GraphError, match=r"layer 'outptu' is unknown; did you mean output"):
        graph.select(layer="outptu")
    with pytest.raises(ng.GraphError, match=r"neuron 4 does not exist; ids go from 0 to"):
        graph.incoming(4)
    with pytest.raises(ng.GraphError, match=r"neuron -1 does not exist"):
        graph.outgoing(-1)
    with pytest.raises(ng.GraphError, match=r"neuron \[1, 2\]: needed one id"):
        graph.neuron_name([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match=r"weight 3 does not exist"):
        graph.sharing(3)
    assert isinstance(graph.sharing(np.int64(0)), Connections)


def test_connections_know_their_graph() -> None:
    graph = ng.models.mlp((4, 3, 2))
    found = graph.incoming("output[1]")
    assert found.names()[0] == ("N1[0]", "output.kernel[1, 0]", "output[1]")
    assert repr(found) == "Connections(4: N1[0] -output.kernel[1, 0]-> output[1], ...)"
    assert repr(Connections([1], [0], [3])) == "Connections(1: 1 -0-> 3)"
    for some in (graph.outgoing(1), graph.sharing(0), graph.select(layer="N1").all()):
        assert some.graph is graph
    assert all(block.graph is graph for block in graph.connections.blocks(3))
    assert len(repr(graph.connections)) < 120
    with pytest.raises(ValueError, match="read-only"):
        found.source[0] = 1
    with pytest.raises(ng.GraphError, match=r"connections: found ids of shapes"):
        Connections([1, 2], [0], [3])
    with pytest.raises(ng.GraphError, match="connections: found source ids of type float64"):
        Connections(np.ones(1), [0], [3])


def test_connections_as_a_sparse_matrix_and_a_data_frame() -> None:
    graph = ng.models.lenet5()
    found = graph.incoming("S2[0, 0, 0]")
    matrix = found.to_coo()
    assert matrix.shape == (graph.size, graph.size)
    assert (matrix.weight_ids == found.weight).all()
    state = np.random.default_rng(0).normal(size=graph.size)
    wanted = sum(graph.weights.value[w] * state[s] for s, w, _ in found)
    assert np.isclose((matrix.tocsr() @ state)[graph.neuron_id("S2[0, 0, 0]")], wanted)
    assert Connections([1], [0], [3]).to_coo().toarray()[3, 1] == 1
    pandas = pytest.importorskip("pandas")
    few = ng.models.mlp((3, 2)).connections
    assert pandas.DataFrame(few).to_numpy().tolist() == [list(triple) for triple in few.all()]
    frame = graph.select(layer="S2").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.shape == (5880, 7)
    assert frame["weight"].nunique() == 12
    assert frame["source"][0] == "C1[0, 0, 0]"
    assert np.array_equal(frame["value"], graph.weights.value[frame["weight_id"]])
    assert list(Connections([1], [0], [3]).to_pandas()) == ["source_id", "weight_id", "target_id"]
    assert len(graph.incoming(1).to_pandas()) == 0


def test_the_whole_graph_as_a_matrix() -> None:
    graph = ng.models.mlp((4, 3, 2))
    program = ng.compile(graph)
    dense = np.zeros((graph.size, graph.size))
    for s, w, t in graph.connections.all():
        dense[t, s] += graph.weights.value[w]
    whole = program.matrix(values=graph.weights.value)
    assert np.allclose(whole.toarray(), dense)
    assert np.allclose(ng.Simulator(graph, engine="scipy").matrix().toarray(), dense)
    assert np.allclose(graph.connections.to_coo().toarray(), dense)
    assert program.matrix().sum() == len(graph.connections)


def test_what_a_session_shows_is_short() -> None:
    graph = ng.models.lenet5()
    sim = ng.Simulator(graph, engine="scipy")
    states = sim.states(np.zeros((2, 1, 32, 32)))
    why = ng.explain(graph, "C5[0, 0, 0]", np.zeros((1, 32, 32)))
    program = sim.program
    things = [graph, graph["C1"], graph.weights, graph.weights.names["C3.kernel"], program, sim]
    for thing in (*things, *program.steps, states, why, graph.connections, graph.sharing(12)):
        assert len(repr(thing)) < 200, repr(thing)
    assert repr(states) == "States(2 images x 9,119 ids, 8 layers)"


def test_a_graph_is_read_by_its_layers() -> None:
    graph = ng.models.lenet5()
    assert graph["C1"] is graph.layer("C1")
    assert [layer.name for layer in graph] == list(graph.layers)
    assert "C1" in graph
    assert "C4" not in graph
    with pytest.raises(ng.GraphError, match="layer 'C4' is unknown; did you mean"):
        graph["C4"]
    lines = graph.summary().splitlines()
    assert lines[3].split()[:2] == ["C1", "Conv2d"]
    assert "6x28x28" in lines[3]
    assert "122,304" in lines[3]
    assert ng.Graph().summary().endswith("Graph(0 neurons in 0 layers, 0 weights)")


def test_what_a_graph_hands_out_is_read_only() -> None:
    graph = ng.models.lenet5()
    graph.weights["C1.kernel"]
    for array in (
        graph.outputs,
        graph["C1"].ids,
        graph.weights.value,
        graph.weights.trainable,
        graph.weights["C1.kernel"],
        graph.incoming(5000).target,
        graph.table.field,
        graph.neuron_names["C1"].explicit,
    ):
        if array is not None:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    with pytest.raises(TypeError):
        graph.constants[0] = 2.0
    graph.outputs = [5, 6]
    with pytest.raises(ValueError, match="read-only"):
        graph.outputs[0] = -7
