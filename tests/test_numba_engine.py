"""The numba engine against the reference engine, on programs drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurograph.engines.numba import Engine
from neurograph.engines.reference import Engine as Reference
from neurograph.errors import EngineError
from neurograph.functions import ACTIVATIONS, COMBINE, REDUCE, Activation, Function
from neurograph.program import Blocks, Program, Rows, Step

INPUTS = 24
SOME = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.data_too_large])


class Drawer:
    """Draws the steps of a program, each reading inputs and anything before it."""

    def __init__(self, seed: int, weights: int = 50) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights = weights
        self.size = 1 + INPUTS
        self.steps: list[Step] = []

    def ids(self, low: int, high: int, *shape: int) -> np.ndarray:
        return self.rng.integers(low, high, shape).astype(np.int32)

    def new(self, *shape: int) -> np.ndarray:
        """Return new neurons; their ids are shuffled half of the time."""
        count = int(np.prod(shape))
        ids = np.arange(self.size, self.size + count, dtype=np.int32)
        self.size += count
        return (self.rng.permutation(ids) if self.rng.random() < 0.5 else ids).reshape(shape)

    def blocks(self, function: Function, shape: tuple[int, int, int, int]) -> None:
        b, m, f, k = shape
        sources = self.ids(0, self.size, b, f, k)
        if self.rng.random() < 0.5:  # runs: each field the one before it, moved on by a step
            step = int(self.rng.integers(1, 3))
            first = self.ids(0, max(1, self.size - step * f), b, 1, k)
            sources = first + step * np.arange(f, dtype=np.int32)[:, None]
            sources = np.minimum(sources, self.size - 1)
        if function.linear and self.rng.random() < 0.5:
            sources[self.rng.random(sources.shape) < 0.2] = -1
        bias = self.ids(-1, self.weights, b, m, f if self.rng.random() < 0.3 else 1)
        weights = self.ids(0, self.weights, b, m, k)
        self.add(Blocks(self.level, function, sources, weights, bias, self.new(b, m, f)))

    def rows(self, function: Function, count: int, longest: int) -> None:
        shortest = 0 if function.reduce in ("sum", "product") else 1
        lengths = self.rng.integers(shortest, longest + 1, count)
        ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        sources = self.ids(0, self.size, int(ptr[-1]))
        weights = self.ids(0, self.weights, int(ptr[-1]))
        bias = self.ids(-1, self.weights, count)
        self.add(Rows(self.level, function, self.new(count), ptr, sources, weights, bias))

    def shared(self, function: Function, blocks: int, fields: int) -> None:
        """A connection table: each block reads some of the same groups of sources."""
        groups = [self.ids(0, self.size, fields, 3) for _ in range(4)]
        chosen = [
            np.sort(self.rng.choice(4, int(self.rng.integers(1, 5)), replace=False))
            for _ in range(blocks)
        ]
        new = []
        for groups_of in chosen:
            sources = np.concatenate([groups[g] for g in groups_of], axis=1)[None]
            weights = self.ids(0, self.weights, 1, 1, sources.shape[2])
            bias = self.ids(-1, self.weights, 1, 1, 1)
            new.append(Blocks(self.level, function, sources, weights, bias, sources[:, None, :, 0]))
        for step in new:
            targets = self.new(1, 1, fields)
            self.add(Blocks(step.level, function, step.sources, step.weights, step.bias, targets))

    @property
    def level(self) -> int:
        return len(self.steps) + 1

    def add(self, step: Step) -> None:
        self.steps.append(step)

    def program(self, outputs: int = 7) -> Program:
        wanted = self.ids(0, self.size, outputs)
        inputs = np.arange(1, INPUTS + 1, dtype=np.int32)
        return Program(
            size=self.size + 3,  # and some that no step computes
            weight_count=self.weights,
            steps=tuple(self.steps),
            inputs=(inputs[:10].reshape(2, 5), inputs[10:]),
            outputs=wanted,
            constants={0: 1.0},
            layers={},
            penalties=False,
        )


def exact_at_infinity(program: Program, dtype: str) -> bool:
    """Whether all that is 0 in the reference is 0 in an engine, whatever the states.

    Far below 0 a sigmoid in float32 is 0 to within its error only, and infinity times that is no
    NaN.
    """
    names = {step.function.activation.name for step in program.steps}
    return dtype == "float64" or "sigmoid" not in names


def check(program: Program, batch: int, seed: int, dtype: str, infinite: bool = False) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-0.5, 0.5, program.weight_count)
    inputs = rng.uniform(-1, 1, (batch, INPUTS))
    if infinite:
        inputs[rng.random(inputs.shape) < 0.1] = np.inf
        inputs[rng.random(inputs.shape) < 0.1] = -np.inf
        inputs[rng.random(inputs.shape) < 0.1] = np.nan
    inputs = inputs.astype(dtype)
    reference = Reference(program, dtype=np.dtype("float64"), threads=1)
    engine = Engine(program, dtype=np.dtype(dtype), threads=1)
    reference.load(values)
    engine.load(values)
    with np.errstate(all="ignore"):
        states = reference.states(inputs.astype("float64"))
    close = {"float32": 3e-5, "float64": 1e-11}[dtype]
    np.testing.assert_allclose(engine.states(inputs), states, rtol=close, atol=close)
    wanted = states[:, program.outputs.reshape(-1)]
    np.testing.assert_allclose(engine.run(inputs), wanted, rtol=close, atol=close)


FUNCTIONS = [
    Function(c, r, Activation(a))
    for c in COMBINE
    for r in REDUCE
    for a in ("identity", "relu", "tanh", "softsign")
]
BOUNDED = [Activation(a) for a in ("tanh", "sigmoid", "softsign", "hardtanh", "hardsigmoid")]


def bounded(pair: tuple[str, str], activation: Activation) -> Function:
    """A function whose states stay small, so that errors do not grow from step to step."""
    return Function(*pair, activation)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    drawer = Drawer(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 5))):
        pair = draw(st.sampled_from([(c, r) for c in COMBINE for r in REDUCE]))
        if draw(st.booleans()):
            pair = ("multiply", "sum")
        function = bounded(pair, draw(st.sampled_from(BOUNDED)))
        slots = 3 if function.reduce == "product" else 12
        kind = draw(st.sampled_from(["blocks", "rows", "shared"]))
        if kind == "rows":
            drawer.rows(function, draw(st.integers(1, 20)), slots)
        elif kind == "shared":
            drawer.shared(Function("multiply", "sum", function.activation), 5, 6)
        else:
            shape = [draw(st.integers(1, n)) for n in (3, 13, 40, slots)]
            drawer.blocks(function, (shape[0], shape[1], shape[2], shape[3]))
    return drawer.program()


@SOME
@given(programs(), st.integers(1, 40), st.sampled_from(["float32", "float64"]), st.booleans())
def test_agrees_with_the_reference(
    program: Program, batch: int, dtype: str, infinite: bool
) -> None:
    check(program, batch, 1, dtype, infinite and exact_at_infinity(program, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [1, 3, 17])
@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_every_pair(function: Function, batch: int, dtype: str) -> None:
    drawer = Drawer(5)
    drawer.blocks(function, (2, 3, 5, 3))
    drawer.rows(function, 9, 4)
    check(drawer.program(), batch, 2, dtype)


@pytest.mark.parametrize("batch", [1, 20])
def test_a_block_without_slots_among_those_that_share_sources(batch: int) -> None:
    drawer = Drawer(1)
    function, fields = Function(activation=Activation("tanh")), 40
    shared = np.arange(1, 1 + fields * 9, dtype=np.int32).reshape(1, fields, 9) % INPUTS
    steps = []
    for sources in (shared, shared[:, :, :0], shared):
        weights = drawer.ids(0, drawer.weights, 1, 1, sources.shape[2])
        bias = drawer.ids(0, drawer.weights, 1, 1, 1)
        targets = drawer.new(1, 1, fields)
        steps.append(Blocks(1, function, sources, weights, bias, targets))
    drawer.steps.extend(steps)
    check(drawer.program(), batch, 1, "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation: str, dtype: str) -> None:
    drawer = Drawer(6)
    function = Function("multiply", "sum", Activation(activation))
    drawer.blocks(function, (2, 7, 5, 6))
    drawer.rows(function, 9, 4)
    for batch in (1, 18):
        check(drawer.program(), batch, 3, dtype, infinite=True)


def test_parameters_of_activations() -> None:
    drawer = Drawer(7)
    for activation in (
        Activation("scaled_tanh", (2.0, 0.3)),
        Activation("leaky_relu", (0.2,)),
        Activation("elu", (0.7,)),
        Activation("hardtanh", (-0.1, 0.3)),
    ):
        drawer.blocks(Function(activation=activation), (1, 2, 9, 4))
    check(drawer.program(), 20, 4, "float32")


@pytest.mark.parametrize("blocks", [70, 300])
def test_many_small_blocks(blocks: int) -> None:
    drawer = Drawer(8)
    drawer.blocks(Function(), (blocks, 2, 2, 5))
    check(drawer.program(), 5, 5, "float32")


def test_threads_share_the_samples() -> None:
    drawer = Drawer(9)
    drawer.shared(Function(activation=Activation("tanh")), 5, 30)
    program = drawer.program()
    values = np.random.default_rng(0).uniform(-0.5, 0.5, program.weight_count)
    inputs = np.random.default_rng(1).uniform(-1, 1, (101, INPUTS)).astype(np.float32)
    found = []
    for threads in (1, 2, 5):
        engine = Engine(program, dtype=np.dtype("float32"), threads=threads)
        engine.load(values)
        found.append(engine.run(inputs))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_new_values_need_no_new_plan() -> None:
    drawer = Drawer(10)
    drawer.blocks(Function(), (1, 3, 4, 5))
    program = drawer.program()
    engine = Engine(program, dtype=np.dtype("float64"))
    reference = Reference(program, dtype=np.dtype("float64"))
    inputs = np.ones((2, INPUTS))
    for seed in (0, 1):
        values = np.random.default_rng(seed).normal(size=program.weight_count)
        engine.load(values)
        reference.load(values)
        np.testing.assert_allclose(engine.run(inputs), reference.run(inputs), atol=1e-12)


def test_an_empty_batch_gives_no_rows() -> None:
    drawer = Drawer(11)
    drawer.rows(Function(), 3, 3)
    engine = Engine(drawer.program(), dtype=np.dtype("float32"))
    assert engine.run(np.empty((0, INPUTS))).shape == (0, 7)


def test_refuses_other_dtypes() -> None:
    with pytest.raises(EngineError, match="float32 or float64"):
        Engine(Drawer(0).program(), dtype=np.dtype("float16"))
    with pytest.raises(EngineError, match="at least 1"):
        Engine(Drawer(0).program(), dtype=np.dtype("float32"), threads=0)
