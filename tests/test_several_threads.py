"""One simulator, called from several threads, from a child process, and copied."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from networks import build, randomize

import neurograph as ng
from neurograph.kernels import team
from neurograph.kernels.columns.runner import ColumnRunner
from neurograph.kernels.pool import Pool

SIZES = (1, 3, 40, 64, 100)


def graph() -> ng.Graph:
    return randomize(build(ng.Conv2d(4, 3, activation="silu"), ng.Linear(5)))


def batch(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).normal(size=(samples, 64)).astype(np.float32)


def at_once(call: Callable[[int], Any], arguments: tuple[int, ...]) -> list[Any]:
    """Make the calls at the same time; return what they return or raise."""
    found: list[Any] = [None] * len(arguments)
    start = threading.Barrier(len(arguments))

    def work(place: int) -> None:
        start.wait()
        try:
            found[place] = call(arguments[place])
        except Exception as error:
            found[place] = error

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(arguments))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_at_once(threads: int) -> None:
    simulator = ng.Simulator(graph(), engine="numba", threads=threads)
    shape = simulator._inputs[0].neurons.shape

    def gradient(samples: int) -> np.ndarray:
        images = batch(samples).reshape(samples, *shape)
        return simulator.pullback(images, np.ones((samples, 5)))[0]

    wanted = [gradient(samples) for samples in SIZES]
    for _ in range(30):
        for one, other in zip(at_once(gradient, SIZES), wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_first_calls_at_once() -> None:
    made = graph()
    reference = ng.Simulator(made, engine="scipy")
    shape = reference._inputs[0].neurons.shape
    for _ in range(20):
        simulator = ng.Simulator(made, engine="numba")
        found = at_once(lambda n, run=simulator: run(batch(n).reshape(n, *shape)), SIZES)
        for samples, outputs in zip(SIZES, found, strict=True):
            wanted = reference(batch(samples).reshape(samples, *shape))
            np.testing.assert_allclose(outputs, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_columns_keep_their_weights_while_others_load(threads: int) -> None:
    made = randomize(build(ng.Conv2d(40, 3, activation="relu"), ng.Linear(5)))
    runner = ColumnRunner(ng.compile(made), np.dtype("float32"), threads)
    x, values = np.repeat(batch(1), 20, axis=0), made.weights.value.copy()
    every = [values, 2 * values]
    wanted: list[Any] = []
    for each in every:
        runner.load(each)
        wanted.append(runner.run(x))
    assert not np.array_equal(*wanted)
    enough, seen, rounds = threading.Event(), set(), 0

    def load() -> None:
        turn = 0
        while not enough.is_set():
            runner.load(every[turn % 2])
            turn += 1

    loader = threading.Thread(target=load)
    loader.start()
    try:
        while rounds < 25 or (len(seen) < 2 and rounds < 1000):  # until both were met
            rounds += 1
            for found in at_once(lambda _: runner.run(x), (0, 1)):
                same = [i for i, one in enumerate(wanted) if np.array_equal(found, one)]
                assert len(same) == 1
                seen.update(same)
    finally:
        enough.set()
        loader.join()
    assert seen == {0, 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_gradients_of_its_own() -> None:
    simulator = ng.Simulator(graph(), engine="numba", threads=2)
    images = batch(100).reshape(100, *simulator._inputs[0].neurons.shape)
    wanted = simulator.pullback(images, np.ones((100, 5)))[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads: that is what is tested
        child = os.fork()
    if child == 0:
        code = 1  # whatever happens, the child does not go on with the tests
        try:
            found = simulator.pullback(images, np.ones((100, 5)))[0]
            code = 0 if np.allclose(found, wanted) else 1
        finally:
            os._exit(code)
    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
    assert done == child
    assert status == 0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_copy_computes_the_same(threads: int, again: Callable[[Any], Any]) -> None:
    simulator = ng.Simulator(graph(), engine="numba", threads=threads)
    images = batch(100).reshape(100, *simulator._inputs[0].neurons.shape)
    wanted = simulator(images)
    np.testing.assert_array_equal(again(simulator)(images), wanted)


def test_more_threads_than_the_system_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    begin = team._Helper

    def helper() -> Any:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(begin())
        return started[-1]

    monkeypatch.setattr(team, "_Helper", helper)
    with pytest.raises(ng.EngineError, match="9 threads, the system starts no more than 4"):
        ng.Simulator(graph(), engine="numba", threads=9)
    for one in started:
        one.thread.join(5)
        assert not one.thread.is_alive()


def test_a_pool_waits_for_all_calls_and_raises_what_one_did() -> None:
    done: list[str] = []
    begun = threading.Event()

    def slow() -> None:
        begun.set()
        time.sleep(0.2)
        done.append("slow")

    def fails() -> None:
        begun.wait(30)
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        Pool(1).spread([fails, slow])
    assert done == ["slow"]
    with pytest.raises(MemoryError, match="no room"):
        Pool(1).spread([slow, fails])
