"""How long the numba engine takes to start, in processes of their own.

    python benchmarks/startup.py

The first process compiles the kernels into an empty cache, later ones find them there. Printed are
seconds of the whole process from its start to LeNet-5's first result and its end, by the wall's
clock and by the processor's; then, in this process, LeNet-5 from graph to plan, and the copy of
values into a plan after a change of weights.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from side_by_side import limit_threads, machine

limit_threads(1)

_FIRST = """
import numpy, neurograph
simulator = neurograph.Simulator(neurograph.models.lenet5(), engine="numba", dtype={dtype!r})
assert simulator(numpy.zeros((1, 1, 32, 32), {dtype!r})).shape == (1, 10)
"""


def seconds(dtype: str, cache: str) -> tuple[float, float, str]:
    """Return (wall, processor, stderr) of a process that runs LeNet-5 once."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _FIRST.format(dtype=dtype)],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, done.stderr.strip()


def plan_milliseconds() -> tuple[float, float, float]:
    """Return the medians of graph to program, program to plan, and of new values into a plan."""
    import numpy as np

    import neurograph as ng
    from neurograph.kernels.runner import Runner

    image = np.zeros((1, 1024), np.float32)
    graph = ng.models.lenet5()
    values = graph.weights.value
    compiling, planning, loading = [], [], []
    for _ in range(21):
        start = time.perf_counter()
        program = ng.compile(graph)
        compiled = time.perf_counter()
        runner = Runner(program, np.dtype(np.float32), 1)
        runner.load(values)
        runner.run(image)
        planned = time.perf_counter()
        runner.load(values)
        runner.run(image)  # a plan takes values when it runs
        loading.append(time.perf_counter() - planned)
        compiling.append(compiled - start)
        planning.append(planned - compiled)
    return tuple(statistics.median(x) * 1e3 for x in (compiling, planning, loading))  # type: ignore[return-value]


def main() -> None:
    """Print the figures."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(f"# start-up: {machine('numba', 'llvmlite', 'numpy')}")
    for dtype in ("float32", "float64"):
        with tempfile.TemporaryDirectory() as cache:
            wall, used, notice = seconds(dtype, cache)
            print(f"{dtype}: first, compiling: {wall:.1f} s, of the processor {used:.1f} s")
            print(f"    notice on stderr: {notice!r}")
            later = [seconds(dtype, cache) for _ in range(7)]
        wall, used = (statistics.median(x[i] for x in later) for i in (0, 1))
        print(f"{dtype}: later ones: {wall:.2f} s, of the processor {used:.2f} s (medians of 7)")
        assert not any(x[2] for x in later), later[0][2]
    compiling, planning, loading = plan_milliseconds()
    print(f"graph to program {compiling:.1f} ms, to plan with values {planning:.1f} ms more")
    print(f"new values into a plan {loading:.2f} ms")


if __name__ == "__main__":
    main()
