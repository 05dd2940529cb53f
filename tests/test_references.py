"""Names stand wherever ids do: one neuron's, one weight's, or a whole array's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.graph import neuron_ids, weight_ids

GRAPH = ng.models.lenet5()
C1, C3 = GRAPH.layer("C1").ids, GRAPH.layer("C3").ids


def same(found: ng.Connections, wanted: ng.Connections) -> bool:
    return list(found) == list(wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("C1", C1),
        ("C1[2, 10, 10]", C1[2, 10, 10]),
        (C1[0], C1[0]),
        (7, 7),
        (np.int64(7), 7),
        (np.uint8(7), 7),
        (["C1[0, 0, 0]", 7, C1[1, 0]], [C1[0, 0, 0], 7, *C1[1, 0]]),
        (np.array(["C1[0, 0, 0]", "C3[0, 0, 1]"]), [C1[0, 0, 0], C3[0, 0, 1]]),
        ("bias unit", 0),
        ([], []),
    ],
)
def test_neurons(given: Any, wanted: Any) -> None:
    found = neuron_ids(GRAPH, given, "me")
    assert found.dtype == np.int32
    assert np.array_equal(found, wanted)


def test_weights() -> None:
    kernel = GRAPH.weights.names["C1.kernel"].ids
    assert np.array_equal(weight_ids(GRAPH.weights, "C1.kernel", "me"), kernel)
    assert weight_ids(GRAPH.weights, "C1.kernel[0, 0, 2, 2]", "me") == kernel[0, 0, 2, 2]
    present = weight_ids(GRAPH.weights, "C3.kernel", "me")  # 900 of 2,400 are absent
    assert present.shape == (1500,)
    assert present.min() >= 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("C4", "me: neuron array 'C4' is unknown; did you mean"),
        ("C1[6, 0, 0]", r"me: C1\[6, 0, 0\] is out of range"),
        ("C1[0", 'me: neuron name .* is not of the form "C1'),
        (["C1", "C9"], "me: neuron array 'C9' is unknown"),
        (9119, "me: neuron 9119 does not exist; ids go from 0 to 9118"),
        (-1, "me: neuron -1 does not exist"),
        (2**63, "me: .*, beyond|me: neuron 9223372036854775808 does not"),
        (True, "me: found .*bool, needed whole numbers"),
        ([0.5], "me: found 0.5 among the neurons"),
        (["C1", None], "me: found None, needed whole numbers"),
        (b"C1", "me: found neurons of type .S2, needed whole numbers"),
    ],
)
def test_what_is_not_there(given: Any, message: str) -> None:
    with pytest.raises(ng.GraphError, match=message):
        neuron_ids(GRAPH, given, "me")


def test_look_ups_by_name_are_those_by_id() -> None:
    one, name = int(C3[0, 0, 0]), "C3[0, 0, 0]"
    weight = GRAPH.weight_id("C1.kernel", (0, 0, 2, 2))
    assert same(GRAPH.incoming(name), GRAPH.incoming(one))
    assert same(GRAPH.outgoing(name), GRAPH.outgoing(one))
    assert same(GRAPH.sharing("C1.kernel[0, 0, 2, 2]"), GRAPH.sharing(weight))
    assert len(GRAPH.sharing("C1.kernel")) == 6 * 28 * 28 * 25
    assert len(GRAPH.incoming("C3")) == 151_600
    assert same(GRAPH.select(target="C3", weight="C3.bias").all(), GRAPH.sharing("C3.bias"))
    assert GRAPH.function(name) == GRAPH.function(one)
    assert GRAPH.neuron_name(name) == name
    for query in (ng.receptive_field, ng.projective_field, ng.cone):
        assert np.array_equal(query(GRAPH, name), query(GRAPH, one))
    assert len(ng.receptive_field(GRAPH, ["C3[0, 0, 0]", "C1[5, 27, 27]"])) == 14 * 14 + 25


def test_outputs_sources_and_explanations_by_name() -> None:
    graph = ng.models.mlp((4, 3, 2))
    graph.outputs = "N1"
    assert graph.outputs.tolist() == [5, 6, 7]
    graph.outputs = ["output[1]", "N1[0]"]
    assert graph.outputs.tolist() == [9, 5]
    added = graph.add(ng.Linear(1, name="L"), "N1", "output[0]")
    assert graph.incoming(added[0]).source.tolist() == [5, 6, 7, 8, 0]
    why = ng.explain(graph, "output[0]", np.ones(4))
    assert why.state == ng.explain(graph, 8, np.ones(4)).state
    with pytest.raises(ng.GraphError, match="explain: neuron array 'outptu' is unknown; did you"):
        ng.explain(graph, "outptu[0]", np.ones(4))
    with pytest.raises(ng.GraphError, match="explain: neuron 'N1': needed one id or name"):
        ng.explain(graph, "N1", np.ones(4))


def test_weights_of_a_graph_without_any() -> None:
    graph = ng.Graph()
    with pytest.raises(ng.GraphError, match="sharing: weight 0 does not exist; there are none"):
        graph.sharing(0)
