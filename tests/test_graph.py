"""The graph and its table: building, ids, outputs, and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import graphs, layered_graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import memory
from neurograph.graph import Layer, ragged, table
from neurograph.graph.column import Column
from neurograph.graph.ragged import Ragged
from neurograph.graph.table import Table, blocks_of, live_slots
from neurograph.graph.weights import Weights
from neurograph.names import IdArray

SOME = settings(deadline=None, max_examples=40)


def test_ids_are_numbered_in_the_order_of_adding_and_shaped_like_the_maps() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 5, 5)))
    c = graph.add(ng.Conv2d(2, 3), x)
    again = graph.add(ng.Conv2d(2, 3), x)
    assert x.reshape(-1).tolist() == list(range(1, 26))
    assert c.shape == again.shape == (2, 3, 3)
    assert c.dtype == np.int32
    assert c.reshape(-1).tolist() == list(range(26, 44))
    assert list(graph.layers) == ["input1", "conv2d1", "conv2d2"]
    assert (graph.layer("conv2d2").ids == again).all()
    assert graph.layer("conv2d1").kind == "Conv2d"
    assert graph.layer("conv2d1").arrays == ("conv2d1.kernel", "conv2d1.bias")
    assert graph.neurons.tolist() == list(range(1, 62))
    assert repr(graph) == "Graph(61 neurons in 3 layers, 40 weights)"


def test_the_same_layer_added_twice_makes_new_weights_and_weights_shares_them() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((3,)))
    layer = ng.Linear(2)
    a, b = graph.add(layer, x), graph.add(layer, x)
    first = graph.layers["linear1"].name
    c = graph.add(ng.Linear(2, weights=first), x)
    assert not set(graph.incoming(a[0]).weight) & set(graph.incoming(b[0]).weight)
    assert graph.incoming(c[0]).weight.tolist() == graph.incoming(a[0]).weight.tolist()
    assert graph.weights.count == 16


def test_ids_are_sources_as_they_come() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 4, 4)))
    mixed = np.concatenate([x[1:, ::-1], x[:1].transpose(0, 2, 1)])
    y = graph.add(ng.Linear(1, bias=None), mixed[0, 0], x[0, 3, 3])
    assert graph.incoming(y[0]).source.tolist() == [*mixed[0, 0].tolist(), int(x[0, 3, 3])]


def test_outputs_are_the_last_layer_unless_set() -> None:
    graph = ng.Graph()
    with pytest.raises(ng.GraphError, match=r"there are no outputs; a graph needs a layer besides"):
        graph.outputs  # noqa: B018
    x = graph.add(ng.Input((3,)))
    with pytest.raises(ng.GraphError, match=r"there are no outputs"):
        ng.compile(graph)
    y = graph.add(ng.Linear(2), x)
    graph.add_inputs("late", (1,))
    assert graph.outputs.tolist() == y.tolist()
    mine = np.array([[y[1], x[0]]])
    graph.outputs = mine
    mine[0, 0] = 99
    assert graph.outputs.tolist() == [[y[1], x[0]]]
    assert [layer.name for layer in graph.inputs] == ["input1", "late"]
    graph.outputs = []
    with pytest.raises(ng.GraphError, match=r"outputs: there are none; set graph\.outputs"):
        ng.compile(graph)


def test_an_output_that_was_cut_away_is_an_error() -> None:
    graph = ng.models.mlp((2, 2))
    parts = Layer("output", "Linear", IdArray.of(np.array([3, -1], np.int32)))
    layers = [graph.layer("input"), parts]
    names, states = {0: "bias unit", 4: "gone"}, {0: 1.0, 4: 0.0}
    holed = ng.Graph.assemble(
        graph.table,
        graph.weights,
        graph.functions,
        layers,
        constants=names,
        states=states,
        inputs=["input"],
    )
    assert holed.constants == states
    assert holed.layer("output").ids.tolist() == [3, -1]
    with pytest.raises(ng.GraphError, match=r"outputs: some are absent \(cut away\)"):
        ng.compile(holed)


def test_constants_are_sources_of_fixed_state_and_no_neurons() -> None:
    graph = ng.Graph()
    half = graph.add_constant("half", 0.5)
    y = graph.add(ng.Linear(1, bias=None, initializer=3.0, name="y"), np.array([half, 0]))
    graph.add_inputs("x", (1,))
    assert graph.constants == {0: 1.0, half: 0.5}
    assert graph.neuron_name(half) == "half"
    assert graph.function(half) is None
    assert half not in graph.neurons
    assert ng.Simulator(graph, engine="scipy")([[7.0]]).tolist() == [[4.5]]
    assert ng.Simulator(graph, engine="scipy").states([[7.0]])[int(y[0])].tolist() == [4.5]
    for state in (np.inf, np.nan):
        with pytest.raises(ng.GraphError, match=r"c: the constant's state is (inf|nan), needed"):
            graph.add_constant("c", state)


def test_renaming_an_array_keeps_it_with_its_layer() -> None:
    graph = ng.models.mlp((2, 2))
    graph.rename_array("output.kernel", "output.w")
    assert graph.layer("output").arrays == ("output.w", "output.bias")
    assert graph.weight_name(0) == "output.w[0, 0]"
    assert ng.count(graph)["output"].parameters == 6


def test_bad_input() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="x"))
    before = graph.size, graph.weights.count, graph.table.fields.count
    linear = ng.Linear(2, name="y")
    with pytest.raises(ng.GraphError, match=r"y: neuron 9 does not exist; ids go from 0 to 2"):
        graph.add(linear, [1, 9])
    with pytest.raises(ng.GraphError, match=r"y: neuron -1 does not exist; ids go from 0 to 2"):
        graph.add(linear, [-1, 1])
    with pytest.raises(ng.GraphError, match=r"y: found 1\.0 among the neurons, needed whole"):
        graph.add(linear, [1.0])
    with pytest.raises(ng.GraphError, match=r"y: neuron array 'q' is unknown; there are bias unit"):
        graph.add(linear, "q")
    with pytest.raises(ng.GraphError, match=r"x: a layer called 'x' exists already; names are uni"):
        graph.add(ng.Linear(2, name="x"), x)
    with pytest.raises(ng.GraphError, match=r"add: found the class Linear, needed a layer such"):
        ng.Graph().add(ng.Linear)  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match=r"add: found int, needed a layer such as Linear\(10\)"):
        graph.add(3, x)  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match=r"outputs: neuron 7 does not exist; ids go from"):
        graph.outputs = 7
    with pytest.raises(ng.GraphError, match=r"outputs: found 0\.5 among the neurons"):
        graph.outputs = [0.5]
    with pytest.raises(ng.GraphError, match=r"layer 'y' is unknown; there are x"):
        graph.layer("y")
    assert (graph.size, graph.weights.count, graph.table.fields.count) == before


# ---- the table ----------------------------------------------------------------------------------


@SOME
@given(graphs(), st.integers(1, 9))
def test_live_slots_are_those_of_the_triples(graph: ng.Graph, block: int) -> None:
    uses = np.bincount([target for _, _, target in triples_of(graph)], minlength=graph.size)
    counted = live_slots(graph.table, np.arange(graph.size))
    assert (counted == uses - (graph.table.bias >= 0)).all()
    pieces = blocks_of(counted, block)
    assert [i for a, b in pieces for i in range(a, b)] == list(range(graph.size))
    assert all(counted[a:b].sum() <= block or b == a + 1 for a, b in pieces)


def test_slots_live_on_one_side_only_are_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, own = Table(), np.arange(3)
    rows.fields.add(np.array([[1, -1, 2], [-1, 1, 2]]))
    rows.kernels.add(np.array([[0, 0, -1], [0, 1, 2]]))
    rows.add(3, [0, 1, 0], [0, 0, 1], -1, 0)
    assert live_slots(rows, own).tolist() == [1, 1, 2]
    monkeypatch.setattr(table, "_RANGE_BLOCK", 1)
    assert live_slots(rows, own).tolist() == [1, 1, 2]


def test_maps_share_fields_and_positions_share_kernels() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 12, 12)))
    c = graph.add(ng.Conv2d(16, 5, name="c"), x)
    assert graph.table.fields.count == 64
    assert graph.table.kernels.count == 16
    assert set(graph.table.field[c[:, 2, 3]].tolist()) == {19}
    assert len(graph.connections) == 64 * 16 * 76


def test_lenet5_takes_less_than_four_megabytes() -> None:
    graph = ng.models.lenet5()
    rows = graph.table.fields, graph.table.kernels
    columns = graph.table.field, graph.table.kernel, graph.table.bias, graph.table.function
    arrays = [a for r in rows for a in (r.ptr, r.ids)] + [*columns, graph.weights.value]
    explicit = graph.weights.names["C3.kernel"].ids
    assert graph.nbytes == sum(a.nbytes for a in (*arrays, graph.weights.trainable, explicit))
    assert graph.nbytes < 4_000_000


@SOME
@given(st.lists(st.lists(st.integers(0, 99), max_size=7), max_size=9), st.booleans())
def test_a_column_grows_and_what_was_read_stays(parts: list[list[int]], looking: bool) -> None:
    column, seen, whole = Column(np.int32), [], []
    for part in parts:
        column.extend(np.array(part, np.int32))
        whole = whole + part
        if looking:
            seen.append((column.array, list(whole)))
    assert column.array.tolist() == whole
    for view, then in seen:
        assert view.tolist() == then
        assert not view.flags.writeable


def test_a_column_takes_ranges_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.graph.column._RANGE_BLOCK", 4)
    column = Column(np.int32, range(5, 15))
    assert column.array.tolist() == list(range(5, 15))
    rows = Ragged()
    assert rows.add(range(7, 13), 3) == 0
    assert rows.add(range(0), 0) == 2
    assert rows.add(np.array([[4, -1]])) == 2
    assert [rows[i].tolist() for i in range(3)] == [[7, 8, 9], [10, 11, 12], [4, -1]]
    assert rows.lengths(np.array([2, -1, 0])).tolist() == [2, 0, 3]


def test_rows_of_any_lengths_are_appended_at_once() -> None:
    rows = Ragged()
    rows.add(np.array([[1, 2]]))
    assert rows.append(np.array([0, 1, 1, 3]), np.array([7, 8, -1])) == 1
    assert [rows[i].tolist() for i in range(rows.count)] == [[1, 2], [7], [], [8, -1]]


def test_ids_end_at_int32(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, ragged):
        monkeypatch.setattr(module, "INT32_MAX", 10)
    graph = ng.Graph()
    with pytest.raises(ng.GraphError, match=r"a graph of 13 neurons: ids end at 10"):
        graph.add(ng.Input((3, 4)))
    graph.add(ng.Input((9,), name="x"))
    with pytest.raises(ng.GraphError, match=r"a table of 11 rows: row numbers end at 10"):
        graph.table.fields.add(np.ones((11, 1), np.int32))
    monkeypatch.setattr("neurograph.graph.weights.INT32_MAX", 10)
    with pytest.raises(ng.GraphError, match=r"w: with 11 more weights there are 11; ids end at 10"):
        graph.weights.add("w", (11,))


@SOME
@given(layered_graphs())
def test_a_graph_of_its_parts_is_the_same_graph(graph: ng.Graph) -> None:
    constants = {i: graph.neuron_name(i) for i in graph.constants}
    arrays = {name: graph.weights.names[name] for name in graph.weights}
    again = ng.Graph.assemble(
        graph.table,
        Weights.of(arrays, graph.weights.trainable, graph.weights.value),
        graph.functions,
        list(graph.layers.values()),
        constants=constants,
        states=graph.constants,
        inputs=[layer.name for layer in graph.inputs],
        outputs=graph.outputs,
    )
    assert triples_of(again) == triples_of(graph)
    assert ng.count(again) == ng.count(graph)
    image = np.ones((1, *graph.inputs[0].neurons.shape))
    sims = [ng.Simulator(g, engine="scipy", dtype="float64") for g in (graph, again)]
    assert (sims[0](image) == sims[1](image)).all()


# ---- memory -------------------------------------------------------------------------------------


def test_sizes_are_readable_and_checked() -> None:
    sizes = [999, 1_500, 2_000_000, 3 * 10**9, 4 * 10**12, 5 * 10**15]
    shown = ["999 bytes", "1.5 kB", "2.0 MB", "3.0 GB", "4.0 TB", "5000.0 TB"]
    assert [memory.readable(n) for n in sizes] == shown
    memory.require(10, "it", ng.GraphError, limit=10)
    with pytest.raises(ng.GraphError, match=r"it: would take 11 bytes, the limit is 10 bytes; run"):
        memory.require(11, "it", ng.GraphError, limit=10, advice="run less")
    assert memory.physical() > 10**8


def test_where_the_system_does_not_tell_its_memory_it_is_taken_as_8_gb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.sysconf")
    assert memory.physical() == 8_000_000_000


def test_caches_are_what_the_system_tells_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caches = [("1", "Instruction", "64K"), ("1", "Data", "48K"), ("2", "Unified", "2M")]
    for number, told in enumerate(caches):
        where = tmp_path / f"index{number}"
        where.mkdir()
        for name, text in zip(("level", "type", "size"), told, strict=True):
            (where / name).write_text(f"{text}\n")
    (tmp_path / "index3").mkdir()
    monkeypatch.setattr(memory, "_CACHES", tmp_path)
    read = memory.cache_bytes.__wrapped__
    assert [read(1), read(2)] == [48 << 10, 2 << 20]
    monkeypatch.setattr(memory, "_CACHES", tmp_path / "nothing")
    assert [read(1), read(2)] == [32 << 10, 512 << 10]


def test_a_matrix_or_an_engine_that_does_not_fit_says_how_large_it_would_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((64, 32, 32)))
    graph.add(ng.Conv2d(64, 3, padding=1, name="c"), x)  # 37.7 million slots, 0.6 million ids
    program = ng.compile(graph)
    monkeypatch.setattr(memory, "physical", lambda: 100_000_000)
    with pytest.raises(ng.GraphError, match=r"matrix of c: would take 604\.0 MB, the limit is 80"):
        program.matrix("c")
    with pytest.raises(
        ng.EngineError, match=r'scipy engine: would take 604\.0 MB, .*; engine="numba" keeps fields'
    ):
        ng.Simulator(graph, engine="scipy")
    small = ng.models.mlp((2, 2))
    sim = ng.Simulator(small, engine="scipy")
    monkeypatch.setattr(memory, "physical", lambda: 2000)
    with pytest.raises(ng.EngineError, match=r"scipy engine, 100 samples at once: would take 2\.0"):
        sim(np.zeros((100, 2)))


def test_the_state_of_a_constant_is_a_number() -> None:
    with pytest.raises(ng.GraphError, match="c: the constant's state is 'x', needed a finite"):
        ng.Graph().add_constant("c", "x")  # type: ignore[arg-type]
