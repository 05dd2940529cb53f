"""Audits: numbers that were enumerated edge by edge, or that torch's gradients confirm."""

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.errors import ConversionError


def test_lenet5() -> None:
    found = ng.audit(ng.models.lenet5())
    assert (found.declared, found.distinct, found.used, found.dead) == (60000, 60000, 60000, 0)
    assert (found.connections, found.bias_connections) == (340908, 8084)
    assert (found.multiply_adds, found.padding, found.flops) == (325680, 0, 651360)
    assert found.most_used == "C1.kernel[0, 0, 0, 0]"
    assert found.most_uses == 784
    assert (found.no_input, found.no_output) == (0, 0)


def test_resnet18_on_small_pictures() -> None:
    found = ng.audit(ng.models.resnet18(input_shape=(3, 32, 32)))
    assert (found.multiply_adds, found.padding) == (22_174_464, 15_348_992)
    assert found.padded_multiply_adds == 37_523_456
    assert (found.distinct, found.dead) == (11_689_512, 6_946_816)
    assert sum(entry.dead for entry in found.dead_weights) == found.dead
    assert {entry.why for entry in found.dead_weights} == {"falls off the edge at this input size"}


def test_neurons_that_see_no_input_or_reach_no_output() -> None:
    # 1, 2: inputs; 3 reads 1; 4 reads the bias unit alone; 5 reads 3 and 4; 6 reads 2.
    triples = [(1, 0, 3), (0, 1, 4), (3, 2, 5), (4, 3, 5), (2, 4, 6)]
    graph = ng.Graph.from_connections(triples, inputs=[1, 2], outputs=[5])
    found = ng.audit(graph)
    assert (found.no_input, found.no_output) == (1, 2)  # 4; 2 and 6


def test_cut_by_an_edit() -> None:
    graph = ng.Graph()
    graph.add(ng.Conv2d(2, 3, padding=1, name="c"), graph.add(ng.Input((1, 4, 4))))
    mask = np.ones((2, 1, 3, 3), bool)
    mask[1] = False
    found = ng.audit(ng.prune(graph, {"c.kernel": mask}))
    assert (found.dead, found.cut, found.used) == (9, 9, 11)
    assert found.multiply_adds == 10 * 10  # (3 x 4 - 2) squared for the map that is left
    assert found.padding == 144 - 100
    assert found.cut_slots == 144
    zeroed = ng.audit(graph_of_zeros(graph, mask), zeros="cut")
    assert (zeroed.cut, zeroed.multiply_adds) == (9, 100)  # a bias of 0 is none the less there


def graph_of_zeros(graph: ng.Graph, mask: Any) -> ng.Graph:
    graph.weights["c.kernel"] = np.where(mask, 1.0, 0.0)
    graph.weights["c.bias"] = 0.0
    return graph


def test_what_is_no_model_is_refused() -> None:
    for wrong in (None, 5, object, [1]):
        with pytest.raises(ConversionError, match="needed a torch module"):
            ng.audit(wrong)
    with pytest.raises(ConversionError, match="zeros"):
        ng.audit(ng.models.mlp((2, 1)), zeros="no")


def test_the_table_and_its_forms() -> None:
    found = ng.audit(ng.models.mlp((3, 2)))
    text = str(found)
    assert any(line.split() == ["multiply-adds", "6"] for line in text.splitlines())
    for word in ("distinct", "padding", "dead", "FLOPs"):
        assert f"\n{word}: " in text  # each is defined under the table
    assert json.loads(json.dumps(found.to_dict()))["connections"] == 8
    pytest.importorskip("pandas")
    assert found.to_pandas()["connections"] == 8


# ---- torch -----------------------------------------------------------------------------------

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.nn.utils import parametrizations, prune  # noqa: E402


class Holder(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def test_one_layer_under_three_parents() -> None:
    layer = nn.Linear(100, 100)
    found = ng.audit(nn.Sequential(*(Holder(layer) for _ in range(3))), torch.zeros(1, 100))
    assert (found.declared, found.distinct, found.used) == (30_300, 10_100, 10_100)
    assert (found.multiply_adds, found.bias_connections) == (30_000, 300)
    assert found.connections == 30_300


def test_two_convolutions_with_one_weight() -> None:
    a, b = nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 8, 3, bias=False)
    b.weight = a.weight
    found = ng.audit(nn.Sequential(a, b), torch.zeros(1, 8, 6, 6))
    assert (found.declared, found.distinct) == (1_152, 576)


def test_padding_is_no_connection() -> None:
    found = ng.audit(nn.Conv2d(1, 32, 3, padding=1), input_shapes=(1, 1, 28, 28))
    assert (found.distinct, found.multiply_adds) == (320, 32 * 82**2)
    assert found.padded_multiply_adds == 225_792
    assert found.bias_connections == 25_088


def test_a_transposed_convolution() -> None:
    found = ng.audit(nn.ConvTranspose2d(3, 1, 2, stride=2), torch.zeros(1, 3, 2, 2))
    assert (found.multiply_adds, found.connections) == (48, 64)


def test_a_masked_convolution() -> None:
    layer = nn.Conv2d(6, 16, 5)
    table = torch.zeros(16, 6, 1, 1)
    for out, maps in enumerate(ng.models.LENET5_C3):
        table[out, list(maps)] = 1
    prune.custom_from_mask(layer, "weight", table.expand(16, 6, 5, 5).clone())
    found = ng.audit(layer, torch.zeros(1, 6, 14, 14))
    assert (found.distinct, found.used, found.dead, found.cut) == (2_416, 1_516, 900, 900)
    assert (found.connections, found.padded_multiply_adds) == (151_600, 240_000)
    assert found.cut_slots == 90_000
    assert found.dead_weights[0].why.startswith("cut")


class Slices(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.all = nn.Parameter(torch.randn(6, 8))
        self.part = nn.Parameter(self.all.detach()[:3, :6])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(F.linear(x, self.all), self.part)


def test_ties_that_names_hide() -> None:
    found = ng.audit(Slices(), torch.zeros(1, 8))
    assert (found.declared, found.distinct, found.used) == (66, 48, 48)


AUXILIARY = "auxiliary is not called in evaluation, as an auxiliary head is not"


class Headed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.auxiliary = nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(3, 9)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.body(x)
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_a_head_that_nobody_reads() -> None:
    found = ng.audit(Headed().train(), torch.zeros(1, 4))
    assert (found.declared, found.distinct, found.dead) == (15 + 8 + 36, 59, 36)
    assert {(d.array, d.dead, d.why) for d in found.dead_weights} == {
        ("auxiliary.weight", 27, AUXILIARY),
        ("auxiliary.bias", 9, AUXILIARY),
    }


class Halves(nn.Module):
    """A part in a part that is not called, and a parameter of one that is."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
        self.spare = nn.Parameter(torch.ones(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body[0](x)


def test_the_outermost_part_that_is_not_called() -> None:
    found = {d.array: d.why for d in ng.audit(Halves(), torch.zeros(1, 4)).dead_weights}
    assert found["spare"] == "nobody reads it"
    assert found["body.1.0.weight"] == AUXILIARY.replace("auxiliary is", "body.1 is")


def test_lenet5_as_usually_taught() -> None:
    found = ng.audit(ng.models.lenet5_modern())
    assert (found.distinct, found.padded_multiply_adds) == (61_706, 416_520)


def test_derived_weights_stand_apart() -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 3))
    found = ng.audit(layer, torch.zeros(1, 4))
    assert (found.distinct, found.combined, found.used, found.dead) == (18, 15, 3, 0)
    assert found.derived >= 12
    assert found.multiply_adds == 12


def test_dead_weights_have_no_gradient_and_others_have_one() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.Softplus()),
        *(nn.Conv2d(3, 3, 5, stride=2, padding=2), nn.Softplus()),
        *(nn.Conv2d(3, 2, 3, padding=1), nn.Flatten(), nn.Linear(2, 2)),
    ).double()
    net(torch.randn(5, 1, 4, 4, dtype=torch.float64)).sin().sum().backward()
    wanted = sum(int((p.grad == 0).sum()) for p in net.parameters())
    found = ng.audit(net, torch.zeros(1, 1, 4, 4, dtype=torch.float64))
    assert found.dead == wanted > 0


# ---- ONNX ------------------------------------------------------------------------------------


def masked_model() -> bytes:
    """A convolution of 2 maps, one of them written as zeros, its input's size open."""
    onnx = pytest.importorskip("onnx")
    kernel = np.ones((2, 1, 3, 3), np.float32)
    kernel[1] = 0
    values = [onnx.numpy_helper.from_array(kernel, "k")]
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ("N", 1, "H", "W"))
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    node = onnx.helper.make_node("Conv", ["x", "k"], ["y"], pads=[1, 1, 1, 1])
    graph = onnx.helper.make_graph([node], "net", [x], [y], values)
    return onnx.helper.make_model(graph).SerializeToString()


def test_an_onnx_file(tmp_path: Any) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(masked_model())
    for model, shapes in ((path, {"x": (1, 1, 4, 4)}), (path.read_bytes(), (1, 1, 4, 4))):
        found = ng.audit(model, input_shapes=shapes)
        assert (found.distinct, found.dead) == (18, 0)
        assert (found.multiply_adds, found.padded_multiply_adds) == (200, 288)
        found = ng.audit(model, input_shapes=shapes, zeros="cut")
        assert (found.multiply_adds, found.cut_slots) == (100, 144)
    with pytest.raises(ConversionError, match="open"):
        ng.audit(path)
    document = json.loads(run(str(path), "--input", "1,1,4,4", "--json").stdout)
    assert (document["connections"], document["name"]) == (200, "net.onnx")
    assert run(str(path), "--input", "z=1,1,4,4", code=2).stdout == ""


# ---- the command -----------------------------------------------------------------------------


def run(*args: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["audit", *args])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def test_the_command_on_models_and_modules(tmp_path: Any) -> None:
    assert json.loads(run("lenet5", "--json").stdout)["connections"] == 340_908
    ng.save(ng.models.mlp((3, 2)), tmp_path / "net.npz")
    assert json.loads(run(str(tmp_path / "net.npz"), "--json").stdout)["connections"] == 8
    given = "test_auditing:Headed", "--input", "1,4"
    document = json.loads(run(*given, "--json").stdout)
    assert (document["dead"], document["model"]) == (36, "test_auditing:Headed")
    assert "dead is 36 as expected" in run(*given, "--expect", "dead=36").stdout
    assert "expected dead=0, found 36" in run(*given, "--expect", "dead=0", code=1).stderr


def test_the_command_takes_weights_that_hold_no_code(tmp_path: Any) -> None:
    given = "test_auditing:Headed", "--input", "x=1,4", "--state", str(tmp_path / "w.pt")
    zero = {name: torch.zeros_like(t) for name, t in Headed().state_dict().items()}
    torch.save(zero, tmp_path / "w.pt")
    document = json.loads(run(*given, "--zeros", "cut", "--json").stdout)
    assert document["connections"] == 5  # biases
    torch.save({"a": Holder(nn.Linear(1, 1))}, tmp_path / "w.pt")
    with pytest.raises(ConversionError, match="cannot be read as weights"):
        CliRunner().invoke(main, ["audit", *given], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    "args",
    [
        ("test_auditing:Headed",),
        ("test_auditing:Nothing", "--input", "1,4"),
        ("no_such_package:x", "--input", "1,4"),
        ("test_auditing:run", "--input", "1,4"),
        ("test_auditing:Headed", "--input", "1,a"),
        ("test_auditing:Headed", "--input", "1,4", "--input", "x=1,4"),
        ("test_auditing:Headed", "--input", "1,5"),
        ("test_auditing:Headed", "--input", "0,4"),
        ("lenet5", "--expect", "deaf=1"),
        ("lenet5", "--expect", "dead=x"),
        ("lenet5", "--state", "w.pt"),
        ("lenet", "--json"),
    ],
)
def test_the_command_refuses_in_one_line(args: tuple[str, ...]) -> None:
    assert run(*args, code=2).stdout == ""
