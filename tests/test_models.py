"""Networks from the literature, with the numbers that were published or follow from them."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.models import LENET5_C3, LENET5_CODES, MODELS
from neurograph.models.classic import ZIPCODE_H2

# layer: neurons, trainable, fixed, connections, of which bias
LENET5 = {
    "input": (32 * 32, 0, 0, 0, 0),
    "C1": (6 * 28 * 28, 6 * 26, 0, 4704 * 26, 4704),
    "S2": (6 * 14 * 14, 6 * 2, 0, 1176 * 5, 1176),
    "C3": (16 * 10 * 10, 60 * 25 + 16, 0, 100 * (60 * 25 + 16), 1600),
    "S4": (16 * 5 * 5, 16 * 2, 0, 400 * 5, 400),
    "C5": (120, 120 * 401, 0, 120 * 401, 120),
    "F6": (84, 84 * 121, 0, 84 * 121, 84),
    "output": (10, 0, 840, 840, 0),
}
CONCEPT = {
    "image": (28 * 28, 0, 0, 0, 0),
    "C1": (3 * 24 * 24, 3 * 26, 0, 1728 * 26, 1728),
    "S2": (3 * 12 * 12, 3 * 2, 0, 432 * 5, 432),
    "C3": (3 * 8 * 8, 3 * 76, 0, 192 * 76, 192),
    "S4": (3 * 4 * 4, 3 * 2, 0, 48 * 5, 48),
    "N1": (30, 30 * 49, 0, 30 * 49, 30),
    "output": (10, 310, 0, 310, 10),
}
ZIPCODE = {
    "input": (256, 0, 0, 0, 0),
    "H1": (12 * 8 * 8, 12 * 25 + 768, 0, 768 * 26, 768),
    "H2": (12 * 4 * 4, 12 * 200 + 192, 0, 192 * 201, 192),
    "H3": (30, 30 * 193, 0, 30 * 193, 30),
    "output": (10, 310, 0, 310, 10),
}


def numbers(graph: ng.Graph) -> dict[str, tuple[int, ...]]:
    return {
        r.name: (r.neurons, r.trainable, r.fixed, r.connections, r.bias_connections)
        for r in ng.count(graph)
    }


@pytest.mark.parametrize(
    ("name", "rows", "totals"),
    [
        ("lenet5", LENET5, (9_118, 60_000, 840, 340_908)),
        ("concept", CONCEPT, None),
        ("zipcode1989", ZIPCODE, (1_256, 9_760, 0, 64_660)),
    ],
)
def test_published_numbers_layer_by_layer_and_in_total(
    name: str, rows: dict[str, tuple[int, ...]], totals: tuple[int, ...] | None
) -> None:
    graph = ng.models.create(name)
    assert numbers(graph) == rows
    total = ng.count(graph).total
    found = total.neurons, total.trainable, total.fixed, total.connections
    assert found == (totals or tuple(sum(r[i] for r in rows.values()) for i in range(4)))
    assert total.slots == total.connections
    assert total.dead == 0
    result = ng.verify(graph, compiled=False)
    assert result.ok
    assert result.triples == total.connections


# ---- LeNet-5 ------------------------------------------------------------------------------------


def test_uses_of_each_weight_of_lenet5() -> None:
    graph = ng.models.lenet5()
    uses = np.bincount(graph.connections.all().weight, minlength=graph.weights.count)
    wanted = {"C1": {784}, "S2": {784, 196}, "C3": {100}, "S4": {100, 25}, "C5": {1}, "F6": {1}}
    for layer, numbers_of_uses in wanted.items():
        found = [uses[graph.weights.names[a].present] for a in graph.layer(layer).arrays]
        assert set(np.concatenate(found).tolist()) == numbers_of_uses, layer
    assert set(uses[graph.weights.names["S2.coefficient"].ids].tolist()) == {784}
    assert set(uses[graph.weights.names["S4.coefficient"].ids].tolist()) == {100}
    assert len(graph.sharing(graph.weight_id("C1.kernel[3, 0, 4, 0]"))) == 784
    assert len(graph.sharing(graph.weight_id("S2.coefficient[5]"))) == 784


def test_what_pixels_of_lenet5_feed() -> None:
    graph = ng.models.lenet5()
    pixels = graph.layer("input").ids[0]
    feeds = np.bincount(graph.connections.all().source, minlength=graph.size)[pixels]
    rows = np.minimum(np.minimum(np.arange(32), 31 - np.arange(32)) + 1, 5)
    assert (feeds == 6 * np.outer(rows, rows)).all()
    assert [len(graph.outgoing(pixels[at])) for at in ((0, 0), (31, 0), (4, 4))] == [6, 6, 150]


def test_the_connection_table_of_c3() -> None:
    graph = ng.models.lenet5()
    s2, c3 = graph.layer("S2").ids, graph.layer("C3").ids
    map_of = {int(i): m for m in range(6) for i in s2[m].reshape(-1)}
    rows = []
    for neuron in c3[:, 3, 4]:
        maps = Counter(map_of[s] for s, _, _ in graph.incoming(neuron) if s)
        assert set(maps.values()) == {25}
        rows.append(tuple(sorted(maps)))
    assert tuple(rows) == LENET5_C3
    assert [len(r) for r in rows] == [3] * 6 + [4] * 9 + [6]
    assert Counter(m for r in rows for m in r) == dict.fromkeys(range(6), 10)
    assert len(set(rows)) == 16


def test_the_bitmaps_of_the_output() -> None:
    assert LENET5_CODES.shape == (10, 84)
    assert set(LENET5_CODES.reshape(-1).tolist()) == {-1.0, 1.0}
    assert (LENET5_CODES == 1).sum(1).tolist() == [35, 27, 33, 32, 41, 35, 39, 25, 43, 39]
    apart = {
        (a, b): int((LENET5_CODES[a] != LENET5_CODES[b]).sum())
        for a, b in combinations(range(10), 2)
    }
    assert (min(apart.values()), max(apart.values())) == (12, 50)
    assert [pair for pair, bits in apart.items() if bits == 12] == [(6, 8)]
    seven = LENET5_CODES[7].reshape(12, 7)
    assert seven[0].tolist() == [1] * 7
    assert [row.tolist() for row in seven[-2:]] == [[-1] * 7] * 2
    graph = ng.models.lenet5()
    assert (graph.weights["output.centers"] == LENET5_CODES).all()
    with pytest.raises(ValueError, match="read-only"):
        LENET5_CODES[0, 0] = 0


def test_the_decision_of_lenet5_is_the_nearest_bitmap() -> None:
    graph = ng.models.lenet5()
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    images = np.random.default_rng(0).normal(size=(4, 1, 32, 32))
    states = sim.states(images)
    distance = ((states["F6"][:, None] - LENET5_CODES) ** 2).sum(2)
    np.testing.assert_allclose(states["output"], distance, rtol=1e-12)
    assert sim.program.penalties
    assert (sim.classify(images) == distance.argmin(1)).all()
    modern = ng.Simulator(ng.models.lenet5_modern(), engine="scipy")
    assert not modern.program.penalties
    assert (modern.classify(images) == modern(images).argmax(1)).all()


def test_lenet5_on_a_larger_image_slides_with_the_same_weights() -> None:
    wide, one = ng.models.lenet5(input_shape=(1, 64, 64)), ng.models.lenet5()
    assert wide.layer("C5").ids.shape == (120, 9, 9)
    assert wide.layer("F6").ids.shape == (84, 9, 9)
    assert wide.outputs.shape == (10, 9, 9)
    total = ng.count(wide).total
    assert (total.trainable, total.fixed, total.connections) == (60_000, 840, 6_415_980)
    assert list(wide.weights) == list(one.weights)
    assert (wide.weights.value == one.weights.value).all()
    assert len(wide.sharing(wide.weight_id("C5.kernel[7, 3, 2, 1]"))) == 81
    image = np.random.default_rng(1).normal(size=(1, 1, 64, 64))
    sims = [ng.Simulator(g, engine="scipy", dtype="float64") for g in (wide, one)]
    found = sims[0](image)
    assert sims[0].classify(image).shape == (1, 9, 9)
    for row, column in ((0, 0), (3, 5), (8, 8), (7, 1)):
        crop = image[:, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
        np.testing.assert_allclose(found[:, :, row, column], sims[1](crop), rtol=1e-11)


def test_lenet5_seeds_and_sizes() -> None:
    first, again, other = (ng.models.lenet5(seed=s) for s in (5, 5, 6))
    assert (first.weights.value == again.weights.value).all()
    assert (first.weights["C1.kernel"] != other.weights["C1.kernel"]).all()
    assert np.abs(first.weights["C5.kernel"]).max() <= 2.4 / 400
    assert np.abs(first.weights["C3.kernel"][0]).max() <= 2.4 / 75
    with pytest.raises(ng.GraphError, match=r"C3: a 5x5 window does not fit 2x2 feature maps"):
        ng.models.lenet5(input_shape=(1, 8, 8))
    with pytest.raises(ng.GraphError, match=r"needed \(maps, height, width\)"):
        ng.models.lenet5(input_shape=(32, 32))  # type: ignore[arg-type]


def test_lenet5_as_usually_taught() -> None:
    counts = ng.count(ng.models.lenet5_modern())
    assert counts.total.parameters == 61_706 == 60_000 + 900 + 850 - 44
    macs = sum(r.connections - r.bias_connections for r in counts if r.name[0] in "CFo")
    assert macs == 416_520
    assert counts["C3"].parameters == 2_416
    assert (counts["S2"].parameters, counts["S2"].fixed) == (0, 1)
    with pytest.raises(ng.GraphError, match=r"lenet5_modern: found input shape \(32, 32\), needed"):
        ng.models.lenet5_modern(input_shape=(32, 32))  # type: ignore[arg-type]


def test_what_other_tools_say_of_lenet5_is_reconciled() -> None:
    counts = ng.count(ng.models.lenet5())
    layers = [counts[name] for name in ("C1", "C3", "C5", "F6")]
    biases = sum(r.bias_connections for r in layers)
    weights = sum(r.connections for r in layers) - biases
    assert (weights, biases) == (325_680, 6_508)
    rest = [counts[name].connections for name in ("S2", "S4", "output")]
    assert weights + biases + sum(rest) == 340_908


# ---- the concept network ------------------------------------------------------------------------


def test_the_process_of_one_filter_is_visible_in_names() -> None:
    graph = ng.models.concept()
    assert [a for layer in graph.layers.values() for a in layer.arrays] == [
        *("C1.f", "C1.b", "S2.w", "S2.b", "C3.f", "C3.b", "S4.w", "S4.b"),
        *("N1.kernel", "N1.bias", "output.kernel", "output.bias"),
    ]
    c1 = list(graph.incoming(graph.neuron_id("C1[1, 2, 3]")))
    assert [(graph.neuron_name(s), graph.weight_name(w)) for s, w, _ in c1] == [
        *((f"image[0, {2 + u}, {3 + v}]", f"C1.f[1, 0, {u}, {v}]") for u, v in np.ndindex(5, 5)),
        ("bias unit", "C1.b[1]"),
    ]
    s2 = list(graph.incoming(graph.neuron_id("S2[2, 3, 0]")))
    assert [(graph.neuron_name(s), graph.weight_name(w)) for s, w, _ in s2] == [
        *((f"C1[2, {6 + u}, {v}]", "S2.w[2]") for u, v in np.ndindex(2, 2)),
        ("bias unit", "S2.b[2]"),
    ]


def test_the_concept_network_computes_its_figure() -> None:
    graph = ng.models.concept(seed=3)
    image = np.random.default_rng(0).normal(size=(1, 1, 28, 28))
    states = ng.Simulator(graph, engine="scipy", dtype="float64").states(image)
    weights = graph.weights
    window = np.lib.stride_tricks.sliding_window_view(image[0, 0], (5, 5))
    c1 = np.einsum("yxuv,muv->myx", window, weights["C1.f"][:, 0]) + weights["C1.b"][:, None, None]
    np.testing.assert_allclose(states["C1"][0], c1, rtol=1e-10, atol=1e-12)
    grouped = c1.reshape(3, 12, 2, 12, 2).sum((2, 4))
    net = weights["S2.w"][:, None, None] * grouped + weights["S2.b"][:, None, None]
    np.testing.assert_allclose(states["S2"][0], 1 / (1 + np.exp(-net)), rtol=1e-10)
    vector = states["S4"][0].reshape(-1)
    net = weights["N1.kernel"] @ vector + weights["N1.bias"]
    np.testing.assert_allclose(states["N1"][0], 1 / (1 + np.exp(-net)), rtol=1e-10)


def test_the_concept_network_takes_other_sizes() -> None:
    graph = ng.models.concept(input_shape=(1, 16, 16), maps=2, kernel_size=3, hidden=5, classes=4)
    shapes = {name: layer.ids.shape for name, layer in graph.layers.items()}
    assert shapes["C1"] == (2, 14, 14)
    assert shapes["S4"] == (2, 2, 2)
    assert (shapes["N1"], shapes["output"]) == ((5,), (4,))


# ---- the zip-code network -----------------------------------------------------------------------


def test_the_edge_of_the_zip_code_network_is_connected_to_a_constant() -> None:
    graph = ng.models.zipcode1989()
    borders = {graph.neuron_id(f"{h}.border") for h in ("H1", "H2")}
    assert {graph.constants[b] for b in borders} == {-1.0}
    corner = graph.incoming(graph.neuron_id("H1[0, 0, 0]"))
    assert len(corner) == 26
    assert (corner.source == graph.neuron_id("H1.border")).sum() == 16
    biases = graph.weights.names["H1.bias"].ids
    assert biases.shape == (12, 8, 8)
    assert len(graph.sharing(int(biases[3, 2, 1]))) == 1
    assert len(graph.sharing(graph.weight_id("H1.kernel[0, 0, 2, 2]"))) == 64
    assert {len(row) for row in ZIPCODE_H2} == {8}
    assert Counter(m for row in ZIPCODE_H2 for m in row) == dict.fromkeys(range(12), 8)


# ---- plain layers, the catalogue ----------------------------------------------------------------


def test_mlp() -> None:
    graph = ng.models.mlp((5, 4, 3), activation="relu", output_activation="tanh", seed=1)
    assert list(graph.layers) == ["input", "N1", "output"]
    assert [str(graph.function(i).activation) for i in (6, 10)] == ["relu", "tanh"]
    assert ng.count(graph).total.parameters == 5 * 4 + 4 + 4 * 3 + 3
    w, x = graph.weights, np.arange(5.0)
    hidden = np.maximum(w["N1.kernel"] @ x + w["N1.bias"], 0)
    wanted = np.tanh(w["output.kernel"] @ hidden + w["output.bias"])
    found = ng.Simulator(graph, engine="scipy", dtype="float64")(x[None])
    np.testing.assert_allclose(found[0], wanted, rtol=1e-12)


def test_bad_input() -> None:
    with pytest.raises(ng.GraphError, match=r"model 'lenet' is unknown; did you mean lenet5"):
        ng.models.create("lenet")
    for sizes in ((), (4,)):
        with pytest.raises(ng.GraphError, match=r"mlp: found sizes \(.*\), needed the inputs' and"):
            ng.models.mlp(sizes)
    with pytest.raises(ng.GraphError, match=r"N1: out_features is 0, needed a whole number"):
        ng.models.mlp((4, 0, 2))


def test_small_models_are_made_by_name() -> None:
    for name in ("lenet5", "lenet5_modern", "concept", "zipcode1989", "mlp"):
        graph = ng.models.create(name)
        assert numbers(graph) == numbers(MODELS[name]())
        assert graph.weights.allocated


# ---- demonstrations that need no model ----------------------------------------------------------


def test_one_linear_layer_under_three_parents() -> None:
    graph = ng.Graph()
    inputs = [graph.add(ng.Input((100,))) for _ in range(3)]
    graph.add(ng.Linear(100, name="A"), inputs[0])
    for name, x in zip("BC", inputs[1:], strict=True):
        graph.add(ng.Linear(100, weights="A", name=name), x)
    total = ng.count(graph).total
    assert total.parameters == 10_100
    assert total.connections - total.bias_connections == 30_000
    assert total.bias_connections == 300
    assert set(np.bincount(graph.connections.all().weight).tolist()) == {3}
    assert ng.verify(graph, compiled=False).ok


def test_two_convolutions_with_one_weight_tensor() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((8, 6, 6)))
    a = graph.add(ng.Conv2d(8, 3, padding=1, bias=None, name="A"), x)
    graph.add(ng.Conv2d(8, 3, padding=1, bias=None, weights="A", name="B"), a)
    counts = ng.count(graph)
    assert counts.total.parameters == 576
    assert counts["A"].connections == counts["B"].connections == 64 * 16**2
    assert len(graph.sharing(graph.weight_id("A.kernel[0, 0, 1, 1]"))) == 2 * 36


def test_a_padded_convolution_has_no_connection_to_the_padding() -> None:
    graph = ng.Graph()
    graph.add(ng.Conv2d(32, 3, padding=1, name="c"), graph.add(ng.Input((1, 28, 28))))
    row = ng.count(graph)["c"]
    assert row.parameters == 320
    assert row.connections - row.bias_connections == 215_168 == 32 * 82**2
    assert row.bias_connections == 25_088
    assert row.slots == 250_880


def test_a_transposed_convolution() -> None:
    graph = ng.Graph()
    up = graph.add(ng.ConvTranspose2d(1, 2, stride=2, name="up"), graph.add(ng.Input((3, 2, 2))))
    row = ng.count(graph)["up"]
    assert up.shape == (1, 4, 4)
    assert (row.connections - row.bias_connections, row.bias_connections) == (48, 16)
    assert (row.connections, row.parameters) == (64, 13)


def test_a_masked_convolution() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((6, 14, 14)))
    graph.add(ng.Conv2d(16, 5, name="C3"), x)
    assert ng.count(graph)["C3"].parameters == 2_416
    mask = np.zeros((16, 6, 5, 5), bool)
    for o, row in enumerate(LENET5_C3):
        mask[o, list(row)] = True
    masked = ng.prune(graph, {"C3.kernel": mask})
    row = ng.count(masked)["C3"]
    assert (row.connections, row.slots, row.dead) == (151_600, 241_600, 900)
    kept = ng.drop_dead(masked)
    row = ng.count(kept)["C3"]
    assert (row.parameters, row.connections, row.dead) == (1_516, 151_600, 0)
    assert ng.verify(kept, compiled=False).ok
    image = np.random.default_rng(0).normal(size=(2, 6, 14, 14))
    wired = ng.Graph()
    x = wired.add(ng.Input((6, 14, 14)))
    wired.add(ng.Conv2d(16, 5, table=LENET5_C3, name="C3"), x)
    wired.weights.assign({name: graph.weights[name] for name in ("C3.kernel", "C3.bias")})
    sims = [ng.Simulator(g, engine="scipy", dtype="float64") for g in (masked, kept, wired)]
    for sim in sims:
        np.testing.assert_allclose(sim(image), sims[2](image), rtol=1e-12, atol=1e-14)


def test_unsharing_and_tying_keep_connections_and_outputs() -> None:
    graph = ng.models.lenet5()
    apart = ng.unshare(graph, "C1")
    tied = ng.tie(apart, "C1")
    images = np.random.default_rng(0).normal(size=(2, 1, 32, 32))
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    for other, parameters in ((graph, 156), (apart, 122_304), (tied, 156)):
        counts = ng.count(other)
        assert counts["C1"].parameters == parameters
        assert counts["C1"].connections == 122_304
        assert counts.total.connections == 340_908
        assert counts.total.parameters == 60_000 - 156 + parameters
        found = ng.Simulator(other, engine="scipy", dtype="float64")(images)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        assert ng.verify(other, compiled=False).ok
    uses = np.bincount(apart.connections.all().weight)[apart.weights.names["C1.kernel"].present]
    assert set(uses.tolist()) == {1}
    assert len(tied.sharing(tied.weight_id("C1.kernel[3, 0, 4, 0]"))) == 784


def test_a_locally_connected_layer_has_a_weight_for_every_connection() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 32, 32)))
    graph.add(ng.Conv2d(6, 5, shared=False, bias="neuron", name="C1"), x)
    row = ng.count(graph)["C1"]
    assert row.parameters == row.connections == 122_304


def test_one_size_is_no_multilayer_perceptron() -> None:
    with pytest.raises(ng.GraphError, match="mlp: found sizes 3, needed the inputs' and"):
        ng.models.mlp(3)  # type: ignore[arg-type]


# ---- options ------------------------------------------------------------------------------------


def test_lenet5_by_another_table_has_the_weights_and_connections_of_it() -> None:
    full = ng.count(ng.models.lenet5(table=None))["C3"]
    assert (full.trainable, full.connections) == (16 * (6 * 25 + 1), 16 * 100 * (6 * 25 + 1))
    matrix = np.zeros((6, 16), int)  # as Table I is printed
    for o, maps in enumerate(ng.models.LENET5_C3):
        matrix[list(maps), o] = 1
    assert not ng.diff(ng.models.lenet5(), ng.models.lenet5(table=matrix))
    pairs = [(o % 6, (o + 1) % 6) for o in range(16)]
    row = ng.count(ng.models.lenet5(table=pairs))["C3"]
    assert (row.trainable, row.connections) == (16 * 51, 16 * 100 * 51)
    with pytest.raises(ng.GraphError, match="C3: found a table of 2 rows and 1 groups, needed 16"):
        ng.models.lenet5(table=[[0], [1]])


def test_carried_weights_are_of_the_published_network_only() -> None:
    for options in ({"table": None}, {"activation": "tanh"}, {"codes": np.ones((10, 84))}):
        with pytest.raises(ng.GraphError, match="lenet5: found another table, activation or codes"):
            ng.models.lenet5(weights="mnist", **options)


def test_other_codes_and_activations_of_lenet5() -> None:
    graph = ng.models.lenet5(codes=np.ones((26, 84)), activation="relu")
    assert graph.outputs.shape == (26,)
    assert str(graph.function("C1[0, 0, 0]")).endswith("relu")
    assert ng.count(graph)["output"].connections == 26 * 84


def test_options_of_the_other_small_models() -> None:
    modern = ng.models.lenet5_modern(classes=26, activation="relu", pool="max")
    assert ng.count(modern).total.trainable == 61_706 + 16 * 85
    assert str(modern.function("S2[0, 0, 0]")) == "(multiply, max) identity"
    zipcode = ng.models.zipcode1989(classes=7, table=None, activation="tanh")
    assert zipcode.outputs.shape == (7,)
    assert ng.count(zipcode)["H2"].trainable == 12 * 12 * 25 + 12 * 16
    assert ng.count(ng.models.zipcode1989())["H2"].trainable == 12 * 8 * 25 + 12 * 16
    concept = ng.models.concept(activation="tanh")
    assert {str(f) for f in concept.functions} == {
        "(multiply, sum) identity",
        "(multiply, sum) tanh",
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda wrong: ng.models.lenet5(input_shape=wrong),
        lambda wrong: ng.models.lenet5(activation=wrong),
        lambda wrong: ng.models.lenet5(codes=wrong),
        lambda wrong: ng.models.lenet5(table=wrong),
        lambda wrong: ng.models.lenet5_modern(classes=wrong),
        lambda wrong: ng.models.lenet5_modern(pool=wrong),
        lambda wrong: ng.models.lenet5_modern(input_shape=wrong),
        lambda wrong: ng.models.zipcode1989(table=wrong),
        lambda wrong: ng.models.zipcode1989(classes=wrong),
        lambda wrong: ng.models.concept(maps=wrong),
        lambda wrong: ng.models.concept(kernel_size=wrong),
        lambda wrong: ng.models.concept(activation=wrong),
        ng.models.mlp,
        lambda wrong: ng.models.mlp((4, wrong)),
        lambda wrong: ng.models.mlp((4, 3, 2), activation=wrong),
        lambda wrong: ng.models.radixnet(neurons=wrong),
        lambda wrong: ng.models.radixnet(layers=wrong),
        lambda wrong: ng.models.radixnet(neurons=16, layers=1, radix=4, clip=wrong),
        lambda wrong: ng.models.radixnet(neurons=16, layers=1, radix=4, weight=wrong),
        lambda wrong: ng.models.radixnet(neurons=16, layers=1, radix=4, bias=wrong),
        lambda wrong: ng.models.vgg16(input_shape=wrong),
        lambda wrong: ng.models.resnet18(input_shape=wrong),
    ],
)
def test_options_of_the_wrong_kind_are_named(make: Any) -> None:
    for wrong in (b"x", "x", 1j, 10**400, 10**5000, np.nan, [[1], [2, 3]], {}, object(), -1.5):
        try:
            made = make(wrong)
        except ng.NeurographError:
            continue
        assert wrong in (-1.5,), made  # a weight or a bias may be so
