"""Whatever ended a call too early, the next one is right."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from networks import build, randomize

import neurograph as ng
from neurograph.losses import CrossEntropy, DiscriminativePenalty, MeanSquaredError

ENGINES = ["reference", "scipy", *(["numba"] if find_spec("numba") else [])]
engines = pytest.mark.parametrize("engine", ENGINES)
numba = pytest.mark.skipif("numba" not in ENGINES, reason="needs numba")


class Stop(BaseException):
    """No error that anybody expects."""


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No garbage is collected: what is raised while it is, Python swallows."""
    gc.disable()
    yield
    gc.enable()


class Failing(CrossEntropy):
    """A loss that fails when it is asked for what a way back starts from."""

    def gradient(self, outputs: Any, targets: Any) -> Any:
        raise Stop

    curvature = gradient


def network() -> ng.Graph:
    return randomize(build(ng.Conv2d(3, 3, activation="tanh"), ng.Linear(4)))


def batch(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (size, 1, 8, 8)), rng.integers(0, 4, size)


def same(found: ng.Gradient, right: ng.Gradient) -> None:
    np.testing.assert_allclose(found.weights, right.weights, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.outputs, right.outputs, rtol=1e-9, atol=1e-12)


@engines
@pytest.mark.parametrize(("size", "threads"), [(1, 1), (3, 1), (40, 1), (100, 2)])
def test_after_a_loss_that_fails(engine: str, size: int, threads: int) -> None:
    size = min(size, 3) if engine == "reference" else size
    graph, (x, labels) = network(), batch(size)
    right = ng.Simulator(graph, engine="scipy", dtype="float64").gradient(x, labels, CrossEntropy())
    sim = ng.Simulator(graph, engine=engine, dtype="float64", threads=threads)
    calls: list[Callable[[], Any]] = [
        lambda: sim.gradient(x, labels, Failing()),
        lambda: sim._engine.backward(x.reshape(size, -1), right_ids(sim), fail, squared=True),
        lambda: sim.descend(x, labels, Failing(), np.ones(graph.weights.count)),
    ]
    for call in calls:
        with pytest.raises(Stop):
            call()
        for loss in (CrossEntropy(), Own()):
            same(sim.gradient(x, labels, loss), right)


class Own(CrossEntropy):
    """A loss that no engine knows by its class."""


def right_ids(sim: ng.Simulator) -> np.ndarray:
    return sim.program.outputs.reshape(-1)


def fail(_states: Any) -> Any:
    raise Stop


@engines
def test_a_descent_that_fails_has_changed_nothing(engine: str) -> None:
    class Later(CrossEntropy):
        asked = 0

        def gradient(self, outputs: Any, targets: Any) -> Any:
            Later.asked += 1
            if Later.asked % 3 == 0:
                raise Stop
            return super().gradient(outputs, targets)

    graph, (x, labels) = network(), batch(5)
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    before, outputs = graph.weights.value, sim(x)
    with pytest.raises(Stop):
        sim.descend(x, labels, Later(), np.full(graph.weights.count, 0.1))
    np.testing.assert_array_equal(graph.weights.value, before)
    np.testing.assert_array_equal(sim(x), outputs)


@engines
def test_values_that_come_back_are_loaded_again(engine: str) -> None:
    graph, (x, labels) = network(), batch(6)
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    first, right = graph.weights.value, sim(x)
    slopes = sim.gradient(x, labels, "cross_entropy")
    for between in (sim.states, lambda x: sim.gradient(x, labels, "cross_entropy")):
        graph.weights.value = first * 2
        between(x)
        graph.weights.value = first
        np.testing.assert_array_equal(sim(x), right)
        same(sim.gradient(x, labels, "cross_entropy"), slopes)


@numba
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize(("size", "threads"), [(4, 1), (64, 1), (200, 2)])
@pytest.mark.usefixtures("no_collection")
def test_signals_at_any_time(size: int, threads: int) -> None:
    graph, (x, labels) = network(), batch(size)
    sims = [ng.Simulator(graph, engine="numba", dtype="float64", threads=n) for n in (1, threads)]
    right, outputs = (f(x) for f in (lambda x: sims[0].gradient(x, labels, Own()), sims[0]))
    sim = sims[1]
    rng, rings = np.random.default_rng(0), 0

    def stop(_number: int, _frame: Any) -> None:
        nonlocal rings
        rings -= 1
        if rings:  # once more, where the first is dealt with
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 1e-3))
        raise Stop

    def interrupted() -> None:
        nonlocal rings
        rings = 2
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 2e-3))
            while True:
                sim.gradient(x, labels, Own())
                sim(x)
        finally:
            while rings:
                time.sleep(1e-4)

    old = signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(60):
            with pytest.raises(Stop):
                interrupted()
            same(sim.gradient(x, labels, Own()), right)
            np.testing.assert_allclose(sim(x), outputs, rtol=1e-12)
    finally:
        signal.signal(signal.SIGALRM, old)


@numba
@pytest.mark.usefixtures("no_collection")
def test_exceptions_that_another_thread_raises() -> None:
    graph, (x, labels) = network(), batch(64)
    right = ng.Simulator(graph, engine="numba", dtype="float64").gradient(x, labels, Own())
    sim = ng.Simulator(graph, engine="numba", dtype="float64", threads=2)
    # Its threads begin here: Python may throw what is meant for a thread at one that it begins.
    same(sim.gradient(x, labels, Own()), right)
    rng, stopped = np.random.default_rng(1), 0
    for _ in range(20):
        begun, ended = threading.Event(), threading.Event()

        def work(begun: threading.Event = begun, ended: threading.Event = ended) -> None:
            try:
                begun.set()
                while True:
                    sim.gradient(x, labels, Own())
            except Stop:
                ended.set()

        worker = threading.Thread(target=work)
        worker.start()
        begun.wait(10)
        ended.wait(rng.uniform(0, 3e-3))
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident or 0), ctypes.py_object(Stop)
        )
        worker.join(30)
        stopped += ended.is_set()
        same(sim.gradient(x, labels, Own()), right)
    assert stopped == 20


@numba
@pytest.mark.parametrize("size", [2, 40])
def test_a_loss_that_asks_its_own_simulator_is_told(size: int) -> None:
    graph, (x, labels) = network(), batch(size)
    sim = ng.Simulator(graph, engine="numba", dtype="float64")
    right = sim.gradient(x, labels, "cross_entropy")

    class Asking(CrossEntropy):
        def gradient(self, outputs: Any, targets: Any) -> Any:
            sim(x)  # this it may
            sim.gradient(x, labels, "cross_entropy")

    with pytest.raises(ng.EngineError, match="a gradient asked for within another"):
        sim.gradient(x, labels, Asking())
    same(sim.gradient(x, labels, "cross_entropy"), right)


@numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("size", [2, 40])
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_forked_during_a_gradient_has_its_own(size: int) -> None:
    graph, (x, labels) = network(), batch(size)
    sim = ng.Simulator(graph, engine="numba", dtype="float64", threads=2)
    right = sim.gradient(x, labels, MeanSquaredError())
    inside, go_on = threading.Event(), threading.Event()

    class Slow(CrossEntropy):
        def gradient(self, outputs: Any, targets: Any) -> Any:
            inside.set()
            go_on.wait(30)
            return super().gradient(outputs, targets)

    other = threading.Thread(target=lambda: sim.gradient(x, labels, Slow()))
    other.start()
    inside.wait(30)
    child = os.fork()
    if child == 0:  # no pytest in here
        signal.alarm(20)
        try:
            same(sim.gradient(x, labels, MeanSquaredError()), right)
            os._exit(0)
        except BaseException:
            os._exit(1)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        go_on.set()
        other.join(30)
    same(sim.gradient(x, labels, MeanSquaredError()), right)


@numba
def test_a_pool_that_finds_no_thread_waits_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurograph.kernels import pool as pools

    pool, done = pools.Pool(3), []
    pool.spread([lambda: None] * 2)
    start = pools.start_new_thread

    def no_more(*_call: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pools, "start_new_thread", no_more)
    with pytest.raises(ng.EngineError, match="4 threads, the system starts no more than"):
        pool.spread([lambda n=n: done.append(n) for n in range(4)])
    count = len(done)
    monkeypatch.setattr(pools, "start_new_thread", start)
    pool.spread([lambda n=n: done.append(10 + n) for n in range(4)])
    assert sorted(done[count:]) == [10, 11, 12, 13]


@numba
def test_plans_that_have_not_run_keep_no_old_weights() -> None:
    import weakref

    from neurograph.kernels.runner import Runner

    graph = network()
    runner = Runner(ng.compile(graph), np.dtype("float32"), 1)
    for size in (1, 8, 64):
        runner.run(np.zeros((size, 64), np.float32))
    old = [weakref.ref(plan._tables.ops) for plan in runner._plans.values() if plan._tables]
    assert len(old) >= 2
    runner.load(graph.weights.value)
    gc.collect()
    assert all(one() is None for one in old)


def test_a_gradient_of_another_shape_is_refused_before_it_is_read() -> None:
    class Wrong(DiscriminativePenalty):
        found: Any = None

        def gradient(self, outputs: Any, targets: Any) -> Any:
            return Wrong.found

    graph, (x, labels) = network(), batch(40)
    for engine in ENGINES:
        sim = ng.Simulator(graph, engine=engine)
        for wrong in (np.zeros(4), np.zeros((40, 3)), np.zeros((40, 4), complex), None, "x"):
            Wrong.found = wrong
            with pytest.raises(ng.DataError, match="loss"):
                sim.gradient(x, labels, Wrong())


@numba
def test_a_turn_that_was_never_given_back_locks_nobody_out() -> None:
    from neurograph.kernels.turns import Turns, _Turn

    turns = Turns()

    def take_and_never_give_back() -> None:  # as an exception between two lines may have it
        turns._last = turns._last.followed_by(_Turn())

    take_and_never_give_back()  # by this thread, which goes on
    worker = threading.Thread(target=take_and_never_give_back)  # by one that ends
    worker.start()
    worker.join(30)
    assert turns.take(lambda: "in") == "in"


@numba
def test_one_turn_at_a_time() -> None:
    from neurograph.kernels.turns import Turns

    turns, inside, found = Turns(), [], []

    def call() -> None:
        inside.append(1)
        time.sleep(1e-3)
        found.append(len(inside))
        inside.pop()

    def work() -> None:
        for _ in range(20):
            turns.take(call)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert found == [1] * 80
