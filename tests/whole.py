"""What every graph does, wherever it comes from: it verifies, runs alike, and can be saved."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from drawn import triples_of
from mutations import some
from networks import literal
from random_nets import EDITS

import neurograph as ng
from neurograph.storage.soundness import problem

Rng = np.random.Generator
ENGINES = ("reference", "scipy", "numba")


def same(a: ng.Graph, b: ng.Graph) -> None:
    """Raise AssertionError unless two graphs are equal: triples, values, names, functions."""
    assert triples_of(a) == triples_of(b)
    assert a.constants == b.constants
    assert dict(a.labels) == dict(b.labels)
    assert [(x.name, x.kind, x.arrays) for x in a.layers.values()] == [
        (x.name, x.kind, x.arrays) for x in b.layers.values()
    ]
    for names, count in (("neuron_names", a.size), ("names", a.weights.count)):
        ours, theirs = (getattr(g if names == "neuron_names" else g.weights, names) for g in (a, b))
        assert ours.locate_all(np.arange(count)) == theirs.locate_all(np.arange(count))
    np.testing.assert_array_equal(a.table.function, b.table.function)
    assert a.functions == b.functions
    np.testing.assert_array_equal(a.weights.trainable, b.weights.trainable)
    assert a.weights.allocated == b.weights.allocated
    assert list(a.weights.dissolved) == list(b.weights.dissolved)
    for name, before in a.weights.dissolved.items():
        assert before.shape == b.weights.dissolved[name].shape
        np.testing.assert_array_equal(before.places, b.weights.dissolved[name].places)
    assert [x.name for x in a.inputs] == [x.name for x in b.inputs]
    if a.explicit_outputs is not None:
        np.testing.assert_array_equal(a.explicit_outputs, b.explicit_outputs)


def runs_alike(graph: ng.Graph, rng: Rng) -> None:
    """Raise AssertionError unless the engines give what the columns alone give, where finite.

    Their gradients have to be those of the reference engine.
    """
    if not graph.inputs:  # nothing to run it on
        return
    images = [rng.uniform(-1, 1, (2, *layer.neurons.shape)) for layer in graph.inputs]
    try:
        ng.compile(graph)
    except ng.GraphError:  # a cycle, a maximum of nothing, no outputs
        return
    places = [layer.ids.reshape(-1) >= 0 for layer in graph.inputs]
    given = [i.reshape(2, -1)[:, p] for i, p in zip(images, places, strict=True)]
    with np.errstate(all="ignore"):
        states = literal_of(graph, np.concatenate([np.empty((2, 0)), *given], axis=1))
    wanted = states[:, graph.outputs.reshape(-1)]
    sound = np.isfinite(states).all() and np.abs(states).max() < 1e9
    pulled, slopes = rng.uniform(-1, 1, (2, *graph.outputs.shape)), []
    for engine in ENGINES:
        simulator = ng.Simulator(graph, engine=engine, dtype="float64")
        found = simulator(*images)
        slopes.append(simulator.pullback(tuple(images), pulled)[0])
        if sound:
            near = 1e-9 * max(1.0, np.abs(states).max(), np.abs(slopes[0]).max(initial=0))
            error = f"{engine}: other outputs than the columns give"
            np.testing.assert_allclose(found.reshape(2, -1), wanted, 1e-7, near, err_msg=error)
            error = f"{engine}: other gradients than the reference"
            np.testing.assert_allclose(slopes[-1], slopes[0], 1e-7, near, err_msg=error)


def literal_of(graph: ng.Graph, given: Any) -> Any:
    """`literal` takes whole inputs; those with absent places are given where they are present."""
    if all((layer.ids >= 0).all() for layer in graph.inputs):
        return literal(graph, given)
    return np.full((2, graph.size), np.nan)


def is_whole(graph: ng.Graph, rng: Rng, folder: Path) -> None:
    """Raise unless a graph verifies, runs alike everywhere, and comes back from a file the same."""
    found = ng.verify(graph, compiled=bool(rng.random() < 0.5))
    assert found.ok, found.problems
    ng.save(graph, folder / "again.npz")
    again = ng.load(folder / "again.npz")
    same(graph, again)
    if sum(x.neurons.size for x in graph.inputs) < 10**5:
        runs_alike(graph, rng)
    np.testing.assert_array_equal(graph.weights.value, again.weights.value)
    repr(graph), str(ng.count(graph))
    with suppress(ng.GraphError):  # an edit that this graph does not allow
        changed = some(rng, list(EDITS.values()))(again, rng)
        assert ng.verify(changed, compiled=False).ok
        assert not problem(changed)
