"""The explorer's network in a browser says what Python says: states, connections, counts, edits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from conformance import LAYERS
from networks import PAIRS, build, images, randomize
from pages import Page, in_order
from random_nets import net

import neurograph as ng
from neurograph.explorer.samples import Samples
from neurograph.functions import ACTIVATIONS, Activation, Function
from neurograph.models import LENET5_C3, lenet5

NETS = 24  # random nets, edited or not


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Page]:
    found = Page(browser)
    yield found
    found.page.close()


@pytest.fixture(scope="module")
def lenet(page: Page) -> ng.Graph:
    """LeNet-5 with the weights that it carries, on the page as `lenet`."""
    graph = lenet5(weights="mnist")
    page.load(graph, samples=None)
    page.ask("() => { globalThis.lenet = network; }")
    return graph


def states(graph: ng.Graph, inputs: list[np.ndarray]) -> np.ndarray:
    return ng.Simulator(graph, engine="scipy", dtype="float64").states(*inputs).array


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


def check_states(page: Page, graph: ng.Graph) -> None:
    page.load(graph)
    given = images(graph, batch=1)
    assert close(page.states([one[0] for one in given]), states(graph, given)[0])


def random_net(seed: int) -> ng.Graph:
    return net(np.random.default_rng(seed))


# ---- states -------------------------------------------------------------------------------------


def test_states_of_ten_digits(page: Page, lenet: ng.Graph) -> None:
    (inputs,) = Samples.of(lenet).inputs
    expected = states(lenet, [inputs])
    winners = ng.Simulator(lenet, engine="scipy", dtype="float64").classify(inputs)
    for number, one in enumerate(inputs):
        assert np.abs(page.states([one], "lenet") - expected[number]).max() < 1e-9
        carried = f"carried.push(...lenet.payload.samples.inputs[{number}][0]);"
        assert np.array_equal(page.arrays(carried, "carried")[0], one.reshape(-1))
        decided = page.ask(
            "i => lenet.decide(lenet.forward(lenet.payload.samples.inputs[i]))", number
        )
        assert decided == winners[number]


@pytest.mark.parametrize("layer", LAYERS)
def test_states_of_every_layer(page: Page, layer: str) -> None:
    check_states(page, LAYERS[layer]())


def test_states_of_random_nets(page: Page) -> None:
    done = 0
    for seed in range(NETS):
        graph = random_net(seed)
        with suppress(ng.GraphError):  # a maximum over nothing
            ng.compile(graph)
            done += 1
            check_states(page, graph)
    assert done > NETS // 2


@pytest.mark.parametrize("pair", PAIRS)
def test_states_of_every_pair(page: Page, pair: tuple[str, str]) -> None:
    triples = [(1, 0, 4), (2, 1, 4), (3, 2, 4), (1, 3, 4), (0, 4, 4), (4, 0, 5), (2, 4, 5)]
    values = [0.5, -1.25, 2.0, 0.75, -0.5]
    function = Function(*pair, "tanh")
    check_states(
        page,
        ng.Graph.from_connections(triples, inputs=[1, 2, 3], functions=function, values=values),
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_states_of_every_activation(page: Page, name: str) -> None:
    """For net inputs of every size, and others than the default parameters, compared with NumPy."""
    defaults = ACTIVATIONS[name][0]
    edges = [0.0, 0.5, -0.5, 1.5, -1.5, 2.5, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-8, 30.0, -30.0, 700.0]
    nets = np.array([*edges, *np.linspace(-8, 8, 121)])
    for parameters in {defaults, tuple(p * 0.75 + 0.125 for p in defaults)}:
        activation = Activation(name, parameters)
        graph = ng.Graph()
        graph.add(ng.Activation(activation), graph.add(ng.Input((nets.size,))))
        page.load(graph)
        found = page.states([nets])[1 + nets.size :]
        expected = activation(nets)
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


def test_a_cut_weight_reads_no_infinite_state(page: Page) -> None:
    graph = build(ng.Activation("exp"), ng.Linear(2, bias=False), shape=(2,))
    graph = ng.cut(graph, graph.select(source="activation1[0]", target="linear1[0]"))
    page.load(graph)
    found = page.states([np.array([1000.0, 0.0])])[-2:]
    value = graph.weights["linear1.kernel"]
    assert found[0] == value[0, 1]
    assert np.isinf(found[1])


# ---- connections --------------------------------------------------------------------------------


def test_uses_of_every_weight(page: Page, lenet: ng.Graph) -> None:
    columns = page.arrays(
        """for (let w = 0; w < lenet.weights; w++) {
             const { sources, targets } = lenet.uses(w);
             for (let i = 0; i < sources.length; i++) {
               source.push(sources[i]); weight.push(w); target.push(targets[i]);
             } }""",
        *("source", "weight", "target"),
    )
    every = lenet.sharing(np.arange(lenet.weights.count))
    assert np.array_equal(in_order(*columns), in_order(every.source, every.weight, every.target))
    centre = page.ask('() => lenet.uses(lenet.find("C1.kernel[0, 0, 2, 2]").weight).sources.length')
    assert centre == 784


def test_terms_and_outgoing_of_every_neuron(page: Page, lenet: ng.Graph) -> None:
    source, weight, product, net_input = page.arrays(
        """const states = lenet.forward(lenet.payload.samples.inputs[4]);
           for (let v = 0; v < lenet.size; v++) {
             const found = lenet.terms(v, states);
             for (const t of found.terms) {
               source.push(t.source); weight.push(t.weight); product.push(t.product);
             }
             net.push(found.net); }""",
        *("source", "weight", "product", "net"),
    )
    every = lenet.incoming(np.arange(lenet.size))  # the biases behind all slots
    order = np.argsort(every.target, kind="stable")
    incoming = ng.Connections(every.source[order], every.weight[order], every.target[order])
    assert np.array_equal(source, incoming.source)
    assert np.array_equal(weight, incoming.weight)
    state = states(lenet, [Samples.of(lenet).inputs[0][4:5]])[0]
    values = lenet.weights.value[incoming.weight]
    expected = state[incoming.source] * values
    rbf = np.isin(incoming.target, lenet["output"].ids)
    expected[rbf] = (state[incoming.source] - values)[rbf] ** 2
    assert close(product, expected)
    fed = np.flatnonzero(lenet.table.function >= 0)
    assert np.isnan(np.delete(net_input, fed)).all()
    sums = np.bincount(incoming.target, expected, lenet.size)
    assert close(net_input[fed], sums[fed])
    columns = page.arrays(
        """for (let v = 0; v < lenet.size; v++) {
             const { targets, weights } = lenet.outgoing(v);
             for (let i = 0; i < targets.length; i++) {
               source.push(v); weight.push(weights[i]); target.push(targets[i]);
             } }""",
        *("source", "weight", "target"),
    )
    found = lenet.outgoing(np.arange(lenet.size))
    assert np.array_equal(in_order(*columns), in_order(found.source, found.weight, found.target))


def check_connections(page: Page, graph: ng.Graph) -> None:
    """Triples, look-ups in both directions and what is reached, of a graph on the page."""
    every = graph.connections.all()
    assert np.array_equal(page.triples(), in_order(every.source, every.weight, every.target))
    seen, fed, out, users = page.ask(
        """() => {
             const all = Array.from({ length: network.size }, (_, v) => v);
             return [all.map((v) => network.receptive(v)), all.map((v) => network.fed(v)),
                     all.map((v) => network.outgoing(v).targets.sort()),
                     Array.from(network.values, (_, w) => network.uses(w).targets.sort())]
               .map((lists) => lists.map((ids) => Array.from(ids))); }"""
    )
    for neuron in graph.neurons.tolist():
        assert seen[neuron] == ng.receptive_field(graph, neuron).tolist()
        assert sorted({*fed[neuron]} - {neuron}) == ng.projective_field(graph, neuron).tolist()
        assert out[neuron] == sorted(graph.outgoing(neuron).target.tolist())
    for weight, targets in enumerate(users):
        assert targets == sorted(graph.sharing(weight).target.tolist())


def check_counts(page: Page, graph: ng.Graph, of: str = "network") -> None:
    found = page.ask(f"() => {of}.counts()")
    expected = ng.count(graph)
    columns = {
        **{name: name for name in ("neurons", "parameters", "used", "fixed", "connections")},
        "bias": "bias_connections",
        "slots": "slots",
        "dead": "dead",
        "unfed": "unfed",
        "unread": "unread",
    }
    for mine, theirs in columns.items():
        assert found[mine] == getattr(expected.total, theirs), mine
        for row, other in zip(found["perLayer"], expected, strict=True):
            assert row[mine] == getattr(other, theirs), (row["name"], mine)
    dead = page.arrays(f"for (const d of {of}.dead()) dead.push(d);", "dead")[0]
    assert np.array_equal(dead > 0, ng.uses(graph) == 0)


def test_connections_and_counts_of_random_nets(page: Page, lenet: ng.Graph) -> None:
    check_counts(page, lenet, "lenet")
    for seed in range(NETS):
        graph = random_net(seed)
        page.load(graph)
        check_counts(page, graph)
        if len(graph.connections) < 400:
            check_connections(page, graph)


def test_names_lead_there_and_back(page: Page, lenet: ng.Graph) -> None:
    names = page.ask("() => Array.from({ length: lenet.size }, (_, v) => lenet.name(v))")
    assert names == lenet.neuron_names.names_of(np.arange(lenet.size))
    names = page.ask("() => Array.from({ length: lenet.weights }, (_, w) => lenet.weightName(w))")
    assert names == lenet.weights.names.names_of(np.arange(lenet.weights.count))
    wrong = page.ask(
        """() => Array.from({ length: lenet.size }, (_, v) => v)
             .filter((v) => lenet.find(lenet.name(v)).neuron !== v)"""
    )
    assert wrong == []
    asked = ["C3", " C3 [0,2, 3]", "C1.kernel[0,0,2,2]", "C3[16, 0, 0]", "C3.kernel[0, 3, 0, 0]"]
    assert page.ask("all => all.map((text) => lenet.find(text))", [*asked, "", "]"]) == [
        {"layer": 3},
        {"neuron": lenet.neuron_id("C3[0, 2, 3]")},
        {"weight": lenet.weight_id("C1.kernel[0, 0, 2, 2]")},
        *[None] * 4,
    ]
    assert page.ask('() => lenet.suggest("c33[0]")')[0] == "C3"


def test_names_of_random_nets(page: Page) -> None:
    for seed in range(NETS // 2):
        graph = random_net(seed)
        page.load(graph)
        neurons, weights = page.ask(
            """() => [Array.from({ length: network.size }, (_, v) => network.name(v)),
                      Array.from({ length: network.weights }, (_, w) => network.weightName(w))]"""
        )
        assert neurons == [graph.neuron_name(v) for v in range(graph.size)]
        assert weights == [graph.weight_name(w) for w in range(graph.weights.count)]
        found = page.ask("all => all.map((text) => network.find(text)?.neuron)", neurons)
        single = [n for n, name in enumerate(neurons) if name not in graph.layers]
        assert all(found[n] == n for n in single)


# ---- edits --------------------------------------------------------------------------------------


def described(graph: ng.Graph) -> tuple[Any, ...]:
    """A graph by names: its triples are the same as another's where its arrays' ids are."""
    weights = graph.weights

    def flat(ids: np.ndarray) -> list[Any]:
        return [list(ids.shape), ids.reshape(-1).tolist()]

    arrays = {name: flat(weights.names[name].ids) for name in weights}
    brought = {layer.name: list(layer.arrays) for layer in graph}
    known = {n: [list(d.shape), flat(d.places)] for n, d in weights.dissolved.items()}
    return arrays, brought, known, weights.value.tolist(), weights.trainable.astype(int).tolist()


_DESCRIBE = """() => {
  const flat = (ids, shape) => [shape, Array.from(ids)];
  return [
    Object.fromEntries(edited.arrays.map((a) => [a.name, flat(a.ids, a.shape)])),
    Object.fromEntries(edited.layers.map((l) => [l.name, l.arrays])),
    Object.fromEntries([...edited.payload.dissolved].map(([n, d]) =>
      [n, [d.before, flat(d.places, d.shape)]])),
    Array.from(edited.values),
    Array.from(edited.trainable),
  ];
}"""


def check_edit(page: Page, expected: ng.Graph) -> None:
    """That `edited` on the page is the graph that Python made."""
    arrays, brought, known, values, trainable = page.ask(_DESCRIBE)
    mine = described(expected)
    assert (arrays, brought, known, trainable) == (*mine[:3], mine[4])
    assert np.allclose(values, mine[3], rtol=1e-14, atol=1e-14)
    every = expected.connections.all()
    triples = page.triples("edited")
    assert np.array_equal(triples, in_order(every.source, every.weight, every.target))


def both_edit(page: Page, edit: str, graph: ng.Graph, layer: str, of: str = "network") -> Any:
    """The edit of a layer in Python; on the page it is `edited`. Refused by both: None."""
    at = list(graph.layers).index(layer)
    refused = page.ask(
        f"""at => {{ try {{ globalThis.edited = modules["edits.js"].{edit}({of}, at); }}
            catch (error) {{ return error.message; }} }}""",
        at,
    )
    try:
        found = getattr(ng, edit)(graph, layer)
    except ng.GraphError:
        assert refused, f"{edit} {layer}: Python refuses it"
        return None
    assert not refused
    return found


@pytest.mark.parametrize("layer", ["S2", "C3"])
def test_unshare_and_tie_of_lenet5(page: Page, lenet: ng.Graph, layer: str) -> None:
    apart = both_edit(page, "unshare", lenet, layer, "lenet")
    check_edit(page, apart)
    check_counts(page, apart, "edited")
    inputs = Samples.of(lenet).inputs[0][:1]
    assert close(page.states([inputs[0]], "edited"), states(lenet, [inputs])[0])
    check_edit(page, both_edit(page, "tie", apart, layer, "edited"))


def test_unshare_and_tie_of_random_nets(page: Page) -> None:
    done = 0
    for seed in range(NETS):
        graph = random_net(seed)
        for layer in list(graph.layers)[1:3]:
            for edit, then in (("unshare", "tie"), ("tie", "unshare")):
                page.load(graph)
                found = both_edit(page, edit, graph, layer)
                if found is not None:
                    check_edit(page, found)
                    found = both_edit(page, then, found, layer, "edited")
                if found is not None:
                    check_edit(page, found)
                    done += 1
    assert done > NETS // 2


def test_a_page_of_an_unshared_graph_ties_it_again(page: Page) -> None:
    graph = randomize(ng.unshare(build(ng.Conv2d(2, 3, padding=1, name="c"), shape=(2, 4, 4)), "c"))
    page.load(graph)
    check_edit(page, both_edit(page, "tie", graph, "c"))


def test_cut_connections(page: Page, lenet: ng.Graph) -> None:
    """The bias of one neuron, and some of the connections of several of one kernel."""
    links = lenet.incoming(["C1[0, 3, 4]", "C1[0, 3, 5]", "C3[15, 2, 2]", "output[3]"])
    some = np.random.default_rng(0).random(len(links)) < 0.2
    some |= (links.source == 0) & (links.target == lenet.neuron_id("C1[0, 3, 4]"))
    gone = links.keep(some)
    page.ask(
        'list => { globalThis.edited = modules["edits.js"].cut(lenet, list); }',
        [{"source": int(s), "weight": int(w), "target": int(t)} for s, w, t in gone],
    )
    expected = ng.cut(lenet, gone)
    check_edit(page, expected)
    check_counts(page, expected, "edited")
    inputs = Samples.of(lenet).inputs[0][2:3]
    assert close(page.states([inputs[0]], "edited"), states(expected, [inputs])[0])
    assert page.ask("() => lenet.counts().connections") == 340_908  # the old one stays


def test_cut_a_slot(page: Page) -> None:
    for seed in range(NETS):
        graph = random_net(seed)
        links = graph.connections.all()
        table = graph.table
        target = int(links.target[seed % len(links)])
        live = [
            s for s, w in enumerate(table.kernels[int(table.kernel[target])].tolist()) if w >= 0
        ]
        if not live:
            continue
        page.load(graph)
        page.ask(
            'one => { globalThis.edited = modules["edits.js"].cut(network, [one]); }',
            {"target": target, "slot": live[0]},
        )
        field, kernel = int(table.field[target]), int(table.kernel[target])
        source, weight = int(table.fields[field][live[0]]), int(table.kernels[kernel][live[0]])
        expected = sorted(links)
        with suppress(ValueError):  # an empty slot of the field
            expected.remove((source, weight, target))
        assert [tuple(row) for row in page.triples("edited").tolist()] == sorted(
            expected, key=lambda t: t[::-1]
        )


def test_edit_the_table_of_c3(page: Page, lenet: ng.Graph) -> None:
    """As a new LeNet-5 of that table: the same slots, the old weights, 0 for those of new links."""
    reads = [[source in row for source in range(6)] for row in LENET5_C3]
    shown = page.ask("() => lenet.layers[3].table")
    assert shown["reads"] == reads
    assert shown["editable"]
    assert shown["sources"] == [{"layer": 2, "map": source} for source in range(6)]
    reads[0][0], reads[0][5], reads[3][1], reads[15][2] = False, True, True, False
    page.ask(
        'reads => { globalThis.edited = modules["edits.js"].setTable(lenet, 3, reads); }', reads
    )
    expected = lenet5_by_table([[s for s, on in enumerate(row) if on] for row in reads])
    for name in lenet.weights:
        ids, old = expected.weights.names[name].ids, lenet.weights.names[name].ids
        known = (ids >= 0) & (old >= 0)
        value = np.zeros(ids.shape)
        value[known] = lenet.weights[name][known]
        expected.weights[name] = value
    inputs = Samples.of(lenet).inputs[0][5:6]
    assert close(page.states([inputs[0]], "edited"), states(expected, [inputs])[0])
    found, wanted = page.ask("() => edited.counts()"), ng.count(expected).total
    assert (found["connections"], found["slots"]) == (wanted.connections, wanted.slots)
    assert (found["used"], found["dead"]) == (wanted.used, 50)
    marked = page.ask("() => [...edited.marked].map((w) => edited.weightName(w)).sort()")
    fresh = [(0, 5), (3, 1)]
    assert marked == sorted(
        f"C3.kernel[{o}, {i}, {r}, {c}]" for o, i in fresh for r in range(5) for c in range(5)
    )
    assert page.ask("() => [...edited.marked].every((w) => edited.values[w] === 0)")
    assert page.ask("() => edited.layers[3].table.reads") == reads
    again = page.ask(
        """reads => modules["edits.js"].setTable(edited, 3, reads).counts()""", shown["reads"]
    )
    assert (again["used"], again["connections"], again["dead"]) == (60_000, 340_908, 50)


def lenet5_by_table(table: list[list[int]]) -> ng.Graph:
    """LeNet-5 with another table: its own layers, added anew."""
    graph, tanh = ng.Graph(), {"activation": "scaled_tanh"}
    ids = graph.add(ng.Input((1, 32, 32), name="input"))
    for layer in (
        ng.Conv2d(6, 5, name="C1", **tanh),
        ng.Subsample2d(2, name="S2", **tanh),
        ng.Conv2d(16, 5, table=table, name="C3", **tanh),
        ng.Subsample2d(2, name="S4", **tanh),
        ng.Conv2d(120, 5, name="C5", **tanh),
        ng.Linear(84, name="F6", **tanh),
        ng.RBF(ng.models.lenet5().weights["output.centers"], name="output"),
    ):
        ids = graph.add(layer, ids)
    return graph


def test_a_padded_table_keeps_its_empty_slots(page: Page) -> None:
    table = [[0], [1, 2], [0, 1, 2]]
    graph = build(ng.Conv2d(3, 3, table=table, padding=1, name="c"), shape=(3, 4, 4))
    page.load(graph)
    reads = [[True, False, True], [True, True, False], [True, True, True]]
    page.ask(
        'reads => { globalThis.edited = modules["edits.js"].setTable(network, 1, reads); }', reads
    )
    other = build(
        ng.Conv2d(3, 3, table=[[0, 2], [0, 1], [0, 1, 2]], padding=1, name="c"), shape=(3, 4, 4)
    )
    found, wanted = page.ask("() => edited.counts()"), ng.count(other).total
    assert (found["connections"], found["slots"]) == (wanted.connections, wanted.slots)
    named = {
        (graph.neuron_name(s), other.weight_name(w), graph.neuron_name(t))
        for s, w, t in other.connections.all()
    }
    assert named == {
        tuple(row)
        for row in page.ask(
            """() => { const rows = [];
                 for (let v = 0; v < edited.size; v++) edited.eachIncoming(v, (s, w, t) =>
                   rows.push([edited.name(s), edited.weightName(w), edited.name(t)]));
                 return rows; }"""
        )
    }


def test_layers_without_a_table_to_edit(page: Page, lenet: ng.Graph) -> None:
    tables = page.ask("() => lenet.layers.map(({ table }) => table && table.editable)")
    assert tables == [None, True, False, True, False, True, None, None]
    refused = page.ask(
        """() => { try { modules["edits.js"].setTable(lenet, 2, []); }
                   catch (error) { return error.message; } }"""
    )
    assert refused == "S2: has no connection table that can be changed"


def test_a_changed_weight_changes_states(page: Page, lenet: ng.Graph) -> None:
    weight = lenet.weight_id("C3.kernel[4, 4, 1, 2]")
    changed = ng.unfreeze(lenet, [])  # a copy
    changed.weights.set(weight, 0.75)
    inputs = Samples.of(lenet).inputs[0][:1]
    page.ask("w => { globalThis.edited = lenet.with({}); edited.setValue(w, 0.75); }", weight)
    assert close(page.states([inputs[0]], "edited"), states(changed, [inputs])[0])
    assert close(page.states([inputs[0]], "lenet"), states(lenet, [inputs])[0])


# ---- what a page carries ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("exact", [0.5, 0.1, -3.0, 1e-300]),
        ("half", [0.5, 0.0999755859375, -3.0, 0.0]),
        ("none", [0.0] * 4),
    ],
)
def test_values(page: Page, values: str, expected: list[float]) -> None:
    graph = ng.models.mlp((3, 1))
    graph.weights.value = [0.5, 0.1, -3.0, 1e-300]
    page.load(graph, values=values)
    assert page.ask("() => Array.from(network.values)") == expected
    assert page.ask("() => network.hasValues") == (values != "none")
    decided = page.ask("() => network.decide(network.forward([new Float64Array(3)]))")
    assert decided == (-1 if values == "none" else 0)  # nothing is said of what is not known


def test_samples_of_two_inputs(page: Page) -> None:
    graph = ng.Graph()
    a, b = graph.add(ng.Input((2, 3), name="a")), graph.add(ng.Input((2,), name="b"))
    graph.add(ng.Linear(2), np.concatenate([a.reshape(-1), b]))
    rng = np.random.default_rng(0)
    given = rng.random((300, 2, 3)), np.full((300, 2), 0.25)
    page.load(graph, samples=given)
    found = page.ask("() => network.payload.samples.inputs.map((s) => s.map((x) => Array.from(x)))")
    assert found[7] == [given[0][7].reshape(-1).tolist(), [0.25, 0.25]]
    assert len(found) == 300
