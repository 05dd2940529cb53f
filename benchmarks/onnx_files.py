"""ONNX files as people have them, as graphs: which import, and what the others lack.

    python benchmarks/onnx_files.py model.onnx other.onnx:x=1,3,48,192
    python benchmarks/onnx_files.py package-1.0-py3-none-any.whl     # all that are in it

Open dimensions are 1 for samples and --side else, unless a file's shapes are given behind it. The
outputs are compared with ONNX Runtime's, relative to the largest of them (to 1 where that is
below). The files of docs/imports.md come by `pip download --no-deps` of the packages it names.
"""

from __future__ import annotations

import argparse
import math
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from children import in_a_child, peak
from side_by_side import machine, need

FLOATS = (np.float32, np.float64)
TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}


def files(asked: list[str]) -> Iterator[tuple[str, bytes, str]]:
    """Yield the name, the bytes and the given shapes of every ONNX file."""
    for given in asked:
        path, _, shapes = given.partition(":")
        if path.endswith(".whl"):
            with zipfile.ZipFile(path) as wheel:
                for name in wheel.namelist():
                    if name.endswith(".onnx"):
                        yield name, wheel.read(name), shapes
        else:
            yield path, Path(path).read_bytes(), shapes


def shapes_of(model: Any, given: str, side: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input: as given, else open dimensions filled in."""
    told = dict(part.split("=") for part in given.split(";") if part)
    held = {tensor.name for tensor in model.graph.initializer}
    found = {}
    for value in model.graph.input:
        if value.name in told:
            found[value.name] = tuple(int(n) for n in told[value.name].split(","))
        elif value.name not in held:
            dims = value.type.tensor_type.shape.dim
            found[value.name] = tuple(
                d.dim_value if d.dim_value > 0 else side if i else 1 for i, d in enumerate(dims)
            )
    return found


def examine(content: bytes, given: str, side: int) -> dict[str, Any]:
    """Return what came of one file."""
    import onnx
    import onnxruntime

    import neurograph as ng

    model = onnx.load_from_string(content)
    shapes = shapes_of(model, given, side)
    start, used = time.perf_counter(), time.process_time()
    graph = ng.from_onnx(content, input_shapes=shapes)
    seconds, processor = time.perf_counter() - start, time.process_time() - used
    total = ng.count(graph).total
    rng = np.random.default_rng(0)
    kinds = {v.name: TYPES[v.type.tensor_type.elem_type] for v in model.graph.input}
    inputs = {
        name: (
            rng.standard_normal(shape) if kinds[name] in FLOATS else rng.integers(9, size=shape)
        ).astype(kinds[name])
        for name, shape in shapes.items()
    }
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    wanted = np.concatenate([np.asarray(y).reshape(-1) for y in session.run(None, inputs)])
    samples = [
        x.reshape(1, *layer.ids.shape)
        for x, layer in zip(inputs.values(), graph.layers.values(), strict=False)
    ]
    outputs = ng.Simulator(graph)(*samples).reshape(-1)
    return {
        "shapes": shapes,
        "nodes": len(model.graph.node),
        "neurons": total.neurons,
        "parameters": total.parameters,
        "connections": total.connections,
        "seconds": seconds,
        "processor": processor,
        "peak": peak(),
        "deviation": float(np.abs(outputs - wanted).max() / max(1, np.abs(wanted).max())),
    }


def line(name: str, found: dict[str, Any]) -> str:
    """Return one line of the table."""
    if "error" in found:
        return f"| {name} | {' '.join(found['error'].split())[:400]} |"
    shapes = "; ".join(f"{n} {'x'.join(map(str, s))}" for n, s in found["shapes"].items())
    numbers = [f"{found[n]:,}" for n in ("nodes", "neurons", "parameters", "connections")]
    exponent = "0" if not found["deviation"] else f"{found['deviation']:.0e}"
    return f"| {name} | {shapes} | {' | '.join(numbers)} | {exponent} | {found['processor']:.1f} |"


def main() -> None:
    """Examine files, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE[:NAME=SHAPE;...]")
    parser.add_argument("--side", type=int, default=64, help="of open dimensions; 64 by default")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for a file")
    asked = parser.parse_args()
    need("onnx", "onnxruntime")
    import neurograph.convert.onnx.importer  # noqa: F401, which the children then need not load

    print(machine("onnx", "onnxruntime"))
    print("| file | input | nodes | neurons | parameters | connections | deviation | processor s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    results = []
    for name, content, shapes in files(asked.files):
        found = in_a_child(examine, content, shapes, asked.side, timeout=asked.timeout)
        results.append(found)
        print(line(name, found), flush=True)
    good = [found for found in results if "error" not in found]
    near = sum(math.isfinite(found["deviation"]) and found["deviation"] < 1e-4 for found in good)
    print(f"{len(good)} of {len(results)} import; {near} of them within 1e-4 of ONNX Runtime")


if __name__ == "__main__":
    main()
