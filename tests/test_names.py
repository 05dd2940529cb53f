"""Names of neurons and weights: id to name and index, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.names import IdArray, Names

SOME = settings(deadline=None, max_examples=40)


@SOME
@given(graphs())
def test_every_neuron_and_weight_is_found_by_its_own_name(graph: ng.Graph) -> None:
    names = [graph.neuron_name(i) for i in range(graph.size)]
    assert len(set(names)) == graph.size
    assert [graph.neuron_id(name) for name in names] == list(range(graph.size))
    weights = [graph.weight_name(i) for i in range(graph.weights.count)]
    assert len(set(weights)) == graph.weights.count
    assert [graph.weight_id(name) for name in weights] == list(range(graph.weights.count))


@SOME
@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 12))
def test_explicit_arrays_that_overlap_in_extent_are_told_apart(
    ids: list[int], a: int, b: int
) -> None:
    a, b = sorted((a, b))
    parts = {"p": ids[:a], "q": ids[a:b], "r": ids[b:]}
    names = Names("neuron")
    for name, part in parts.items():
        names.add(name, IdArray.of(np.array([*part, -1], np.int32)))
    for name, part in parts.items():
        for place, identity in enumerate(part):
            assert names.locate(identity) == (name, (place,))
            assert names.id_of(name, (place,)) == identity
    every = np.array(ids, np.int32)
    assert names.locate_all(every) == [names.locate(i) for i in ids]
    with pytest.raises(ng.GraphError, match="neuron 12 has no name"):
        names.locate_all(np.array([*ids, 12]))
    for missing in (-1, 12, 99):
        with pytest.raises(ng.GraphError, match=rf"neuron {missing} has no name"):
            names.name_of(missing)


@SOME
@given(st.lists(st.integers(-1, 20), max_size=6, unique=True))
def test_an_id_array_is_its_ids(ids: list[int]) -> None:
    array = IdArray.of(np.array(ids, np.int32))
    there = [i for i in ids if i >= 0]
    assert array.ids.tolist() == ids
    assert array.size == len(ids)
    assert array.present.tolist() == there
    assert [array.position(i) for i in there] == [ids.index(i) for i in there]
    assert array.position(21) == array.position(10**6) == -1
    assert array.bounds() == ((min(there), max(there)) if there else (0, -1))
    assert ids == [] or array[0] == ids[0]


def test_consecutive_ids_are_kept_as_a_range_and_others_are_read_only() -> None:
    assert IdArray.of(np.arange(5, 11).reshape(2, 3)).explicit is None
    kept = IdArray.of([[3, 1], [2, -1]])
    assert kept.explicit is not None
    with pytest.raises(ValueError, match="read-only"):
        kept.ids[0, 0] = 7
    assert IdArray.of(4).ids.shape == ()
    assert IdArray.of(4).at((), "unit") == 4


def test_names_are_written_as_a_user_types_them() -> None:
    graph = ng.models.lenet5()
    c1 = graph.layer("C1").ids
    assert graph.neuron_name(c1[2, 10, 10]) == "C1[2, 10, 10]"
    assert graph.neuron_id("C1[2, 10, 10]") == c1[2, 10, 10]
    assert graph.neuron_id(" C1 [2,10 ,10]") == graph.neuron_id("C1", (2, 10, 10))
    assert graph.neuron_name(0) == "bias unit"
    assert graph.neuron_id("bias unit") == graph.neuron_id("bias unit[]") == 0
    weight = graph.weight_id("C1.kernel", (0, 0, 2, 2))
    assert graph.weight_name(weight) == "C1.kernel[0, 0, 2, 2]"
    assert graph.weight_id("C1.kernel[0,0,2,2]") == weight


def test_a_connection_table_leaves_weights_out_of_its_array() -> None:
    graph = ng.models.lenet5()
    ids = graph.weights.names["C3.kernel"].ids
    assert ids.shape == (16, 6, 5, 5)
    assert (ids < 0).sum() == 900
    with pytest.raises(ng.GraphError, match=r"C3.kernel\[0, 3, 0, 0\] does not exist"):
        graph.weight_id("C3.kernel", (0, 3, 0, 0))


def test_renaming_keeps_ids_and_order() -> None:
    names = Names("weight")
    names.add("a", IdArray((2,), 0))
    names.add("b", IdArray((2,), 2))
    assert names.name_of(1) == "a[1]"
    names.rename("a", "z")
    assert list(names) == ["z", "b"]
    assert names.name_of(1) == "z[1]"
    assert "a" not in names
    with pytest.raises(ng.GraphError, match=r"weight array 'b' exists already"):
        names.rename("z", "b")
    with pytest.raises(ng.GraphError, match=r"weight array 'a' is unknown"):
        names.rename("a", "c")


def test_bad_input() -> None:
    graph = ng.models.lenet5()
    for text in ("C1[2, x]", "C1[1,,2]", "C1[1", "", "C1]2[", "C1[--1]", "C1[1][2]"):
        with pytest.raises(ng.GraphError, match=r'neuron name .* is not of the form "C1\[2, 10'):
            graph.neuron_id(text)
    with pytest.raises(
        ng.GraphError, match=r"neuron array 'C2' is unknown; did you mean S2, C5, C3"
    ):
        graph.neuron_id("C2[0, 0, 0]")
    with pytest.raises(ng.GraphError, match=r"array 'qqq' is unknown; there are bias unit, input"):
        graph.neuron_id("qqq")
    with pytest.raises(ng.GraphError, match=r"C1\[6, 0, 0\] is out of range; C1 has shape \(6, 28"):
        graph.neuron_id("C1[6, 0, 0]")
    with pytest.raises(ng.GraphError, match=r"C1\[0, 0, -1\] is out of range"):
        graph.neuron_id("C1[0, 0, -1]")
    with pytest.raises(ng.GraphError, match="C1: found no index, needed one into"):
        graph.neuron_id("C1")
    with pytest.raises(ng.GraphError, match=r"weight array 'C1.kernl' is unknown; did you mean C1"):
        graph.weight_id("C1.kernl[0]")
    with pytest.raises(ng.GraphError, match=r"neuron 99999 does not exist; ids go from 0 to 9118"):
        graph.neuron_name(99999)
    with pytest.raises(ng.GraphError, match=r"weight -2 does not exist; ids go from 0 to 60839"):
        graph.weight_name(-2)
    for name in ("a[0]", "", " a", "a]"):
        with pytest.raises(ng.GraphError, match=r"a name is printable text without brackets"):
            graph.add(ng.Input((1,), name=name or " "))
    assert graph.size == 9119  # nothing was added on the way


@pytest.mark.parametrize("name", [5, "", "a\nb", b"a"])
def test_what_can_not_be_a_name(name: Any) -> None:
    with pytest.raises(ng.GraphError, match="a name is printable text without brackets"):
        ng.Graph().add(ng.Input((2,), name=name))


def test_look_ups_by_what_is_no_name_or_no_index() -> None:
    graph = ng.models.lenet5()
    for name, found in (("C1", "no index"), ("C1[3]", "an index of 1")):
        with pytest.raises(ng.GraphError, match=f"C1: found {found}, needed one into the shape"):
            graph.neuron_id(name)
    with pytest.raises(ng.GraphError, match="layer 5 is unknown"):
        graph.layer(5)  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match="layer 3 is unknown"):
        graph.select(layer=3)  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match="neuron name 5 is not of the form"):
        graph.neuron_id(5)  # type: ignore[arg-type]
    for index in ((0.5, 0, 0, 0), 3):
        with pytest.raises(ng.GraphError, match=r"C1.kernel: index .*, needed whole numbers"):
            graph.weight_id("C1.kernel", index)  # type: ignore[arg-type]
