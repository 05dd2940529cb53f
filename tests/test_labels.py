"""Names of their own that neurons have: kept, found and shown wherever names go."""

from __future__ import annotations

import json
import zipfile

import networkx as nx
import numpy as np
import pytest
from drawn import triples_of
from whole import same

import neurograph as ng


def example():
    G = nx.DiGraph()
    G.add_weighted_edges_from([("a", "sum", 2.0), ("b", "sum", -0.5), ("sum", "out", 3.0)])
    G.add_edge("a", "out", weight=1.0)
    return G


def labelled_dag(seed):
    """A graph whose nodes are texts, numbers and tuples, in any order."""
    rng = np.random.default_rng(seed)
    nodes = ["a", "b c", "x[0]", "x[1]", "[", "Ω", 0, 1, -2, 2.5, (0, 1), ("u", (1, 2))]
    nodes = [nodes[i] for i in rng.permutation(len(nodes))]
    G = nx.MultiDiGraph()
    G.add_nodes_from(nodes[i] for i in rng.permutation(len(nodes)))
    for _ in range(30):
        u, v = sorted(rng.choice(len(nodes), 2, replace=False).tolist())
        G.add_edge(nodes[u], nodes[v], weight=float(rng.normal()))
    return G


def named_edges(G):
    return sorted((str(u), str(v), d["weight"]) for u, v, d in G.edges(data=True))


def named_connections(graph):
    value = graph.weights.value
    return sorted(
        (graph.neuron_name(s), graph.neuron_name(t), value[w]) for s, w, t in triples_of(graph)
    )


@pytest.mark.parametrize("seed", range(6))
def test_nodes_keep_their_names_on_every_route(seed, tmp_path):
    G = labelled_dag(seed)
    graph = ng.from_networkx(G)
    assert [graph.neuron_name(i) for i in range(1, graph.size)] == [str(node) for node in G]
    assert named_connections(graph) == named_edges(G)
    for i, node in enumerate(G, 1):
        assert graph.neuron_id(str(node)) == i
        before = sorted(d["weight"] for *_, d in G.in_edges(node, data=True))
        found = graph.incoming(str(node))
        assert sorted(graph.weights.value[found.weight]) == before
        assert {s for s, _, _ in found.names()} == {str(u) for u, _ in G.in_edges(node)}
        after = {t for *_, t in graph.outgoing(str(node)).names()}
        assert after == {str(v) for _, v in G.out_edges(node)}
    assert ng.verify(graph).ok
    ng.save(graph, tmp_path / "graph.npz")
    loaded = ng.load(tmp_path / "graph.npz")
    same(graph, loaded)
    assert loaded.neuron_id("(0, 1)") == graph.neuron_id("(0, 1)")


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("view", ["weights", "connections", "neurons"])
def test_networkx_has_the_names_and_gives_them_back(view, plain):
    G = labelled_dag(1)
    graph = ng.from_networkx(G)
    graph.outputs = ["x[0]", "b c"]
    back = ng.to_networkx(graph, view=view, plain=plain)
    assert {str(node) for node in G} <= set(back)
    if view == "neurons":
        edges = [(u, v, d["weight"]) for u, v, d in back.edges(data=True)]
        assert sorted(edges) == named_edges(G)
    again = [back, nx.convert_node_labels_to_integers(back)]  # renamed nodes are known still
    again += [nx.node_link_graph(nx.node_link_data(back, edges="links"), edges="links")]
    if plain:
        text = "\n".join(nx.generate_graphml(back))
        again += [nx.parse_gml(list(nx.generate_gml(back))), nx.parse_graphml(text)]
    for one in again:
        read = ng.from_networkx(nx.MultiDiGraph(one))
        same(graph, read)


def test_an_edited_networkx_graph_keeps_the_names():
    G = ng.to_networkx(ng.from_networkx(example()), view="neurons")
    G.remove_node("b")
    graph = ng.from_networkx(G)
    assert named_connections(graph) == [("a", "out", 1.0), ("a", "sum", 2.0), ("sum", "out", 3.0)]
    G.nodes["a"]["neuron_name"] = "sum"
    with pytest.raises(ng.ConversionError, match="'sum' would name two"):
        ng.from_networkx(G)
    G.nodes["a"]["neuron_name"] = 5
    with pytest.raises(ng.ConversionError, match="node 'a' has neuron_name 5, needed text"):
        ng.from_networkx(G)


AMBIGUOUS = {
    7: "input[0]",  # beside "7"
    "7": "input[1]",
    "input": "input[2]",  # a layer
    "input[5]": "input[3]",  # what might be one of its neurons
    "neuron[1]": "input[4]",
    "bias unit": "input[5]",
    "weight[0]": "input[6]",
    "": "input[7]",
    " a": "input[8]",
    "a\nb": "input[9]",
    "neuron": "neuron[11]",
    "weight": "neuron[12]",
}


def test_a_name_that_might_be_anothers_is_not_kept():
    G = nx.DiGraph()
    G.add_nodes_from(AMBIGUOUS)
    nx.add_path(G, [*AMBIGUOUS][-3:])
    G.add_edges_from((node, "weight") for node in AMBIGUOUS if node != "weight")
    graph = ng.from_networkx(G)
    names = [graph.neuron_name(i) for i in range(1, graph.size)]
    assert names == [*AMBIGUOUS.values()]
    assert [graph.neuron_id(name) for name in names] == list(range(1, graph.size))
    for view in ("weights", "connections", "neurons"):
        same(graph, ng.from_networkx(ng.to_networkx(graph, view=view)))


def test_a_node_that_has_no_text():
    big = 10**5000  # more digits than Python writes
    graph = ng.from_networkx(nx.DiGraph([(big, "a")]))
    assert [graph.neuron_name(i) for i in (1, 2)] == ["input[0]", "a"]


def test_names_are_taken_wherever_ids_are():
    graph = ng.from_networkx(example())  # a, sum, b, out
    assert graph.incoming(["sum", 4]).target.tolist() == [2, 2, 4, 4]
    assert len(graph.select(source="a", target=["out"])) == 1
    assert ng.receptive_field(graph, "out").tolist() == [1, 3]
    assert ng.projective_field(graph, "b").tolist() == [2, 4]
    image = np.array([[1.0, 10.0]])
    why = ng.explain(graph, "sum", image)
    assert (why.sources, why.net) == (("a", "b"), 2.0 - 5.0)
    states = ng.Simulator(graph, engine="reference", dtype="float64").states(image)
    assert [states[n].tolist() for n in ("a", "b", "sum", "out")] == [[1], [10], [-3], [-8]]
    assert states[["out", "neuron[2]"]].tolist() == [[-8.0, -3.0]]
    graph.outputs = ["sum", "out"]
    assert graph.outputs.tolist() == [2, 4]
    assert repr(graph.incoming("out")) == "Connections(2: a -weight[1]-> out, ...)"
    with pytest.raises(ng.GraphError, match=r"'summ' is unknown; did you mean sum"):
        graph.incoming("summ")


def test_edits_keep_names():
    graph = ng.from_networkx(example())
    less = ng.cut(graph, graph.select(source="a", target="out").all())
    assert named_connections(less) == [("a", "sum", 2.0), ("b", "sum", -0.5), ("sum", "out", 3.0)]
    assert repr(ng.diff(graph, less)) == "1 connections removed: a -> weight[1] -> out"
    part = ng.subgraph(graph, ["out"])  # a is an input still, sum has become one
    assert named_connections(part) == [("a", "out", 1.0), ("sum", "out", 3.0)]
    assert part.incoming("out").names()[0][0] in ("a", "sum")
    more = ng.connect(graph, [("b", "weight[0]", "out")])
    assert ("b", "out", 2.0) in named_connections(more)
    for other in (ng.drop_dead(graph), ng.freeze(graph, [0]), ng.unshare(graph, "neuron")):
        assert named_connections(other) == named_connections(graph)
    moved = ng.rewire(graph, graph.select(source="b").all(), "a")
    assert [s for s, *_ in moved.incoming("sum").names()] == ["a", "a"]


def test_merging_puts_the_prefix_before_names():
    graph = ng.from_networkx(example())
    both = ng.merge(graph, graph, prefix="b.")
    own = named_connections(graph)
    assert named_connections(both) == sorted([*own, *(("b." + u, "b." + v, w) for u, v, w in own)])
    other = ng.models.mlp((2, 1))
    other.label("output", ["sum"])
    with pytest.raises(ng.GraphError, match="both graphs have 'sum'; give a prefix"):
        ng.merge(graph, other, feed={"input": ["a", "b"]})
    other.label("output", ["total"])
    fed = ng.merge(graph, other, feed={"input": ["a", "b"]})
    assert sorted(s for s, *_ in fed.incoming("total").names()) == ["a", "b", "bias unit"]


def test_the_same_input_is_one_of_the_same_names():
    a = ng.models.mlp((2, 1))
    a.label("input", ["x", "y"])
    top = ng.Graph()
    x = top.add(ng.layers.Input((2,), name="input"))
    top.add(ng.layers.Linear(1, name="top"), x)
    assert ng.merge(a, top).incoming("top").names()[0][0] == "x"
    top.label("input", ["x", "y"])
    assert ng.merge(a, top).incoming("top").names()[1][0] == "y"
    top.label("input", ["y", "x"])
    with pytest.raises(ng.GraphError, match="both graphs have 'input'; give a prefix"):
        ng.merge(a, top)


def test_difference_goes_by_names():
    G = example()
    H = nx.DiGraph()
    H.add_node("new")  # every id moves
    H.add_weighted_edges_from((v, w, d) for v, w, d in reversed([*G.edges(data="weight")]))
    H.add_edge("new", "out")
    found = ng.diff(ng.from_networkx(G), ng.from_networkx(H))
    assert (found.neurons.added, found.neurons.removed) == (("new",), ())
    a, b = ng.models.mlp((2, 2)), ng.models.mlp((2, 2))
    b.label("output", ["cat", "dog"])
    assert not ng.diff(a, b).neurons.added  # a neuron that has got a name is the one in its place
    a.label("output", ["dog", "cat"])
    assert not ng.diff(a, b).neurons.added
    a.label("output", ["dog", "cow"])
    changes = ng.diff(a, b).neurons
    assert (changes.added, changes.removed) == (("cat",), ("cow",))


def test_labels_are_given_changed_and_taken_away():
    graph = ng.models.mlp((2, 2))
    graph.label("output", ["cat", "dog"])
    graph.label(["cat", "dog"], ["dog", "cat"])
    assert [graph.neuron_id(n) for n in ("dog", "cat")] == [3, 4]
    graph.label("dog", "")
    assert dict(graph.labels) == {4: "cat"}
    assert graph.neuron_name(3) == "output[0]"
    graph.label("output[0]", "cat[0]")
    with pytest.raises(ng.GraphError, match="called 'cat' exists already"):
        graph.add(ng.layers.Linear(1, name="cat"), "output")
    graph.label("output", ["linear1", "linear3"])
    graph.add(ng.layers.Linear(1), "output")  # finds a name that is free
    assert [*graph.layers] == ["input", "output", "linear2"]
    with pytest.raises(TypeError):
        graph.labels[3] = "x"


BAD = [
    ("output", ["a"], "found 1 names for 2 neurons"),
    ("output", None, "found 1 names for 2 neurons"),
    ("output", ["a", "a"], "'a' would name two"),
    (["output[0]", "output[0]"], ["a", "b"], "one is given two names"),
    ("output[0]", "x", "'x' would name two"),
    ("output[0]", "output", "needed printable text, not that of a layer"),
    ("output[0]", "input[9]", "needed printable text, not that of a layer"),
    ("output[0]", "bias unit", "needed printable text, not that of a layer"),
    ("output[0]", " a", "needed printable text"),
    ("output[0]", "a\n", "needed printable text"),
    ("output[0]", "\ud800", "needed printable text"),
    ("output[0]", [5], "needed printable text"),
    ("output[0]", [[1, 2]], "needed printable text"),
    ("output[0]", [np.zeros(2)], "needed printable text"),
    ("bias unit", "a", "bias unit is a constant"),
    (99, "a", "neuron 99 does not exist"),
    ("nobody", "a", "'nobody' is unknown"),
]


@pytest.mark.parametrize(("neurons", "names", "message"), BAD)
def test_what_is_no_label(neurons, names, message):
    graph = ng.models.mlp((2, 2))
    graph.label("input[0]", "x")
    with pytest.raises(ng.GraphError, match=message):
        graph.label(neurons, names)
    assert dict(graph.labels) == {1: "x"}


def test_a_layer_that_fails_takes_its_labels_along():
    class Half:
        name = "half"

        def wire(self, graph, name, *sources):
            graph.add_inputs(name, (2,))
            graph.label(name, ["p", "q"])
            raise KeyboardInterrupt

    graph = ng.models.mlp((2, 2))
    graph.label("output", ["cat", "dog"])
    with pytest.raises(KeyboardInterrupt):
        graph.add(Half())
    assert dict(graph.labels) == {3: "cat", 4: "dog"}
    graph.label("input", ["p", "q"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[3, "cat"], [4, "cat"]], "would name two"),
        ([[3, "cat"], [3, "dog"]], "a neuron has two"),
        ([[3, ""]], "a label is empty"),
        ([[3, "output"]], "needed printable text"),
        ([[3, "a\n"]], "needed printable text"),
        ([[5, "cat"]], "needed a whole number from 0 to 4"),
        ([[-1, "cat"]], "needed a whole number from 0 to 4"),
        ([[0, "cat"]], "is a constant"),
        ([[3, 7]], "needed text"),
        ([[3]], "not of the form"),
        ({"3": "cat"}, "needed a list"),
    ],
)
def test_a_file_with_labels_that_cannot_be(labels, message, tmp_path):
    graph = ng.models.mlp((2, 2))
    ng.save(graph, tmp_path / "old.npz")
    assert b"labels" not in (tmp_path / "old.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "old.npz") as old:
        members = {info: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(tmp_path / "new.npz", "w") as new:
        for info, content in members.items():
            if info.filename == "header.json":
                new.writestr(info, json.dumps({**json.loads(content), "labels": labels}))
            else:
                new.writestr(info, content)
    with pytest.raises(ng.ConversionError, match=message):
        ng.load(tmp_path / "new.npz")
