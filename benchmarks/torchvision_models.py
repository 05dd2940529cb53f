"""torchvision's convolutional classifiers as graphs: counts, outputs, seconds and memory.

    python benchmarks/torchvision_models.py                      # all, at 224x224
    python benchmarks/torchvision_models.py resnet50 --size 64
    python benchmarks/torchvision_models.py --zoo timm           # one model a family

Each model is imported in a process of its own (which has torch and its exporter loaded), with
random weights, and compared with torch: its
connections with and without padding with closed formulas, its parameters with the distinct ones
torch has, its outputs with torch's. A line a model goes to --results, where a later run goes on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from children import in_a_child, peak
from side_by_side import machine, need

ATTENDING = ("vit_", "swin_", "maxvit_")  # which are no convolutional networks
LARGER = {"inception_v3": 299}  # than 224, by default
LEAST = {"inception_v3": 75}
TIMM = """
    resnet18 resnet26d resnetv2_50 resnext26ts seresnet18 ecaresnet50t skresnet18
    resnest14d res2net50_26w_4s gcresnet33ts densenet121 dla34 dpn48b vgg11_bn
    inception_v3 inception_v4 inception_resnet_v2 xception41 xception71 nasnetalarge
    pnasnet5large mobilenetv1_100 mobilenetv2_100 mobilenetv3_small_075
    mobilenetv4_conv_small mobileone_s0 mnasnet_small efficientnet_b0
    efficientnetv2_rw_t tf_efficientnet_lite0 mixnet_s fbnetc_100 spnasnet_100 tinynet_e
    lcnet_050 hardcorenas_a ghostnet_100 ghostnetv2_100 regnetx_002 regnety_002
    regnetz_b16 convnext_atto convnextv2_atto convmixer_768_32 hrnet_w18_small
    cspresnet50 cspdarknet53 darknet53 selecsls42b rexnet_100 repvgg_a0 repghostnet_050
    nf_resnet26 nfnet_f0 dm_nfnet_f0 eca_nfnet_l0 gernet_s rdnet_tiny starnet_s1
    inception_next_atto hgnet_tiny hgnetv2_b0 fasternet_t0 edgenext_xx_small levit_128s
    poolformer_s12 vovnet39a ese_vovnet19b_dw legacy_seresnet18 legacy_senet154
    repvit_m0_9 focalnet_tiny_srf tresnet_m bat_resnext26ts lambda_resnet26t halonet26t
    visformer_tiny
"""


def torchvision_models() -> Any:
    """Import torchvision's models. Its own operators may be linked against another torch."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")  # alive as long as this frame
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:  # its own operators are loaded
            break
    import torchvision.models

    torchvision_models.library = library  # type: ignore[attr-defined]
    return torchvision.models


def names(zoo: str) -> list[str]:
    """Return the models of a zoo: torchvision's classifiers, or some of timm's."""
    if zoo == "timm":
        return TIMM.split()
    models = torchvision_models()
    return [n for n in models.list_models(module=models) if not n.startswith(ATTENDING)]


def build(zoo: str, name: str) -> Any:
    """Return a model with random weights; those all alike are shaken, so that errors show."""
    import torch

    torch.manual_seed(0)
    if zoo == "timm":
        import timm

        model = timm.create_model(name, pretrained=False)
    else:
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        model = torchvision_models().get_model(name, weights=None, **options)
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            first = tensor.reshape(-1)[:1]
            if tensor.is_floating_point() and bool((tensor == first).all()):
                centred = bool((first == 0).all())
                tensor.uniform_(-0.2, 0.2) if centred else tensor.uniform_(0.5, 1.0)
    return model.eval()


# ---- one model, in a process of its own ---------------------------------------------------------


def examine(zoo: str, name: str, size: int) -> dict[str, Any]:
    """Return what came of one model."""
    import numpy as np
    import torch

    import neurograph as ng

    warnings.simplefilter("ignore")
    model = build(zoo, name)
    x = torch.rand((1, 3, size, size)) - 0.5
    before = peak()
    start, used = time.perf_counter(), time.process_time()
    graph = ng.from_torch(model, x)
    found: dict[str, Any] = {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - used,
        "peak": peak(),
        "torch_peak": before,
    }
    found |= _counted(zoo, model, x, graph)
    with torch.no_grad():
        wanted = model(x).numpy().reshape(-1)
    outputs = ng.Simulator(graph)(x.numpy()).reshape(-1)
    found["deviation"] = float(np.abs(outputs - wanted).max() / np.abs(wanted).max())
    return found


def _counted(zoo: str, model: Any, x: Any, graph: Any) -> dict[str, Any]:
    import closed_formulas

    import neurograph as ng

    counts = ng.count(graph)
    declared, met = closed_formulas.parameters(model, x)
    total = counts.total
    found = {
        "declared": declared,
        "parameters": total.parameters,
        "parameters_right": total.parameters == declared,
        "met": met,
        "connections": total.connections,
        "slots": total.slots,
        "neurons": total.neurons,
    }
    try:
        formula = closed_formulas.connections(model, x)
    except ValueError as error:
        if zoo == "torchvision":
            raise
        return found | {"no_formula": str(error)}
    alone = [counts[layer.name] for layer in graph.layers.values() if layer.kind == "Activation"]
    live = total.connections - sum(row.connections for row in alone)
    slots = total.slots - sum(row.slots for row in alone)
    right = (live, slots) == (formula.live, formula.slots)
    return found | {"counts_right": right, "formula": [formula.live, formula.slots, live, slots]}


# ---- all of them --------------------------------------------------------------------------------


def sweep(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Examine the models asked for, but for those whose results are there."""
    done: dict[str, dict[str, Any]] = {}
    if asked.results and asked.results.exists():
        lines = [json.loads(line) for line in asked.results.read_text().splitlines()]
        done = {line["key"]: line for line in lines}
    rows = []
    for name in asked.models or names(asked.zoo):
        size = asked.size or LARGER.get(name, 224)
        size = max(size, LEAST.get(name, 0))
        key = f"{asked.zoo}:{name}:{size}"
        if key not in done or (asked.again and "error" in done[key]):
            done[key] = {"key": key, "name": name, "size": size} | in_a_child(
                examine, asked.zoo, name, size, timeout=asked.timeout
            )
            print(json.dumps(done[key]), file=sys.stderr, flush=True)
            if asked.results:
                with asked.results.open("a") as file:
                    file.write(json.dumps(done[key]) + "\n")
        rows.append(done[key])
    return rows


def load(zoo: str) -> None:
    """Load all that imports need, torch's exporter too, which takes seconds the first time."""
    import torch

    import neurograph as ng

    torchvision_models() if zoo == "torchvision" else importlib.import_module("timm")
    torch.set_num_threads(1)  # a process with threads cannot be copied
    ng.from_torch(torch.nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 2, 2))


def table(rows: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    heads = ["model", "size", "parameters", "connections", "with padding", "deviation"]
    heads += ["processor s", "GB"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['name']} | {row['size']} | {row['error'][:300]} |")
            continue
        wrong = "" if row.get("counts_right", True) else " (formula differs)"
        numbers = [
            str(row["size"]),
            f"{row['parameters']:,}" + ("" if row["parameters_right"] else " (torch differs)"),
            f"{row['connections']:,}{wrong}",
            f"{row['slots']:,}",
            f"{row['deviation']:.0e}",
            f"{row['processor']:.1f}",
            f"{row['peak']:.2f}",
        ]
        lines.append(f"| {row['name']} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def summary(rows: list[dict[str, Any]]) -> str:
    """Return how many models came out right in each respect."""
    good = [row for row in rows if "error" not in row]
    formulas = [row for row in good if "counts_right" in row]
    return (
        f"{len(good)} of {len(rows)} imported; connections as the formula says: "
        f"{sum(row['counts_right'] for row in formulas)} of {len(formulas)}; parameters as torch "
        f"has them: {sum(row['parameters_right'] for row in good)}; outputs within 1e-5: "
        f"{sum(row['deviation'] <= 1e-5 for row in good)}; slowest import "
        f"{max((row['processor'] for row in good), default=0):.1f} processor s"
    )


def main() -> None:
    """Examine models, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all of them by default")
    parser.add_argument("--zoo", choices=("torchvision", "timm"), default="torchvision")
    parser.add_argument("--size", type=int, help="of the square image; 224 by default")
    parser.add_argument("--results", type=Path, help="a file of results, to go on from")
    parser.add_argument("--again", action="store_true", help="those in the file that failed")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a model")
    asked = parser.parse_args()
    need("torch", asked.zoo)
    load(asked.zoo)
    rows = sweep(asked)
    packages = ("torch", asked.zoo)
    print(machine(*packages))
    print(table(rows))
    print(summary(rows))


if __name__ == "__main__":
    main()
