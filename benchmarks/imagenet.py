"""ImageNet-sized graphs: what they count, take and cost, and their forward pass against its peers.

    python benchmarks/imagenet.py counts        # padded and real connections of the five networks
    python benchmarks/imagenet.py size          # VGG-16: build, count, compile, verify; peak memory
    python benchmarks/imagenet.py enumeration   # triples per second, one thread and two
    python benchmarks/imagenet.py forward       # against ONNX Runtime and torch, one thread each
    python benchmarks/imagenet.py limits        # what does not fit says what it would take
    python benchmarks/imagenet.py all

Forward passes of all peers alternate in one process; outputs are compared first. Their times are
processor seconds, which do not count what other processes of the machine take; the others are wall
seconds of fresh processes.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import machine, need

import neurograph as ng
from neurograph.models import imagenet

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the networks in torch

MODELS = ("vgg16", "alexnet", "resnet18", "resnet50", "mobilenet_v2")
GIGA = 1e9


def peak() -> str:
    """Return the peak memory of this process so far.

    Linux tells it of the program that runs; ru_maxrss has what started it in it as well.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        size = int(line.split()[1])
    else:
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{size * 1024 / GIGA:.2f} GB peak"


# ---- counts -------------------------------------------------------------------------------------


def counts() -> None:
    print("multiply-adds of convolutions and linear layers: padding included, real connections")
    for model in MODELS:
        graph = getattr(imagenet, model)()
        found = ng.count(graph)
        rows = [found[x.name] for x in graph.layers.values() if x.kind in ("Conv2d", "Linear")]
        padded = sum(r.slots - r.bias_connections for r in rows)
        real = sum(r.connections - r.bias_connections for r in rows)
        total = found.total
        print(f"{model:13} {total.parameters:>12,} parameters {padded:>15,} {real:>15,}")
    for model, side in (("resnet18", 32), ("resnet18", 64), ("mobilenet_v2", 32)):
        found = ng.count(getattr(imagenet, model)(input_shape=(3, side, side))).total
        print(f"{model} at {side}x{side}: {found.dead:,} dead weights")


# ---- size ---------------------------------------------------------------------------------------


def fresh(task: str) -> None:
    """Run one task of this file in a fresh process."""
    subprocess.run([sys.executable, __file__, task], check=True)


def timed(what: str, action: Callable[[], Any]) -> Any:
    """Run and print how long it took, and the peak memory after it."""
    start, used = time.perf_counter(), time.process_time()
    found = action()
    wall, used = time.perf_counter() - start, time.process_time() - used
    print(f"  {what:22} {wall:6.2f} s, {used:6.2f} processor s, {peak()}", flush=True)
    return found


def built() -> None:
    graph = timed("build", imagenet.vgg16)
    assert not graph.weights.allocated


def counted() -> None:
    graph = imagenet.vgg16()
    timed("count", lambda: ng.count(graph))


def compiled() -> None:
    graph = imagenet.vgg16()
    timed("compile", lambda: ng.compile(graph))


def verified() -> None:
    from tqdm import tqdm

    graph = imagenet.vgg16()
    with tqdm(unit=" triples", unit_scale=True, disable=None) as bar:
        found = timed(
            "verify, two threads", lambda: ng.verify(graph, threads=2, progress=bar.update)
        )
    assert found.ok, found.problems
    bias = found.counts.total.bias_connections
    print(f"  {found.triples:,} triples, {bias:,} of them biases: agrees with count")


def forwarded() -> None:
    graph = imagenet.vgg16()
    graph.weights.initialize()
    print(f"  with its weights                 {peak()}")
    sim = ng.Simulator(graph, engine="numba")
    timed("forward, batch 1", lambda: sim(np.zeros((1, 3, 224, 224))))


def size() -> None:
    print("VGG-16, each line a fresh process")
    for task in ("built", "counted", "compiled", "verified", "forwarded"):
        fresh(task)


# ---- enumeration --------------------------------------------------------------------------------


def enumeration() -> None:
    graph = imagenet.vgg16()
    ng.verify(ng.models.lenet5())  # compiles
    for threads in (1, 2):
        wall, used = zip(*(rates(graph, threads) for _ in range(3)), strict=True)
        print(
            f"enumeration, {threads} thread(s), G triples/s: {statistics.median(wall):.2f}", end=""
        )
        print(f" ({min(wall):.2f} - {max(wall):.2f}),", end=" ")
        print(f"{statistics.median(used):.2f} a processor second", flush=True)


def rates(graph: ng.Graph, threads: int) -> tuple[float, float]:
    """Return the triples enumerated a second and a processor second, but for the first block."""
    blocks: list[tuple[float, float, int]] = []

    def note(triples: int) -> None:
        blocks.append((time.perf_counter(), time.process_time(), triples))

    found = ng.verify(graph, threads=threads, progress=note)
    assert found.ok, found.problems
    wall, used, sizes = zip(*blocks, strict=True)
    done = sum(sizes[1:]) / GIGA
    return done / (wall[-1] - wall[0]), done / (used[-1] - used[0])


# ---- forward ------------------------------------------------------------------------------------


def onnx_session(net: Any) -> Any:
    """Return the torch network in ONNX Runtime on one thread."""
    import onnxruntime
    import torch

    stream = io.BytesIO()
    free = {"x": {0: "n"}, "y": {0: "n"}}
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": free}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.zeros(1, 3, 224, 224),), stream, dynamo=False, **names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        stream.getvalue(), options, providers=["CPUExecutionProvider"]
    )


def peers(model: str) -> dict[str, Callable[[Any], Any]]:
    """Return what computes the model, with the same weights, by name."""
    import torch
    import torch_nets

    torch.set_num_threads(1)
    net = torch_nets.build(model)
    graph = getattr(imagenet, model)()
    ng.models.load_state(graph, {key: value.numpy() for key, value in net.state_dict().items()})
    sim = ng.Simulator(graph, engine="numba", threads=1)
    session = onnx_session(net)

    def in_torch(x: Any) -> Any:
        with torch.no_grad():
            return net(torch.from_numpy(x)).numpy()

    return {
        "neurograph": sim,
        "ONNX Runtime": lambda x: session.run(None, {"x": x})[0],
        "torch": in_torch,
    }


def forward(models: list[str], batches: list[int], runs: int) -> None:
    print("forward at 224x224, one thread each, processor milliseconds: median (least - most)")
    for model in models:
        runners = peers(model)
        for batch in batches:
            rng = np.random.default_rng(batch)
            x = rng.standard_normal((batch, 3, 224, 224)).astype(np.float32)
            outputs = {name: run(x) for name, run in runners.items()}
            wanted = outputs["torch"]
            scale = float(np.abs(wanted).max())
            errors = {n: float(np.abs(y - wanted).max()) / scale for n, y in outputs.items()}
            assert max(errors.values()) < 1e-5, errors
            times: dict[str, list[float]] = {name: [] for name in runners}
            for _ in range(runs):
                for name, run in runners.items():
                    start = time.process_time()
                    run(x)
                    times[name].append((time.process_time() - start) * 1e3)
            ours = statistics.median(times["neurograph"])
            print(f"{model}, batch {batch}, outputs within {max(errors.values()):.0e} of torch's")
            for name, found in times.items():
                middle = statistics.median(found)
                spread = f"({min(found):.1f} - {max(found):.1f})"
                print(f"  {name:13} {middle:8.1f} {spread:20} {middle / ours:5.2f}x", flush=True)


# ---- limits -------------------------------------------------------------------------------------


def limits() -> None:
    graph = imagenet.vgg16()
    for what, action in (
        ("scipy engine", lambda: ng.Simulator(graph, engine="scipy")),
        ("matrix", lambda: ng.compile(graph).matrix("features.2")),
        ("networkx", lambda: ng.to_networkx(graph)),
    ):
        try:
            action()
            print(f"  {what}: fits this machine")
        except ng.NeurographError as error:
            print(f"  {what}: {error}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tasks = ("counts", "size", "enumeration", "forward", "limits")
    inner = ("built", "counted", "compiled", "verified", "forwarded")
    parser.add_argument("task", choices=(*tasks, "all", *inner))
    parser.add_argument("--models", nargs="+", default=["vgg16", "resnet50"], choices=MODELS)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if given.task not in inner:
        print(f"# {given.task}: {machine('numpy', 'numba', 'onnxruntime', 'torch')}")
    if given.task in ("forward", "all"):
        need("torch", "onnx", "onnxruntime")
    for task in tasks if given.task == "all" else (given.task,):
        if task == "forward":
            forward(given.models, given.batches, given.runs)
        else:
            globals()[task]()


if __name__ == "__main__":
    main()
