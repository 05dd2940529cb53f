"""What every layer promises: refusals that leave the graph as it was, sharing, id arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import build, images, randomize, run, tally

import neurograph as ng
from neurograph.errors import GraphError
from neurograph.functions import Function
from neurograph.graph.layers import Layers


def snapshot(graph: ng.Graph) -> tuple[Any, ...]:
    """Everything that adding a layer can change."""
    table = graph.table
    return (
        graph.size,
        (table.fields.count, len(table.fields.ids), table.kernels.count, len(table.kernels.ids)),
        graph.weights.count,
        list(graph.weights),
        list(graph.layers),
        list(graph.neuron_names),
        dict(graph.constants),
        list(graph.functions),
    )


MAP = (2, 4, 4)
TWO = [MAP, (2, 4, 3)]
CASES: list[tuple[Any, list[tuple[int, ...]], str]] = [
    # windows
    (ng.Conv2d(1, 5), [MAP], r"L: a 5x5 window does not fit 4x4 feature maps \(padding 0\)"),
    (
        ng.Conv2d(1, (2, 3), dilation=(1, 3), padding=((1, 0), (0, 1))),
        [MAP],
        r"L: a 2x3 window \(dilation \(1, 3\)\) does not fit 4x4 .*padding \(\(1, 0\), \(0, 1\)",
    ),
    (ng.MaxPool2d(5), [MAP], "L: a 5x5 window does not fit 4x4 feature maps"),
    (ng.MaxPool2d(6, stride=2, ceil_mode=True), [(2, 4, 3)], "a 6x6 window does not fit 4x3"),
    (ng.AvgPool2d((1, 5)), [MAP], "L: a 1x5 window does not fit 4x4 feature maps"),
    (ng.Subsample2d(5), [MAP], "L: a 5x5 window does not fit 4x4 feature maps"),
    (ng.Conv2d(1, 0), [MAP], "L: kernel_size is 0, needed a whole number of at least 1"),
    (ng.Conv2d(1, 2.0), [MAP], r"L: kernel_size is 2\.0, needed a whole number"),
    (ng.Conv2d(1, (2, 2, 2)), [MAP], r"L: kernel_size is \(2, 2, 2\), needed .* or two of them"),
    (ng.Conv2d(1, True), [MAP], "L: kernel_size is True"),
    (ng.Conv2d(1, "5"), [MAP], "L: kernel_size is '5'"),
    (ng.Conv2d(1, 2, stride=0), [MAP], "L: stride is 0"),
    (ng.Conv2d(1, 2, dilation=(1, 0)), [MAP], r"L: dilation is \(1, 0\)"),
    (ng.MaxPool2d(2, stride=-1), [MAP], "L: stride is -1"),
    # padding
    (ng.Conv2d(1, 2, padding=-1), [MAP], "L: padding is -1, needed .* whole numbers of at least 0"),
    (ng.Conv2d(1, 2, padding="full"), [MAP], 'L: padding is \'full\', needed "same", "valid"'),
    (ng.Conv2d(1, 2, padding="same", stride=2), [MAP], 'padding "same" needs stride 1, found'),
    (ng.Conv2d(1, 2, padding=(1, 1, 1)), [MAP], r"L: padding is \(1, 1, 1\)"),
    (ng.Conv2d(1, 2, padding=((1, 2), (3,))), [MAP], r"L: padding is \(\(1, 2\), \(3,\)\)"),
    (ng.Conv2d(1, 2, padding=((1, 2), (3, -1))), [MAP], r"L: padding is \(\(1, 2\), \(3, -1\)\)"),
    (ng.Conv2d(1, 2, padding=None), [MAP], "L: padding is None"),
    (ng.MaxPool2d(3, padding=2), [MAP], "L: padding 2 is more than half of the 3x3 window"),
    (ng.AvgPool2d(2, padding=((0, 2), (0, 0))), [MAP], "more than half of the 2x2 window"),
    (ng.ConvTranspose2d(1, 1, padding=2), [MAP], r"L: padding 2 leaves no output of \(4, 4\) maps"),
    (
        ng.ConvTranspose2d(1, 2, stride=2, output_padding=2),
        [MAP],
        r"L: output_padding \(2, 2\) is not below stride or dilation",
    ),
    (ng.ConvTranspose2d(1, 2, output_padding=-1), [MAP], "L: output_padding is -1"),
    # maps, groups and tables
    (ng.Conv2d(0, 2), [MAP], "L: out_channels is 0, needed a whole number of at least 1"),
    (ng.Conv2d(4, 2, groups=3), [MAP], "L: 3 groups do not divide 2 input and 4 output maps"),
    (ng.Conv2d(3, 2, groups=2), [MAP], "L: 2 groups do not divide 2 input and 3 output maps"),
    (ng.Conv2d(2, 2, groups=0), [MAP], "L: groups is 0"),
    (ng.ConvTranspose2d(3, 2, groups=2), [MAP], "L: 2 groups do not divide"),
    (ng.Conv2d(2, 2, table=[[0]]), [MAP], "L: found a table of 1 rows and 1 groups, needed 2 rows"),
    (ng.Conv2d(2, 2, table=[[0], [1]], groups=2), [MAP], "L: found a table .* and no groups"),
    (ng.Conv2d(2, 2, table=[[0], []]), [MAP], r"L: table row 1 is \[\], needed one or more"),
    (ng.Conv2d(2, 2, table=[[0, 2], [1]]), [MAP], r"L: table row 0 is \[0, 2\].*from 0 to 1"),
    (ng.Conv2d(2, 2, table=[[0], [-1]]), [MAP], r"L: table row 1 is \[-1\]"),
    (ng.Conv2d(2, 2, table=[[0], [1, 1]]), [MAP], r"L: table row 1 is \[1, 1\].*different"),
    (ng.Conv2d(2, 2, table=[[0], [0.5]]), [MAP], r"L: table row 1 is \[0\.5\]"),
    (ng.Conv2d(2, 2, table=[0, 1]), [MAP], "L: table row 0 is 0, needed one or more"),
    (ng.Conv2d(2, 2, table=5), [MAP], "L: found a table of 0 rows and 1 groups"),
    # sources
    (ng.Conv2d(1, 2), [], "L: found 0 sources, needed one"),
    (ng.Conv2d(1, 2), [MAP, MAP], "L: found 2 sources, needed one"),
    (ng.Conv2d(1, 2), [(4, 4)], r"L: found sources of shape \(4, 4\), needed \(maps, height, wid"),
    (ng.ConvTranspose2d(1, 2), [(16,)], r"L: found sources of shape \(16,\)"),
    (ng.Subsample2d(2), [(4, 4)], r"L: found sources of shape \(4, 4\)"),
    (ng.MaxPool2d(2), [(4, 4)], r"L: found sources of shape \(4, 4\)"),
    (ng.AvgPool2d(2), TWO, "L: found 2 sources, needed one"),
    (ng.BatchNorm2d(), [(4,)], r"L: found sources of shape \(4,\)"),
    (ng.Linear(2, per_position=True), [(4,)], r"L: found sources of shape \(4,\)"),
    (ng.Linear(2, per_position=True), TWO, "L: found 2 sources, needed one"),
    (ng.Linear(2), [], "L: found no source neuron, needed at least one"),
    (ng.Sparse(2, [(0, 0)]), [], "L: found no source neuron"),
    (ng.RBF([[1.0]]), [], "L: found no source neuron"),
    (ng.Input((3,)), [MAP], "L: found 1 sources, an input has none"),
    (ng.Add(), TWO, r"L: found sources of shapes \[\(2, 4, 4\), \(2, 4, 3\)\], needed one or more"),
    (ng.Multiply(), TWO, "L: found sources of shapes .* of equal shape"),
    (ng.Add(), [], r"L: found sources of shapes \[\], needed one or more"),
    (ng.Activation("relu"), TWO, "L: found 2 sources, needed one"),
    # sizes and values
    (ng.Input((3, 0)), [], "L: shape is 0, needed a whole number of at least 1"),
    (ng.Input((2.5,)), [], r"L: shape is 2\.5"),
    (ng.Input(5), [], r"L: shape is 5, needed .*\(maps, height, width\)"),
    (ng.Linear(0), [MAP], "L: out_features is 0"),
    (ng.Linear("2"), [MAP], "L: out_features is '2'"),
    (ng.RBF([[1.0, 2.0]]), [MAP], r"L: found centers of shape \(1, 2\), needed .*\(units, 32\)"),
    (ng.RBF([1.0, 2.0]), [(2,)], r"L: found centers of shape \(2,\)"),
    (ng.RBF([[1.0, np.nan]]), [(2,)], r"L: found centers .* needed finite numbers in \(units, 2\)"),
    (ng.RBF("ones"), [(2,)], "L: found centers that are no array of numbers, needed finite"),
    (ng.RBF([[1.0], [1.0, 2.0]]), [(2,)], "L: found centers that are no array of numbers"),
    (ng.RBF(np.zeros((0, 2))), [(2,)], r"L: found centers of shape \(0, 2\)"),
    (ng.AvgPool2d(2, divisor_override=0), [MAP], "L: divisor_override is 0"),
    (ng.Sparse(2, [(0, 2)]), [(3,)], r"L: link 0 is \(0, 2\), needed a unit from 0 to 1"),
    (ng.Sparse(2, [(0, 1), (3, 0)]), [(3,)], r"L: link 1 is \(3, 0\), needed a source from 0 to 2"),
    (ng.Sparse(2, [(0.0, 1.0)]), [(3,)], r"L: found links of shape \(1, 2\) and type float64"),
    (ng.Sparse(2, [0, 1]), [(3,)], r"L: found links of shape \(2,\)"),
    (ng.Sparse(2, [(0, 1), (1,)]), [(3,)], "L: found links of different lengths"),
    # biases, functions, initializers, borders
    (ng.Conv2d(1, 2, bias="maps"), [MAP], 'L: bias is \'maps\', needed "map", "neuron" or None'),
    (ng.ConvTranspose2d(1, 2, bias=2), [MAP], "L: bias is 2"),
    (ng.Subsample2d(2, bias="x"), [MAP], "L: bias is 'x'"),
    (ng.Linear(2, bias=["map"]), [MAP], r"L: bias is \['map'\]"),
    (ng.Sparse(2, [(0, 0)], bias="x"), [MAP], "L: bias is 'x'"),
    (ng.Conv2d(1, 2, border=np.inf), [MAP], "L: border is inf, needed a finite number or None"),
    (ng.Conv2d(1, 2, border="black"), [MAP], "L: border is 'black'"),
    *(
        (make(activation="rleu"), [MAP], "L: activation 'rleu' is unknown; did you mean relu")
        for make in (
            lambda **options: ng.Conv2d(1, 2, **options),
            lambda **options: ng.Conv2d(1, 2, border=0.0, shared=False, **options),
            lambda **options: ng.ConvTranspose2d(1, 2, **options),
            lambda **options: ng.Subsample2d(2, **options),
            lambda **options: ng.Linear(2, **options),
            lambda **options: ng.Sparse(2, [(0, 0)], **options),
            lambda **options: ng.RBF(np.ones((2, 32)), **options),
            ng.BatchNorm2d,
            ng.Add,
            ng.Multiply,
        )
    ),
    (ng.Linear(2, activation=5), [MAP], "L: activation 5 is unknown"),
    *(
        (make(initializer="he"), [MAP], r"L\.\w+: initializer 'he' is unknown; there are zeros")
        for make in (
            lambda **options: ng.Conv2d(1, 2, **options),
            lambda **options: ng.ConvTranspose2d(1, 2, **options),
            lambda **options: ng.Subsample2d(2, **options),
            lambda **options: ng.Linear(2, **options),
            lambda **options: ng.Sparse(2, [(0, 0)], **options),
        )
    ),
    (
        ng.Linear(2, initializer=np.ones((3, 2))),
        [MAP],
        r"L\.kernel: found values of shape \(3, 2\), needed \(2, 32\)",
    ),
    (
        ng.Linear(2, initializer=None),
        [MAP],
        r"L\.kernel: found None, needed real numbers",
    ),
    # weights of another layer
    (ng.Linear(2, weights="q"), [MAP], r"L: weights: layer 'q' is unknown"),
    (ng.Linear(2, weights="x0"), [MAP], r"L: layer x0 has no weights x0\.kernel; it brought none"),
    (ng.Conv2d(3, 2, weights="C"), [MAP], r"L: C\.kernel has shape \(2, 2, 2, 2\), needed \(3, 2"),
    (
        ng.Conv2d(2, 2, bias="neuron", weights="C"),
        [MAP],
        r"L: C\.bias has shape \(2,\), needed \(2, 3, 3\)",
    ),
    (
        ng.Conv2d(2, 2, weights="N"),
        [MAP],
        r"L: layer N has no weights N\.bias; it brought N\.kernel",
    ),
    (ng.Subsample2d(2, weights="C"), [MAP], r"L: layer C has no weights C\.coefficient"),
]


@pytest.mark.parametrize(("layer", "shapes", "match"), CASES)
def test_bad_input_is_named_and_changes_nothing(layer: Any, shapes: Any, match: str) -> None:
    graph = ng.Graph()
    sources = [graph.add(ng.Input(s, name=f"x{i}")) for i, s in enumerate(shapes)]
    if sources and sources[0].shape == MAP:
        graph.add(ng.Conv2d(2, 2, name="C"), sources[0])
        graph.add(ng.Conv2d(2, 2, bias=None, name="N"), sources[0])
    object.__setattr__(layer, "name", "L")
    before = snapshot(graph)
    with pytest.raises(GraphError, match=match):
        graph.add(layer, *sources)
    assert snapshot(graph) == before
    graph.add(ng.Input((1,), name="L"))  # the name is still free


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ng.Activation("rleu"), "activation 'rleu' is unknown; did you mean relu"),
        (lambda: ng.Activation(5), "activation 5 is unknown"),
        (lambda: ng.Activation("elu", 1, 2), r"'elu': found parameters \(1, 2\), needed 1 finite"),
        (lambda: ng.Activation("elu", np.inf), r"'elu': found parameters \(inf,\), needed 1"),
        (lambda: ng.Activation("elu", "a"), r"'elu': found parameters \('a',\), needed 1"),
        (lambda: ng.Activation("elu", "1"), r"'elu': found parameters \('1',\), needed 1"),
        (lambda: ng.Activation("elu", np.ones(1)), r"'elu': found parameters \(array.*needed 1"),
        (lambda: Function("multipy"), "combine 'multipy' is unknown; did you mean multiply"),
        (lambda: Function("multiply", "mean"), "reduce 'mean' is unknown"),
        (lambda: Function("multiply", "sum", "rleu"), "activation 'rleu' is unknown"),
    ],
)
def test_unknown_functions_are_named(make: Any, match: str) -> None:
    with pytest.raises(GraphError, match=match):
        make()


def test_a_name_stands_once() -> None:
    graph = build(ng.BatchNorm2d(name="bn"), shape=(1, 2, 2))
    for layer in (ng.Linear(2, name="bn"), ng.Linear(2, name="bn.normalized")):
        with pytest.raises(GraphError, match=r"a layer called 'bn.* exists already"):
            graph.add(layer, graph.layer("x").ids)
    graph.add(ng.Input((1,), name="b2.normalized"))
    graph.add(ng.Input((1,), name="c.border"))
    before = snapshot(graph)
    with pytest.raises(GraphError, match=r"b2: a layer called 'b2\.normalized' exists already"):
        graph.add(ng.BatchNorm2d(name="b2"), graph.layer("x").ids)
    with pytest.raises(GraphError, match=r"c: a layer called 'c\.border' exists already"):
        graph.add(ng.Conv2d(1, 2, border=0.0, name="c"), graph.layer("x").ids)
    assert snapshot(graph) == before


@pytest.mark.parametrize(
    ("sources", "match"),
    [
        (np.array([0.0]), "L: found neurons of type float64, needed whole numbers"),
        (np.array([-1, 2]), "L: neuron -1 does not exist; ids go from 0 to 4"),
        (np.array([1, 5]), "L: neuron 5 does not exist; ids go from 0 to 4"),
        (np.array([True]), "L: found neurons of type bool"),
    ],
)
def test_sources_are_ids_of_this_graph(sources: Any, match: str) -> None:
    graph = ng.Graph()
    graph.add(ng.Input((4,)))
    with pytest.raises(GraphError, match=match):
        graph.add(ng.Linear(1, name="L"), sources)


# ---- weights: new ones, or another layer's ------------------------------------------------------


def test_the_same_layer_object_twice_makes_new_weights() -> None:
    layer = ng.Conv2d(2, 3)
    graph = build(layer, layer, shape=(2, 6, 6))
    assert list(graph.layers) == ["x", "conv2d1", "conv2d2"]
    one = 2 * 2 * 9 + 2
    assert [row.parameters for row in ng.count(graph)] == [0, one, one]
    ids = [set(graph.weights.names[f"conv2d{i}.kernel"].present.tolist()) for i in (1, 2)]
    assert not ids[0] & ids[1]


SHARED = [
    (ng.Conv2d(2, 3, padding=1, name="A"), (2, 4, 4)),
    (ng.Conv2d(2, 3, padding=1, bias="neuron", shared=False, name="A"), (2, 4, 4)),
    (ng.Conv2d(3, 1, table=[[0, 2], [1], [2, 0, 1]], name="A"), (3, 2, 2)),
    (ng.ConvTranspose2d(2, 3, padding=1, name="A"), (2, 3, 3)),
    (ng.Subsample2d(1, name="A"), (2, 3, 3)),
    (ng.Linear(4, name="A"), (4,)),
    (ng.Linear(2, per_position=True, name="A"), (2, 3, 3)),
    (ng.Sparse(3, [(0, 1), (2, 2)], name="A"), (3,)),
    (ng.RBF([[1.0, 0.5], [2.0, -1.0]], trainable=True, name="A"), (2,)),
]


@pytest.mark.parametrize(("layer", "shape"), SHARED)
def test_a_layer_may_use_anothers_weights(layer: Any, shape: tuple[int, ...]) -> None:
    again = replace(layer, name="B", weights="A")
    graph = build(layer, again, shape=shape)
    alone = build(layer, shape=shape)
    assert graph.weights.count == alone.weights.count
    assert tally(graph, "B")[0] == 0
    for weight in range(graph.weights.count):
        if layer.__class__ is ng.Conv2d and not layer.shared and not len(graph.sharing(weight)):
            continue  # its slots are empty, at the edge
        layers = {graph.neuron_name(int(t)).split("[")[0] for t in graph.sharing(weight).target}
        assert layers == {"A", "B"}
    alone.weights.value = graph.weights.value
    (x,) = images(graph)
    np.testing.assert_allclose(run(graph, x), run(alone, run(alone, x)), rtol=1e-12)


def test_lenets_f6_slides_with_the_same_weights() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 2, 2)))
    graph.add(ng.Linear(2, name="F"), x[:, 0, 0])
    graph.add(ng.Linear(2, weights="F", per_position=True, name="G"), x)
    randomize(graph)
    (given,) = images(graph)
    states = ng.Simulator(graph, engine="scipy", dtype="float64").states(given)
    np.testing.assert_array_equal(states["G"][:, :, 0, 0], states["F"])


LENDERS = {
    "table": (ng.Conv2d(2, 3, table=[[0], [1]], name="A"), (2, 5, 5)),
    "table, unshared": (ng.Conv2d(2, 3, table=[[0], [1]], shared=False, name="A"), (2, 5, 5)),
    "edge": (ng.Conv2d(2, 3, padding=1, name="A"), (2, 1, 1)),
    "transposed": (ng.ConvTranspose2d(2, 3, padding=1, name="A"), (2, 1, 1)),
    "masked": (ng.Linear(3, name="A"), (2,)),
    "links": (ng.Sparse(3, [(0, 1), (1, 2)], name="A"), (2,)),
    "centers": (ng.RBF([[1.0, 0.5], [2.0, -1.0]], name="A"), (2,)),
    "coefficients": (ng.Subsample2d(2, name="A"), (2, 5, 5)),
}


@pytest.mark.parametrize("kind", LENDERS)
def test_a_borrowed_kernel_without_a_weight_that_is_needed_is_refused(kind: str) -> None:
    layer, shape = LENDERS[kind]
    graph = build(layer, shape=shape)
    kinds = {ng.RBF: "centers", ng.Subsample2d: "coefficient"}
    array = f"A.{kinds.get(type(layer), 'kernel')}"
    if "table" not in kind and kind != "edge":  # a weight goes
        keep = np.ones(graph.weights.names[array].shape, bool)
        keep.reshape(-1)[1] = False
        graph = ng.prune(graph, {array: keep})
    graph = ng.drop_dead(graph)
    before = snapshot(graph)
    again = replace(
        layer, name="B", weights="A", **({"table": [[1], [0]]} if "table" in kind else {})
    )
    with pytest.raises(GraphError, match=rf"B: {array} has no weight at [\d,]+ of the places"):
        graph.add(again, graph.layer("x").ids)
    assert snapshot(graph) == before


def test_a_table_within_the_lenders_is_counted_whole_and_a_wider_one_refused() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 5, 5)))
    graph.add(ng.Conv2d(2, 3, name="A"), x)
    graph.add(ng.Conv2d(2, 3, table=[[1], [0]], weights="A", name="B"), x)
    assert tally(graph, "B")[:2] == (0, 2 * 9 * (9 + 1))
    graph.add(ng.Conv2d(2, 3, table=[[1], [0]], weights="B", name="C"), x)  # B's are A's
    assert tally(graph, "C")[:2] == (0, 180)
    assert graph.weights.count == 2 * 2 * 9 + 2
    lenet = ng.models.lenet5()
    with pytest.raises(GraphError, match=r"full: C3\.kernel has no weight at 900 of the places"):
        lenet.add(ng.Conv2d(16, 5, weights="C3", name="full"), lenet.layer("S2").ids)


def test_a_borrower_without_the_kind_that_is_needed_says_what_it_uses() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 4, 4)))
    graph.add(ng.Conv2d(2, 2, bias=None, name="A"), x)
    graph.add(ng.Conv2d(2, 2, bias=None, weights="A", name="B"), x)
    with pytest.raises(GraphError, match=r"B has no weights B\.bias; it brought none"):
        graph.add(ng.Conv2d(2, 2, weights="B", name="C"), x)
    with pytest.raises(GraphError, match=r"brought none, and uses A\.kernel"):
        graph.add(ng.Subsample2d(2, weights="B", name="C"), x)


# ---- ids are arrays -----------------------------------------------------------------------------


def states_of(graph: ng.Graph) -> tuple[np.ndarray, np.ndarray]:
    (x,) = images(graph)
    return x, run(graph, x)


def test_flatten_and_transpose_make_no_neurons() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 3, 4)))
    graph.add(ng.Linear(3, bias=None, name="f"), x.transpose(2, 0, 1).reshape(-1))
    randomize(graph)
    given, found = states_of(graph)
    flat = given.transpose(0, 3, 1, 2).reshape(2, -1)
    np.testing.assert_allclose(found, flat @ graph.weights["f.kernel"].T, rtol=1e-12)
    assert ng.count(graph).total.neurons == 24 + 3


def test_slices_and_concatenations_are_wired_as_they_stand() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((4, 4, 4)))
    a = graph.add(ng.Activation("identity"), x[1:3, ::2, ::-1])
    b = graph.add(ng.Activation("identity"), x[[3, 0], 1::2])
    graph.add(ng.Activation("identity"), np.concatenate([a, b]))
    given, found = states_of(graph)
    wanted = np.concatenate([given[:, 1:3, ::2, ::-1], given[:, [3, 0], 1::2]], axis=1)
    np.testing.assert_array_equal(found, wanted)


def test_a_channel_shuffle_is_a_reshape() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((6, 2, 2)))
    mixed = x.reshape(2, 3, 2, 2).swapaxes(0, 1).reshape(6, 2, 2)
    graph.add(ng.Conv2d(3, 1, groups=3, bias=None, name="g"), mixed)
    randomize(graph)
    given, found = states_of(graph)
    kernel = graph.weights["g.kernel"][:, :, 0, 0]
    for group in range(3):
        wanted = kernel[group, 0] * given[:, group] + kernel[group, 1] * given[:, group + 3]
        np.testing.assert_allclose(found[:, group], wanted, rtol=1e-12)


def test_one_source_may_stand_in_many_places() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 1, 1)))
    graph.add(ng.Conv2d(1, 2, bias=None, name="c"), np.broadcast_to(x, (1, 3, 3)))
    randomize(graph)
    given, found = states_of(graph)
    total = graph.weights["c.kernel"].sum()
    wanted = np.broadcast_to(given * total, (2, 1, 2, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert len(graph.outgoing(int(x[0, 0, 0]))) == 16


# Each would take terabytes or more; none may be begun.
TOO_LARGE = [
    (ng.Conv2d(10**12, 1), "maps: would take"),
    (ng.Conv2d(1, 1, padding=10**7), "slots of their fields: would take"),
    (ng.Conv2d(1, 1, padding=10**10, stride=10**9), "slots of their fields: would take"),
    (ng.ConvTranspose2d(1, 2, stride=10**7), "slots of their fields: would take"),
    (ng.MaxPool2d(2 * 10**7, padding=10**7, stride=1), "slots of their fields: would take"),
    (ng.AvgPool2d(2 * 10**7, padding=10**7, stride=1), "slots of their fields: would take"),
    (ng.ConvTranspose2d(1, 3000, stride=1), "slots of their fields: would take"),
    (ng.ConvTranspose2d(1, (3000, 10**6), stride=1, dilation=7), "slots of their fields: would"),
    (ng.ConvTranspose2d(10**6, 1000, padding=500), "weights, .*: would take"),
    (ng.ConvTranspose2d(1, 10**11, padding=5 * 10**10), "weights, .*: would take"),
    (ng.ConvTranspose2d(1, 1, stride=10**12), "slots of their fields: would take"),
    (ng.Conv2d(10**6, 10**4, padding=5000), "weights, .*: would take"),
    (ng.Conv2d(10**6, (1, 2000), padding=(0, 1000), shared=False), "weights, .*: would take"),
    (ng.Linear(10**12), "weights, .*: would take"),
    (ng.Linear(10**12, per_position=True), "weights, .*: would take"),
    (ng.Sparse(10**12, [(0, 0)]), "slots of their fields: would take"),
    (ng.Conv2d(10**400, 1), r"out_channels is 10000.*, needed a whole number of at least 1 and at"),
    (ng.Conv2d(10**5000, 1), "out_channels is a value of type int, needed a whole number of at"),
    (ng.Conv2d(1, 10**400), "kernel_size is 10000.*, needed a whole number of at least 1 and at"),
    (ng.Conv2d(1, 1, padding=10**400), "padding is 10000.*, needed .* of at least 0 and at most"),
    (ng.Conv2d(1, 1, stride=2**63), "stride is 9223372036854775808, needed .* and at most"),
    (ng.Conv2d(1, 1, border=10**400), "border is 10000.*, needed a finite number"),
    (ng.Linear(10**400), "out_features is 10000.*, needed a whole number of at least 1 and at"),
    (ng.Linear(1, initializer=10**400), "needed real numbers"),
    (ng.Sparse(1, [(0, 10**400)]), "links of shape .* needed whole numbers"),
    (ng.RBF([[10**400] * 16]), "found centers that are no array of numbers"),
    (ng.AvgPool2d(2, divisor_override=10**400), "divisor_override is 10000.*, needed a whole"),
    (ng.Input((2,) * 33), "shape has 33 axes, needed at most 32"),
    (ng.Input((10**400,)), "shape is 10000.*, needed a whole number of at least 1 and at most"),
    (ng.Input((10**12,) * 32), "neurons: ids end at"),
]


@pytest.mark.parametrize(("layer", "message"), TOO_LARGE)
def test_a_layer_too_large_for_memory_says_so_and_adds_nothing(layer: Any, message: str) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 4, 4)))
    before = snapshot(graph)
    with pytest.raises(ng.GraphError, match=message):
        graph.add(layer, *([] if isinstance(layer, ng.Input) else [x]))
    assert snapshot(graph) == before


def test_sources_that_take_no_memory_yet_are_counted_before_they_do() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 1, 1)))
    wide = np.broadcast_to(x, (1, 10**6, 10**6))
    for layer in (ng.Linear(1), ng.Sparse(1, [(0, 0)]), ng.RBF([[1.0]]), ng.Activation("tanh")):
        with pytest.raises(ng.GraphError, match="1,000,000,000,000 neurons: would take"):
            graph.add(layer, wide)


def test_a_layer_of_as_many_axes_as_numpy_has_is_saved_and_named(tmp_path: Any) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1,) * 31 + (2,), name="x"))
    graph.add(ng.Activation("tanh", name="y"), x)
    ng.save(graph, tmp_path / "graph.npz")
    again = ng.load(tmp_path / "graph.npz")
    assert again.layer("y").ids.shape == x.shape
    assert again.neuron_name(4) == graph.neuron_name(4) == f"y[{'0, ' * 31}1]"
    with pytest.raises(ng.GraphError, match="an array of ids of 33 axes, needed at most 32"):
        ng.unshare(graph, "y")
    with pytest.raises(ng.GraphError, match="z: has 33 axes, needed at most 32"):
        graph.add(ng.Activation("tanh", name="z"), x[None])
    assert "z" not in graph.neuron_names


def test_a_stride_beyond_the_map_costs_nothing() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 1, 1)))
    up = graph.add(ng.ConvTranspose2d(2, 3, stride=10**9, dilation=5, name="up"), x)
    assert up.shape == (2, 11, 11)
    assert tally(graph, "up")[:2] == (18 + 2, 18 + 2 * 121)


def test_activation_parameters_beyond_float_are_named() -> None:
    with pytest.raises(GraphError, match=r"'elu': found parameters \(100.*needed 1 finite"):
        ng.Activation("elu", 10**400)
    with pytest.raises(GraphError, match=r"c: the constant's state is 100.*needed a finite"):
        ng.Graph().add_constant("c", 10**400)


# Every kind of layer, and what is added last by it, so that all before it has to be taken back.
ATOMIC = [
    (ng.Conv2d(2, 2, border=1.0, name="L"), "L.bias"),
    (ng.ConvTranspose2d(2, 2, name="L"), "L.bias"),
    (ng.Linear(2, name="L"), "L.bias"),
    (ng.Sparse(2, [(0, 0)], name="L"), "L.bias"),
    (ng.Subsample2d(2, name="L"), "L.bias"),
    (ng.BatchNorm2d(name="L"), "L.shift"),
    (ng.RBF(np.ones((2, 32)), name="L"), "L.centers"),
    (ng.MaxPool2d(2, name="L"), "L.one"),
    (ng.AvgPool2d(2, name="L"), "L.one_over_4"),
    (ng.Add(name="L"), "L.one"),
    (ng.Multiply(name="L"), "L.one"),
    (ng.Activation("tanh", name="L"), "L.one"),
]


def base() -> ng.Graph:
    return build(ng.Conv2d(2, 2, padding=1, border=-1.0, name="first"), shape=MAP)


@pytest.mark.parametrize(("layer", "taken"), ATOMIC)
def test_a_taken_array_name_leaves_nothing_behind(layer: Any, taken: str) -> None:
    graph = base()
    graph.add_weights(*taken.split("."), (1,))
    before, values = snapshot(graph), graph.weights.value
    with pytest.raises(GraphError, match=f"{taken}' exists already"):
        graph.add(layer, graph.layer("x").ids)
    assert snapshot(graph) == before
    assert graph.weights.value is not None
    np.testing.assert_array_equal(graph.weights.value, values)


@pytest.mark.parametrize("layer", [layer for layer, _ in ATOMIC])
@pytest.mark.parametrize(
    ("owner", "step"), [(ng.Graph, "add_neurons"), (ng.Graph, "add_weights"), (Layers, "add")]
)
def test_whatever_stops_it_a_layer_is_added_whole_or_not_at_all(
    layer: Any, owner: type, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, whole = base(), base()
    before = snapshot(graph)

    def stopped(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, stopped)
        with pytest.raises(KeyboardInterrupt):
            graph.add(layer, graph.layer("x").ids)
    assert snapshot(graph) == before
    for some in (graph, whole):  # and what was taken back can be added
        some.add(layer, some.layer("x").ids)
        some.weights.initialize(seed=1)
    assert ng.verify(graph).ok
    assert snapshot(graph) == snapshot(whole)
    np.testing.assert_array_equal(graph.weights.value, whole.weights.value)
    (x,) = images(graph)
    np.testing.assert_array_equal(run(graph, x), run(whole, x))


def test_functions_that_run_out_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = base()
    monkeypatch.setattr("neurograph.graph.functions.FUNCTIONS_MAX", 0)
    before = snapshot(graph)
    with pytest.raises(GraphError, match="more than 1 different functions"):
        graph.add(ng.Linear(2, activation="tanh", name="L"), graph.layer("x").ids)
    assert snapshot(graph) == before


def test_inputs_too_many_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.memory.physical", lambda: 1000)
    with pytest.raises(ng.GraphError, match=r"a graph of 10,001 neurons: would take 180.0 kB"):
        ng.Graph().add(ng.Input((100, 100)))
