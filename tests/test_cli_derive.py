"""The command derive: arithmetic from the layers' shapes, beside what enumerating gives."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.cli.derivation import lines

C1_AND_C3 = """\
                                                    derived  enumerated
C1: Conv2d, 1x32x32 -> 6x28x28, 5x5 field
  side            32 - 5 + 1                      =      28          28
  neurons         6 maps x 28x28                  =   4,704       4,704
  weights         6 maps x (5x5x1 + 1)            =     156         156
  uses of kernel  28x28 positions                 =     784         784
  uses of bias    28x28 positions                 =     784         784
  connections     156 weights x 28x28 positions   = 122,304     122,304

C3: Conv2d, 6x14x14 -> 16x10x10, 5x5 field
  side            14 - 5 + 1                      =      10          10
  neurons         16 maps x 10x10                 =   1,600       1,600
  weights         60 links x 5x5 + 16 biases      =   1,516       1,516
  uses of kernel  10x10 positions                 =     100         100
  uses of bias    10x10 positions                 =     100         100
  connections     1,516 weights x 10x10 positions = 151,600     151,600

      |  0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
  ----+------------------------------------------------
    0 |  X  .  .  .  X  X  X  .  .  X  X  X  X  .  X  X
    1 |  X  X  .  .  .  X  X  X  .  .  X  X  X  X  .  X
    2 |  X  X  X  .  .  .  X  X  X  .  .  X  .  X  X  X
    3 |  .  X  X  X  .  .  X  X  X  X  .  .  X  .  X  X
    4 |  .  .  X  X  X  .  .  X  X  X  X  .  X  X  .  X
    5 |  .  .  .  X  X  X  .  .  X  X  X  X  .  X  X  X

12 numbers agree with the enumeration of the graph
"""
TOTALS = """\
all layers
                                                                             derived  enumerated
  parameters     156 + 12 + 1,516 + 32 + 48,120 + 10,164                   =  60,000      60,000
  fixed weights  840                                                       =     840         840
  connections    122,304 + 5,880 + 151,600 + 2,000 + 48,120 + 10,164 + 840 = 340,908     340,908

43 numbers agree with the enumeration of the graph
"""


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ["derive", *map(str, args)])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def document(*args, code=0):
    return json.loads(invoke(*args, "--json", code=code).stdout)


@pytest.fixture
def derived(tmp_path):
    """Save a graph and derive it."""

    def saved(graph, *args, code=0):
        ng.save(graph, tmp_path / "graph.npz")
        return document(tmp_path / "graph.npz", *args, code=code)

    return saved


def numbers(found, layer):
    (one,) = [each for each in found["layers"] if each["name"] == layer]
    assert one["not_derived"] is None
    return {line["what"]: line["derived"] for line in one["lines"]}


def test_lenet5_layer_by_layer():
    assert invoke("lenet5", "C1", "C3").stdout == C1_AND_C3
    assert invoke("lenet5").stdout.endswith(TOTALS)


@pytest.mark.parametrize(
    "args",
    [
        ["lenet5"],
        ["lenet5", "--input-shape", "1,64,64"],
        ["lenet5_modern"],
        ["concept"],
        ["zipcode1989"],
        ["mlp", "--sizes", "5,4,3"],
    ],
)
def test_models_are_derived_to_the_last_number(args):
    found = document(*args)
    assert found["ok"]
    assert [each["name"] for each in found["layers"] if each["not_derived"]] == []
    assert all(line["agrees"] for each in found["layers"] for line in each["lines"])
    options = {"input_shape": tuple(map(int, args[2].split(",")))} if "input" in args[1:2] else {}
    graph = open_like(args, options)
    total = ng.count(graph).total
    known = {"parameters": total.parameters, "fixed weights": total.fixed}
    known["connections"] = total.connections
    assert {line["what"]: line["derived"] for line in found["total"]} == known


def open_like(args, options):
    from neurograph.cli.opening import open_model

    for flag, text in zip(args[1::2], args[2::2], strict=True):
        options[flag.removeprefix("--").replace("-", "_")] = tuple(map(int, text.split(",")))
    return open_model(args[0], options).graph


def window(size, kernel, stride, padding, dilation):
    """The taps of all positions that are on the map, counted one by one."""
    count = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    places = [y * stride + dilation * u - padding for y in range(count) for u in range(kernel)]
    return sum(0 <= place < size for place in places)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        (3, 1, 0, 1),
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (5, 3, 2, 1),
        (3, 1, 2, 2),
        (2, 2, 1, 3),
        (1, 2, 0, 1),
    ],
)
@pytest.mark.parametrize("bias", [None, "map", "neuron"])
def test_windows_of_every_geometry(kernel, stride, padding, dilation, bias, derived):
    graph = ng.Graph()
    layer = ng.Conv2d(
        4, kernel, stride=stride, padding=padding, dilation=dilation, bias=bias, name="C"
    )
    ids = graph.add(layer, graph.add(ng.Input((3, 11, 9))))
    found = numbers(derived(graph), "C")
    live = [window(size, kernel, stride, padding, dilation) for size in (11, 9)]
    assert found["connections"] == 4 * 3 * live[0] * live[1] + (ids.size if bias else 0)
    assert found["weights"] == 4 * 3 * kernel**2 + {None: 0, "map": 4, "neuron": ids.size}[bias]


def test_other_kinds_of_layers(derived):
    graph = ng.Graph()
    x = graph.add(ng.Input((4, 12, 12), name="x"))
    groups = graph.add(ng.Conv2d(4, 3, padding="same", groups=2, name="groups"), x)
    norm = graph.add(ng.BatchNorm2d(name="norm"), groups)
    both = graph.add(ng.Add(name="both"), norm, x)
    top = graph.add(ng.MaxPool2d(3, stride=2, padding=1, name="top"), both)
    mean = graph.add(ng.AvgPool2d(2, name="mean"), top)
    again = graph.add(
        ng.Conv2d(4, 3, padding="same", groups=2, weights="groups", name="again"), mean
    )
    graph.add(ng.Linear(5, name="out"), again)
    found = derived(graph)
    assert found["ok"]
    counts = ng.count(graph)
    for layer in counts.rows:
        assert numbers(found, layer.name)["connections" if layer.connections else "neurons"] == (
            layer.connections or layer.neurons
        )
    assert numbers(found, "again")["weights"] == 0
    (borrowed,) = [each for each in found["layers"] if each["name"] == "again"]
    assert "none of its own: those of groups.kernel" in [x["arithmetic"] for x in borrowed["lines"]]


def test_uses_differ_where_taps_leave_the_map(derived):
    graph = ng.Graph()
    graph.add(ng.Conv2d(1, 3, padding=1, name="C"), graph.add(ng.Input((1, 4, 4))))
    assert numbers(derived(graph), "C")["uses of kernel"] == [9, 12, 16]


def test_a_difference_is_reported_and_exits_with_1(tmp_path):
    graph = ng.models.lenet5()
    masked = ng.prune(graph, {"C1.kernel": np.arange(150).reshape(6, 1, 5, 5) >= 7})
    ng.save(masked, tmp_path / "pruned.npz")
    result = invoke(tmp_path / "pruned.npz", "C1", code=1)
    assert "DIFFERS" in result.stdout
    assert result.stdout.endswith(" of 6 numbers differ from the enumeration\n")
    assert (
        "neurograph: C1: connections: 122,304 derived, 116,816 enumerated"
        in result.stderr.splitlines()
    )
    found = document(tmp_path / "pruned.npz", "C1", code=1)
    assert found["ok"] is False


def test_what_cannot_be_derived_is_said(derived):
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 3, 3), name="x"))
    up = graph.add(ng.ConvTranspose2d(1, 2, name="up"), x)
    graph.add(ng.Conv2d(1, 2, shared=False, name="own"), up)
    found = derived(graph)
    reasons = {each["name"]: each["not_derived"] for each in found["layers"]}
    assert reasons["x"] is None
    assert reasons["up"] == "there is no arithmetic here for a layer of kind ConvTranspose2d"
    assert reasons["own"].startswith("its kernel own.kernel has the shape")
    assert found["total"] == []
    assert CliRunner().invoke(main, ["derive", "lenet5", "C2"]).exit_code == 2


def test_graphs_without_layers_to_derive(derived, tmp_path):
    bare = ng.Graph.from_connections([(1, 0, 2), (1, 1, 3)], inputs=[1])
    reasons = [each["not_derived"] for each in derived(bare)["layers"]]
    assert None in reasons
    assert any(reasons)
    assert derived(ng.Graph())["ok"]
    text = invoke(tmp_path / "graph.npz").stdout
    assert text.endswith("3 numbers agree with the enumeration of the graph\n")
    inputs = ng.Graph()
    inputs.add(ng.Input((2, 3), name="x"))
    assert numbers(derived(inputs), "x") == {"neurons": 6}


def test_too_much_to_walk_is_left_out(monkeypatch):
    monkeypatch.setattr(lines, "_MOST", 10)
    found = document("lenet5", "C1")
    assert found["ok"]
    assert "uses of kernel" not in numbers(found, "C1")
