"""Every command takes the same models: built-in, saved, ONNX files, torch modules by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main

pytest.importorskip("onnx")
from onnx_nets import K, model, node, numbers


def run(*args: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(args))
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def net(tmp_path: Path) -> str:
    """A convolution and a linear layer, its sizes open."""
    from onnx import helper

    nodes = [node("Conv", "k", name="conv"), helper.make_node("Flatten", ["y"], ["f"]),
             helper.make_node("Gemm", ["f", "w"], ["z"])]  # fmt: skip
    made = model(nodes, {"x": ("N", 2, "H", 4)}, {"k": K, "w": numbers(16, 3)}, ("z",))
    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return str(path)


SHAPE = ("--input", "x=1,2,4,4")
CONNECTIONS = 4 * 4 * 18 + 48


@pytest.mark.parametrize(
    "args",
    [
        ("count", "--expect", f"connections={CONNECTIONS}", "--expect", "conv.neurons=16"),
        ("verify", "--expect", f"connections={CONNECTIONS}"),
        ("audit", "--expect", f"connections={CONNECTIONS}", "--expect", "dead=0"),
        ("derive", "--expect", f"connections={CONNECTIONS}"),
        ("info", "--expect", "parameters=120"),
        ("symmetry", "--expect", "order=24", "--layer", "z"),
        ("neuron", "conv[3, 1, 0]"),
        ("weight", "k[3,1,0,2]"),
    ],
    ids=lambda args: args[0],
)
def test_commands_take_an_onnx_file(net: str, args: tuple[str, ...]) -> None:
    command, *more = args
    found = json.loads(run(command, net, *more, *SHAPE, "--json"))
    assert found["model"] == net
    if command in ("neuron", "weight"):
        graph = ng.from_onnx(net, input_shapes={"x": (1, 2, 4, 4)})
        value = found["connections"][0]["value"] if command == "neuron" else found["value"]
        first = graph.incoming("conv[3, 1, 0]").weight[0]
        wanted = first if command == "neuron" else graph.weight_id("k[3, 1, 0, 2]")
        assert value == pytest.approx(graph.weights.value[wanted])


def test_an_expectation_that_does_not_hold(net: str) -> None:
    for command, name in (("count", "dead"), ("derive", "dead"), ("info", "dead"),
                          ("audit", "dead"), ("symmetry", "order")):  # fmt: skip
        run(command, net, "--input", "1,2,4,4", "--expect", f"{name}=77", code=1)


def test_the_file_of_an_imported_model(net: str, tmp_path: Path) -> None:
    saved = str(tmp_path / "net.npz")
    run("save", net, saved, *SHAPE)
    before, after = (json.loads(run("count", *a, "--json")) for a in ((net, *SHAPE), (saved,)))
    assert before["total"] == after["total"]


def test_numbers_pushed_through_an_imported_model(net: str, tmp_path: Path) -> None:
    import numpy as np

    images = np.random.default_rng(0).normal(size=(3, 2, 4, 4))
    np.save(tmp_path / "x.npy", images)
    found = json.loads(run("run", net, *SHAPE, "--images", str(tmp_path / "x.npy"), "--json",
                           "--engine", "scipy"))  # fmt: skip
    graph = ng.from_onnx(net, input_shapes={"x": (1, 2, 4, 4)})
    wanted = ng.Simulator(graph, engine="scipy")(images.astype("f4"))
    np.testing.assert_allclose([r["outputs"] for r in found["results"]], wanted, rtol=1e-5)
    assert found["weights"] == f"those of {net}"


def test_options_of_other_kinds_of_models(net: str) -> None:
    for args in (
        ("count", net),  # a size is open
        ("count", net, "--input", "y=1,2,4,4"),
        ("count", net, *SHAPE, "--seed", "0"),
        ("count", net, *SHAPE, "--state", "w.pt"),
        ("count", "lenet5", "--state", "w.pt"),
        ("count", "lenet5", "--input", "x=1,1,32,32"),
        ("count", "lenet5", "--input", "1,1,32,32", "--input-shape", "1,32,32"),
        ("count", "no_such_package:net", "--input", "1,2"),
        ("count", "no_such_package.net", "--input", "1,2"),
    ):
        run(*args, code=2)


def test_input_of_a_built_in_model() -> None:
    total: Any = json.loads(run("count", "mobilenet_v2", "--input", "1,3,32,32", "--json"))["total"]
    assert total["dead"] == 25920


def test_zeros_of_an_onnx_file_are_cut(tmp_path: Path) -> None:
    kernel = K.copy()
    kernel[:, 0] = 0
    path = tmp_path / "masked.onnx"
    path.write_bytes(model([node("Conv", "k")], {"x": (1, 2, 3, 3)}, {"k": kernel})
                     .SerializeToString())  # fmt: skip
    run("count", str(path), "--expect", "connections=72")
    run("count", str(path), "--zeros", "cut", "--expect", "connections=36")


NET = """
import torch
def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 3))
"""


def test_a_torch_module_by_both_spellings(tmp_path: Path, monkeypatch: Any) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "own_net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    shape = "--input", "1,1,4,4"
    run("count", "own_net:small", *shape, "--expect", f"connections={2 * 4 * 10 + 27}")
    torch.save({"0.weight": torch.full((2, 1, 3, 3), 0.5), "0.bias": torch.zeros(2),
                "2.weight": torch.zeros(3, 8), "2.bias": torch.zeros(3)}, "w.pt")  # fmt: skip
    args = "own_net.small", "0[1,0,0]", *shape, "--state", "w.pt"
    found = json.loads(run("neuron", *args, "--json"))
    assert found["connections"][0]["value"] == 0.5
    assert found["weights"] == "those of w.pt"
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    save_file(torch.load("w.pt", weights_only=True), "w.safetensors")
    again = json.loads(run("neuron", *args[:-1], "w.safetensors", "--json"))
    assert again["connections"] == found["connections"]
