"""One suite for every engine: every layer, drawn graphs, dead slots, states and new weights."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from conformance import CLOSE, CUT, LAYERS, check, engine_of, flat, with_dead_slots
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import PAIRS, build, images, irregular, literal, randomize, shuffled

import neurograph as ng
from neurograph.engines import ENGINES, create, resolve
from neurograph.errors import EngineError, GraphError, MissingDependency
from neurograph.functions import IDENTITY, Activation, Function

HAS_NUMBA = importlib.util.find_spec("numba") is not None
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="numba is not installed")
SOME = settings(deadline=None, max_examples=30)

engines = pytest.mark.parametrize(
    "engine", ["reference", "scipy", pytest.param("numba", marks=needs_numba)]
)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def test_the_suite_runs_every_engine() -> None:
    named = [p if isinstance(p, str) else p.values[0] for p in engines.mark.args[1]]
    assert named == list(ENGINES)


# ---- every layer --------------------------------------------------------------------------------


def test_the_suite_has_every_layer() -> None:
    from neurograph import layers

    assert {name.split()[0] for name in LAYERS} == set(layers.__all__)


@engines
@dtypes
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer(layer: str, dtype: str, engine: str) -> None:
    graph = LAYERS[layer]()
    made = engine_of(engine, graph, dtype)
    for batch in (0, 1, 7):
        check(made, graph, flat(images(graph, batch)), dtype, CLOSE[dtype])


@engines
def test_a_whole_network(engine: str) -> None:
    graph = randomize(ng.models.lenet5(), 3)
    graph.weights.value = graph.weights.value * 0.2
    (x,) = images(graph, 1 if engine == "reference" else 3)
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    wanted = literal(graph, flat([x]))[:, graph.outputs.reshape(-1)]
    np.testing.assert_allclose(sim(x).reshape(len(x), -1), wanted, rtol=1e-10)


# ---- graphs of any kind -------------------------------------------------------------------------


@engines
@SOME
@given(graph=irregular(), batch=st.integers(0, 9), seed=st.integers(0, 99))
def test_drawn_graphs(engine: str, graph: ng.Graph, batch: int, seed: int) -> None:
    check(engine, graph, flat(images(graph, batch, seed)), "float64", CLOSE["float64"])


@engines
@SOME
@given(graph=irregular(pairs=[("multiply", "sum"), ("multiply", "max"), ("multiply", "min")]))
def test_drawn_graphs_in_single_precision(engine: str, graph: ng.Graph) -> None:
    check(engine, graph, flat(images(graph, 3)), "float32", 1e-4)


@engines
@SOME
@given(graph=irregular(bare=True), seed=st.integers(0, 99))
def test_ids_in_any_order(engine: str, graph: ng.Graph, seed: int) -> None:
    bare = shuffled(graph, seed)
    inputs = flat(images(graph, 3, seed))
    check(engine, bare, inputs, "float64", CLOSE["float64"])
    # The same network, whatever its neurons are called.
    found, wanted = (engine_of(engine, g).run(inputs) for g in (bare, graph))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)
    assert len(bare.connections) == len(graph.connections)


# ---- dead slots ---------------------------------------------------------------------------------

# Slot 0 lives everywhere. Sources 2 and 3 stand in cut slots only.


@engines
@dtypes
@pytest.mark.parametrize(("maps", "fields"), [(1, 2), (1, 5), (3, 5)])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_cut_slot_contributes_nothing(
    pair: tuple[str, str], maps: int, fields: int, dtype: str, engine: str
) -> None:
    graph = with_dead_slots(pair, maps, fields)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 6))
    made = engine_of(engine, graph, dtype)
    wanted = made.run(x.astype(dtype))
    check(made, graph, x, dtype, CLOSE[dtype])
    assert np.isfinite(wanted).all()
    for state in (np.inf, -np.inf, np.nan):
        x[:, CUT] = state
        np.testing.assert_array_equal(made.run(x.astype(dtype)), wanted)


@engines
@dtypes
@pytest.mark.parametrize(("maps", "fields"), [(1, 2), (3, 5)])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_states_that_are_not_finite(
    pair: tuple[str, str], maps: int, fields: int, dtype: str, engine: str
) -> None:
    graph = with_dead_slots(pair, maps, fields)
    rng = np.random.default_rng(1)
    x = rng.choice(
        [0.0, -0.5, 1.0, np.inf, -np.inf, np.nan], (40, 6), p=[0.1, 0.3, 0.3, *[0.1] * 3]
    )
    check(engine, graph, x, dtype, CLOSE[dtype])


def without_live_slots(kind: str, function: Function, count: int) -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,)))
    weight = graph.add_weights("w", "any", (1,)).first
    fields = {"empty": [-1, -1], "cut": x, "crossed": [-1, x[1]], "none": []}
    kernels = {"empty": [weight] * 2, "cut": [-1, -1], "crossed": [weight, -1], "none": []}
    field = kernel = -1
    if kind != "no row":
        rows = np.array(fields[kind], np.int32).reshape(1, -1)
        field = graph.table.fields.add(np.repeat(rows, count, axis=0)) + np.arange(count)
        kernel = graph.table.kernels.add(np.array(kernels[kind], np.int32).reshape(1, -1))
    bias = np.where(np.arange(count) % 2, -1, weight)
    graph.add_neurons(
        "bare", "Drawn", (count,), field=field, kernel=kernel, bias=bias, function=function
    )
    graph.weights.value = np.full(graph.weights.count, 0.25)
    return graph


BARE = pytest.mark.parametrize("kind", ["empty", "cut", "crossed", "none", "no row"])
FEW_OR_MANY = pytest.mark.parametrize("count", [1, 30])


@engines
@BARE
@FEW_OR_MANY
@pytest.mark.parametrize("pair", [p for p in PAIRS if p[1] in IDENTITY], ids="-".join)
def test_no_live_slot_gives_the_identity(
    pair: tuple[str, str], count: int, kind: str, engine: str
) -> None:
    graph = without_live_slots(kind, Function(*pair, Activation("tanh")), count)
    net = np.full(count, {"sum": 0.0, "product": 1.0}[pair[1]])
    net[::2] += 0.25
    x = np.array([[1.0, 2.0], [np.inf, np.nan]])
    found = engine_of(engine, graph).run(x)
    np.testing.assert_allclose(found, np.tanh([net, net]), rtol=1e-12)


@BARE
@FEW_OR_MANY
@pytest.mark.parametrize("pair", [p for p in PAIRS if p[1] not in IDENTITY], ids="-".join)
def test_no_live_slot_has_no_largest(pair: tuple[str, str], count: int, kind: str) -> None:
    graph = without_live_slots(kind, Function(*pair), count)
    with pytest.raises(GraphError, match=rf"bare\[0\]: \({pair[0]}, {pair[1]}\).*at least one"):
        ng.compile(graph)


# ---- running ------------------------------------------------------------------------------------


@engines
@dtypes
def test_new_weights_need_no_new_simulator(dtype: str, engine: str) -> None:
    graph = build(ng.Conv2d(2, 3, padding=1, name="c"), ng.MaxPool2d(2), ng.Linear(3, name="f"))
    sim = ng.Simulator(graph, engine=engine, dtype=dtype)
    program, (x,) = sim.program, images(graph)
    before = sim(x)
    for change in (
        lambda: graph.weights.set([graph.weight_id("c.bias[0]")], 0.75),
        lambda: graph.weights.assign({"f.kernel": np.full((3, 32), 0.1)}),
        lambda: graph.weights.initialize(seed=9),
    ):
        change()
        after = sim(x)
        assert not np.allclose(before, after)
        wanted = literal(graph, flat([x]))[:, graph.outputs]
        np.testing.assert_allclose(after, wanted, rtol=CLOSE[dtype] * 10, atol=CLOSE[dtype] * 10)
        before = after
    assert sim.program is program


@engines
def test_an_engine_keeps_a_copy_of_the_weights(engine: str) -> None:
    graph = build(ng.Linear(2), shape=(3,))
    values = graph.weights.value.copy()
    x = np.ones((1, 3))
    made = create(engine, ng.compile(graph), dtype=np.dtype("float64"), threads=1)
    made.load(values)
    before = made.run(x)
    values[:] = 9
    np.testing.assert_array_equal(made.run(x), before)


@engines
@dtypes
def test_states_of_every_neuron(dtype: str, engine: str) -> None:
    graph = build(
        ng.Conv2d(2, 3, padding=1, border=-1.0, name="c"), ng.MaxPool2d(2, name="p"),
        ng.Linear(3, activation="tanh", name="f"), shape=(1, 4, 4),
    )  # fmt: skip
    (x,) = images(graph)
    sim = ng.Simulator(graph, engine=engine, dtype=dtype)
    states = sim.states(x)
    assert list(states) == ["x", "c", "p", "f"]
    assert len(states) == 4
    assert states["c"].shape == (2, 2, 4, 4)
    np.testing.assert_array_equal(states["x"], x.astype(dtype))
    np.testing.assert_array_equal(states["f"], sim(x))
    np.testing.assert_array_equal(states[0], [1, 1])
    np.testing.assert_array_equal(states[graph.neuron_id("c.border")], [-1, -1])
    np.testing.assert_array_equal(states[graph.neuron_id("c[1, 2, 3]")], states["c"][:, 1, 2, 3])
    np.testing.assert_allclose(
        states.array, literal(graph, flat([x])), rtol=CLOSE[dtype] * 5, atol=CLOSE[dtype] * 5
    )
    with pytest.raises(GraphError, match=r"neuron array 'q' is unknown.*x, c, p, f"):
        states["q"]
    with pytest.raises(GraphError, match="neuron 99 does not exist"):
        states[99]


@engines
def test_threads_do_not_change_a_result(engine: str) -> None:
    graph = build(ng.Conv2d(3, 3, activation="tanh"), ng.Linear(4), shape=(2, 6, 6))
    (x,) = images(graph, 50)
    one, two = (ng.Simulator(graph, engine=engine, threads=n)(x) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


@engines
def test_outputs_may_be_any_neurons(engine: str) -> None:
    graph = build(ng.Conv2d(2, 3, name="c"), ng.Linear(4, name="f"), shape=(1, 4, 4))
    graph.outputs = [[0, graph.neuron_id("x[0, 0, 0]")], [graph.neuron_id("c[1, 1, 1]")] * 2]
    (x,) = images(graph, 3)
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    found = sim(x)
    assert found.shape == (3, 2, 2)
    np.testing.assert_array_equal(found[:, 0], np.stack([np.ones(3), x[:, 0, 0, 0]], 1))
    np.testing.assert_array_equal(found[:, 1], sim.states(x)["c"][:, [1, 1], 1, 1])


@engines
def test_an_input_alone_is_a_network(engine: str) -> None:
    graph = ng.Graph()
    graph.outputs = graph.add(ng.Input((3,)))
    sim = ng.Simulator(graph, engine=engine)
    for samples in (1, 20):
        x = np.arange(3.0 * samples).reshape(samples, 3)
        np.testing.assert_array_equal(sim(x), x)
        np.testing.assert_array_equal(sim.pullback(x, x, inputs=True)[1], x)


@engines
def test_an_empty_batch_has_outputs_and_gradients(engine: str) -> None:
    sim = ng.Simulator(build(ng.Linear(4), shape=(2, 3)), engine=engine)
    nothing, targets = np.zeros((0, 2, 3)), np.zeros((0, 4))
    assert sim(nothing).shape == (0, 4)
    weights, inputs = sim.pullback(nothing, targets, inputs=True)
    assert not weights.any()
    assert inputs.shape == nothing.shape
    assert sim.gradient(nothing, targets, "mean_squared_error").loss == 0


def test_the_smallest_penalty_or_the_largest_score_wins() -> None:
    penalties = ng.Simulator(build(ng.RBF([[1, 1], [-1, -1]]), shape=(2,)), engine="scipy")
    assert penalties.classify([[0.9, 0.8], [-0.3, -0.2]]).tolist() == [0, 1]
    scores = ng.Simulator(build(ng.Activation("identity"), shape=(3,)), engine="scipy")
    assert scores.classify([[0, 2, 1]]).tolist() == [1]


# ---- refusals -----------------------------------------------------------------------------------


@needs_numba
def test_numba_without_its_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert resolve("auto") == "scipy"
    with pytest.raises(EngineError, match="NUMBA_DISABLE_JIT switches its compiler off"):
        resolve("numba")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    assert resolve("auto") == resolve("numba") == "numba"


def test_unknown_engines_are_named() -> None:
    graph = build(ng.Linear(2), shape=(3,))
    with pytest.raises(EngineError, match="engine 'scypi' is unknown; did you mean scipy"):
        ng.Simulator(graph, engine="scypi")
    with pytest.raises(EngineError, match="dtype is float16, needed float32 or float64"):
        ng.Simulator(graph, dtype="float16")
    with pytest.raises(EngineError, match="dtype is None"):
        ng.Simulator(graph, dtype=None)
    for threads in (0, 1.5, "2", None):
        with pytest.raises(EngineError, match=f"threads is {threads!r}, needed a whole number"):
            ng.Simulator(graph, threads=threads)
    ng.Simulator(graph, threads=np.int64(2))


def test_auto_takes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("auto") == ("numba" if HAS_NUMBA else "scipy")
    for name in [m for m in sys.modules if m.startswith("neurograph.kernels")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "neurograph.engines.numba", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert resolve("auto") == "scipy"
    graph = build(ng.Linear(2), shape=(3,))
    assert ng.Simulator(graph).engine == "scipy"
    with pytest.raises(MissingDependency, match=r"engine \"numba\" needs numba.*\[fast\]"):
        ng.Simulator(graph, engine="numba")


def test_an_error_inside_the_kernels_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.delitem(sys.modules, "neurograph.engines.numba", raising=False)
    monkeypatch.setitem(sys.modules, "neurograph.kernels.runner", None)
    with pytest.raises(ModuleNotFoundError, match=r"neurograph\.kernels\.runner"):
        create(
            "numba",
            ng.compile(build(ng.Linear(2), shape=(3,))),
            dtype=np.dtype("float32"),
            threads=1,
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_refuses_a_program_that_takes_the_largest_of_nothing(engine: str) -> None:
    from dataclasses import replace

    graph = without_live_slots("none", Function(), 3)
    program = ng.compile(graph)
    (step,) = program.steps
    wrong = replace(program, steps=(replace(step, function=Function("multiply", "max")),))
    with pytest.raises(EngineError, match="found a max of nothing, needed a slot or more"):
        create(engine, wrong, dtype=np.dtype("float64"), threads=1)


@pytest.mark.parametrize(
    ("limit", "who"),
    [(1000, "scipy engine: would take"), (4000, "scipy engine, 10 samples at once: would take")],
)
def test_sizes_are_checked_before_memory_is_taken(
    monkeypatch: pytest.MonkeyPatch, limit: int, who: str
) -> None:
    graph = build(ng.Linear(2), shape=(50,))
    (x,) = images(graph, 10)
    monkeypatch.setattr("neurograph.memory.physical", lambda: limit)
    with pytest.raises(EngineError, match=who):
        ng.Simulator(graph, engine="scipy", dtype="float64")(x)
