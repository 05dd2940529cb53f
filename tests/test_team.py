"""Threads that share a batch: every sample once, in any order of waking up."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from networks import build, randomize
from numba import njit

import neurograph as ng
from neurograph.kernels import mailbox, team
from neurograph.kernels.runner import Loaded, Runner

MANY = 1 << 15
BATCHES = (1, 16, 17, 40, 64, 100, 257)


def network() -> ng.Graph:
    return randomize(build(ng.Conv2d(4, 3, activation="tanh"), ng.Linear(5)))


def batch(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, 64)).astype(np.float32)


def runners(*threads: int) -> list[Runner]:
    graph = network()
    made = [Runner(ng.compile(graph), np.dtype("float32"), n) for n in threads]
    for runner in made:
        runner.load(graph.weights.value)
    return made


def test_batches_of_all_sizes_in_turn() -> None:
    one, *more = runners(1, 2, 4)
    for turn in range(5):
        for samples in BATCHES:  # plans, and so mailboxes, change
            x = batch(samples, turn)
            for runner in more:
                np.testing.assert_allclose(runner.run(x), one.run(x), rtol=1e-5, atol=1e-6)


def test_new_weights_reach_helpers_that_are_awake() -> None:
    one, two = runners(1, 2)
    values = network().weights.value
    for turn in range(200):
        x, fresh = batch(64, turn), values * (1 + turn)
        one.load(fresh)
        two.load(fresh)
        for _ in range(2):
            np.testing.assert_array_equal(two.run(x), one.run(x))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_of_two_plans_is_of_one_set_of_weights(threads: int) -> None:
    (runner,) = runners(threads)
    plans = len(runner._schedule(runner._vectors(17), 17, keep=False).jobs)
    assert plans == 2
    values = network().weights.value
    x = np.repeat(batch(1), 17, axis=0)
    runner.run(x)
    enough = threading.Event()

    def load() -> None:
        turn = 0
        while not enough.is_set():
            runner.load(values * (1 + turn % 2))
            turn += 1

    loader = threading.Thread(target=load)
    loader.start()
    seen: set[float] = set()
    try:
        stop = time.monotonic() + 20
        for _ in range(300):
            found = runner.run(x)
            np.testing.assert_allclose(found, found[:1].repeat(17, axis=0), rtol=1e-4)
            seen.add(round(float(found[0, 0]), 3))
        while len(seen) < 2 and time.monotonic() < stop:
            seen.add(round(float(runner.run(x)[0, 0]), 3))
    finally:
        enough.set()
        loader.join()
    assert len(seen) == 2


def test_a_simulator_may_be_called_from_several_threads() -> None:
    one, shared = runners(1, 3)
    wrong = []

    def call(seed: int) -> None:
        for turn in range(60):
            x = batch(48, 1000 * seed + turn)
            wanted = one.run(x)
            if not np.array_equal(shared.run(x), wanted):
                wrong.append((seed, turn))

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_helpers_take_part_and_go_to_sleep() -> None:
    (runner,) = runners(2)
    helper = runner._team._helpers[0]
    x, me, took = batch(1024), threading.get_ident(), set()
    forward = team._Helper.call

    def told(self: team._Helper, work: team._Work) -> None:
        def noted() -> None:
            took.add(threading.get_ident())
            work()

        forward(self, noted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(team._Helper, "call", told)
        runner.run(x)
    for _ in range(200):
        if helper.asleep:
            break
        time.sleep(0.01)
    assert helper.asleep
    assert took
    assert me not in took


def test_nobody_waits_for_helpers_that_never_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = runners(1, 2)
    monkeypatch.setattr(team._Helper, "call", lambda self, work: None)
    x = batch(64)
    np.testing.assert_array_equal(two.run(x), one.run(x))


def test_an_interrupted_call_leaves_nothing_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = runners(1, 3)
    run, x = Loaded.run, batch(MANY)
    wanted = one.run(x)
    interrupted = 0

    def interrupts(self: Loaded, *arguments: Any) -> None:
        if len(arguments) == 6:  # the caller's part of a shared batch
            time.sleep(0.0005)
            raise KeyboardInterrupt
        run(self, *arguments)

    for turn in range(30):
        monkeypatch.setattr(Loaded, "run", interrupts)
        with pytest.raises(KeyboardInterrupt):
            two.run(batch(MANY, turn))
        box = two._team._box
        done = int(box[mailbox.CELL * mailbox.DONE])
        interrupted += 0 < done < MANY
        time.sleep(0.0002)
        assert box[mailbox.CELL * mailbox.DONE] == done
        monkeypatch.setattr(Loaded, "run", run)
        np.testing.assert_array_equal(two.run(x), wanted)
    assert interrupted


def test_nothing_is_claimed_of_a_batch_that_is_not_offered_yet() -> None:
    box = mailbox.mailbox()
    small, large = (np.zeros((n, 3), np.float32) for n in (64, 512))
    mailbox.offer(box, small, small)
    for first in range(0, 64, 16):
        assert claiming(box, 1, 64) == first
    box[mailbox.CELL * mailbox.DONE] = 64
    mailbox.settle(box)
    box[mailbox.CELL * mailbox.SAMPLES] = 512  # as far as an offer has come that others see
    assert claiming(box, 1, 512) == 512
    mailbox.offer(box, large, large)
    assert claiming(box, 1, 512) == 512
    assert claiming(box, 2, 512) == 0
    assert claiming(box, 2, 512) == 16


def test_batches_are_numbered_from_0_again() -> None:
    box = mailbox.mailbox()
    box[mailbox.CLAIMED] = mailbox._LAST << mailbox._SHIFT
    x = np.zeros((64, 3), np.float32)
    mailbox.offer(box, x, x)
    assert claiming(box, 0, 64) == 0


@njit
def claiming(box: np.ndarray, number: int, last: int) -> int:
    return mailbox.claim(box, number, last, 16)


def test_a_helper_without_memory_leaves_the_blocks_to_others() -> None:
    def fails() -> None:
        raise MemoryError

    helper = team._Helper()
    helper.call(fails)
    for _ in range(200):
        if helper.asleep:
            break
        time.sleep(0.01)
    done = threading.Event()
    helper.call(done.set)
    assert done.wait(5)


def test_threads_end_with_their_runner() -> None:
    (runner,) = runners(4)
    runner.run(batch(64))
    threads = [helper.thread for helper in runner._team._helpers]
    assert [thread.is_alive() for thread in threads] == [True] * 3
    del runner
    gc.collect()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
