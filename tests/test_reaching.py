"""A gradient is taken over what reaches an output alone, and a tie goes to the first slot."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, images, irregular, randomize

import neurograph as ng
from neurograph.program import Blocks, reaching

ENGINES = ["reference", "scipy", *(["numba"] if find_spec("numba") else [])]
engines = pytest.mark.parametrize("engine", ENGINES)


def simulator(graph: ng.Graph, engine: str, dtype: str = "float64") -> ng.Simulator:
    return ng.Simulator(graph, engine=engine, dtype=dtype)


def explode(graph: ng.Graph, ids: Any, name: str) -> Any:
    """A branch whose states are infinite where |x| > 0.1."""
    wide = ng.Conv2d(2, 3, activation="exp", bias=None, name=name)
    found = graph.add(wide, ids)
    kernel = graph.weights.names[f"{name}.kernel"].ids.reshape(-1)
    graph.weights.set(kernel, np.full(kernel.size, 1e4))
    return found


@engines
@pytest.mark.parametrize("size", [1, 6])
def test_a_branch_that_nobody_reads_takes_no_part(engine: str, size: int) -> None:
    torch = pytest.importorskip("torch")
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 6, 6), name="x"))
    c = graph.add(ng.Conv2d(3, 3, activation="tanh", name="c"), x)
    y = graph.add(ng.Linear(3, name="y"), c)
    graph.weights.initialize(seed=1)
    more = explode(graph, x, "more")
    graph.add(ng.Linear(2, name="more2"), more)
    graph.add(ng.MaxPool2d(2, name="more3"), explode(graph, c, "more4"))
    graph.outputs = y
    sim = simulator(graph, engine)
    given = np.random.default_rng(0).uniform(0.2, 1, (size, 1, 6, 6))
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(sim.states(given)["more"]).any()
    labels = np.arange(size) % 3
    tensor = torch.tensor(given, requires_grad=True)
    p = {
        name: torch.tensor(graph.weights[name], requires_grad=True)
        for name in ("c.kernel", "c.bias", "y.kernel", "y.bias")
    }
    hidden = torch.tanh(torch.nn.functional.conv2d(tensor, p["c.kernel"], p["c.bias"]))
    out = torch.nn.functional.linear(hidden.reshape(size, -1), p["y.kernel"], p["y.bias"])
    torch.nn.functional.cross_entropy(out, torch.tensor(labels)).backward()
    found = sim.gradient(given, labels, "cross_entropy", inputs=True)
    assert np.isfinite(found.weights).all()
    for name, parameter in p.items():
        ids = graph.weights.names[name].ids
        np.testing.assert_allclose(found.weights[ids], parameter.grad.numpy(), atol=1e-12)
    rest = graph.weights.names["more.kernel"].ids
    assert not found.weights[rest].any()
    np.testing.assert_allclose(found.inputs, tensor.grad.numpy(), atol=1e-12)
    seed = np.ones((size, 3))
    by_weight, by_input = sim.pullback(given, seed, inputs=True)
    assert np.isfinite(by_weight).all()
    assert np.isfinite(by_input).all()


@engines
@pytest.mark.parametrize("size", [1, 6])
def test_neurons_of_a_step_that_nobody_reads(engine: str, size: int) -> None:
    """Some maps of a layer, some places of others, and single neurons reach the output."""
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 7, 7), name="x"))
    c = graph.add(ng.Conv2d(4, 2, activation="exp", bias="neuron", name="c"), x)
    near = graph.add(ng.MaxPool2d(2, name="p"), c[:2, :4, :4])
    rest = c[2].reshape(-1)[[0, 7, 20, 33]]
    graph.add(ng.Linear(3, name="y"), np.concatenate([near.reshape(-1), rest]))
    randomize(graph)
    given = np.random.default_rng(3).uniform(-1, 1, (size, 1, 7, 7))
    given[:, :, 5:, 5:] = 1e3  # read by neurons of c that reach nothing
    kernel = graph.weights.names["c.kernel"].ids
    graph.weights.set(kernel, np.abs(graph.weights.value[kernel]))
    sim = simulator(graph, engine)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(sim.states(given)["c"]).all()
    found = sim.gradient(given, np.arange(size) % 3, "cross_entropy", inputs=True)
    calm = given.copy()
    calm[:, :, 5:, 5:] = 0
    right = simulator(graph, "reference").gradient(
        calm, np.arange(size) % 3, "cross_entropy", inputs=True
    )
    np.testing.assert_allclose(found.weights, right.weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.inputs, right.inputs, rtol=1e-9, atol=1e-12)
    assert np.isfinite(found.weights).all()


@settings(deadline=None, max_examples=40)
@given(irregular(), st.data())
def test_what_reaches_ids_is_what_their_cone_says(graph: ng.Graph, data: st.DataObject) -> None:
    program = ng.compile(graph)
    ids = np.array(data.draw(st.lists(st.sampled_from(graph.neurons.tolist()), min_size=1)))
    part = reaching(program, ids)
    seen, stack = set(ids.tolist()), ids.tolist()
    while stack:
        new = set(graph.incoming(stack.pop()).source.tolist()) - seen - {0}
        seen |= new
        stack += new
    computed = {int(t) for step in program.steps for t in step.targets.reshape(-1)}
    kept = [int(t) for step in part.steps for t in step.targets.reshape(-1)]
    assert sorted(kept) == sorted(seen & computed)
    assert [s.level for s in part.steps] == sorted(s.level for s in part.steps)
    inputs = images(graph, batch=2)
    own, whole = (
        simulator(graph, "reference")._engine.__class__(p, dtype=np.dtype("float64"))
        for p in (part, program)
    )
    flat = np.concatenate([x.reshape(2, -1) for x in inputs], axis=1)
    for engine in (own, whole):
        engine.load(graph.weights.value)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(own.states(flat)[:, ids], whole.states(flat)[:, ids])


def test_a_crop_stays_blocks() -> None:
    graph = build(ng.Conv2d(6, 3), ng.MaxPool2d(2), ng.Linear(2), shape=(1, 9, 9))
    program = ng.compile(graph)
    part = reaching(program, program.outputs)
    assert [type(step) for step in part.steps] == [type(step) for step in program.steps]
    assert isinstance(part.steps[0], Blocks)
    assert part.steps[0].targets.shape == (1, 6, 36)
    uncropped = ng.compile(build(ng.Conv2d(6, 3), ng.Linear(2)))
    assert reaching(uncropped, uncropped.outputs) is uncropped


@engines
@pytest.mark.parametrize("reduce", ["max", "min"])
@pytest.mark.parametrize("size", [1, 6])
@pytest.mark.parametrize("copies", [1, 5])  # rows, and a block
def test_ties_go_to_the_first_slot_listed(engine: str, reduce: str, size: int, copies: int) -> None:
    slots = [(4, 0), (2, 1), (3, 2), (1, 3), (2, 0)]
    neurons = range(5, 5 + copies)
    graph = ng.Graph.from_connections(
        [(source, weight, n) for n in neurons for source, weight in slots],
        inputs=[1, 2, 3, 4],
        functions=ng.Function("multiply", reduce),
        outputs=list(neurons),
        values=np.ones(4),
    )
    block = graph.connections.all()
    assert block.source[:5].tolist() == [4, 2, 3, 1, 2]
    sim = simulator(graph, engine)
    weights, below = sim.pullback(np.full((size, 4), 0.5), np.ones((size, copies)), inputs=True)
    np.testing.assert_array_equal(weights, [0.5 * size * copies, 0, 0, 0])
    np.testing.assert_array_equal(below, np.tile([0, 0, 0, copies], (size, 1)))


@engines
@pytest.mark.parametrize("batch", [1, 2, 8, 40])
def test_blocks_that_read_empty_slots_alone(engine: str, batch: int) -> None:
    graph = build(ng.Conv2d(8, 1, stride=2, padding=1, groups=2, bias="map"), shape=(2, 1, 1))
    found = simulator(graph, engine)(np.ones((batch, 2, 1, 1)))
    biases = np.broadcast_to(graph.weights["conv2d1.bias"][:, None, None], (8, 2, 2))
    np.testing.assert_array_equal(found, np.broadcast_to(biases, (batch, 8, 2, 2)))
