"""The numba engine against the reference engine, on programs drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import FUNCTIONS, INPUTS, Drawer, check, exact_at_infinity, programs

from neurograph.engines.numba import Engine
from neurograph.engines.reference import Engine as Reference
from neurograph.errors import EngineError
from neurograph.functions import ACTIVATIONS, Activation, Function
from neurograph.program import Blocks, Program

SOME = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.data_too_large])


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
