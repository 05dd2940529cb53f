"""A Program made by hand is refused, or run as the reference runs it: no engine trusts its ids."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import build, irregular, randomize

import neurograph as ng
from neurograph.engines import create
from neurograph.program import Blocks, Program, Rows, check_program

ENGINES = ["reference", "scipy", *(["numba"] if find_spec("numba") else [])]
FLOAT = np.dtype("float64")


def network(kind: int) -> ng.Graph:
    if kind == 0:
        return randomize(build(ng.Conv2d(3, 3, padding=1), ng.MaxPool2d(2), ng.Linear(3)))
    if kind == 1:
        layer = ng.Conv2d(4, 2, table=[[0], [0, 1], [1], [0, 1]], activation="relu")
        return randomize(build(layer, ng.Linear(2), shape=(2, 4, 4)))
    graph = ng.Graph()
    x = graph.add(ng.Input((6,), name="x"))
    graph.add_constant("edge", -1.0)
    h = graph.add(ng.Linear(5, activation="tanh", name="h"), x)
    s = graph.add(ng.Add(name="s"), h[:4], x[:4])
    graph.add(ng.Linear(3, name="y"), np.concatenate([s, h]))
    return ng.cut(randomize(graph), lambda block: (block.source + block.target) % 7 == 0)


def changed(array: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """An array with a few ids changed."""
    new = array.copy()
    if not new.size:
        return new
    at = rng.integers(new.size, size=int(rng.integers(1, 3)))
    wild = [-(2**31), -1000, -7, -2, -1, 0, size - 1, size, size + 1, 10**6, 2**31 - 1]
    new.reshape(-1)[at] = rng.choice([*wild, *rng.integers(0, size, 8)], at.size)
    return new


def odd(array: np.ndarray, rng: np.random.Generator) -> Any:
    """An array of another type, order or shape."""
    ways: list[Callable[[], Any]] = [
        lambda: array.astype(np.int64),
        lambda: array.astype(np.float32),
        lambda: np.asfortranarray(array),
        lambda: array.reshape(-1),
        lambda: array[..., :-1],
        lambda: np.concatenate([array, array]),
        lambda: array[::-1],
        array.tolist,
    ]
    return ways[int(rng.integers(len(ways)))]()


def mutated(program: Program, rng: np.random.Generator) -> Program:
    """A program with something changed."""
    way, steps = int(rng.integers(14)), list(program.steps)
    at = int(rng.integers(len(steps)))
    step = steps[at]
    names = ["sources", "weights", "bias", "targets", *(["ptr"] if isinstance(step, Rows) else [])]
    name = str(rng.choice(names))
    array = getattr(step, name)
    size = program.weight_count if name in ("weights", "bias") else program.size
    if way < 6:
        steps[at] = replace(step, **{name: changed(array, rng, size)})
    elif way == 6:
        steps[at] = replace(step, **{name: odd(array, rng)})
    elif way == 7:
        steps[at] = replace(step, level=int(rng.integers(-1, 5)))
    elif way == 8:
        del steps[at]
    elif way == 9:
        steps.insert(int(rng.integers(len(steps))), step)
    elif way == 10:
        return replace(program, outputs=changed(program.outputs, rng, program.size))
    elif way == 11:
        return replace(program, inputs=(changed(program.inputs[0], rng, program.size),))
    elif way == 12:
        key, less = str(rng.choice(["size", "weight_count"])), int(rng.integers(1, 9))
        return replace(program, **{key: getattr(program, key) - less})
    else:
        states = dict(program.constants)
        states[int(rng.choice([0, 3, -1, program.size]))] = float(rng.choice([1, 2, np.nan]))
        return replace(program, constants=states)
    return replace(program, steps=tuple(steps))


def answers(engine: Any, inputs: np.ndarray) -> list[np.ndarray]:
    at = engine.program.outputs.reshape(-1)
    seed = np.linspace(1, 2, len(inputs) * at.size).reshape(len(inputs), -1)
    weights, below = engine.backward(inputs, at, lambda _states: seed, wrt_inputs=True)
    return [engine.run(inputs), engine.states(inputs), weights, below]


def attack(engine: str, count: int, seed: int) -> tuple[int, int]:
    """Return how many mutated programs were refused and how many were run rightly."""
    rng, refused, run = np.random.default_rng(seed), 0, 0
    graphs = [network(kind) for kind in range(3)]
    for number in range(count):
        graph = graphs[number % 3]
        program = ng.compile(graph)
        bad = mutated(program, rng)
        if rng.random() < 0.2:
            bad = mutated(bad, rng)
        inputs = rng.uniform(-1, 1, (int(rng.choice([1, 3, 40])), program.inputs[0].size))
        made = []
        for name in ("reference", engine):
            try:
                one = create(name, bad, dtype=FLOAT, threads=1)
            except (ng.EngineError, ng.GraphError):
                continue
            one.load(graph.weights.value[: bad.weight_count])
            made.append(answers(one, inputs))
        assert len(made) != 1, "the engines do not agree on what is refused"
        refused, run = refused + (not made), run + bool(made)
        for right, found in zip(*made, strict=True) if made else ():
            np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-9)
    return refused, run


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_changed_programs_are_refused_or_run_rightly(engine: str) -> None:
    """In a process of its own, which may crash."""
    code = f"import test_unsound_programs as t; print(*t.attack({engine!r}, 240, 5))"
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    refused, run = map(int, done.stdout.split()[-2:])
    assert refused > 60
    assert run > 20


def arrays(program: Program) -> list[np.ndarray]:
    columns = [a for s in program.steps for a in (s.sources, s.weights, s.bias, s.targets)]
    more = [s.ptr for s in program.steps if isinstance(s, Rows)]
    return [*columns, *more, *program.inputs, program.outputs]


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize(
    "again", [lambda p: p, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_program_is_read_only(kind: int, again: Callable[[Program], Program]) -> None:
    program = again(ng.Simulator(network(kind), engine="scipy").program)
    check_program(program)
    for array in arrays(program):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = -7
    with pytest.raises(TypeError):
        program.constants[0] = 2.0  # type: ignore[index]
    with pytest.raises(TypeError):
        program.layers["x"] = None  # type: ignore[index]


def test_what_a_graph_hands_out_is_read_only_or_its_own() -> None:
    graph = network(2)
    right = ng.Simulator(graph, engine="scipy")(np.ones((2, 6)))
    for ids in (graph.outputs, *(layer.ids for layer in graph.layers.values())):
        try:
            ids[...] = -7
        except ValueError:
            continue
    table = graph.table
    for column in (table.field, table.kernel, table.bias, table.function, table.fields.ids):
        with pytest.raises(ValueError, match="read-only"):
            column[...] = -7
    for found in (graph.incoming(8), graph.outgoing(2), graph.sharing(3), graph.connections.all()):
        for part in (found.source, found.weight, found.target):
            if part.flags.writeable:
                part[...] = -7
    np.testing.assert_array_equal(ng.Simulator(graph, engine="scipy")(np.ones((2, 6))), right)


def test_arrays_of_ones_own_may_change_afterwards() -> None:
    program = ng.compile(network(0))
    mine = [replace(s, sources=s.sources.copy()) for s in program.steps]
    given = mine[0].sources.copy()
    step = replace(mine[0], sources=given)
    given[...] = 10**6
    check_program(replace(program, steps=(step, *mine[1:])))


@pytest.mark.parametrize("state", [0.0, 2.0, np.nan, np.inf])
def test_the_bias_unit_is_one(state: float) -> None:
    graph = network(0)
    with pytest.raises(ng.GraphError):
        ng.Graph.assemble(
            graph.table,
            graph.weights,
            graph.functions,
            list(graph.layers.values()),
            constants={0: "bias unit"},
            states={0: state},
            inputs=["x"],
        )
    for engine in ENGINES:
        with pytest.raises(ng.EngineError, match="bias unit"):
            create(engine, replace(ng.compile(graph), constants={0: state}), dtype=FLOAT, threads=1)


def test_every_drawn_program_is_sound() -> None:
    from hypothesis import given, settings

    @settings(deadline=None, max_examples=40)
    @given(irregular())
    def sound(graph: ng.Graph) -> None:
        check_program(ng.compile(graph))

    sound()
    check_program(ng.compile(ng.models.lenet5()))
    assert any(isinstance(s, Blocks) for s in ng.compile(ng.models.lenet5()).steps)
