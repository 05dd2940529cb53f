"""What LeNet-5's graph costs: build, count, verify and compile it, its size, and the import.

    python benchmarks/graph.py

Prints medians of 21 runs in this process, and of 7 fresh processes for the import; of that also the
processor time, which a busy machine does not stretch.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import neurograph as ng

UNWANTED = ("torch", "numba", "matplotlib", "networkx", "scipy.sparse")


def median_ms(action: Callable[[], Any], runs: int = 21) -> float:
    """Return the median time of `action` in milliseconds, after one run to warm up."""
    action()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def import_ms(runs: int = 7) -> tuple[float, float]:
    """Return the median wall and processor time, in ms, of the import in a fresh process."""
    code = (
        "import time; t, c = time.perf_counter(), time.process_time(); import neurograph; "
        "print(time.perf_counter() - t, time.process_time() - c)"
    )
    command = [sys.executable, "-c", code]
    found = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(runs)]
    wall, processor = zip(*(map(float, text.split()) for text in found), strict=True)
    return statistics.median(wall) * 1e3, statistics.median(processor) * 1e3


def imported() -> list[str]:
    """Return which of the heavy packages `import neurograph` brings in."""
    code = f"import sys, neurograph; print([m for m in {UNWANTED!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return [name for name in UNWANTED if f"'{name}'" in done.stdout]


def main() -> None:
    """Print the figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    graph = ng.models.lenet5()
    total = ng.count(graph).total
    print(f"LeNet-5: {total.parameters:,} parameters, {total.connections:,} connections")
    print(f"build    {median_ms(ng.models.lenet5):8.2f} ms")
    print(f"count    {median_ms(lambda: ng.count(graph)):8.2f} ms")
    print(f"verify   {median_ms(lambda: ng.verify(graph)):8.2f} ms")
    print(f"compile  {median_ms(lambda: ng.compile(graph)):8.2f} ms")
    print(f"graph    {graph.nbytes / 1e6:8.2f} MB, values included")
    wall, processor = import_ms()
    print(f"import   {wall:8.0f} ms, {processor:.0f} ms of them on the processor")
    print(f"heavy packages imported: {', '.join(imported()) or 'none'}")


if __name__ == "__main__":
    main()
