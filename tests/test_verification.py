"""Verification agrees with count on any graph, and finds planted faults."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from drawn import graphs, triples_of
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.counting import verification
from neurograph.graph import Layer
from neurograph.graph.ragged import Ragged
from neurograph.names import IdArray, Names

try:
    import numba  # noqa: F401

    WAYS = [False, True]
except ImportError:
    WAYS = [False]

both_ways = pytest.mark.parametrize("compiled", WAYS)


@both_ways
@settings(deadline=None, max_examples=40)
@given(graph=graphs(), block=st.integers(1, 40), threads=st.integers(1, 3))
def test_it_agrees_with_count(graph: ng.Graph, compiled: bool, block: int, threads: int) -> None:
    seen: list[int] = []
    result = ng.verify(graph, block=block, threads=threads, compiled=compiled, progress=seen.append)
    assert result.ok, result.problems
    assert result.counts == ng.count(graph)
    assert result.triples == sum(seen) == len(triples_of(graph))


@both_ways
def test_lenet5(compiled: bool) -> None:
    result = ng.verify(ng.models.lenet5(), compiled=compiled)
    assert (result.triples, result.counts.total.parameters) == (340_908, 60_000)
    assert str(result).endswith("340,908 triples expanded one by one: agrees with count")


# ---- planted faults -----------------------------------------------------------------------------


def faulty() -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 5, 5), name="x"))
    c = graph.add(ng.Conv2d(3, 3, padding=1, name="c"), x)
    graph.add(ng.Linear(4, name="y"), c)
    return graph


def plant_ids(names: Names, name: str, ids: IdArray) -> None:
    names._arrays[names._number[name]] = ids


def plant(graph: ng.Graph, column: str, neuron: str, value: int) -> None:
    getattr(graph.table, f"_{column}")._buffer[graph.neuron_id(neuron)] = value


def plant_row(rows: Ragged, row: int, slot: int, value: int) -> None:
    rows._ids._buffer[rows.ptr[row] + slot] = value


def problems(graph: ng.Graph, compiled: bool) -> str:
    result = ng.verify(graph, compiled=compiled, block=50)
    assert not result.ok
    assert f"{len(result.problems)} problem(s)" in str(result)
    return "\n".join(result.problems)


@both_ways
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("field", 999, "c[1, 2, 2]: field 999 does not exist, there are 26"),
        ("field", -2, "c[1, 2, 2]: field -2 does not exist"),
        ("kernel", 88, "c[1, 2, 2]: kernel 88 does not exist, there are 7"),
        ("bias", 10**6, "c[1, 2, 2]: bias 1000000 does not exist, there are 361"),
        ("function", 5, "c[1, 2, 2]: function 5 does not exist, there are 1"),
        ("field", 25, "c[1, 2, 2]: a field of 75 slots and a kernel of 18"),
        ("kernel", 4, "c[1, 2, 2]: a field of 18 slots and a kernel of 75"),
        ("kernel", -1, "c[1, 2, 2]: a field of 18 slots and a kernel of 0"),
        ("function", -1, "c[1, 2, 2]: an input or constant with a bias"),
    ],
)
def test_a_corrupt_row_of_a_neuron(compiled: bool, column: str, value: int, message: str) -> None:
    graph = faulty()
    plant(graph, column, "c[1, 2, 2]", value)
    assert message in problems(graph, compiled)


@both_ways
def test_an_input_with_connections(compiled: bool) -> None:
    graph = faulty()
    plant(graph, "function", "c[1, 2, 2]", -1)
    plant(graph, "bias", "c[1, 2, 2]", -1)
    found = problems(graph, compiled)
    assert "c[1, 2, 2]: triple (" in found
    assert "or an input for its target" in found


@both_ways
def test_a_weight_id_out_of_range(compiled: bool) -> None:
    graph = faulty()
    kernel = int(graph.table.kernel[graph.neuron_id("y[2]")])
    plant_row(graph.table.kernels, kernel, 7, graph.weights.count)
    source = int(graph.layer("c").ids.reshape(-1)[7])
    wanted = f"y[2]: triple ({source}, 361, {graph.neuron_id('y[2]')}) has an id out of range"
    found = problems(graph, compiled)
    assert wanted in found
    assert "(neurons end at 129, weights at 360)" in found


@both_ways
def test_a_source_out_of_range_where_many_read_it(compiled: bool) -> None:
    graph = faulty()
    field = int(graph.table.field[graph.neuron_id("c[0, 2, 2]")])
    plant_row(graph.table.fields, field, 4, 10**6)
    found = problems(graph, compiled)
    for place in ("c[0, 2, 2]", "c[1, 2, 2]", "c[2, 2, 2]"):
        assert f"{place}: triple (1000000, " in found


@both_ways
def test_many_faults_are_numbered(compiled: bool) -> None:
    graph = faulty()
    graph.table.fields._ids._buffer[: graph.table.fields.ids.size] = 10**6
    result = ng.verify(graph, compiled=compiled)
    assert len(result.problems) < 40
    assert "or more triples like these" in result.problems[-1]


@both_ways
def test_names_that_map_an_id_twice_or_not_at_all(compiled: bool) -> None:
    graph = faulty()
    graph.weights.names.add("again", IdArray((2,), 54))
    plant_ids(graph.weights.names, "c.kernel", IdArray((3, 2, 3, 2), 0))
    found = problems(graph, compiled)
    assert "weight 54 has several names: c.bias, again" in found
    assert "weight 36 has no name" in found

    graph = faulty()
    plant_ids(graph.weights.names, "c.bias", IdArray.of(np.array([54, 54, 55], np.int32)))
    found = problems(graph, compiled)
    assert "weight 54 has several names: c.bias, c.bias" in found
    assert "weight 56 has no name" in found

    graph = faulty()
    graph.neuron_names.add("twin", IdArray((), 0))
    assert "neuron 0 has several names: bias unit, twin" in problems(graph, compiled)
    graph.neuron_names.add("far", IdArray((2,), graph.size))
    assert "neuron array far holds ids out of range" in problems(graph, compiled)


def test_a_name_that_leads_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = faulty()
    names, last = graph.neuron_names, graph.size - 1
    ask = type(names).id_of

    def wrong(self: Any, name: str, index: Any = None) -> int:
        found = ask(self, name, index)
        return found - 1 if self is names and found == last else found

    monkeypatch.setattr(type(names), "id_of", wrong)
    assert f"neuron {last}: its name y[3] leads to another" in problems(graph, False)


def test_a_fault_whose_neuron_has_no_name_is_still_reported() -> None:
    graph = faulty()
    plant(graph, "field", "c[1, 2, 2]", 999)
    neuron = graph.neuron_id("c[1, 2, 2]")
    plant_ids(graph.neuron_names, "c", IdArray((1,), 51))
    assert f"neuron {neuron}: field 999 does not exist" in problems(graph, False)


@both_ways
@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("connections", "c: 1,089 connections expanded, 1,090 counted"),
        ("dead", "c: 0 dead weights expanded, 1 counted"),
        ("trainable", "total: 361 trainable weights in the graph, 362 counted"),
        ("fixed", "total: 0 fixed weights in the graph, 1 counted"),
        ("neurons", "total: 129 neurons in the graph, 130 counted"),
    ],
)
def test_a_count_that_differs(
    compiled: bool, column: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = faulty()
    rows = [
        dataclasses.replace(r, **{column: getattr(r, column) + (r.name == "c")})
        for r in ng.count(graph)
    ]
    monkeypatch.setattr(verification, "count", lambda _: ng.Counts(tuple(rows)))
    found = problems(graph, compiled)
    assert message in found


def test_a_layer_counted_twice() -> None:
    graph = faulty()
    graph.layers["twin"] = Layer("twin", "Linear", graph.layer("y").neurons, ("y.kernel",))
    assert "total: 361 trainable weights in the graph, 661 counted" in problems(graph, False)


# ---- bad input ----------------------------------------------------------------------------------


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ng.GraphError, match=r"verify: found str, needed a Graph"):
        ng.verify("lenet5")  # type: ignore[arg-type]
    graph = ng.models.mlp((2, 1))
    with pytest.raises(
        ng.GraphError, match=r"verify: block is 0, needed a whole number of at least 1"
    ):
        ng.verify(graph, block=0)
    with pytest.raises(
        ng.GraphError, match=r"verify: threads is 0, needed a whole number of at least 1"
    ):
        ng.verify(graph, block=5, threads=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ng.MissingDependency, match=r'compiled=True needs numba.*extra "fast"'):
        ng.verify(graph, compiled=True)
    assert ng.verify(graph).ok
