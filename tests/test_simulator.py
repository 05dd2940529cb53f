"""The simulator: images at the door, states by name and id, matrices, and explained neurons."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from drawn import FUNCTIONS, graphs, layered_graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng

SOME = settings(deadline=None, max_examples=30)


def images_for(graph: ng.Graph, seed: int = 0, batch: int = 1) -> np.ndarray:
    shape = (batch, *graph.inputs[0].neurons.shape)
    return np.random.default_rng(seed).integers(-8, 9, shape) / 8


# ---- states -------------------------------------------------------------------------------------


def test_states_by_layer_and_by_id() -> None:
    graph = ng.models.lenet5()
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    images = images_for(graph, batch=3)
    states = sim.states(images)
    assert list(states) == list(graph.layers)
    assert len(states) == 8
    assert states["C3"].shape == (3, 16, 10, 10)
    assert (states["input"] == images).all()
    assert (states["output"] == sim(images)).all()
    neuron = graph.neuron_id("C3[4, 5, 6]")
    assert (states[neuron] == states["C3"][:, 4, 5, 6]).all()
    assert (states[np.int32(neuron)] == states[neuron]).all()
    assert (states["C3[4, 5, 6]"] == states[neuron]).all()
    assert (states[graph.layer("C3").ids[4]] == states["C3"][:, 4]).all()
    assert (states[["C1", neuron]][:, -1] == states[neuron]).all()
    assert states[0].tolist() == [1, 1, 1]
    assert states.array.shape == (3, graph.size)
    with pytest.raises(ng.GraphError, match=r"states: neuron array 'C4' is unknown; did you mean"):
        states["C4"]
    for bad in (-1, graph.size):
        with pytest.raises(ng.GraphError, match=rf"neuron {bad} does not exist; ids go from 0 to"):
            states[bad]


def test_outputs_have_the_shape_that_was_set() -> None:
    graph = ng.models.mlp((3, 4, 2))
    graph.outputs = [[4, 5], [1, 8]]
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    images = images_for(graph, batch=5)
    assert sim(images).shape == (5, 2, 2)
    assert (sim(images)[:, 1, 0] == images[:, 0]).all()
    assert sim.decide([[1.0, 3.0, 2.0]]).tolist() == [1]
    assert sim(images[:0]).shape == (0, 2, 2)


def test_several_inputs_are_given_in_the_order_added() -> None:
    graph = ng.Graph()
    a, b = (graph.add(ng.Input((2,), name=n)) for n in "ab")
    graph.add(ng.Multiply(name="y"), b, a)
    graph.add(ng.Linear(1, bias=None, initializer=1.0, name="z"), a)
    graph.outputs = graph.layer("y").ids
    sim = ng.Simulator(graph, engine="reference")
    assert sim([[1, 2], [3, 4]], [[5, 6], [7, 8]]).tolist() == [[5, 12], [21, 32]]
    assert sim.states([[1, 2]], [[5, 6]])["z"].tolist() == [[3]]


def test_the_next_run_uses_changed_weights() -> None:
    graph = ng.models.lenet5(seed=1)
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    image = images_for(graph)
    before = sim(image)
    graph.weights.initialize(seed=2)
    fresh = ng.Simulator(ng.models.lenet5(seed=2), engine="scipy", dtype="float64")
    assert (sim(image) == fresh(image)).all()
    assert (sim(image) != before).any()


# ---- the matrix of a layer ----------------------------------------------------------------------


@SOME
@given(graphs())
def test_the_matrix_of_a_layer_is_its_connections(graph: ng.Graph) -> None:
    program, values = ng.compile(graph), graph.weights.value
    every = triples_of(graph)
    for name, layer in graph.layers.items():
        matrix = program.matrix(name)
        targets = layer.neurons.present
        assert matrix.shape == (targets.size, graph.size)
        assert matrix.nnz == matrix.weight_ids.size
        rows = np.repeat(targets, np.diff(matrix.indptr)).tolist()
        found = zip(matrix.indices.tolist(), matrix.weight_ids.tolist(), rows, strict=True)
        into = set(targets.tolist())
        assert Counter(found) == Counter(t for t in every if t[2] in into)
        assert set(matrix.data.tolist()) <= {1.0}
        valued = program.matrix(name, values)
        assert (valued.data == values[valued.weight_ids]).all()


@SOME
@given(layered_graphs())
def test_the_matrix_times_the_states_is_the_net_input(graph: ng.Graph) -> None:
    sim = ng.Simulator(graph, engine="reference", dtype="float64")
    states = sim.states(images_for(graph))
    layer = graph.layer("out")
    net = sim.matrix("out") @ states.array[0]
    function = graph.function(int(layer.ids[0]))
    np.testing.assert_allclose(function.activation(net), states["out"][0], rtol=1e-12, atol=1e-14)


def test_a_pair_with_several_connections_keeps_all_and_biases_are_in_column_0() -> None:
    graph = ng.Graph.from_connections(
        [(1, 0, 2), (1, 1, 2), (1, 0, 2), (0, 2, 2)], inputs=[1], values=[2, 3, 5]
    )
    matrix = ng.Simulator(graph, engine="scipy").matrix("neuron")
    assert matrix.indices.tolist() == [0, 1, 1, 1]
    assert matrix.weight_ids.tolist() == [2, 0, 1, 0]
    assert matrix.data.tolist() == [5, 2, 3, 2]
    assert (matrix @ [1.0, 10.0, 0.0]).tolist() == [75.0]
    lenet = ng.compile(ng.models.lenet5())
    c1 = lenet.matrix("C1")
    assert c1.shape == (4704, 9119)
    assert c1.nnz == 122_304
    assert (c1[:, 0].toarray() == 1).all()
    assert lenet.matrix("input").nnz == 0


def test_a_matrix_of_what_is_not_there() -> None:
    program = ng.compile(ng.models.mlp((2, 1)))
    with pytest.raises(ng.GraphError, match=r"layer 'outptu' is unknown; did you mean output"):
        program.matrix("outptu")
    with pytest.raises(
        ng.GraphError, match=r"matrix of output: found values of shape \(2,\), need"
    ):
        program.matrix("output", [1.0, 2.0])


# ---- explanations -------------------------------------------------------------------------------

REDUCE = {"sum": np.sum, "product": np.prod, "max": np.max, "min": np.min}


@SOME
@given(graphs(), st.integers(0, 99))
def test_the_terms_of_every_neuron_give_its_state(graph: ng.Graph, seed: int) -> None:
    image = images_for(graph, seed)
    states = ng.Simulator(graph, engine="reference", dtype="float64").states(image)
    for neuron in graph.neurons[-12:].tolist():
        why = ng.explain(graph, neuron, image)
        function = graph.function(neuron)
        links = list(graph.incoming(neuron))
        assert why.name == graph.neuron_name(neuron)
        assert why.state == pytest.approx(states[neuron][0], rel=1e-12, abs=1e-13)
        assert why.sources == tuple(graph.neuron_name(s) for s, _, _ in links)
        assert why.weights == tuple(graph.weight_name(w) for _, w, _ in links)
        assert len(why.terms) == len(links)
        if function is None:
            assert np.isnan(why.net)
            continue
        biased = int(graph.table.bias[neuron] >= 0)
        slots = why.terms[: len(links) - biased]
        net = REDUCE[function.reduce](slots) + why.terms[len(slots) :].sum()
        assert net == pytest.approx(why.net, rel=1e-12, abs=1e-13)
        state = function.activation(np.array(why.net))
        assert why.state == pytest.approx(float(state), rel=1e-12, abs=1e-13)
        w, x = why.weight_values[: len(slots)], why.source_states[: len(slots)]
        wanted = w * x if function.combine == "multiply" else (x - w) ** 2
        np.testing.assert_allclose(slots, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_bias_is_one_more_term_of_any_function(function: ng.Function) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,)))
    field, bias = graph.table.fields.add(x[None]), graph.weights.add("b", (), initializer=10.0)
    weights = graph.weights.add("w", (2,), initializer=np.array([2.0, 3.0]))
    kernel = graph.table.kernels.add(weights.ids[None])
    y = graph.add_neurons(
        "y", "Mine", (1,), field=field, kernel=kernel, bias=bias.ids, function=function
    )
    why = ng.explain(graph, int(y[0]), [1.0, -2.0])
    slots = [2, -6] if function.combine == "multiply" else [1, 25]
    assert why.terms.tolist() == [*slots, 10]
    assert why.net == REDUCE[function.reduce](slots) + 10
    assert why.sources[-1] == "bias unit"


def test_an_explanation_of_lenet5_reads_well() -> None:
    graph = ng.models.lenet5()
    image = images_for(graph)[0]
    neuron = graph.neuron_id("S2[0, 3, 4]")
    why = ng.explain(graph, neuron, image)
    lines = str(why).splitlines()
    assert lines[0] == "S2[0, 3, 4]: (multiply, sum) scaled_tanh"
    assert lines[1].split() == ["source", "state", "weight", "value", "term"]
    assert [line.split("  ")[0] for line in lines[3:8]] == [
        *("C1[0, 6, 8]", "C1[0, 6, 9]", "C1[0, 7, 8]", "C1[0, 7, 9]", "bias unit")
    ]
    assert lines[8] == f"net input {why.net:.9g}, state {why.state:.9g}"
    rbf = ng.explain(graph, graph.neuron_id("output[3]"), image)
    assert len(rbf.terms) == 84
    assert rbf.net == rbf.state == pytest.approx(float(rbf.terms.sum()))
    same = ng.explain(graph, neuron, image[None], engine="reference")
    assert same.net == pytest.approx(why.net)
    given = ng.explain(graph, 1, image)
    assert str(given) == f"input[0, 0, 0]: its state is given, {given.state:.9g}"
    assert str(ng.explain(graph, 0, image)) == "bias unit: its state is given, 1"


def test_a_neuron_without_connections_is_explained_by_the_identity() -> None:
    product = ng.Function("multiply", "product")
    graph = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], functions={4: product})
    assert ng.explain(graph, 3, [7.0]).net == 0.0
    assert ng.explain(graph, 4, [7.0]).net == 1.0


def test_bad_questions() -> None:
    graph = ng.models.mlp((2, 1))
    with pytest.raises(ng.GraphError, match=r"neuron 9 does not exist; ids go from 0 to 3"):
        ng.explain(graph, 9, [1.0, 2.0])
    with pytest.raises(ng.DataError, match=r"explain: found 3 images, needed one"):
        ng.explain(graph, 3, np.zeros((3, 2)))
    with pytest.raises(
        ng.DataError, match=r"images: found 2 arrays, needed one for each input: in"
    ):
        ng.explain(graph, 3, [1.0, 2.0], [3.0, 4.0])
    with pytest.raises(ng.DataError, match=r"images: found 0 arrays"):
        ng.explain(graph, 3)


# ---- images at the door -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["reference", "scipy", "auto"])
def lenet5(request: pytest.FixtureRequest) -> ng.Simulator:
    return ng.Simulator(ng.models.lenet5(), engine=request.param)


@pytest.mark.parametrize("engine", ["reference", "scipy", "numba"])
@pytest.mark.parametrize(
    ("value", "dtype"), [(np.nan, "float64"), (-np.inf, "float64"), (1e39, "float32")]
)
def test_a_weight_that_is_not_finite_is_refused(engine: str, value: float, dtype: str) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 4, 4)))
    graph.add(ng.Conv2d(1, 3, padding=1, name="y"), x)
    sim = ng.Simulator(graph, engine=engine, dtype=dtype)
    images, targets = np.ones((2, 1, 4, 4)), np.zeros((2, 1, 4, 4))
    right, kept = sim(images), graph.weights.value
    values = kept.copy()
    values[1] = value
    graph.weights.value = values
    message = rf"simulator: the weight y.kernel\[0, 0, 0, 1\] is {values[1]}, needed .* {dtype}"
    message = message.replace("+", r"\+")
    for run in (sim, sim.states, lambda x: sim.gradient(x, targets, "mean_squared_error")):
        with pytest.raises(ng.GraphError, match=message):
            run(images)
    assert sim.not_finite() == 1
    graph.weights.value = kept
    np.testing.assert_array_equal(sim(images), right)


@pytest.mark.parametrize("engine", ["reference", "scipy", "numba"])
def test_weights_learnt_beyond_the_finite_numbers_are_refused_next_time(engine: str) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    sim = ng.Simulator(ng.models.mlp((2, 2)), engine=engine)
    with np.errstate(over="ignore", invalid="ignore"):
        sim.descend(np.ones((1, 2)), [0], "cross_entropy", np.full(6, 1e39))
    assert not np.isfinite(sim.graph.weights.value).all()
    for _ in range(2):
        with pytest.raises(ng.GraphError, match=r"simulator: the weight output.kernel\[0, 0\] is"):
            sim(np.ones((1, 2)))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((1, 32, 32)),
            r"input: found images of shape \(1, 32, 32\), needed \(batch, 1, 3",
        ),
        (
            np.zeros((2, 1, 28, 28)),
            r"found images of shape \(2, 1, 28, 28\), needed \(batch, 1, 32",
        ),
        (np.full((2, 1, 32, 32), np.nan), r"input: image 0 holds a value that is not finite"),
        (np.full((2, 1, 32, 32), 1e300), r"input: image 0 holds a value that is not finite"),
        (np.zeros((1, 1, 32, 32), complex), r"input: found images of type complex128, needed real"),
        ([["a"]], r"input: found images of type <U1, needed real numbers"),
        ([[1.0], [1.0, 2.0]], r"input: found images of different shapes"),
        (None, r"input: found None, needed real numbers"),
    ],
)
def test_bad_images(lenet5: ng.Simulator, images: object, message: str) -> None:
    for run in (lenet5, lenet5.states, lenet5.classify):
        with pytest.raises(ng.DataError, match=message):
            run(images)


def test_the_image_that_is_not_finite_is_named() -> None:
    sim = ng.Simulator(ng.models.mlp((2, 1)), engine="scipy", dtype="float64")
    images = np.zeros((5, 2))
    images[3, 1] = -np.inf
    with pytest.raises(ng.DataError, match=r"input: image 3 holds a value that is not finite"):
        sim(images)
    assert np.isfinite(sim(np.full((1, 2), 1e300))).all()
    for dtype in (np.uint8, bool, np.float16, np.int64):
        assert sim(np.ones((1, 2), dtype)).tolist() == sim(np.ones((1, 2))).tolist()


def test_batches_of_different_size_and_no_input() -> None:
    graph = ng.Graph()
    a, b = (graph.add(ng.Input((1,), name=n)) for n in "ab")
    graph.add(ng.Add(), a, b)
    sim = ng.Simulator(graph, engine="scipy")
    with pytest.raises(ng.DataError, match=r"images: found batches of \[1, 2\], needed equal ones"):
        sim([[1]], [[1], [2]])
    with pytest.raises(ng.DataError, match=r"found 1 arrays, needed one for each input: a, b"):
        sim([[1]])
    closed = ng.Graph()
    closed.add(ng.Linear(1), np.array([0]))
    with pytest.raises(ng.DataError, match=r"images: the graph has no input"):
        ng.Simulator(closed, engine="scipy")()


def test_bad_options() -> None:
    graph = ng.models.mlp((2, 1))
    with pytest.raises(ng.EngineError, match=r"engine 'numpy' is unknown; did you mean"):
        ng.Simulator(graph, engine="numpy")
    for dtype in ("float16", "int32", "quadruple"):
        with pytest.raises(ng.EngineError, match=rf"dtype is '?{dtype}'?, needed float32"):
            ng.Simulator(graph, dtype=dtype)
    for threads in (0, 1.5, 4000):
        with pytest.raises(ng.EngineError, match=rf"threads is {threads}, needed a whole number"):
            ng.Simulator(graph, threads=threads)  # type: ignore[arg-type]
    sim = ng.Simulator(graph, engine="scipy")
    graph.add(ng.Linear(1), graph.outputs)
    with pytest.raises(
        ng.EngineError, match=r"the graph has grown from 4 to 5 ids; make a new Sim"
    ):
        sim(np.zeros((1, 2)))
