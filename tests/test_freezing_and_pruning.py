"""Freezing weights, pruning the least of them, and what differs between two graphs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build

import neurograph as ng

SOME = settings(deadline=None, max_examples=25)


def net() -> ng.Graph:
    """Every kind of weight: shared, borrowed, fixed, a batch norm's, none of a layer's own."""
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 6, 6), name="x"))
    a = graph.add(ng.Conv2d(2, 3, name="A"), x)
    b = graph.add(ng.Conv2d(2, 3, weights="A", name="B"), x)
    n = graph.add(ng.BatchNorm2d(name="N"), graph.add(ng.Add(name="S"), a, b))
    graph.add(ng.Linear(3, name="F"), graph.add(ng.MaxPool2d(2, name="M"), n))
    graph.weights.initialize(seed=1)
    return graph


def free(graph: ng.Graph) -> set[str]:
    weights = graph.weights
    return {weights.names.name_of(int(w)) for w in np.flatnonzero(weights.trainable)}


def of_array(graph: ng.Graph, *arrays: str) -> set[str]:
    return {
        n for n in map(graph.weight_name, range(len(graph.weights))) if n.split("[")[0] in arrays
    }


# ---- freezing -----------------------------------------------------------------------------------

FROZEN: list[tuple[Any, tuple[str, ...]]] = [
    ("A", ("A.kernel", "A.bias")),
    ("B", ("A.kernel", "A.bias")),
    (["A", "F.bias"], ("A.kernel", "A.bias", "F.bias")),
    ("F.kernel", ("F.kernel",)),
    (("N", "F"), ("N.scale", "N.shift", "F.kernel", "F.bias")),
]


@pytest.mark.parametrize(("which", "arrays"), FROZEN)
def test_layers_and_arrays_are_frozen_and_freed_by_name(which: Any, arrays: Any) -> None:
    graph = net()
    before = free(graph)
    frozen = ng.freeze(graph, which)
    assert free(graph) == before
    assert free(frozen) == before - of_array(graph, *arrays)
    assert np.array_equal(frozen.weights.value, graph.weights.value)
    assert triples_of(frozen) == triples_of(graph)
    assert ng.count(frozen).total.trainable == len(before - of_array(graph, *arrays))
    assert free(ng.unfreeze(frozen, which)) == before
    assert ng.verify(frozen).ok


def test_single_weights_and_ids_are_frozen() -> None:
    graph = net()
    ids = graph.weights.names["F.kernel"].ids
    for which in (
        ["F.kernel[0, 1]", "F.kernel[2, 3]"],
        ids[[0, 2], [1, 3]],
        [int(ids[0, 1]), int(ids[2, 3])],
    ):
        assert free(graph) - free(ng.freeze(graph, which)) == {"F.kernel[0, 1]", "F.kernel[2, 3]"}
    assert free(ng.freeze(graph, ids)) == free(graph) - of_array(graph, "F.kernel")
    assert "M.one" in free(ng.unfreeze(graph, "M.one"))
    with_them = free(ng.unfreeze(graph, ["N.center"]))
    assert with_them - free(graph) == of_array(graph, "N.center")


def test_training_leaves_frozen_weights_alone() -> None:
    graph = ng.freeze(ng.models.mlp((4, 3, 2)), ["N1", "output.kernel[0, 0]"])
    before = graph.weights.value.copy()
    frozen = ~graph.weights.trainable
    images, labels = np.random.default_rng(0).normal(size=(8, 4)), np.arange(8) % 2
    ng.fit(graph, images, labels, passes=2, engine="scipy", progress=False)
    after = graph.weights.value
    assert np.array_equal(after[frozen], before[frozen])
    assert (after[~frozen] != before[~frozen]).all()


def test_frozen_arrays_keep_their_initializer() -> None:
    graph = ng.freeze(net(), "A")
    wanted = graph.weights["A.kernel"].copy()
    graph.weights.initialize(seed=1, initializer="ones")
    assert np.array_equal(graph.weights["A.kernel"], wanted)
    assert (graph.weights["F.kernel"] == 1).all()


def test_a_frozen_graph_is_saved_frozen(tmp_path: Any) -> None:
    frozen = ng.freeze(net(), ["A", "F.bias[1]"])
    ng.save(frozen, tmp_path / "graph.npz")
    assert free(ng.load(tmp_path / "graph.npz")) == free(frozen)


@pytest.mark.parametrize(
    "wrong", ["C9", "x", "A.kernle", [99999], [-1], None, 1.5, [[1], [2, 3]], b"A"]
)
def test_what_is_not_there_cannot_be_frozen(wrong: Any) -> None:
    for edit in (ng.freeze, ng.unfreeze):
        with pytest.raises(ng.GraphError):
            edit(net(), wrong)


# ---- pruning by a fraction ----------------------------------------------------------------------


def plain() -> ng.Graph:
    return build(
        ng.Conv2d(4, 3, bias=None, name="C"), ng.Linear(5, bias=None, name="F"), shape=(2, 6, 6)
    )


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.37, 0.5, 1.0])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_a_fraction_is_pruned_as_torch_prunes_it(amount: float, scope: str) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn.utils import prune

    graph = plain()
    modules = {"C": torch.nn.Conv2d(2, 4, 3, bias=False), "F": torch.nn.Linear(64, 5, bias=False)}
    for name, module in modules.items():
        values = graph.weights[f"{name}.kernel"].astype(np.float32)
        module.weight.data = torch.tensor(values)
    if scope == "global":
        parameters = [(module, "weight") for module in modules.values()]
        prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=amount)
    else:
        for module in modules.values():
            prune.l1_unstructured(module, "weight", amount=amount)
    pruned = ng.prune(graph, fraction=amount, scope=scope)
    masks = {f"{n}.kernel": m.weight_mask.numpy().astype(bool) for n, m in modules.items()}
    wanted = ng.prune(graph, masks)
    assert triples_of(pruned) == triples_of(wanted)
    assert ng.count(pruned).total == ng.count(wanted).total
    assert ng.verify(pruned).ok


def test_dead_and_fixed_weights_are_no_part_of_the_fraction() -> None:
    graph = ng.freeze(plain(), "C.kernel[0, 0, 0, 0]")
    keep = np.ones((5, 64), bool)
    keep[0] = False
    graph = ng.prune(graph, {"F.kernel": keep})
    live = 4 * 2 * 9 - 1 + 4 * 64
    pruned = ng.prune(graph, fraction=0.25)
    assert ng.count(pruned).total.dead == 64 + round(0.25 * live)
    again = ng.prune(pruned, fraction=0.5)  # of what is left
    left = live - round(0.25 * live)
    assert ng.count(again).total.dead - ng.count(pruned).total.dead == round(0.5 * left)
    gone = set(range(72)) - {int(w) for _, w, _ in triples_of(again)}
    assert graph.weight_id("C.kernel[0, 0, 0, 0]") not in gone


@SOME
@given(graphs(), st.floats(0, 1))
def test_what_goes_is_the_least_of_what_is_there(graph: ng.Graph, fraction: float) -> None:
    before = triples_of(graph)
    used = {w for _, w, _ in before if graph.weights.trainable[w]}
    order = sorted(used, key=lambda w: (abs(graph.weights.value[w]), w))
    gone = set(order[: round(fraction * len(order))])
    found = ng.prune(graph, fraction=fraction)
    assert Counter(triples_of(found)) == Counter(t for t in before if t[1] not in gone)


def test_the_measure_may_be_given() -> None:
    graph = plain()
    score = np.arange(len(graph.weights))[::-1]
    gone = ng.prune(graph, fraction=10 / len(graph.weights), by=score)
    used = {w for _, w, _ in triples_of(gone)}
    assert used == set(range(len(graph.weights) - 10))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "prune: found neither, needed masks or a fraction"),
        ({"masks": {}, "fraction": 0.5}, "prune: found both"),
        ({"fraction": 1.5}, "prune: fraction is 1.5, needed a number from 0 to 1"),
        ({"fraction": -0.1}, "fraction is -0.1"),
        ({"fraction": np.nan}, "fraction is nan"),
        ({"fraction": True}, "fraction is True"),
        ({"fraction": "half"}, "fraction is 'half'"),
        ({"fraction": 10**400}, "fraction is 100000"),
        ({"fraction": 0.5, "scope": "local"}, "scope is 'local', needed"),
        ({"fraction": 0.5, "scope": []}, "scope is"),
        ({"fraction": 0.5, "by": "size"}, "by is 'size', needed"),
        ({"fraction": 0.5, "by": [1.0]}, r"by has shape \(1,\), needed a number for each of"),
        ({"fraction": 0.5, "by": None}, "needed real numbers"),
        ({"masks": {"F.kernel": [[True], [True, False]]}}, "different shapes, needed bool"),
        ({"masks": 0.9}, "so much of the weights goes with fraction=0.9"),
        ({"masks": {"F.kernel": None}}, "found a mask of object"),
        ({"masks": "F"}, "found a mask of <U1"),
        ({"masks": {5: [True]}}, "weight array 5 is unknown"),
    ],
)
def test_fractions_and_measures_that_are_none(options: Any, match: str) -> None:
    with pytest.raises(ng.GraphError, match=match):
        ng.prune(plain(), **options)


# ---- differences --------------------------------------------------------------------------------


def by_name(graph: ng.Graph) -> Counter[tuple[str, str, str]]:
    names = graph.neuron_name, graph.weight_name, graph.neuron_name
    return Counter(tuple(f(i) for f, i in zip(names, t, strict=True)) for t in triples_of(graph))


def check_difference(a: ng.Graph, b: ng.Graph) -> ng.Difference:
    """What diff says is exactly what the two graphs do not share, worked out name by name."""
    found = ng.diff(a, b)
    mine, yours = by_name(a), by_name(b)
    lost, got = mine - yours, yours - mine
    said = Counter(found.connections.removed) + Counter((s, w, t) for s, w, _, t in found.retied)
    assert said == lost
    said = Counter(found.connections.added) + Counter((s, w, t) for s, _, w, t in found.retied)
    assert said == got
    ends = {(s, t) for s, _, t in found.connections.removed}
    assert not ends & {(s, t) for s, _, t in found.connections.added}
    for changes, name, sizes in (
        (found.neurons, "neuron_name", (a.size, b.size)),
        (found.weights, "weight_name", (a.weights.count, b.weights.count)),
    ):
        one, other = (
            {getattr(g, name)(i) for i in range(n)} for g, n in zip((a, b), sizes, strict=True)
        )
        assert set(changes.removed) == one - other
        assert set(changes.added) == other - one
        assert len(changes.added) == len(set(changes.added))
    back = ng.diff(b, a)
    assert Counter(back.connections.added) == Counter(found.connections.removed)
    assert back.neurons.added == found.neurons.removed
    assert sorted(back.weights.changed) == sorted(found.weights.changed)
    return found


@SOME
@given(graphs(), st.integers(0, 2**32 - 1))
def test_the_difference_of_a_cut_graph_is_what_was_cut(graph: ng.Graph, seed: int) -> None:
    assert not ng.diff(graph, graph)
    mask = np.random.default_rng(seed).random(len(graph.connections)) < 0.4
    found = check_difference(graph, ng.cut(graph, mask))
    assert len(found.connections.removed) == mask.sum()
    assert not found.neurons
    assert not found.weights


@SOME
@given(graphs(), graphs())
def test_two_graphs_that_have_nothing_to_do_with_each_other(a: ng.Graph, b: ng.Graph) -> None:
    check_difference(a, b)


def test_edits_of_sharing_are_retied_connections() -> None:
    graph = net()
    found = check_difference(graph, ng.unshare(graph, "F"))
    assert not found  # each weight of F has one connection already, and its name
    found = check_difference(graph, ng.unshare(graph, "A"))
    assert len(found.retied) == 2 * 2 * 16 * 10  # A's own, and B's, whose array has a new name
    assert not found.connections
    found = check_difference(graph, ng.subgraph(graph, graph.layer("A").ids))
    assert found.neurons.removed[0] == "B[0, 0, 0]"
    assert len(found.neurons.removed) == 32 * 4 + 8 + 3


def test_changed_values_functions_and_frozen_weights_are_told() -> None:
    graph, other = net(), ng.freeze(net(), "F.bias")
    other.weights.set([0], 7.0)
    found = ng.diff(graph, other)
    assert found.weights.changed == ("A.kernel[0, 0, 0, 0]", "F.bias[0]", "F.bias[1]", "F.bias[2]")
    assert not found.connections
    loud = ng.models.mlp((3, 2), output_activation="tanh")
    quiet = ng.models.mlp((3, 2), output_activation="sigmoid")
    assert ng.diff(loud, quiet).neurons.changed == ("output[0]", "output[1]")
    assert not ng.diff(loud, loud)


def test_a_difference_reads_well_and_ids_may_be_compared() -> None:
    graph = ng.models.mlp((2, 2))
    less = ng.cut(graph, graph.incoming("output[1]"))
    assert repr(ng.diff(graph, less)) == (
        "3 connections removed: bias unit -> output.bias[1] -> output[1], "
        "input[0] -> output.kernel[1, 0] -> output[1], input[1] -> output.kernel[1, 1] -> output[1]"
    )
    assert repr(ng.diff(graph, graph)) == "no difference"
    part = ng.subgraph(graph, "output[1]")  # ids are numbered anew
    assert ng.diff(graph, part, by="id").neurons.removed == ("output[1]",)
    assert ng.diff(graph, part).neurons.removed == ("output[0]",)
    with pytest.raises(ng.GraphError, match='diff: by is 5, needed "name" or "id"'):
        ng.diff(graph, less, by=5)
    with pytest.raises(ng.GraphError, match="diff: found None, needed a Graph"):
        ng.diff(graph, None)


# ---- cutting what a look-up returns -------------------------------------------------------------


@SOME
@given(graphs(), st.data())
def test_connections_may_be_cut_as_they_were_found(graph: ng.Graph, data: Any) -> None:
    before = triples_of(graph)
    if not before:
        return
    weight = data.draw(st.sampled_from(sorted({w for _, w, _ in before})))
    assert triples_of(ng.cut(graph, graph.sharing(weight))) == [t for t in before if t[1] != weight]
    source = data.draw(st.sampled_from(sorted({s for s, _, _ in before})))
    assert triples_of(ng.cut(graph, graph.outgoing(source))) == [
        t for t in before if t[0] != source
    ]
