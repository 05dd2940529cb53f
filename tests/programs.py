"""Programs drawn at random, step by step, and the check of a numba engine that runs them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from neurograph.engines.numba import Engine
from neurograph.engines.reference import Engine as Reference
from neurograph.functions import COMBINE, REDUCE, Activation, Function
from neurograph.program import Blocks, Program, Rows, Step

INPUTS = 24


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
