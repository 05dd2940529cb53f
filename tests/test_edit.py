"""Edits: what they change, what they must not, and the errors they raise."""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.functions import Function

SOME = settings(deadline=None, max_examples=25)


def triples(graph, *, layer=None):
    """The multiset of connections, by names."""
    some = graph.select(layer=layer).all()
    neuron, weight = functools.cache(graph.neuron_name), functools.cache(graph.weight_name)
    return Counter((neuron(s), weight(w), neuron(t)) for s, w, t in some)


def pairs(graph):
    """The multiset of (source, value, target), by neuron names: what edits of sharing keep."""
    some, value = graph.connections.all(), graph.weights.value
    neuron = functools.cache(graph.neuron_name)
    return Counter((neuron(s), float(value[w]), neuron(t)) for s, w, t in some)


def pairs_of_fixed(graph):
    some, weights = graph.connections.all(), graph.weights
    fixed = ~weights.trainable[some.weight]
    return Counter(
        zip(
            some.source[fixed].tolist(),
            weights.value[some.weight[fixed]].tolist(),
            some.target[fixed].tolist(),
            strict=True,
        )
    )


def outputs(graph, seed=0):
    rng = np.random.default_rng(seed)
    images = [rng.normal(size=(2, *layer.neurons.shape)) for layer in graph.inputs]
    return ng.Simulator(graph, engine="reference", dtype="float64")(*images)


def zoo():
    """A graph with every kind of sharing: padding, a table, borrowed weights, borders, max."""
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 6, 6), name="x"))
    a = graph.add(ng.Conv2d(2, 3, padding=1, activation="tanh", name="A"), x)
    b = graph.add(ng.Conv2d(2, 3, padding=1, weights="A", name="B"), x)
    s = graph.add(ng.Subsample2d(2, activation="sigmoid", name="S"), a)
    m = graph.add(ng.MaxPool2d(2, name="M"), b)
    v = graph.add(ng.AvgPool2d(2, name="V"), b)
    p = graph.add(ng.Multiply(name="P"), s, m, v)
    t = graph.add(ng.Conv2d(3, 2, table=[(0,), (1,), (0, 1)], border=-1.0, padding=1, name="T"), p)
    u = graph.add(ng.ConvTranspose2d(1, 2, stride=2, name="U"), t)
    f = graph.add(ng.Linear(3, activation="relu", name="F"), u)
    graph.add(ng.RBF(np.arange(6.0).reshape(2, 3), name="R"), f)
    graph.weights.initialize(seed=3)
    return graph


LAYERS = ["A", "B", "S", "M", "V", "P", "T", "U", "F", "R"]


def check(graph):
    found = ng.verify(graph)
    assert found.ok, found.problems


# ---- cut ----------------------------------------------------------------------------------------


def test_cutting_one_connection_leaves_the_weight_shared_elsewhere():
    graph = ng.models.lenet5()
    weight = graph.weight_id("C1.kernel[2, 0, 2, 2]")
    neuron = graph.neuron_id("C1[2, 10, 10]")
    before = triples(graph)
    kernels = graph.table.kernels.count
    less = ng.cut(graph, lambda c: (c.weight == weight) & (c.target == neuron))
    gone = before - triples(less)
    assert sum(gone.values()) == 1
    assert next(iter(gone))[1:] == ("C1.kernel[2, 0, 2, 2]", "C1[2, 10, 10]")
    assert triples(graph) == before
    assert less.table.kernels.count == kernels + 1
    assert ng.count(less).total.slots == ng.count(graph).total.slots
    check(less)


def test_neurons_with_the_same_cuts_share_one_new_kernel():
    graph = ng.models.lenet5()
    weight = graph.weight_id("C1.kernel[0, 0, 0, 0]")
    half = graph.layer("C1").ids[0, :14]
    less = ng.cut(graph, lambda c: (c.weight == weight) & np.isin(c.target, half), layer="C1")
    new = np.unique(less.table.kernel[half])
    assert new.size == 1
    assert less.table.kernels.count == graph.table.kernels.count + 1
    assert len(less.sharing(weight)) == 784 - half.size


def test_a_kernel_whose_neurons_are_all_cut_is_not_kept_twice():
    graph = ng.models.lenet5()
    weight = graph.weight_id("C1.kernel[0, 0, 0, 0]")
    less = ng.cut(graph, lambda c: c.weight == weight)
    assert less.table.kernels.count == graph.table.kernels.count
    row = ng.count(less)["C1"]
    assert (row.dead, row.connections, row.slots) == (1, 122_304 - 784, 122_304)


@SOME
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, "A", "T", "U", "F", ["S", "B"]]))
def test_an_array_cuts_the_connections_in_the_order_of_the_view(seed, layer):
    graph = zoo()
    some = graph.select(layer=layer).all()
    mask = np.random.default_rng(seed).random(len(some)) < 0.3
    less = ng.cut(graph, mask, layer=layer)
    left = some.keep(~mask)
    assert Counter(less.select(layer=layer).all()) == Counter(left)
    assert len(less.connections) == len(graph.connections) - mask.sum()
    assert np.array_equal(less.weights.value, graph.weights.value)
    check(less)


def test_bias_connections_can_be_cut():
    graph = zoo()
    less = ng.cut(graph, lambda c: c.source == 0)
    assert ng.count(less).total.bias_connections == 0
    assert ng.count(graph).total.bias_connections > 0


def test_cut_neurons_compute_with_what_is_left():
    graph = ng.models.mlp((3, 2), output_activation="identity")
    y = graph.outputs
    less = ng.cut(graph, lambda c: (c.target == y[0]) & (c.source == 1))
    kernel, bias = graph.weights["output.kernel"].copy(), graph.weights["output.bias"]
    kernel[0, 0] = 0
    image = np.array([[1.0, 2.0, 3.0]])
    out = ng.Simulator(less, engine="reference", dtype="float64")(image)
    np.testing.assert_allclose(out[0], kernel @ image[0] + bias)


def test_max_over_nothing_is_an_error_when_compiled():
    graph = zoo()
    target = graph.neuron_id("M[0, 0, 0]")
    with pytest.raises(ng.GraphError, match=r"M\[0, 0, 0\].*at least one"):
        ng.compile(ng.cut(graph, lambda c: c.target == target))


@pytest.mark.parametrize(
    "where",
    [np.ones(3, bool), lambda c: c.weight, lambda c: np.ones(1, bool)],
    ids=["short array", "not bool", "short answer"],
)
def test_cut_wants_a_bool_for_each_connection(where):
    with pytest.raises(ng.GraphError, match="a bool for each"):
        ng.cut(zoo(), where, layer="F")


def test_an_edited_graph_does_not_change_with_the_old_one():
    graph = zoo()
    less = ng.cut(graph, lambda c: c.source == 0, layer="A")
    before, size = triples(less), less.size
    graph.add(ng.Linear(2, name="later"), graph.outputs)
    graph.weights.value = np.zeros(graph.weights.count)
    assert triples(less) == before
    assert less.size == size
    assert less.weights.value.any()


def test_an_edit_before_values_are_drawn_draws_the_same_ones():
    graph = ng.Graph()
    graph.add(ng.Linear(2, name="y"), graph.add(ng.Input((3,))))
    less = ng.cut(graph, lambda c: c.source == 1)
    assert not less.weights.allocated
    dropped = ng.drop_dead(ng.prune(graph, {"y.kernel": np.eye(2, 3) == 1}))
    assert not dropped.weights.allocated
    assert np.array_equal(less.weights.value, graph.weights.value)
    kernel = graph.weights["y.kernel"]
    assert np.array_equal(dropped.weights["y.kernel"], kernel * np.eye(2, 3))
    assert np.array_equal(dropped.weights["y.bias"], graph.weights["y.bias"])


# ---- prune and drop_dead ------------------------------------------------------------------------


def masked_lenet():
    """LeNet-5's C3 as it is usually taught, and the mask that makes it the published one."""
    graph = ng.Graph()
    x = graph.add(ng.Input((6, 14, 14), name="S2"))
    graph.add(ng.Conv2d(16, 5, name="C3"), x)
    mask = np.zeros((16, 6, 5, 5), bool)
    for o, row in enumerate(ng.models.LENET5_C3):
        mask[o, list(row)] = True
    return graph, mask


def test_a_masked_convolution_counts_its_mask():
    graph, mask = masked_lenet()
    pruned = ng.prune(graph, {"C3.kernel": mask})
    row = ng.count(pruned)["C3"]
    assert (row.connections, row.slots, row.dead) == (151_600, 241_600, 900)
    dropped = ng.count(ng.drop_dead(pruned))["C3"]
    assert (dropped.parameters, dropped.connections, dropped.dead) == (1_516, 151_600, 0)
    assert ng.count(graph)["C3"].connections == 241_600
    check(pruned)
    check(ng.drop_dead(pruned))


def test_a_mask_over_all_weights_is_the_same_as_one_by_name():
    graph, mask = masked_lenet()
    keep = np.ones(graph.weights.count, bool)
    keep[graph.weights.names["C3.kernel"].ids[~mask]] = False
    assert triples(ng.prune(graph, keep)) == triples(ng.prune(graph, {"C3.kernel": mask}))


def test_pruning_biases():
    graph = zoo()
    pruned = ng.prune(graph, {"F.bias": np.array([True, False, True])})
    gone = triples(graph) - triples(pruned)
    assert gone == Counter({("bias unit", "F.bias[1]", "F[1]"): 1})


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"F.kernle": np.ones((3, 2), bool)}, "did you mean F.kernel"),
        ({"F.bias": np.ones(4, bool)}, r"needed bool and \(3,\)"),
        ({"F.bias": np.ones(3)}, "float64"),
        (np.ones(3, bool), "the weights"),
    ],
)
def test_masks_that_do_not_fit(masks, message):
    with pytest.raises(ng.GraphError, match=message):
        ng.prune(zoo(), masks)


@SOME
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_dropping_dead_weights_keeps_every_connection(seed, share):
    graph = zoo()
    keep = np.random.default_rng(seed).random(graph.weights.count) < share
    pruned = ng.prune(graph, keep)
    dropped = ng.drop_dead(pruned)
    assert triples(dropped) == triples(pruned)
    assert pairs(dropped) == pairs(pruned)
    counts = ng.count(dropped).total
    assert counts.dead == 0
    assert counts.weights == ng.count(pruned).total.weights - ng.count(pruned).total.dead
    assert counts.slots == ng.count(pruned).total.slots
    check(dropped)


# ---- unshare and tie ----------------------------------------------------------------------------


def test_unsharing_c1_and_tying_it_again():
    graph = ng.models.lenet5()
    apart = ng.unshare(graph, "C1")
    row = ng.count(apart)["C1"]
    assert (row.parameters, row.connections, row.dead) == (122_304, 122_304, 0)
    assert apart.weights.names["C1.kernel"].shape == (6, 28, 28, 1, 5, 5)
    assert apart.weights.names["C1.bias"].shape == (6, 28, 28)
    assert ng.count(apart).total.parameters == 60_000 - 156 + 122_304
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 1, 32, 32))
    run = [ng.Simulator(g, engine="scipy", dtype="float64")(images) for g in (graph, apart)]
    np.testing.assert_allclose(run[0], run[1], rtol=1e-12)
    tied = ng.tie(apart, "C1")
    assert ng.count(tied)["C1"] == ng.count(graph)["C1"]
    assert triples(tied) == triples(graph)
    np.testing.assert_allclose(tied.weights.value, graph.weights.value)
    assert tied.weights.names["C1.kernel"].shape == (6, 1, 5, 5)
    check(apart)
    check(tied)


@pytest.mark.parametrize("layer", LAYERS)
def test_unshared_every_neuron_has_weights_of_its_own(layer):
    graph = zoo()
    apart = ng.unshare(graph, layer)
    assert pairs(apart) == pairs(graph)
    np.testing.assert_allclose(outputs(apart), outputs(graph))
    some = apart.select(layer=layer).all()
    users = {}
    for _, weight, target in some:
        users.setdefault(weight, set()).add(target)
        assert apart.weight_name(weight).startswith(f"{layer}.")
    assert all(len(targets) == 1 for targets in users.values())
    assert ng.count(apart)[layer].weights == len(users)
    for other in set(LAYERS) - {layer}:
        assert ng.count(apart)[other].connections == ng.count(graph)[other].connections
    check(apart)


@pytest.mark.parametrize("layer", [name for name in LAYERS if name != "U"])
def test_tying_brings_back_what_unsharing_took_apart(layer):
    graph = zoo()
    tied = ng.tie(ng.unshare(graph, layer), layer)
    assert pairs(tied) == pairs(graph)
    np.testing.assert_allclose(outputs(tied), outputs(graph))
    check(tied)
    # Neurons of one map share exactly where they did; maps that shared one fixed weight need not.
    for ids in graph.layer(layer).ids.reshape(graph.layer(layer).neurons.shape[0], -1):
        old, new = (g.select(target=ids).all() for g in (graph, tied))
        assert len(set(zip(old.weight, new.weight, strict=True))) == len(set(old.weight.tolist()))
        assert len(set(new.weight.tolist())) == len(set(old.weight.tolist()))


def test_a_borrowed_array_moves_to_the_layer_that_still_uses_it():
    graph = zoo()
    apart = ng.unshare(graph, "A")
    assert apart.weights.names["A.kernel"].shape == (2, 6, 6, 1, 3, 3)
    assert apart.layer("B").arrays == ("B.kernel", "B.bias")
    assert np.array_equal(apart.weights["B.kernel"], graph.weights["A.kernel"])


def test_without_a_layer_every_one_is_unshared():
    graph = ng.Graph()
    x = graph.add(ng.Conv2d(2, 2, name="A"), graph.add(ng.Input((1, 3, 3))))
    graph.add(ng.Linear(2, name="y"), graph.add(ng.AvgPool2d(2, name="P"), x))
    apart = ng.unshare(graph)
    assert sorted(triples(apart)) == sorted(triples(ng.unshare(graph, ["A", "P", "y"])))
    every = apart.connections.all()
    owners = {(weight, target) for _, weight, target in every}
    assert len(owners) == np.unique(every.weight).size


def test_the_borrower_can_be_unshared_alone():
    graph = zoo()
    apart = ng.unshare(graph, "B")
    assert apart.layer("A").arrays == graph.layer("A").arrays
    assert np.array_equal(apart.weights["A.kernel"], graph.weights["A.kernel"])
    assert triples(apart, layer="A") == triples(graph, layer="A")
    assert apart.weights.names["B.bias"].shape == (2, 6, 6)


def test_fixed_weights_stay_fixed():
    apart = ng.unshare(zoo(), "M")
    assert ng.count(apart)["M"].fixed == 18
    assert ng.count(apart)["M"].trainable == 0
    assert apart.weights.names["M.one"].shape == (2, 3, 3, 4)


def test_tied_values_are_the_mean():
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 3, 3)))
    graph.add(ng.Conv2d(1, 2, shared=False, bias="neuron", name="L"), x)
    graph.weights.initialize(seed=1)
    tied = ng.tie(graph, "L")
    kernel, bias = graph.weights["L.kernel"], graph.weights["L.bias"]
    np.testing.assert_allclose(tied.weights["L.kernel"], kernel.mean(axis=(1, 2)))
    np.testing.assert_allclose(tied.weights["L.bias"], bias.mean(axis=(1, 2)))
    assert tied.weights.trainable.all()


@pytest.mark.parametrize("edit", [ng.unshare, ng.tie])
@pytest.mark.parametrize("layer", LAYERS)
def test_weights_go_on_being_drawn_as_those_they_come_from(edit, layer, tmp_path):
    graph, edited = zoo(), edit(zoo(), layer)
    edited.weights.initialize(seed=8)
    graph.weights.initialize(seed=8)
    assert pairs_of_fixed(edited) == pairs_of_fixed(graph)
    for name in set(graph.weights) & set(edited.weights):
        before, after = graph.weights[name], edited.weights[name]
        if before.shape == after.shape:  # not touched, or as before: drawn alike
            live = edited.weights.names[name].ids >= 0
            np.testing.assert_array_equal(before[live], after[live])
    ng.save(edited, tmp_path / "edited.npz")
    again = ng.load(tmp_path / "edited.npz")
    for some in (edited, again):
        some.weights.initialize(seed=9)
    np.testing.assert_array_equal(again.weights.value, edited.weights.value)


def test_copies_are_drawn_within_the_bounds_of_their_own_fan_in():
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 8, 8)))
    graph.add(ng.Conv2d(2, 3, table=[(0,), (0, 1, 2)], name="C"), x)
    apart = ng.unshare(graph, "C")
    apart.weights.initialize(seed=1)
    live = apart.weights.names["C.kernel"].ids >= 0
    kernel = np.where(live, apart.weights["C.kernel"], 0)
    for one, fan_in in zip(kernel, (9, 27), strict=True):
        assert 0.97 * 2.4 / fan_in < np.abs(one).max() <= 2.4 / fan_in
    assert np.unique(kernel[live]).size == live.sum()
    tied = ng.tie(apart, "C")
    for some in (tied, graph):
        some.weights.initialize(seed=2)
    np.testing.assert_array_equal(tied.weights["C.kernel"], graph.weights["C.kernel"])
    apart.weights.initialize(seed=2, initializer="he_uniform")
    largest = np.abs(apart.weights["C.kernel"]).max(axis=(1, 2, 3, 4, 5))
    np.testing.assert_allclose(largest, np.sqrt(6 / np.array([9, 27])), rtol=0.03)


def test_values_given_as_the_initializer_go_with_each_copy():
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 3, 3)))
    kernel = np.arange(8.0).reshape(2, 1, 2, 2)
    graph.add(ng.Conv2d(2, 2, initializer=kernel, name="C"), x)
    apart = ng.unshare(graph, "C")
    apart.weights.set(np.arange(apart.weights.count), 7.0)
    apart.weights.initialize()
    for row in apart.weights["C.kernel"].reshape(2, 4, 1, 2, 2).swapaxes(0, 1):
        np.testing.assert_array_equal(row, kernel)
    back = ng.tie(apart, "C")
    back.weights.initialize()
    np.testing.assert_array_equal(back.weights["C.kernel"], kernel)


def test_what_had_no_initializer_gets_none():
    graph = ng.Graph.from_connections([(1, 0, 3), (2, 0, 3), (1, 1, 4)], inputs=[1, 2])
    graph.add(ng.Linear(2, name="y"), [3, 4])
    for layer in ("neuron", "y"):
        apart = ng.unshare(graph, layer)
        with pytest.raises(ng.GraphError, match="2 of 8 weights came without an initializer"):
            apart.weights.initialize()


def test_a_transposed_convolution_is_tied_to_one_kernel_a_map():
    tied = ng.tie(zoo(), "U")
    assert np.unique(tied.table.kernel[tied.layer("U").ids]).size == 1
    assert len(tied.connections) == len(zoo().connections)
    check(tied)


@pytest.mark.parametrize("layer", [name for name in LAYERS if name != "U"])
def test_tying_what_is_tied_changes_nothing(layer):
    graph = zoo()
    tied = ng.tie(graph, layer)
    assert triples(tied) == triples(graph)
    assert np.array_equal(tied.weights.value, graph.weights.value)


def test_tying_a_hand_made_layer_joins_chains_of_common_slots():
    # Two maps of two neurons; weight 1 stands in both maps, so all of 0, 1, 2 become one.
    graph = ng.Graph()
    x = graph.add(ng.Input((1,)))
    ids = graph.add_weights("y", "w", (3,), initializer=np.array([1.0, 2.0, 6.0])).ids
    kernel = graph.table.kernels.add(ids[[0, 1, 1, 2]][:, None])
    field = graph.table.fields.add(x[None])
    graph.add_neurons(
        "y",
        "Made",
        (2, 2),
        field=field,
        kernel=kernel + np.arange(4).reshape(2, 2),
        function=Function(),
    )
    tied = ng.tie(graph, "y")
    assert tied.weights.value.tolist() == [3.0]
    assert tied.weight_name(0) == "y.w[0]"
    assert len(tied.sharing(0)) == 4


def test_neurons_with_different_live_slots_cannot_be_tied():
    graph = ng.unshare(zoo(), "A")
    target = graph.neuron_id("A[1, 2, 2]")
    less = ng.cut(graph, lambda c: (c.target == target) & (c.source != 0))
    with pytest.raises(ng.GraphError, match=r"A: slot 0 of A\[1, 2, 2\] is cut and live in other"):
        ng.tie(less, "A")
    less = ng.cut(graph, lambda c: (c.target == target) & (c.source == 0))
    with pytest.raises(ng.GraphError, match=r"A\[1, 2, 2\] has 0 biases"):
        ng.tie(less, "A")


def test_trainable_and_fixed_weights_cannot_be_tied():
    graph = ng.Graph()
    x = graph.add(ng.Input((1,)))
    free = graph.add_weights("y", "a", ())
    fixed = graph.add_weights("y", "b", (), trainable=False)
    kernel = graph.table.kernels.add(np.array([[free.first], [fixed.first]]))
    field = graph.table.fields.add(x[None])
    graph.add_neurons(
        "y", "Made", (1, 2), field=field, kernel=kernel + np.arange(2)[None], function=Function()
    )
    with pytest.raises(ng.GraphError, match=r"y\.a is trainable and y\.b is fixed"):
        ng.tie(graph, "y")


@pytest.mark.parametrize("edit", [ng.unshare, ng.tie])
def test_unknown_layers(edit):
    with pytest.raises(ng.GraphError, match="did you mean"):
        edit(zoo(), "AA")


# ---- subgraph -----------------------------------------------------------------------------------


def test_one_map_of_lenet5_alone():
    graph = ng.models.lenet5()
    part = ng.subgraph(graph, graph.layer("C3").ids[0])
    assert [layer.name for layer in part.inputs] == ["S2"]
    assert part.inputs[0].neurons.present.size == 3 * 14 * 14
    assert ng.count(part)["C3"].connections == 100 * 76
    assert triples(part) == Counter(
        {t: n for t, n in triples(graph).items() if t[2].startswith("C3[0,")}
    )
    check(part)
    images = np.random.default_rng(0).normal(size=(2, 1, 32, 32))
    states = ng.Simulator(graph, engine="scipy", dtype="float64").states(images)
    run = ng.Simulator(part, engine="reference", dtype="float64")(states["S2"])
    np.testing.assert_allclose(run, states["C3"][:, 0].reshape(2, -1), rtol=1e-12)


def test_a_cone_computes_what_the_whole_graph_does():
    graph = ng.models.lenet5()
    neuron = graph.neuron_id("C3[5, 4, 4]")
    part = ng.subgraph(graph, ng.cone(graph, neuron))
    assert [layer.name for layer in part.inputs] == ["input"]
    assert [part.neuron_name(n) for n in part.outputs] == ["C3[5, 4, 4]"]
    images = np.random.default_rng(0).normal(size=(2, 1, 32, 32))
    states = ng.Simulator(graph, engine="scipy", dtype="float64").states(images)
    run = ng.Simulator(part, engine="scipy", dtype="float64")(images)
    np.testing.assert_allclose(run[:, 0], states[neuron], rtol=1e-12)
    small = ng.drop_dead(part)
    assert ng.count(small).total.connections == ng.count(part).total.connections
    assert "C5" not in small.layers
    check(small)


@SOME
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.9))
def test_a_subgraph_has_every_connection_into_its_neurons(seed, share):
    graph = zoo()
    rng = np.random.default_rng(seed)
    graph = ng.cut(graph, rng.random(len(graph.connections)) < 0.1)
    chosen = graph.neurons[rng.random(len(graph.neurons)) < share]
    if not chosen.size:
        chosen = graph.neurons[-1:]
    part = ng.subgraph(graph, chosen)
    plain = Counter(
        {(s.replace(".input[", "["), w, t): n for (s, w, t), n in triples(part).items()}
    )
    wanted = graph.select(target=chosen).all()
    names = graph.neuron_name, graph.weight_name, graph.neuron_name
    assert plain == Counter(tuple(f(i) for f, i in zip(names, c, strict=True)) for c in wanted)
    inside = {graph.neuron_name(n) for n in chosen}
    assert inside <= {part.neuron_name(n) for n in part.neurons}
    check(part)


def test_a_layer_that_is_chosen_in_part_gets_an_input_layer_beside_it():
    graph = zoo()
    chosen = [graph.neuron_id("F[0]"), *graph.layer("R").ids]
    part = ng.subgraph(graph, chosen)
    assert [layer.name for layer in part.inputs] == ["U", "F.input"]
    assert part.neuron_name(part.layer("F.input").neurons.present[0]) == "F.input[1]"
    assert np.array_equal(part.outputs, part.layer("R").ids)


def test_constants_stay_where_they_are_used():
    graph = zoo()
    part = ng.subgraph(graph, graph.layer("T").ids)
    assert sorted(part.constants.values()) == [-1.0, 1.0]
    assert part.neuron_name(max(part.constants)) == "T.border"
    assert len(ng.subgraph(graph, graph.layer("A").ids).constants) == 1


@pytest.mark.parametrize("ids", [[], [-1], [10**6], [1.5], "Z[0]", ["F[0]", "F[9]"], None])
def test_a_subgraph_of_no_neurons(ids):
    with pytest.raises(ng.GraphError, match="subgraph: "):
        ng.subgraph(zoo(), ids)


def test_a_subgraph_by_name():
    graph = zoo()
    for named, ids in (
        ("F", graph.layer("F").ids),
        ("F[1]", graph.layer("F").ids[1]),
        (["T", "U[0, 1, 1]"], [*graph.layer("T").ids.flat, graph.neuron_id("U[0, 1, 1]")]),
    ):
        assert triples(ng.subgraph(graph, named)) == triples(ng.subgraph(graph, ids))


def test_unsharing_says_its_size_before_it_begins(monkeypatch):
    graph = zoo()
    monkeypatch.setattr("neurograph.memory.physical", lambda: 10**4)
    with pytest.raises(ng.GraphError, match=r"A: giving its 648 slots other weights: would take"):
        ng.unshare(graph, "A")


@pytest.mark.parametrize("edit", [ng.unshare, ng.tie])
def test_an_input_layer_has_no_weights_to_edit(edit):
    with pytest.raises(ng.GraphError, match="input: found an input layer, needed one with conn"):
        edit(ng.models.lenet5(), "input")


def test_what_is_cut_may_be_a_view_and_is_no_name():
    graph = ng.models.lenet5()
    found = graph.select(layer="C3", source="S2[0, 0, 0]")
    assert len(ng.cut(graph, found).connections) == len(graph.connections) - len(found)
    with pytest.raises(
        ng.GraphError, match=r"found the name 'C1', needed connections, as graph.inc"
    ):
        ng.cut(graph, "C1")
