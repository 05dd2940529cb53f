"""How long LeNet-5 takes to build.

Count and compile, how large its graph is, and what import costs.

    python benchmarks/graph.py

Prints medians of 21 runs in this process, and of 7 fresh processes for the import.
"""

from __future__ import annotations

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


def graph_bytes(graph: ng.Graph) -> int:
    """Return the bytes of a graph's columns, tables, weight values and explicit id arrays."""
    table, weights = graph.table, graph.weights
    arrays = [table.field, table.kernel, table.bias, table.function, weights.value]
    arrays += [a for rows in (table.fields, table.kernels) for a in (rows.ptr, rows.ids)]
    arrays.append(weights.trainable)
    named = [weights.names[n] for n in weights] + [x.neurons for x in graph.layers.values()]
    arrays += [a.explicit for a in named if a.explicit is not None]
    return sum(a.nbytes for a in arrays)


def import_seconds(runs: int = 7) -> float:
    """Return the median time of `import neurograph` in a fresh process, in seconds."""
    code = "import time; t = time.perf_counter(); import neurograph; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    found = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(runs)]
    return statistics.median(float(seconds) for seconds in found)


def imported() -> list[str]:
    """Return which of the heavy packages `import neurograph` brings in."""
    code = f"import sys, neurograph; print([m for m in {UNWANTED!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return [name for name in UNWANTED if f"'{name}'" in done.stdout]


def main() -> None:
    """Print the figures."""
    graph = ng.models.lenet5()
    total = ng.count(graph).total
    print(f"LeNet-5: {total.parameters:,} parameters, {total.connections:,} connections")
    print(f"build    {median_ms(ng.models.lenet5):8.2f} ms")
    print(f"count    {median_ms(lambda: ng.count(graph)):8.2f} ms")
    print(f"verify   {median_ms(lambda: ng.verify(graph)):8.2f} ms")
    print(f"compile  {median_ms(lambda: ng.compile(graph)):8.2f} ms")
    print(f"graph    {graph_bytes(graph) / 1e6:8.2f} MB")
    print(f"import   {import_seconds() * 1e3:8.0f} ms, heavy packages: {imported() or 'none'}")


if __name__ == "__main__":
    main()
