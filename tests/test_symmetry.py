"""The symmetry of graphs, against brute force, networkx and refinement written out."""

from __future__ import annotations

import json
import math
import runpy
from collections import Counter
from itertools import permutations, product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from click.testing import CliRunner
from drawn import graphs, loose_graphs, triples_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.cli import main
from neurograph.graph.isomorphisms import Search, orbits
from neurograph.graph.refinement import Coloured, refine
from neurograph.models.lenet import LENET5_CODES

SOME = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
EXAMPLE = Path(__file__).parents[1] / "examples" / "why_table_1.py"
Place = tuple[str, int]  # a map


# ---- the published numbers ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def lenet() -> tuple[ng.Graph, ng.Symmetry]:
    graph = ng.models.lenet5()
    return graph, ng.symmetry(graph)


@pytest.fixture(scope="module")
def full() -> ng.Symmetry:
    return ng.symmetry(ng.models.lenet5(table=None))


def equal_codes() -> int:
    """The permutations of F6's units whose codes are equal in all ten classes."""
    times = Counter(map(tuple, LENET5_CODES.T.tolist())).values()
    return math.prod(math.factorial(n) for n in times)


def test_lenet5_as_published_has_the_dihedral_group_and_what_is_fully_connected(lenet) -> None:
    found = lenet[1]
    assert found.order == 12 * math.factorial(120) * equal_codes()
    assert found.orbits["C3"] == (tuple(range(6)), tuple(range(6, 12)), (12, 13, 14), (15,))
    assert found.orbits["C1"] == found.orbits["S2"] == (tuple(range(6)),)
    assert found.orbits["S4"] == found.orbits["C3"]
    assert found.orbits["input"] == ((0,),)
    assert found.orbits["output"] == tuple((i,) for i in range(10))
    assert len(found.orbits["F6"]) == 54
    assert found.order_text == "about 4.95e+214"


def test_lenet5_fully_connected_has_every_permutation_of_maps(full) -> None:
    each = math.factorial(6) * math.factorial(16) * math.factorial(120)
    assert full.order == each * equal_codes()


def test_the_table_alone() -> None:
    found = ng.symmetry(ng.models.lenet5(table=None), "C3")
    assert found.order == 15_064_408_719_360_000
    assert found.orbits == {"S2": (tuple(range(6)),), "C3": (tuple(range(16)),)}
    assert ng.symmetry(ng.models.lenet5(), "C3").order == 12


def test_the_classes_of_lenet5(lenet, full) -> None:
    graph, found = lenet
    classes = found.classes
    assert classes.count("C3") == 300
    assert full.classes.count("C3") == 100
    assert classes.count("F6") == full.classes.count("F6") == 54
    assert classes.count("input") == 1024
    codes = Counter(map(tuple, LENET5_CODES.T.tolist()))
    units = Counter(classes["F6"].tolist())
    assert sorted(units.values()) == sorted(codes.values())
    assert classes["C3"].shape == (16, 10, 10)
    # By degree the maps of C3 are of three kinds; the classes see no more of Table I than that.
    kinds = [tuple(classes["C3"][m].reshape(-1)) for m in range(16)]
    assert [kinds.index(k) for k in kinds] == [0] * 6 + [6] * 9 + [15]
    assert classes["C1.kernel"].shape == (6, 1, 5, 5)
    assert classes.count("C1.kernel") == 25
    assert (classes["C3.kernel"][0, 3] == -1).all()  # Table I has no such link
    assert len(classes.neurons) == graph.size
    with pytest.raises(ng.GraphError, match="unknown"):
        classes["C9"]


# ---- the group, by brute force -----------------------------------------------------------------


def map_of(graph: ng.Graph, neuron: int) -> tuple[Place, tuple[int, ...]]:
    """The map of a neuron and its position there; of a constant, itself."""
    if neuron in graph.constants:
        return ("", neuron), ()
    name, index = graph.neuron_names.locate(neuron)
    return (name, index[0] if index else 0), index[1:]


Use = tuple[object, tuple, tuple, bool]  # a weight, and what it joins: (map, position) each


def uses_of(graph: ng.Graph, triples: list) -> list[Use]:
    """All connections; of fixed weights only the value counts."""
    found, weights = [], graph.weights
    for source, weight, target in triples:
        nonlinear = not graph.function(target).linear
        is_bias = source == 0 and nonlinear and graph.table.bias[target] == weight
        key = weight if weights.trainable[weight] else ("fixed", float(weights.value[weight]))
        found.append((key, map_of(graph, source), map_of(graph, target), bool(is_bias)))
    return found


def carried(uses: list[Use], image: dict[Place, Place]) -> object:
    """The connections once the maps have moved; which trainable weight is which is left out."""
    by_weight: dict[object, Counter] = {}
    for key, (a, i), (b, j), is_bias in uses:
        ends = image.get(a, a), i, image.get(b, b), j, is_bias
        by_weight.setdefault(key, Counter())[ends] += 1
    fixed = {k: frozenset(c.items()) for k, c in by_weight.items() if isinstance(k, tuple)}
    free = Counter(frozenset(c.items()) for k, c in by_weight.items() if not isinstance(k, tuple))
    return fixed, free


def looks(graph: ng.Graph) -> dict[Place, object]:
    """What each map is by itself: its positions, what their neurons compute, which are outputs."""
    found: dict[Place, list] = {}
    outputs = set(graph.outputs.reshape(-1).tolist())
    for neuron in graph.neurons.tolist():
        place, position = map_of(graph, neuron)
        found.setdefault(place, []).append((position, graph.function(neuron), neuron in outputs))
    return {place: (place[0], frozenset(each)) for place, each in found.items()}


def brute_force(graph: ng.Graph, fix: tuple[str, ...], triples: list | None = None) -> list[dict]:
    """Every automorphism of the maps, of all permutations."""
    given = triples_of(graph) if triples is None else triples
    what = looks(graph)
    if triples is not None:
        there = {map_of(graph, n)[0] for s, _, t in triples for n in (s, t)}
        what = {place: look for place, look in what.items() if place in there}
    kept = set()
    if "inputs" in fix:
        kept |= {n for layer in graph.inputs for n in layer.ids.reshape(-1).tolist()}
    if "outputs" in fix:
        kept |= set(graph.outputs.reshape(-1).tolist())
    still = {map_of(graph, n)[0] for n in kept}
    kinds: dict[object, list[Place]] = {}
    for place, look in what.items():
        kinds.setdefault(place if place in still else look, []).append(place)
    if math.prod(math.factorial(len(k)) for k in kinds.values()) * len(given) > 50_000:
        return []
    uses, found = uses_of(graph, given), []
    for each in product(*(permutations(kind) for kind in kinds.values())):
        image = dict(zip((p for kind in kinds.values() for p in kind), sum(each, ()), strict=True))
        if carried(uses, image) == carried(uses, {}):
            found.append(image)
    return found


def agrees(graph: ng.Graph, found: ng.Symmetry, group: list[dict]) -> None:
    """Order, orbits and generators are those of the group, given whole."""
    if not group:
        return
    assert found.order == len(group)
    mine = {
        frozenset((name, m) for m in orbit) for name, each in found.orbits.items() for orbit in each
    }
    assert mine == {frozenset(image[place] for image in group) for place in group[0]}
    for moves in found.generators:
        assert moves
        image = {
            place: (place[0], moves.get(place[0], {}).get(place[1], place[1])) for place in group[0]
        }
        assert image in group


FIX = st.sampled_from([("inputs", "outputs"), ("inputs",), ("outputs",), ()])


@SOME
@given(graphs(), FIX)
def test_graphs_drawn_at_random_have_the_group_of_brute_force(graph, fix) -> None:
    agrees(graph, ng.symmetry(graph, fix=fix), brute_force(graph, fix))


@st.composite
def tables(draw: st.DrawFn) -> ng.Graph:
    """A table of few maps with many symmetries, shared, fixed or unshared weights."""
    sources, maps = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    graph = ng.Graph()
    x = graph.add(ng.Input((sources, 2, 2), name="x"))
    row = st.lists(st.integers(0, sources - 1), min_size=1, max_size=2, unique=True)
    table = draw(st.lists(row, min_size=maps, max_size=maps))
    graph.add(
        ng.Conv2d(maps, 2, table=table, bias=draw(st.sampled_from(["map", None])), name="y"), x
    )
    y = graph.layer("y").ids
    graph.add(ng.Linear(2, pattern=draw(patterns(2, maps)), bias=None, name="z"), y)
    graph.weights.value = np.array([draw(st.integers(0, 1)) for _ in range(len(graph.weights))])
    some = [name for name in graph.weights if draw(st.integers(0, 3)) == 0]
    return ng.freeze(graph, some) if some else graph


def patterns(rows: int, columns: int) -> st.SearchStrategy[np.ndarray]:
    """Which weight stands where: few weights, so that links share them; numbered without gaps."""

    def numbered(flat: list[int]) -> np.ndarray:
        _, number = np.unique(flat, return_inverse=True)
        return number.reshape(rows, columns)

    size = rows * columns
    return st.lists(st.integers(0, 2), min_size=size, max_size=size).map(numbered)


@settings(SOME, max_examples=50)
@given(tables(), FIX)
def test_tables_with_shared_and_fixed_weights_have_the_group_of_brute_force(graph, fix) -> None:
    agrees(graph, ng.symmetry(graph, fix=fix), brute_force(graph, fix))


@SOME
@given(tables(), FIX, st.data())
def test_one_layer_alone_has_the_group_of_its_own_connections(graph, fix, data) -> None:
    name = data.draw(st.sampled_from([n for n in graph.layers if n != "x"]))
    targets = set(graph.layer(name).ids.reshape(-1).tolist())
    triples = [t for t in triples_of(graph) if t[2] in targets]
    found = ng.symmetry(graph, name, fix=fix)
    reached = {map_of(graph, n)[0] for s, _, t in triples for n in (s, t)}
    if {map_of(graph, n)[0] for n in targets} <= reached:  # no map without a connection
        agrees(graph, found, brute_force(graph, fix, triples))


# ---- the search for groups, against networkx ---------------------------------------------------


@settings(SOME, max_examples=40)
@given(
    st.integers(1, 6), st.lists(st.tuples(*[st.integers(0, 5)] * 2, st.integers(0, 1))), st.data()
)
def test_random_coloured_graphs_have_the_group_of_networkx(size, arcs, data) -> None:
    label = {(a % size, b % size): c for a, b, c in arcs if a % size != b % size}
    colour = data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    compare(size, label, colour)


@pytest.mark.parametrize(
    "graph",
    [
        nx.petersen_graph(),
        nx.hypercube_graph(3),
        nx.cycle_graph(9),
        nx.disjoint_union_all([nx.cycle_graph(3)] * 2 + [nx.path_graph(2)] * 2),
        nx.disjoint_union(nx.cycle_graph(6), nx.disjoint_union(*[nx.cycle_graph(3)] * 2)),
        nx.frucht_graph(),
        nx.complete_bipartite_graph(3, 3),
        nx.circular_ladder_graph(4),
    ],
)
def test_regular_graphs_that_refinement_does_not_tell_apart(graph: nx.Graph) -> None:
    graph = nx.convert_node_labels_to_integers(graph)
    both = dict.fromkeys(graph.edges, 0) | {(b, a): 0 for a, b in graph.edges}
    compare(len(graph), both, [0] * len(graph))


def compare(size: int, label: dict[tuple[int, int], int], colour: list[int]) -> None:
    G = nx.DiGraph()
    G.add_nodes_from((i, {"colour": c}) for i, c in enumerate(colour))
    G.add_edges_from((a, b, {"label": c}) for (a, b), c in label.items())
    matcher = nx.isomorphism.DiGraphMatcher(
        G,
        G,
        node_match=lambda a, b: a["colour"] == b["colour"],
        edge_match=lambda a, b: a["label"] == b["label"],
    )
    group = [tuple(m[i] for i in range(size)) for m in matcher.isomorphisms_iter()]
    ends = np.array([*label, (0, 0)])[:-1].T
    arcs = Coloured(np.array(colour), ends[0], ends[1], np.array([*label.values()], int))
    order, moves = Search(10**8).group(arcs)
    assert order == len(group)
    found = orbits(size, moves)
    assert {frozenset(np.flatnonzero(found == o)) for o in found} == {
        frozenset(image[i] for image in group) for i in range(size)
    }
    for nodes, images in moves:
        image = np.arange(size)
        image[nodes] = images
        assert tuple(image) in group
    generated = {tuple(range(size))}
    front = [*generated]
    while front and len(generated) < 3000:
        image = np.array(front.pop())
        for nodes, images in moves:
            after = image.copy()
            after[nodes] = image[images]
            if tuple(after) not in generated:
                generated.add(tuple(after))
                front.append(tuple(after))
    assert front or len(generated) == order


def test_groups_whose_permutations_nobody_could_walk_through() -> None:
    found = ng.symmetry(ng.models.mlp((4, 90, 60, 2)))
    assert found.order == math.factorial(90) * math.factorial(60)
    assert len(found.generators) == 89 + 59
    chains = ng.symmetry(ng.models.lenet5_modern(), fix=())
    assert chains.order == math.prod(math.factorial(n) for n in (6, 16, 120, 84, 10))


# ---- classes, by refinement written out --------------------------------------------------------


def classes_written_out(graph: ng.Graph, fix: tuple[str, ...]) -> tuple[list, list]:
    """The classes of neurons and weights: rounds over every triple until nothing changes."""
    triples, table, weights = triples_of(graph), graph.table, graph.weights
    outputs = set(graph.outputs.reshape(-1).tolist())
    inputs = {n for layer in graph.inputs for n in layer.ids.reshape(-1).tolist()}
    neuron: list = []
    for i in range(graph.size):
        if (
            i in graph.constants
            or ("inputs" in fix and i in inputs)
            or ("outputs" in fix and i in outputs)
        ):
            neuron.append(("own", i))
        else:
            neuron.append((map_of(graph, i)[0][0], int(table.function[i]), i in outputs))
    weight: list = [
        "free" if t else float(v) for t, v in zip(weights.trainable, weights.value, strict=True)
    ]
    value = [*weight]
    while True:
        seen: list[list] = [[] for _ in neuron]
        used: list[list] = [[] for _ in weight]
        for s, w, t in triples:
            shown = weight[w] if weights.trainable[w] else value[w]
            inner = table.bias[t] == w and s == 0 and not graph.function(t).linear
            look = (neuron[s], shown, neuron[t], bool(inner))
            seen[s].append(("out", look))
            seen[t].append(("in", look))
            used[w].append(look)
        new = [
            numbered(zip(a, map(counted, b), strict=True))
            for a, b in ((neuron, seen), (weight, used))
        ]
        if [len(set(n)) for n in new] == [len(set(neuron)), len(set(weight))]:
            return new[0], new[1]
        neuron, weight = new


def counted(looks: list) -> frozenset:
    return frozenset(Counter(looks).items())


def numbered(looks: object) -> list[int]:
    known: dict = {}
    return [known.setdefault(look, len(known)) for look in looks]


@settings(SOME, max_examples=30)
@given(st.one_of(loose_graphs(), tables()), FIX)
def test_classes_are_those_of_refinement_written_out(graph, fix) -> None:
    found = ng.symmetry(graph, fix=fix).classes
    neurons, weights = classes_written_out(graph, fix)
    assert found.neurons.tolist() == neurons
    assert found.weights.tolist() == weights


def test_orbits_lie_within_classes(lenet) -> None:
    _, found = lenet
    for name, each in found.orbits.items():
        for orbit in each:
            first = found.classes[name][orbit[0]]
            assert all((found.classes[name][m] == first).all() for m in orbit)


def test_refinement_follows_a_difference_to_the_end_of_a_path() -> None:
    n = 3000
    ends = np.arange(n - 1), np.arange(1, n)
    both = Coloured(
        np.zeros(n, int), np.append(*ends), np.append(*ends[::-1]), np.zeros(2 * n - 2, int)
    )
    expected = np.minimum(np.arange(n), n - 1 - np.arange(n))
    assert refine(both).tolist() == expected.tolist()


# ---- what is left out, and what is refused -----------------------------------------------------


def test_a_layer_asked_alone_leaves_the_rest_out() -> None:
    graph = ng.models.lenet5()
    classes = ng.symmetry(graph, "C3").classes
    assert (classes["S4"] == -1).all()
    assert (classes["C1.kernel"] == -1).all()
    assert (classes["C3"] >= 0).all()


def test_the_last_layer_alone_has_its_equal_codes(lenet) -> None:
    assert ng.symmetry(lenet[0], "output").order == equal_codes()
    assert ng.symmetry(lenet[0], ["output", "F6"]).order == math.factorial(120) * equal_codes()


def test_training_does_not_change_the_symmetry() -> None:
    graph = ng.models.mlp((3, 4, 2))
    before = ng.symmetry(graph).order
    graph.weights.initialize(seed=7)
    assert ng.symmetry(graph).order == before == 24


def test_what_is_refused() -> None:
    graph = ng.models.mlp((3, 4, 2))
    with pytest.raises(ng.GraphError, match=r"connections, needed at most 10,000,000; ask of one"):
        ng.symmetry(ng.models.resnet18(input_shape=(3, 64, 64)))
    with pytest.raises(ng.GraphError, match="layer 'N9' is unknown"):
        ng.symmetry(graph, "N9")
    with pytest.raises(ng.GraphError, match="fix has 'weights', needed"):
        ng.symmetry(graph, fix=("weights",))
    with pytest.raises(ng.GraphError, match="too regular"):
        Search(2500).group(
            Coloured(np.zeros(9, int), np.arange(9), (np.arange(9) + 1) % 9, np.zeros(9, int))
        )


# ---- networks from elsewhere, the command, the example -----------------------------------------


def test_a_network_from_torch_has_the_symmetry_of_its_own_layers() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(27, 5),
        nn.Tanh(),
        nn.Linear(5, 2),
    ).eval()
    found = ng.symmetry(ng.from_torch(module, torch.zeros(1, 1, 8, 8)))
    assert found.order == math.factorial(3) * math.factorial(5)
    grouped = nn.Sequential(nn.Conv2d(4, 4, 1, groups=2, bias=False))
    graph = ng.from_torch(grouped.eval(), torch.zeros(1, 4, 2, 2))
    # Two groups of two and two: within each either side, and the groups with one another.
    assert ng.symmetry(graph, fix=()).order == (2 * 2) ** 2 * 2
    tied = Tied(torch)
    graph = ng.from_torch(tied.eval(), torch.zeros(1, 4))
    assert ng.symmetry(graph, fix=()).order == math.factorial(4) * math.factorial(3)


def Tied(torch) -> object:  # noqa: N802
    """A decoder by its encoder's weights: whoever permutes the inputs permutes the outputs."""

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.Linear(4, 3, bias=False)

        def forward(self, x: object) -> object:
            return torch.nn.functional.linear(self.encoder(x), self.encoder.weight.T)

    return Module()


def test_an_automorphism_leaves_the_outputs_as_they_are() -> None:
    graph = ng.models.lenet5()
    x = np.random.default_rng(0).normal(size=(3, 1, 32, 32))
    before = ng.Simulator(graph, engine="scipy", dtype="float64")(x)
    value = graph.weights.value.copy()
    for moves in ng.symmetry(graph, ["C1", "S2", "C3", "S4"]).generators:
        weights = {name: graph.weights[name] for name in graph.weights}
        images = {
            name: moved(len(graph.layer(name).ids), moves.get(name, {})) for name in graph.layers
        }
        for layer, source in [("C1", "input"), ("C3", "S2"), ("C5", "S4"), ("F6", "C5")]:
            kernel = np.empty_like(weights[f"{layer}.kernel"])
            to, by = images[layer], images[source]
            kernel[to[:, None], by] = weights[f"{layer}.kernel"]
            graph.weights[f"{layer}.kernel"] = kernel
        for name in (
            "C1.bias",
            "S2.bias",
            "S2.coefficient",
            "C3.bias",
            "S4.bias",
            "S4.coefficient",
            "C5.bias",
        ):
            array = np.empty_like(weights[name])
            array[images[name.split(".")[0]]] = weights[name]
            graph.weights[name] = array
        assert (graph.weights.value != value).any()
        after = ng.Simulator(graph, engine="scipy", dtype="float64")(x)
        assert np.allclose(after, before, rtol=1e-9)


def moved(count: int, moves: dict[int, int]) -> np.ndarray:
    return np.array([moves.get(i, i) for i in range(count)])


def test_the_command() -> None:
    done = CliRunner().invoke(main, ["symmetry", "lenet5", "--layer", "C3"])
    assert done.exit_code == 0
    assert done.output.startswith("lenet5: the maps can be permuted in 12 ways")
    assert "{0-5} {6-11} {12-14} {15}" in done.output
    done = CliRunner().invoke(main, ["symmetry", "lenet5", "--layer", "C3", "--json"])
    document = json.loads(done.output)
    assert document["order"] == 12
    assert document["orbits"]["C3"][2] == [12, 13, 14]
    assert document["classes"]["S2"] == ng.symmetry(ng.models.lenet5(), "C3").classes.count("S2")
    assert CliRunner().invoke(main, ["symmetry", "lenet5", "--free", "C3"]).exit_code == 2


def test_the_command_lets_inputs_and_outputs_go() -> None:
    how = ["symmetry", "mlp", "--sizes", "4,3,2", "--free", "inputs", "--free", "outputs", "--json"]
    assert json.loads(CliRunner().invoke(main, how).output)["order"] == 24 * 6 * 2


def test_an_order_of_more_digits_than_python_writes() -> None:
    graph = ng.models.mlp((1, 2000, 1))
    found = ng.symmetry(graph)
    assert found.order == math.factorial(2000)
    assert found.order_text == "about 3.32e+5735"
    assert "3.32e+5735" in repr(found)
    done = CliRunner().invoke(main, ["symmetry", "mlp", "--sizes", "1,2000,1", "--json"])
    document = json.loads(done.output)
    assert document["order"] is None
    assert document["log10"] == pytest.approx(5735.5205, abs=1e-3)


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="examples are not installed")
def test_the_example_says_why_c3_is_not_fully_connected(capsys) -> None:
    runpy.run_path(str(EXAMPLE))["main"]()
    said = capsys.readouterr().out
    for number in ("151,600", "241,600", "15,064,408,719,360,000", "340,908", "430,908"):
        assert number in said
