"""How long training will take, said before it begins where it will be long."""

from __future__ import annotations

import importlib.util
import sys
import time

from neurograph.errors import installing
from neurograph.training.loop import Loop

_FEW = 4  # patterns that are timed where they are learnt one by one
_SLOW = 0.2  # seconds a pattern that need no better estimate
_LONG = 60.0  # seconds that need no word


def announce(loop: Loop) -> None:
    """Say to stderr how long all passes will take, if long, and which engine would be faster.

    It is measured: the gradients of the first patterns are computed, and no weight moves.
    """
    simulator, options = loop.simulator, loop.options
    left = options.passes - len(loop.history.passes)
    if left < 1 or simulator.engine == "numba":
        return
    rate = _patterns_a_second(loop)
    seconds = left * len(loop.data) / rate
    if seconds > _LONG:
        print(
            f"fit: about {lasting(seconds)}: {simulator.engine} engine, {rate:,.0f} patterns a "
            f"second; {_advice()}",
            file=sys.stderr,
        )


def _patterns_a_second(loop: Loop) -> float:
    """Return how many patterns are learnt a second, once the engine is prepared."""
    size = min(loop.options.batch, len(loop.data))
    _seconds(loop, 1, 1)
    one = _seconds(loop, 1, 1)
    if one > _SLOW:  # a whole batch would be a wait of its own
        return 1 / one
    rounds = max(1, _FEW // size)
    return rounds * size / _seconds(loop, size, rounds)


def _seconds(loop: Loop, size: int, rounds: int) -> float:
    """Return how long so many gradients of the first patterns take."""
    images, targets = loop.data.take(slice(0, size))
    start = time.perf_counter()
    for _ in range(rounds):
        loop.simulator.gradient(images, targets, loop.loss)
    return max(time.perf_counter() - start, 1e-9)


def _advice() -> str:
    faster = "the numba engine is many times faster"
    if importlib.util.find_spec("numba"):
        return f'{faster}: engine="numba"'
    return f"{faster}: {installing('fast')}"


def lasting(seconds: float) -> str:
    """Return a long time in words.

    >>> lasting(90), lasting(2820), lasting(14_400)
    ('2 min', '47 min', '4.0 h')
    """
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.1f} h"
