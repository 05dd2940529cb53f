"""Work that grows no faster than the network, by counts of what is done, not by the clock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.graph import Layer, levels, query
from neurograph.graph.layers import Layers
from neurograph.kernels.arena import Space
from neurograph.names import IdArray, Names
from neurograph.names.places import Places
from neurograph.program import Blocks, Rows


def chain(length: int) -> ng.Graph:
    graph = ng.Graph()
    front = graph.add(ng.Input((1,), name="x"))
    for _ in range(length):
        front = graph.add(ng.Linear(1), front)
    return graph


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, *names: str) -> Counter[str]:
    """Count the calls of some of the owner's functions."""
    calls: Counter[str] = Counter()

    def counting(name: str) -> Any:
        original = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return original(*args, **options)

        return call

    for name in names:
        monkeypatch.setattr(owner, name, counting(name))
    return calls


# ---- names --------------------------------------------------------------------------------------


def test_a_name_among_many_is_found_in_one_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges, explicit arrays apart, nested and interleaved: each id asks the array it is in."""
    names, holder = Names("neuron"), {}
    ids = [np.array([i, 999 - i]) for i in range(100)]  # each encloses the next
    ids += [np.array([300 + i, 500 + i]) for i in range(100)]
    ids += [np.arange(1000 + 5 * i, 1005 + 5 * i) for i in range(100)]
    ids += [np.array([2000 + 9 * i, 2003 + 9 * i]) for i in range(100)]
    for number, some in enumerate(np.random.default_rng(0).permutation(len(ids)).tolist()):
        names.add(f"a{number}", IdArray.of(ids[some]))
        holder.update((int(i), (f"a{number}", (place,))) for place, i in enumerate(ids[some]))
    calls = counted(monkeypatch, IdArray, "position", "positions")
    assert {i: names.locate(i) for i in holder} == holder
    assert calls == {"position": len(holder)}
    every = np.array(list(holder))
    assert names.locate_all(every) == list(holder.values())
    assert calls == {"position": len(holder), "positions": len(ids)}
    for absent in (250, 2001, 10**6):
        with pytest.raises(ng.GraphError, match=f"neuron {absent} has no name"):
            names.locate(absent)


def test_adding_and_naming_in_turns_builds_the_directory_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = counted(monkeypatch, Places, "__init__")
    graph = ng.Graph()
    x = graph.add(ng.Input((3,), name="x"))
    for i in range(50):
        y = graph.add(ng.Sparse(2, [(0, 0), (2, 1)], name=f"y{i}"), x)
        assert graph.neuron_name(int(y[1])) == f"y{i}[1]"
        kernel = graph.layer(f"y{i}").arrays[0]
        assert graph.weight_name(int(graph.weights.names[kernel].present[-1])).startswith(kernel)
    assert calls["__init__"] == 2  # of neurons and of weights


def test_a_name_is_looked_for_once_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, Names, "__contains__")
    few, many = (calls.total(), chain(20), calls.total()), (calls.total(), chain(80), calls.total())
    assert many[2] - many[0] <= 4 * (few[2] - few[0])
    assert list(many[1].layers)[-1] == "linear80"


def test_a_free_name_is_the_lowest_after_those_taken() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1,), name="x"))
    graph.add(ng.Linear(1, name="linear2"), x)
    with pytest.raises(ng.GraphError):
        graph.add(ng.Linear(1, weights="none such"), x)
    for _ in range(3):
        graph.add(ng.Linear(1), x)
    assert list(graph.layers) == ["x", "linear2", "linear1", "linear3", "linear4"]


# ---- functions and outputs ----------------------------------------------------------------------


def test_a_function_is_found_without_comparing_it_with_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1,), name="x"))
    calls = counted(monkeypatch, ng.Function, "__eq__")
    for i in [*range(60), *range(60)]:
        activation = ng.functions.Activation("leaky_relu", (1 / (i + 1),))
        graph.add(ng.Linear(1, activation=activation), x)
    assert len(graph.functions) == 60
    assert calls["__eq__"] <= 2 * 120
    again = ng.subgraph(graph, graph.neurons)
    assert [again.function_id(f) for f in graph.functions] == list(range(60))


def test_outputs_are_the_last_layer_that_is_no_input() -> None:
    graph = chain(2)
    graph.add(ng.Input((4,), name="late"))
    assert graph.outputs.tolist() == graph.layer("linear2").ids.tolist()
    assert ng.prune(graph, np.ones(4, bool)).outputs.tolist() == graph.outputs.tolist()


# ---- levels and walks ---------------------------------------------------------------------------


def test_each_field_is_read_once_for_levels_and_once_for_a_walk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = chain(60)
    read: list[int] = []
    largest, ids_of = levels._largest, query._ids_of

    def counting(values: Any, rows: Any, chosen: Any) -> Any:
        read.append(chosen.size)
        return largest(values, rows, chosen)

    monkeypatch.setattr(levels, "_largest", counting)
    assert levels.levels(graph).tolist() == [0, 0, *range(1, 61)]
    assert sum(read) == 2 * 60  # to find the order, and to follow it
    walked: list[int] = []

    def walking(rows: Any, chosen: Any) -> Any:
        walked.append(chosen.size)
        return ids_of(rows, chosen)

    monkeypatch.setattr(query, "_ids_of", walking)
    assert ng.receptive_field(graph, int(graph.outputs[0])).tolist() == [1]
    assert sum(walked) == 60


def test_room_given_back_joins_its_neighbours() -> None:
    space = Space(0)
    starts = [space.take(64) for _ in range(5)]
    for i in (1, 3, 0, 2):
        space.free(starts[i], 64)
    assert space._free == [(0, 4 * 64)]
    assert space.take(4 * 64) == 0
    assert space.take(8) == 5 * 64


def test_a_matrix_a_layer_looks_at_each_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    program = ng.compile(chain(40))
    calls = counted(monkeypatch, Rows, "slots_of")
    blocks = counted(monkeypatch, Blocks, "slots_of")
    found = [program.matrix(layer) for layer in program.layers]
    assert calls["slots_of"] + blocks["slots_of"] == 40
    assert [matrix.nnz for matrix in found[1:]] == [2] * 40


def test_renaming_an_array_touches_only_the_layers_that_brought_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = chain(40)
    graph.layers["twin"] = Layer("twin", "Linear", graph["linear7"].neurons, ("linear7.kernel",))
    calls = counted(monkeypatch, Layers, "__setitem__")
    for name in list(graph.weights):
        graph.rename_array(name, f"{name}.new")
        graph.rename_array(f"{name}.new", f"{name}.newer")
    assert calls["__setitem__"] == 2 * 81
    assert graph["twin"].arrays == ("linear7.kernel.newer",)
    for i in range(1, 41):
        arrays = f"linear{i}.kernel.newer", f"linear{i}.bias.newer"
        assert graph[f"linear{i}"].arrays == arrays
        assert all(name in graph.weights.names for name in arrays)
