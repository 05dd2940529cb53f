"""What the benchmarks share: threads, the machine's description, and timing in turns.

Import it first and call `limit_threads` before numpy, torch or onnxruntime are imported.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def limit_threads(count: int = 1) -> None:
    """Let the libraries that are imported after this use `count` threads."""
    for name in _VARIABLES:
        os.environ[name] = str(count)


def need(*packages: str) -> None:
    """Exit with a message if one of the packages is not installed."""
    for package in packages:
        if _version(package) is None:
            sys.exit(f"{package} is not installed; it is needed here: pip install {package}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine(*packages: str) -> str:
    """Return one line about the processor, the Python and the packages' versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
        wide = "AVX-512" if "avx512f" in info.read_text() else "no AVX-512"
        model = f"{model} ({wide})"
    versions = [f"{p} {_version(p)}" if _version(p) else f"no {p}" for p in packages]
    return ", ".join(
        [f"{os.cpu_count()} cores of {model}", f"Python {platform.python_version()}", *versions]
    )


def in_turns(
    actions: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 3.0,
    least: int = 7,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Run the actions one after the other, again and again, and return each one's seconds.

    One round warms up. Rounds go on until `seconds` for each action, and `least` rounds, are over:
    what slows the machine for a while slows all of them. `clock` gives seconds.
    """
    for action in actions.values():
        action()
    times: dict[str, list[float]] = {name: [] for name in actions}
    stop = time.perf_counter() + seconds * len(actions)
    while time.perf_counter() < stop or len(next(iter(times.values()))) < least:
        for name, action in actions.items():
            start = clock()
            action()
            times[name].append(clock() - start)
    return times


def median(times: list[float]) -> float:
    """Return the median, in the unit of `times`."""
    return statistics.median(times)


def spread(times: list[float]) -> str:
    """Return the first and third quartile in milliseconds, as text."""
    low, _, high = statistics.quantiles(times, n=4)
    return f"{low * 1e3:.2f}-{high * 1e3:.2f}"


def ratio(peer: list[float], ours: list[float]) -> float:
    """Return how many times as long the peer takes: the median over the rounds."""
    return statistics.median(p / o for p, o in zip(peer, ours, strict=True))
