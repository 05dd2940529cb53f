"""A training step of LeNet-5 against torch: gradients of all weights, then an update.

    python benchmarks/training.py                 # batch 64 and 1 on one thread, in one process
    python benchmarks/training.py --batch 16 256 --seconds 5
    python benchmarks/training.py threads         # two threads, a process each, torch.compile too

The loss is (9) of LeCun et al. 1998, the update plain gradient descent. torch holds the same
weights; every gradient is checked against float64 first. On one thread the two take turns, of at
least 16 samples so that each finds its own data in the caches, and times are of the processor,
which other processes on the machine disturb less than the clock on the wall; `threads` measures by
the clock and wants two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from side_by_side import in_turns, limit_threads, machine, median, need, ratio, spread

THREADS = int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else 1
limit_threads(THREADS)

import numpy as np  # noqa: E402
from lenet5_peers import A, S, values  # noqa: E402

import neurograph as ng  # noqa: E402

RATE, RUBBISH, SCALE = 1e-4, 0.1, 84.0
LOSS = ng.DiscriminativePenalty(RUBBISH, SCALE)
Step = Callable[[], Any]


def batches_of(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels of some batches, (batches, size, ...): 16 samples at least."""
    rng, count = np.random.default_rng(size), max(1, 16 // size)
    images = rng.normal(size=(count, size, 1, 32, 32)).astype(np.float32)
    return images, rng.integers(0, 10, (count, size))


class Torch:
    """LeNet-5 in torch; subsampling as pooling or as a grouped convolution."""

    def __init__(self, graph: ng.Graph, threads: int, *, depthwise: bool, compiled: bool) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.depthwise = torch, depthwise
        fixed = {"output.centers"}
        self.weights = {
            name: torch.from_numpy(value.copy()).requires_grad_(name not in fixed)
            for name, value in values(graph).items()
        }
        self.table = torch.from_numpy(~np.isnan(graph.weights["C3.kernel"])).float()
        self.trained = [w for w in self.weights.values() if w.requires_grad]
        self.optimizer = torch.optim.SGD(self.trained, lr=RATE)
        self.loss = torch.compile(self._loss, dynamic=False) if compiled else self._loss

    def _squash(self, x: Any) -> Any:
        return self.torch.tanh(x * S) * A

    def _subsample(self, x: Any, layer: str) -> Any:
        functional = self.torch.nn.functional
        factor, bias = self.weights[f"{layer}.coefficient"], self.weights[f"{layer}.bias"]
        if self.depthwise:
            kernel = factor[:, None, None, None].expand(-1, 1, 2, 2)
            return functional.conv2d(x, kernel, bias, stride=2, groups=factor.numel())
        return functional.avg_pool2d(x, 2) * (4 * factor[:, None, None]) + bias[:, None, None]

    def _loss(self, images: Any, labels: Any) -> Any:
        w, functional = self.weights, self.torch.nn.functional
        x = self._squash(functional.conv2d(images, w["C1.kernel"], w["C1.bias"]))
        x = self._squash(self._subsample(x, "S2"))
        x = self._squash(functional.conv2d(x, w["C3.kernel"], w["C3.bias"]))
        x = self._squash(self._subsample(x, "S4"))
        x = self._squash(functional.conv2d(x, w["C5.kernel"], w["C5.bias"])).flatten(1)
        x = self._squash(functional.linear(x, w["F6.kernel"], w["F6.bias"]))
        penalties = (x[:, None] - w["output.centers"]).square().sum(2)
        rubbish = self.torch.full((len(penalties), 1), RUBBISH)
        rest = self.torch.logsumexp(-self.torch.cat([penalties, rubbish], 1), 1)
        right = penalties.gather(1, labels[:, None])[:, 0]
        return ((right + rest) / SCALE).mean()

    def step(self, images: np.ndarray, labels: np.ndarray, *, update: bool) -> Step:
        """Return what takes a step on each batch of (batches, size, ...)."""
        batches = [
            (self.torch.from_numpy(x), self.torch.from_numpy(y))
            for x, y in zip(images, labels, strict=True)
        ]

        def run() -> None:
            for x, y in batches:
                self.optimizer.zero_grad(set_to_none=True)
                self.loss(x, y).backward()
                if update:
                    # What the connection table leaves out stays out.
                    self.weights["C3.kernel"].grad.mul_(self.table)
                    self.optimizer.step()

        return run

    def gradient(self, graph: ng.Graph) -> np.ndarray:
        """Return the gradients of the last step by weight id."""
        found = np.zeros(graph.weights.count)
        for name, weight in self.weights.items():
            if weight.grad is not None:
                ids = graph.weights.names[name].ids
                found[ids[ids >= 0]] = weight.grad.numpy()[ids >= 0]
        return found


class Ours:
    """The numba engine, as a training loop uses it."""

    def __init__(self, graph: ng.Graph, threads: int) -> None:
        self.sim = ng.Simulator(graph, engine="numba", threads=threads)
        self.graph, self.values = graph, graph.weights.value.copy()
        self.rates = np.where(graph.weights.trainable, RATE, 0.0)

    def step(self, images: np.ndarray, labels: np.ndarray, *, update: bool) -> Step:
        """Return what takes a step on each batch; single patterns are learned in one call."""
        weights = self.graph.weights

        def run() -> None:
            for x, y in zip(images, labels, strict=True):
                gradient = self.sim.gradient(x, y, LOSS).weights
                if update:
                    np.multiply(gradient, self.rates, out=gradient)
                    np.subtract(weights.value, gradient, out=gradient)
                    weights.value = gradient

        def learn() -> None:
            self.sim.descend(images[:, 0], labels[:, 0], LOSS, self.rates)

        return learn if update and labels.shape[1] == 1 else run


def check(graph: ng.Graph, size: int, steps: Mapping[str, Callable[[], np.ndarray]]) -> None:
    """Stop where a gradient differs from float64 by more than float32 explains."""
    images, labels = (x[0] for x in batches_of(size))
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    truth = sim.gradient(images, labels, LOSS).weights * graph.weights.trainable
    for name, step in steps.items():
        error = float(np.abs(step() * graph.weights.trainable - truth).max() / np.abs(truth).max())
        print(f"  {name}: gradient within {error:.1e} of float64")
        if not error < 1e-5:
            sys.exit(f"{name}: gradient differs from float64 by {error:.1e} of the largest")


def peers(graph: ng.Graph, threads: int, *, compiled: bool) -> dict[str, Torch]:
    kinds = {"pooling": False, "depthwise": True}
    name = "torch.compile" if compiled else "torch eager"
    return {
        f"{name}, {kind}": Torch(graph, threads, depthwise=depthwise, compiled=compiled)
        for kind, depthwise in kinds.items()
    }


def checked(graph: ng.Graph, size: int, others: Mapping[str, Torch], threads: int) -> Ours:
    images, labels = (x[:1] for x in batches_of(size))

    def gradient_of(peer: Torch) -> Callable[[], np.ndarray]:
        def run() -> np.ndarray:
            peer.step(images, labels, update=False)()
            return peer.gradient(graph)

        return run

    ours = Ours(graph, threads)
    steps = {name: gradient_of(peer) for name, peer in others.items()}
    steps["ours"] = lambda: ours.sim.gradient(images[0], labels[0], LOSS).weights
    check(graph, size, steps)
    return ours


def row(times: list[float], steps: int) -> str:
    each = [time / steps for time in times]
    return f"{median(each) * 1e3:8.3f} ms ({spread(each)})"


def side_by_side(size: int, seconds: float) -> None:
    """Print ours and torch's eager forms in turns, gradients alone and whole steps."""
    print(f"batch {size}, one thread")
    for update in (False, True):
        graph = ng.models.lenet5()
        others = peers(graph, 1, compiled=False)
        ours = checked(graph, size, others, 1) if not update else Ours(graph, 1)
        images, labels = batches_of(size)
        actions = {"ours": ours.step(images, labels, update=update)}
        actions |= {n: peer.step(images, labels, update=update) for n, peer in others.items()}
        times = in_turns(actions, seconds=seconds, clock=time.process_time)
        print("  gradients and update" if update else "  gradients")
        for name, taken in times.items():
            more = "" if name == "ours" else f"  {ratio(taken, times['ours']):5.2f} x ours"
            print(f"    {name:24} {row(taken, len(labels))}{more}")


def alone(library: str, size: int, threads: int, seconds: float) -> None:
    """Print one library's whole steps, in a process of its own."""
    graph = ng.models.lenet5()
    images, labels = batches_of(size)
    if library == "ours":
        actions = {"ours": checked(graph, size, {}, threads).step(images, labels, update=True)}
    else:
        others = peers(graph, threads, compiled=library == "compile")
        checked(graph, size, others, threads)
        actions = {n: peer.step(images, labels, update=True) for n, peer in others.items()}
    for name, taken in in_turns(actions, seconds=seconds).items():
        print(f"    {name:24} {row(taken, len(labels))}")


def threads(sizes: list[int], seconds: float) -> None:
    """Print every library on two threads, a process each."""
    for size in sizes:
        print(f"batch {size}, two threads, gradients and update, by the clock", flush=True)
        for library in ("ours", "eager", "compile"):
            options = ["--batch", str(size), "--seconds", str(seconds), "--threads", "2"]
            command = [sys.executable, __file__, library, *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            print(done.stdout, end="")
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no output"])[-1]
                print(f"    {library}: not available here ({last[:80]})")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description="training step of LeNet-5")
    parser.add_argument(
        "what",
        nargs="?",
        default="side",
        choices=[
            "side",
            "threads",
            "ours",
            "eager",
            "compile",
        ],
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 1])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.what in ("side", "threads"):
        need("torch")
        print(machine("torch", "numpy", "numba"))
    if options.what == "threads":
        threads(options.batch, options.seconds)
        return
    for size in options.batch:
        if options.what == "side":
            side_by_side(size, options.seconds)
        else:
            alone(options.what, size, options.threads, options.seconds)


if __name__ == "__main__":
    main()
