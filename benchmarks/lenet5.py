"""LeNet-5 forward against other libraries, against the machine, and on two threads.

    python benchmarks/lenet5.py onnxruntime      # also: torch, scipy, alone, threads; or all
    python benchmarks/lenet5.py onnxruntime --batch 1 64 --seconds 5

Peers are warmed up, in one process with ours and on one thread, and take turns with it; times are
of the processor, which other processes on the machine disturb less than the clock on the wall. All
outputs are checked against the reference in float64 first. `threads` runs one and two threads in
processes of their own and measures by the clock; give it two cores. Of a peer with several forms
the fastest counts; the others are printed too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from side_by_side import in_turns, limit_threads, machine, median, need, ratio, spread

limit_threads(1)

import numpy as np  # noqa: E402

import neurograph as ng  # noqa: E402

BATCHES = (1, 16, 64, 256, 1024)
PACKAGES = {
    "onnxruntime": ("onnxruntime", "numpy", "numba"),
    "torch": ("torch", "numpy", "numba"),
    "scipy": ("scipy", "numpy", "numba"),
    "alone": ("numpy", "numba"),
    "threads": ("numpy", "numba"),
}
NANOSECONDS_A_TANH = 0.24  # what the bound allows for one, whatever ours takes
Run = Callable[[], Any]


def images(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(size=(batch, 1, 32, 32)).astype(np.float32)


def check(name: str, found: np.ndarray, truth: np.ndarray) -> None:
    """Stop where an output differs from the reference by more than float32 explains."""
    error = float(np.abs(found - truth).max() / np.abs(truth).max())
    if not error < 1e-5:
        sys.exit(f"{name}: outputs differ from the reference by {error:.1e} of the largest")


def truth_of(graph: ng.Graph, x: np.ndarray) -> np.ndarray:
    """Return the outputs in float64; the reference engine itself checks the first image."""
    outputs = ng.Simulator(graph, engine="scipy", dtype="float64")(x)
    reference = ng.Simulator(graph, engine="reference", dtype="float64")(x[:1])
    if not np.allclose(outputs[:1], reference, rtol=1e-12):
        sys.exit("scipy and reference engines differ in float64")
    return outputs


def bursts(runs: Mapping[str, Run], batch: int) -> tuple[dict[str, Run], int]:
    """Return each run as a turn of about a thousand samples, so that caches are its own."""
    times = max(1, 1024 // batch)

    def burst(run: Run) -> Run:
        return lambda: [run() for _ in range(times)]

    return {name: burst(run) for name, run in runs.items()}, times


def peers_of(what: str, graph: ng.Graph) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    import lenet5_peers

    values = lenet5_peers.values(graph)
    makers = {
        "onnxruntime": lenet5_peers.onnx_runtime,
        "torch": lenet5_peers.torch_eager,
        "scipy": lenet5_peers.scipy_csr,
    }
    return makers[what](values)


def against(what: str, batches: list[int], seconds: float) -> None:
    """Print how many times as long a peer takes."""
    graph = ng.models.lenet5()
    simulator, peers = ng.Simulator(graph, engine="numba"), peers_of(what, graph)
    for batch in batches:
        x = images(batch)
        truth = truth_of(graph, x)
        given = np.ascontiguousarray(x.reshape(batch, -1).T) if what == "scipy" else x
        runs: dict[str, Run] = {"neurograph": lambda x=x: simulator(x)}
        for name, peer in peers.items():
            runs[name] = lambda peer=peer, given=given: peer(given)
        for name, run in runs.items():
            check(name, run(), truth)
        repeated, times = bursts(runs, batch)
        found = in_turns(repeated, seconds=seconds, clock=time.process_time)
        fastest = min(peers, key=lambda name: median(found[name]))
        for name in runs:
            per_sample = median(found[name]) * 1e6 / batch / times
            mark = "  <- the row" if name == fastest else ""
            print(
                f"batch {batch:5d}  {name:42s} {per_sample:8.2f} us a sample  "
                f"quartiles {spread(found[name])} ms a turn  "
                f"{ratio(found[name], found['neurograph']):5.2f}x{mark}"
            )


def work(graph: ng.Graph) -> tuple[int, int]:
    """Return the multiply-adds of weighted sums and the tanhs of a sample, by the graph's rows."""
    program = ng.compile(graph)
    products = sum(step.slots for step in program.steps if step.function.linear)
    squashed = (s for s in program.steps if s.function.activation.name == "scaled_tanh")
    return products, sum(step.targets.size for step in squashed)


def alone(batches: list[int], seconds: float) -> None:
    """Print the share of the time in which the machine could do the same sums, at its peak."""
    from fma_peak import multiply_adds, tanhs

    graph = ng.models.lenet5()
    simulator = ng.Simulator(graph, engine="numba")
    products, squashed = work(graph)
    print(f"a sample: {products:,} multiply-adds and {squashed:,} tanh")
    (peak_run, operations), (tanh_run, count) = multiply_adds(), tanhs()
    for batch in batches:
        x = images(batch)
        check("neurograph", simulator(x), truth_of(graph, x))
        runs = {"ours": lambda x=x: simulator(x)}
        repeated, times = bursts(runs, batch)
        repeated |= {"peak": peak_run, "tanh": tanh_run}
        found = in_turns(repeated, seconds=seconds, clock=time.process_time)
        peak = operations / min(found["peak"])
        a_tanh = median(found["tanh"]) / count * 1e9
        ours = median(found["ours"]) / batch / times
        sums = 2 * products / peak
        bound, own = (sums + squashed * t * 1e-9 for t in (NANOSECONDS_A_TANH, a_tanh))
        print(
            f"batch {batch:5d}  {ours * 1e6:6.2f} us a sample, quartiles {spread(found['ours'])} "
            f"ms a turn; peak {peak / 1e9:.1f} GFLOP/s, bound {bound * 1e6:.2f} us: "
            f"{bound / ours:.0%}; with a tanh at {a_tanh:.2f} ns: {own / ours:.0%}"
        )


def worker(threads: int, batch: int) -> None:
    """Answer each line on stdin with the seconds of a burst; the first only after a check."""
    graph = ng.models.lenet5()
    simulator, x = ng.Simulator(graph, engine="numba", threads=threads), images(batch)
    check(f"{threads} threads", simulator(x), truth_of(graph, x))
    times = max(1, (1 << 14) // batch)  # long enough for two processors to be awake
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(times):
            simulator(x)
        print((time.perf_counter() - start) / times, flush=True)


def threads(batches: list[int], seconds: float) -> None:
    """Print how much faster two threads are than one, each in a process of its own."""
    for batch in batches:
        command = [sys.executable, __file__, "worker", "--batch", str(batch), "--threads"]
        workers = {
            n: subprocess.Popen(
                [*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for n in (1, 2)
        }

        def ask(process: subprocess.Popen[str]) -> float:
            assert process.stdin
            assert process.stdout
            process.stdin.write("go\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        found: dict[int, list[float]] = {1: [], 2: []}
        for process in workers.values():
            ask(process)
        stop = time.perf_counter() + 2 * seconds
        while time.perf_counter() < stop or len(found[2]) < 7:
            for n, process in workers.items():
                found[n].append(ask(process))
        for process in workers.values():
            process.communicate()
        each = ", ".join(
            f"{n}: {median(found[n]) * 1e6 / batch:.2f} us a sample ({spread(found[n])} ms)"
            for n in found
        )
        best = min(found[1]) / min(found[2])
        print(
            f"batch {batch:5d}  threads {each}; {ratio(found[1], found[2]):.2f}x "
            f"(fastest to fastest {best:.2f}x)"
        )


def main() -> None:
    """Print the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=[*PACKAGES, "all", "worker"])
    parser.add_argument("--batch", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--seconds", type=float, default=3.0, help="for each batch and library")
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row == "worker":
        worker(given.threads, given.batch[0])
        return
    if given.row == "all":
        for row in PACKAGES:  # each in a process of its own
            rest = ["--seconds", str(given.seconds), "--batch", *map(str, given.batch)]
            if subprocess.run([sys.executable, __file__, row, *rest], check=False).returncode:
                sys.exit(f"failed: {row}")
        return
    need(*PACKAGES[given.row])
    print(f"# LeNet-5, {given.row}: {machine(*PACKAGES[given.row])}")
    print("# float32; one thread" if given.row != "threads" else "# float32; by the wall's clock")
    if given.row == "alone":
        alone(given.batch, given.seconds)
    elif given.row == "threads":
        threads([b for b in given.batch if b >= 16], given.seconds)
    else:
        against(given.row, given.batch, given.seconds)


if __name__ == "__main__":
    main()
