"""ONNX's own cases, run by the backend: how many pass, fail, or are skipped by name.

A case is skipped where the backend says that it does not know an operator or a type; nothing that
is skipped counts as passed. `python benchmarks/onnx_cases.py [kind] [part of a name]`; kinds are
node (the default), simple, pytorch-converted, pytorch-operator, and real: the nine light networks.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner

from neurograph.errors import ConversionError
from neurograph.onnx import NeurographBackend


def model_of(case: Any) -> Any:
    """Return the model of a case; those of the kind real lie in the package, without weights."""
    if case.model is not None:
        return case.model
    return onnx.load(str(light(case) or Path(case.model_dir) / "model.onnx"))


def light(case: Any) -> Path | None:
    """Return the file of a light network: a real one whose weights are constants."""
    if not (case.url or "").startswith("onnx/backend/test/data/light/"):
        return None
    return Path(onnx.__file__).parents[1] / case.url


def sets_of(case: Any, model: Any) -> list[tuple[list[Any], list[Any]]]:
    """Return the inputs and outputs of a case."""
    if case.data_sets is not None:
        return [tuple([_array(v) for v in part] for part in pair) for pair in case.data_sets]
    if path := light(case):
        held = {tensor.name for tensor in model.graph.initializer}
        inputs = [Runner.generate_dummy_data(x) for x in model.graph.input if x.name not in held]
        output = onnx.load_tensor(str(path.with_name(f"{path.stem}_output_0.pb")))
        return [(inputs, [numpy_helper.to_array(output)])]
    found = []
    for folder in sorted(Path(case.model_dir).glob("test_data_set*")):
        parts = []
        for kind in ("input", "output"):
            count = len(list(folder.glob(f"{kind}_*.pb")))
            names = [str(folder / f"{kind}_{i}.pb") for i in range(count)]
            parts.append([numpy_helper.to_array(onnx.load_tensor(name)) for name in names])
        found.append((parts[0], parts[1]))
    return found


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def run(case: Any) -> tuple[str, str]:
    """Return how a case went, and why."""
    model = model_of(case)
    try:
        if not NeurographBackend.is_compatible(model):
            return "skipped", "operators"
        ready = NeurographBackend.prepare(model)
        for inputs, outputs in sets_of(case, model):
            found = ready.run(inputs)
            Runner.assert_similar_outputs(outputs, list(found), rtol=case.rtol, atol=case.atol)
    except ConversionError as error:
        return "skipped", str(error)
    except Exception as error:  # whatever it is, the case has failed
        return "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return "passed", ""


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", nargs="?", default="node", help="node, simple, ...")
    parser.add_argument("part", nargs="?", default="", help="of a case's name")
    asked = parser.parse_args()
    kind, part = asked.kind, asked.part
    tally: Counter[str] = Counter()
    operators: set[str] = set()
    for case in load_model_tests(kind=kind):
        if part in case.name:
            how, why = run(case)
            direct = "expanded" if "_expanded" in case.name else "direct"
            tally[f"{direct}: {how}"] += 1
            if how == "passed" and case.model is not None:
                operators |= {node.op_type for node in case.model.graph.node}
            if how != "passed" or kind == "real":
                print(how, case.name, why)
    print(f"onnx {onnx.__version__}, {kind}: {dict(sorted(tally.items()))}")
    print(f"{len(operators)} operators: {' '.join(sorted(operators))}")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
