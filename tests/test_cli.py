"""The command line: what it prints, what it refuses, and its exit codes."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.cli.opening import open_model
from neurograph.cli.output import duration, plain

LENET5_COUNT = """\
layer        maps    neurons    parameters    used    fixed    connections    of which bias    slots    dead
-------  --------  ---------  ------------  ------  -------  -------------  ---------------  -------  ------
input     1x32x32      1,024             0       0        0              0                0        0       0
C1        6x28x28      4,704           156     156        0        122,304            4,704  122,304       0
S2        6x14x14      1,176            12      12        0          5,880            1,176    5,880       0
C3       16x10x10      1,600         1,516   1,516        0        151,600            1,600  151,600       0
S4         16x5x5        400            32      32        0          2,000              400    2,000       0
C5        120x1x1        120        48,120  48,120        0         48,120              120   48,120       0
F6             84         84        10,164  10,164        0         10,164               84   10,164       0
output         10         10             0       0      840            840                0      840       0
-------  --------  ---------  ------------  ------  -------  -------------  ---------------  -------  ------
total                  9,118        60,000  60,000      840        340,908            8,084  340,908       0
parameters: trainable weights as declared; used: those that a connection uses
"""  # noqa: E501

LENET5_INFO = """\
lenet5: 9,118 neurons in 8 layers, 60,840 weights in 13 arrays, 1.7 MB
weights: mnist, trained (0.70 % of 10,000 MNIST test digits wrong)
constants: bias unit 1

layer    kind         function                               shape    neurons    fields    kernels
-------  -----------  ----------------------------------  --------  ---------  --------  ---------
input    Input        -                                    1x32x32      1,024         0          0
C1       Conv2d       (multiply, sum) scaled_tanh          6x28x28      4,704       784          6
S2       Subsample2d  (multiply, sum) scaled_tanh          6x14x14      1,176     1,176          6
C3       Conv2d       (multiply, sum) scaled_tanh         16x10x10      1,600     1,600         16
S4       Subsample2d  (multiply, sum) scaled_tanh           16x5x5        400       400         16
C5       Conv2d       (multiply, sum) scaled_tanh          120x1x1        120         1        120
F6       Linear       (multiply, sum) scaled_tanh               84         84         1         84
output   RBF          (squared_difference, sum) identity        10         10         1         10

array                shape    weights    absent    trainable
--------------  ----------  ---------  --------  -----------
C1.kernel          6x1x5x5        150         0          150
C1.bias                  6          6         0            6
S2.coefficient           6          6         0            6
S2.bias                  6          6         0            6
C3.kernel         16x6x5x5      1,500       900        1,500
C3.bias                 16         16         0           16
S4.coefficient          16         16         0           16
S4.bias                 16         16         0           16
C5.kernel       120x16x5x5     48,000         0       48,000
C5.bias                120        120         0          120
F6.kernel           84x120     10,080         0       10,080
F6.bias                 84         84         0           84
output.centers       10x84        840         0            0
"""

C1_WEIGHT = """\
weights: mnist, trained (0.70 % of 10,000 MNIST test digits wrong)
shared by 784 connections: 784 in C1

source           target
---------------  -----------
input[0, 2, 2]   C1[0, 0, 0]
input[0, 2, 3]   C1[0, 0, 1]
input[0, 2, 4]   C1[0, 0, 2]
input[0, 2, 5]   C1[0, 0, 3]
input[0, 2, 6]   C1[0, 0, 4]
input[0, 2, 7]   C1[0, 0, 5]
input[0, 2, 8]   C1[0, 0, 6]
input[0, 2, 9]   C1[0, 0, 7]
input[0, 2, 10]  C1[0, 0, 8]
input[0, 2, 11]  C1[0, 0, 9]
... and 774 more (--all shows them)
"""


def run(*args: str, code: int = 0):
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def document(*args: str, code: int = 0):
    """Return the JSON document of a command: the whole of its standard output."""
    return json.loads(run(*args, "--json", code=code).stdout)


def error(*args: str) -> str:
    """Return the message of a command that refuses its input: one line, and nothing else."""
    result = run(*args, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith("neurograph: error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("neurograph: error: ").strip()


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    graph = ng.models.mlp((784, 6, 4), seed=3)
    path = tmp_path_factory.mktemp("saved") / "mlp.npz"
    ng.save(graph, path)
    return path


@pytest.fixture
def dotted(monkeypatch) -> None:
    """A built-in model with dots in its layers' names, and without the option seed."""

    def make(*, input_shape=(1, 4, 4)):
        graph = ng.Graph()
        x = graph.add(ng.Input(input_shape))
        graph.add(ng.Linear(2, name="block.1"), graph.add(ng.Conv2d(2, 3, name="block.0"), x))
        return graph

    monkeypatch.setitem(ng.models.MODELS, "dotted", make)


# ---- count and verify ---------------------------------------------------------------------------


def test_count_prints_lenet5():
    result = run("count", "lenet5")
    assert result.stdout == LENET5_COUNT
    assert result.stderr == ""


def test_count_as_json():
    found = document("count", "lenet5", "--expect", "C1.connections=122304")
    assert found["model"] == "lenet5"
    assert [row["name"] for row in found["layers"]] == [
        "input", "C1", "S2", "C3", "S4", "C5", "F6", "output",
    ]  # fmt: skip
    assert found["total"] == {
        "name": "total",
        "neurons": 9118,
        "trainable": 60000,
        "fixed": 840,
        "connections": 340908,
        "bias_connections": 8084,
        "slots": 340908,
        "dead": 0,
        "used": 60000,
        "unfed": 0,
        "unread": 0,
        "maps": None,
        "parameters": 60000,
        "weights": 60840,
    }
    assert found["expectations"] == [
        {"name": "C1.connections", "expected": 122304, "found": 122304, "ok": True}
    ]


def test_expectations_that_hold_are_said():
    result = run("count", "lenet5", "--expect", "parameters=60,000", "--expect", "C3.slots=151_600")
    assert result.stdout == (
        f"{LENET5_COUNT}parameters is 60,000 as expected\nC3.slots is 151,600 as expected\n"
    )


@pytest.mark.parametrize("command", ["count", "verify"])
def test_expectations_that_fail_exit_with_1(command):
    wanted = ["parameters=60000", "connections=340907", "C1.dead=1"]
    options = [part for name in wanted for part in ("--expect", name)]
    result = run(command, "lenet5", *options, code=1)
    assert result.stderr.splitlines() == [
        "neurograph: expected connections=340907, found 340908",
        "neurograph: expected C1.dead=1, found 0",
    ]
    assert "parameters is 60,000 as expected" in result.stdout
    found = document(command, "lenet5", *options, code=1)
    assert [e["ok"] for e in found["expectations"]] == [True, False, False]


def test_layers_whose_names_hold_dots(dotted):
    run("count", "dotted", "--expect", "block.0.parameters=20", "--expect", "block.1.neurons=2")
    assert "layer 'block.2' is unknown" in error("count", "dotted", "--expect", "block.2.dead=0")


def test_verify():
    result = run("verify", "lenet5", "--threads", "2")
    assert result.stdout == (
        f"{LENET5_COUNT}340,908 triples expanded one by one: agrees with count\n"
    )
    found = document("verify", "lenet5")
    assert found["ok"]
    assert found["triples"] == 340908
    assert found["problems"] == []
    assert found["total"]["connections"] == 340908


def test_verify_says_what_is_wrong(monkeypatch):
    from neurograph.counting import verification

    counts = ng.count(ng.models.mlp((2, 1)))
    broken = ng.Verification(counts, 3, ("weight 0 stands in 2 arrays, needed 1",))
    monkeypatch.setattr(verification, "verify", lambda *_, **__: broken)
    result = run("verify", "mlp", code=1)
    assert "weight 0 stands in 2 arrays, needed 1" in result.stdout
    assert result.stderr == "neurograph: verification found 1 problem(s)\n"
    assert document("verify", "mlp", code=1)["ok"] is False


def test_verify_by_networkx():
    options = ["concept", "--input-shape", "1,16,16", "--networkx"]
    text = run("verify", *options).stdout
    total = ng.count(ng.models.concept(input_shape=(1, 16, 16))).total
    found = document("verify", *options)["networkx"]
    graph = ng.to_networkx(ng.models.concept(input_shape=(1, 16, 16)))
    assert found["ok"]
    assert (found["nodes"], found["edges"]) == (len(graph), 2 * total.connections)
    assert found["total"]["connections"] == total.connections
    assert text.splitlines()[-1] == (
        f"networkx: {len(graph):,} nodes and {2 * total.connections:,} edges; walking them counts "
        f"{total.parameters:,} parameters and {total.connections:,} connections: agrees"
    )


def test_verify_by_networkx_says_where_it_differs(monkeypatch):
    from neurograph.convert import networkx

    def faulty(graph):
        converted = to_networkx(graph)
        converted.remove_edge("input[1]", "output[0]")
        return converted

    to_networkx = networkx.to_networkx
    monkeypatch.setattr(networkx, "to_networkx", faulty)
    result = run("verify", "mlp", "--sizes", "3,2", "--networkx", code=1)
    assert result.stdout.endswith("walking them counts 8 parameters and 7 connections: differs\n")
    assert result.stderr.splitlines()[0] == (
        "neurograph: output: 7 connections counted on the networkx graph, 8 on the graph"
    )
    found = document("verify", "mlp", "--sizes", "3,2", "--networkx", code=1)
    assert (found["ok"], found["networkx"]["ok"]) == (False, False)


def test_a_graph_too_large_for_networkx_is_refused_at_once(monkeypatch):
    from neurograph import memory
    from neurograph.counting import verification

    monkeypatch.setattr(verification, "verify", None)  # is not come to
    monkeypatch.setattr(memory, "physical", lambda: 100_000)
    assert "the limit is 80.0 kB" in error("verify", "mlp", "--networkx")


def test_models_may_be_given_an_input_shape_and_sizes():
    shape = document("count", "lenet5", "--input-shape", "1x64x64")["total"]
    assert (shape["parameters"], shape["connections"]) == (60_000, 6_415_980)
    assert document("count", "mlp", "--sizes", "4,3,2")["total"]["parameters"] == 4 * 3 + 3 + 8


# ---- run ----------------------------------------------------------------------------------------


def test_run_prints_outputs_classes_and_time():
    options = ("--engine", "scipy", "--dtype", "float64", "--seed", "0")
    lines = run("run", "lenet5", *options).stdout.splitlines()
    assert lines[:4] == [
        "lenet5 on the first 10 of the 400 MNIST test digits in the package",
        "weights: drawn, seed 0 (not trained: the classes are chance)",
        "engine: scipy, float64, 1 thread; the smallest output wins",
        "",
    ]
    assert lines[4].split() == ["image", "label", "class", *map(str, range(10))]
    simulator = ng.Simulator(ng.models.lenet5(), engine="scipy", dtype="float64")
    digits = ng.datasets.digits(10)
    outputs = simulator(ng.datasets.normalize(digits.images))
    for i, line in enumerate(lines[6:16]):
        cells = line.split()
        assert [int(c) for c in cells[:3]] == [i, digits.labels[i], outputs[i].argmin()]
        np.testing.assert_allclose([float(c) for c in cells[3:]], outputs[i], rtol=1e-3)
    right = int((outputs.argmin(axis=1) == digits.labels).sum())
    assert lines[17].startswith(f"{right} of 10 right; 10 images in ")


def test_run_as_json_whatever_the_batch():
    options = ["--engine", "scipy", "--count", "7", "--seed", "5"]
    whole = document("run", "lenet5", *options)
    pieces = document("run", "lenet5", *options, "--batch", "3")
    assert whole["count"] == 7
    assert whole["smallest_wins"] is True
    assert whole["weights"].startswith("drawn, seed 5")
    for ours, theirs in zip(whole["results"], pieces["results"], strict=True):
        assert (ours["class"], ours["label"]) == (theirs["class"], theirs["label"])
        np.testing.assert_allclose(ours["outputs"], theirs["outputs"], rtol=1e-5)
    assert whole["results"][0]["class"] == int(np.argmin(whole["results"][0]["outputs"]))


def test_run_on_a_saved_file(saved):
    found = document("run", saved, "--engine", "scipy", "--dtype", "float64", "--count", "2")
    assert found["weights"] == f"as saved in {saved}"
    images = ng.datasets.normalize(ng.datasets.digits(2).images, size=(28, 28)).reshape(2, -1)
    outputs = ng.Simulator(ng.load(saved), engine="scipy", dtype="float64")(images)
    np.testing.assert_allclose([r["outputs"] for r in found["results"]], outputs)
    assert [r["class"] for r in found["results"]] == outputs.argmax(axis=1).tolist()


def test_run_on_files_of_images(tmp_path):
    digits = ng.datasets.digits(3)
    idx = tmp_path / "images-idx3-ubyte"
    idx.write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]) + digits.images.tobytes()
    )
    labels = tmp_path / "labels-idx1-ubyte"
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + digits.labels.tobytes())
    np.save(tmp_path / "grey.npy", digits.images.astype(np.int64))
    np.save(tmp_path / "ready.npy", ng.datasets.normalize(digits.images))
    options = ["--engine", "scipy", "--images"]
    found = [
        document("run", "lenet5", *options, idx, "--labels", labels),
        document("run", "lenet5", *options, tmp_path / "grey.npy"),
        document("run", "lenet5", *options, tmp_path / "ready.npy"),
    ]
    expected = document("run", "lenet5", "--engine", "scipy", "--count", "3")
    for each in found:
        for ours, theirs in zip(each["results"], expected["results"], strict=True):
            np.testing.assert_allclose(ours["outputs"], theirs["outputs"], rtol=1e-6)
    assert [r["label"] for r in found[0]["results"]] == digits.labels.tolist()
    assert found[0]["right"] == expected["right"]
    assert found[1]["results"][0]["label"] is None
    assert "right" not in found[1]
    assert "label" not in run("run", "lenet5", *options, idx).stdout


def test_run_where_outputs_are_maps_or_many(tmp_path):
    options = ["--engine", "scipy", "--count", "1"]
    text = run("run", "lenet5", "--input-shape", "1,36,36", *options).stdout
    assert "\n0        7        " in text  # C5 has 2x2 places
    found = document("run", "lenet5", "--input-shape", "1,36,36", *options)
    assert np.shape(found["results"][0]["class"]) == (2, 2)
    assert np.shape(found["results"][0]["outputs"]) == (10, 2, 2)
    many = run("run", "mlp", "--sizes", "784,20", *options).stdout
    outputs = document("run", "mlp", "--sizes", "784,20", *options)["results"][0]["outputs"]
    best = int(np.argmax(outputs))
    assert f"{best}: {outputs[best]:.4g}, " in many


def test_outputs_that_are_no_numbers_are_null(tmp_path):
    graph = ng.models.mlp((784, 2))
    graph.weights.value = np.full(graph.weights.count, 1e308)
    ng.save(graph, tmp_path / "huge.npz")
    found = document("run", tmp_path / "huge.npz", "--engine", "scipy", "--dtype", "float64")
    assert found["results"][0]["outputs"] == [None, None]


# ---- info, neuron, weight, save -----------------------------------------------------------------


def test_info():
    assert run("info", "lenet5").stdout == LENET5_INFO
    found = document("info", "lenet5")
    assert found["bytes"] == ng.models.lenet5().nbytes
    assert found["layers"][3]["arrays"] == ["C3.kernel", "C3.bias"]
    assert found["arrays"][4] == {
        "name": "C3.kernel",
        "shape": [16, 6, 5, 5],
        "weights": 1500,
        "absent": 900,
        "trainable": 1500,
        "ids": [168, 1667],
    }


def test_neuron():
    text = run("neuron", "lenet5", "C1[2, 10, 10]").stdout
    assert text.startswith(
        "C1[2, 10, 10]: neuron 2,883, (multiply, sum) scaled_tanh\n"
        "weights: mnist, trained (0.70 % of 10,000 MNIST test digits wrong)\n"
        "sees 25 of input, from [0, 10, 10] to [0, 14, 14]\n"
        "feeds 1 of S2\n"
        "reads 26 connections\n"
    )
    assert text.endswith(
        "... and 16 more (--all shows them)\n\n"
        "--digit N explains its sum for image N of the package's digits\n"
    )
    assert run("neuron", "lenet5", "2883").stdout == text
    every = run("neuron", "lenet5", "C1[2,10,10]", "--all").stdout.splitlines()
    assert every[-3].split()[:3] == ["bias", "unit", "C1.bias[2]"]
    assert len(every) == 5 + 1 + 2 + 26 + 2


def test_a_neuron_deep_inside():
    found = document("neuron", "lenet5", "C3[0, 0, 0]")
    assert found["incoming"] == len(found["connections"]) == 76
    assert found["receptive_field"] == [
        {"input": "input", "neurons": 196, "from": [0, 0, 0], "to": [0, 13, 13]}
    ]
    assert found["outgoing"] == [{"layer": "S4", "neurons": 1, "connections": 1}]


def test_the_corner_pixel_and_the_bias_unit():
    corner = run("neuron", "lenet5", "input[0, 0, 0]").stdout
    assert "its state is given" in corner
    assert "feeds 6 of C1\nreads 0 connections" in corner
    bias = document("neuron", "lenet5", "0")
    assert bias["name"] == "bias unit"
    assert sum(part["connections"] for part in bias["outgoing"]) == 8084
    assert bias["receptive_field"] == []
    assert "feeds nothing" in run("neuron", "lenet5", "output[3]").stdout


@pytest.mark.parametrize("name", ["C1[2, 14, 14]", "S2[0, 5, 5]", "output[7]"])
@pytest.mark.parametrize("options", [[], ["--seed", "0"]])
def test_a_neuron_explains_its_sum(name, options):
    found = document("neuron", "lenet5", name, "--digit", "3", *options)
    graph = ng.models.lenet5(weights=None if options else "mnist")
    states = ng.Simulator(graph, engine="scipy", dtype="float64").states(
        ng.datasets.normalize(ng.datasets.digits(4).images)
    )
    assert found["state"] == pytest.approx(float(states[graph.neuron_id(name)][3]), abs=1e-12)
    assert sum(row["term"] for row in found["connections"]) == pytest.approx(found["net_input"])
    first = found["connections"][0]
    state = float(states[graph.neuron_id(first["source"])][3])
    assert first["state"] == pytest.approx(state, abs=1e-12)
    assert (
        f"on digit 3: net input {found['net_input']:.9g}"
        in run("neuron", "lenet5", name, "--digit", "3", *options).stdout
    )


def test_weight():
    head, _, rest = run("weight", "lenet5", "C1.kernel[0, 0, 2, 2]").stdout.partition("\n")
    assert head.startswith("C1.kernel[0, 0, 2, 2]: weight 12, trainable, value ")
    assert rest == C1_WEIGHT
    found = document("weight", "lenet5", "12")
    assert found["uses"] == len(found["connections"]) == 784
    assert found["layers"] == {"C1": 784}
    assert found["connections"][-1] == {"source": "input[0, 29, 29]", "target": "C1[0, 27, 27]"}
    assert found["value"] == float(ng.models.lenet5(weights="mnist").weights.value[12])
    drawn = document("weight", "lenet5", "12", "--seed", "3")
    assert drawn["value"] == float(ng.models.lenet5(seed=3).weights.value[12])


def test_weights_that_are_fixed_or_dead(tmp_path):
    assert "fixed, value -1" in run("weight", "lenet5", "output.centers[0, 0]").stdout
    graph = ng.Graph.from_connections([(1, 0, 2)], inputs=[1], values=[1.0, 2.0])
    ng.save(graph, tmp_path / "dead.npz")
    assert "dead: no connection uses it" in run("weight", tmp_path / "dead.npz", "1").stdout


def test_save_and_use(tmp_path):
    path = tmp_path / "lenet5.npz"
    text = run("save", "lenet5", path, "--seed", "4").stdout
    drawn = "drawn, seed 4 (not trained: the classes are chance)"
    size = path.stat().st_size
    assert text == f"lenet5 saved to {path} ({size / 1e6:.1f} MB)\nweights: {drawn}\n"
    assert run("count", path).stdout == LENET5_COUNT
    np.testing.assert_array_equal(
        ng.load(path).weights.value, ng.models.lenet5(seed=4).weights.value
    )
    before = path.read_bytes()
    assert error("save", "mlp", path) == f"{path}: exists already; --force replaces it"
    assert path.read_bytes() == before
    found = document("save", "mlp", path, "--force")
    assert found == {
        "model": "mlp",
        "file": str(path),
        "bytes": path.stat().st_size,
        "weights": "drawn, seed 0 (not trained: the classes are chance)",
    }
    assert ng.load(path).inputs[0].neurons.shape == (784,)


def test_where_the_weights_are_from(dotted, tmp_path):
    fresh, seeded = open_model("dotted", {}), open_model("dotted", {"seed": 2})
    assert fresh.weights.startswith("drawn, seed 0")
    assert seeded.weights.startswith("drawn, seed 2")
    fresh.graph.weights.initialize(seed=2)
    np.testing.assert_array_equal(seeded.graph.weights.value, fresh.graph.weights.value)
    path = tmp_path / "new.npz"
    run("save", "dotted", path)
    assert document("info", path)["values"] == f"drawn, seed 0 ({path} holds none)"
    ng.save(fresh.graph, path)
    assert document("info", path)["values"] == f"as saved in {path}"


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("count", "Missing argument 'MODEL'."),
        ("cuont lenet5", "command 'cuont' is unknown; did you mean count"),
        ("--loud", "No such option"),
        ("count lenet", "model 'lenet' is unknown; did you mean lenet5"),
        ("count no/such.npz", "no/such.npz: cannot be read: No such file or directory"),
        ("count lenet5 --input-shape 1,a", "needed whole numbers such as 1,64,64"),
        ("count lenet5 --input-shape 1,64", "C1"),
        ("count lenet5 --input-shape 1,4,4", "C1: a 5x5 window does not fit 4x4 feature maps"),
        ("count lenet5 --input-shape 0,32,32", "input"),
        ("count lenet5 --input-shape 1,99999,99999", "ids end at"),
        ("count lenet5 --sizes 3,2", "model lenet5 has no --sizes"),
        ("count lenet5 --seed -1", "--seed"),
        ("count lenet5 --expect parameters", "needed the form connections=340908"),
        ("count lenet5 --expect parameters=many", "needed the form connections=340908"),
        ("count lenet5 --expect parametres=3", "did you mean parameters"),
        ("count lenet5 --expect C7.parameters=3", "layer 'C7' is unknown; did you mean"),
        ("verify lenet5 --threads 0", "--threads"),
        ("run lenet5 --engine abacus", "abacus"),
        ("run lenet5 --dtype float16", "float16"),
        ("run lenet5 --count 0", "--count"),
        ("run lenet5 --labels x", "--labels needs --images"),
        ("run lenet5 --images no-such-file", "no-such-file: No such file or directory"),
        ("run lenet5 --raw", "--raw needs --images"),
        ("run lenet5 --no-invert", "--invert needs --images"),
        ("run lenet5 --input-shape 3,32,32", "the trained weights 'mnist', taken unless --seed is"),
        ("run lenet5 --input-shape 3,32,32", "do not fit --input-shape 3,32,32"),
        ("run lenet5 --input-shape 3,32,32", "--seed 0 draws weights that do"),
        ("neuron lenet5 9 --input-shape 3,32,32", "--seed 0 draws weights that do"),
        ("run mlp --weights mnist", "model mlp has no --weights mnist"),
        ("run lenet5 --seed 1 --weights mnist", "--weights are not drawn"),
        ("run lenet5 --threads 999", "found 999, needed 1 to"),
        ("run lenet5 --threads 999 --engine scipy", "found 999, needed 1 to"),
        ("run mlp --sizes 700,2", "grey levels of 28x28 do not make an input of 700"),
        ("neuron lenet5 C9[0,0,0]", "neuron array 'C9' is unknown; did you mean"),
        ("neuron lenet5 C1[0,0,28]", "C1[0, 0, 28] is out of range; C1 has shape (6, 28, 28)"),
        ("neuron lenet5 C1[0,x]", "is not of the form"),
        ("neuron lenet5 99999", "neuron 99999 does not exist; ids go from 0 to 9,118"),
        (f"neuron lenet5 {'9' * 30}", f"neuron {'9' * 30} does not exist; ids go from 0"),
        ("count lenet5 --input-shape 3,99999999999,3", "found '99999999999' in"),
        ("audit nope.onnx", "nope.onnx: cannot be read: No such file or directory"),
        ("neuron lenet5 9 --digit 400", "the package has digits 0 to 399"),
        ("weight lenet5 C1.kernal[0,0,0,0]", "did you mean C1.kernel"),
        ("weight lenet5 C3.kernel[0,5,0,0]", "does not exist"),
        ("weight lenet5 9999999", "weight 9999999 does not exist; ids go from 0 to"),
        ("save lenet5 no/such/directory/file", "cannot be written: No such file or directory"),
    ],
)
def test_bad_input(args, message):
    said = error(*args.split())
    assert message in said
    assert said.startswith(message) or "does not exist; ids" not in message


@pytest.mark.parametrize("option", ["--input-shape=1,32,32", "--sizes=3,2", "--seed=1"])
def test_options_of_built_in_models_do_not_fit_files(option, saved):
    assert f"{option.partition('=')[0]} is for built-in models" in error("count", saved, option)


def test_files_that_are_no_models(tmp_path):
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, a=np.zeros(2))
    assert "needed a file written by neurograph's save" in error("count", foreign)
    assert "Is a directory" in error("count", tmp_path)
    assert "cannot be written: Is a directory" in error("save", "mlp", tmp_path, "--force")


def test_images_that_do_not_fit(tmp_path):
    def given(array):
        np.save(tmp_path / "images.npy", array)
        return error("run", "lenet5", "--engine", "scipy", "--images", tmp_path / "images.npy")

    assert "found images of shape (2, 1, 28, 28)" in given(np.zeros((2, 1, 28, 28)))
    assert "found images of shape () and type float64" in given(np.float64(3))
    assert "found grey levels -1 to -1" in given(np.full((2, 28, 28), -1))
    assert "found images of shape (60, 3, 28)" in given(np.zeros((60, 3, 28)))  # all of the file
    assert "found images of shape (28, 28)" in given(np.zeros((28, 28), np.uint8))
    assert "one image is array[None]" in given(np.zeros((28, 28), np.uint8))
    looks = given(np.full((2, 1, 32, 32), 255.0))
    assert "from 255 to 255, which look like grey levels" in looks
    assert "save them as uint8 to have them scaled, or --raw" in looks
    assert "not finite" in given(np.full((2, 1, 32, 32), np.nan))
    assert "needed real numbers" in given(np.zeros((2, 1, 32, 32), complex))
    assert "holds no image" in given(np.zeros((0, 1, 32, 32)))
    assert "(2, 0, 28) and type uint8, which holds no pixel" in given(np.zeros((2, 0, 28), "u1"))
    assert "needed grey levels (N, rows, columns)" in given(np.zeros((2, 3, 32, 32), np.uint8))
    assert "needed a plain .npy file" in given(np.array([{}], object))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "images.npy").read_bytes()[:20])
    assert "cut.npy: cannot be read" in error("run", "lenet5", "--images", tmp_path / "cut.npy")
    (tmp_path / "text").write_text("digits")
    assert "magic number" in error("run", "lenet5", "--images", tmp_path / "text")
    np.save(tmp_path / "images.npy", np.zeros((2, 28, 28), np.uint8))
    np.save(tmp_path / "labels.npy", np.zeros((1,), int))
    options = ["--images", tmp_path / "images.npy", "--labels", tmp_path / "labels.npy"]
    for wrong in (np.zeros((1,), int), np.int64(3), np.zeros((2, 1), int), np.zeros(2)):
        np.save(tmp_path / "labels.npy", wrong)
        found = error("run", "lenet5", *options)
        assert f"labels.npy: found {wrong.dtype} of shape {wrong.shape}, needed whole" in found
    np.save(tmp_path / "labels.npy", np.array([3, 99]))
    found = error("run", "lenet5", *options)
    assert "labels.npy: labels: found 99 at place 1, needed 0 to 9" in found


def test_models_with_several_inputs_have_no_digit(tmp_path):
    graph = ng.Graph()
    pair = [graph.add(ng.Input((2,), name=name)) for name in ("a", "b")]
    graph.add(ng.Add(name="sum"), *pair)
    ng.save(graph, tmp_path / "pair.npz")
    assert "has 2 inputs, needed one" in error("run", tmp_path / "pair.npz")
    assert "has 2 inputs" in error("neuron", tmp_path / "pair.npz", "sum[0]", "--digit", "0")
    seen = document("neuron", tmp_path / "pair.npz", "sum[0]")["receptive_field"]
    assert [part["input"] for part in seen] == ["a", "b"]


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 2, "there is not enough memory"),
        (PermissionError(13, "Permission denied", "secret"), 2, "secret: Permission denied"),
        (ng.GraphError("two\nlines"), 2, "two lines"),
    ],
)
def test_what_commands_raise(raised, code, message, monkeypatch):
    from neurograph.counting import counts as counting

    def fail(_):
        raise raised

    monkeypatch.setattr(counting, "count", fail)
    result = run("count", "mlp", code=code)
    assert result.stdout == ""
    assert result.stderr.strip() == f"neurograph: error: {message}"


# ---- as a process -------------------------------------------------------------------------------


def process(*args, **options):
    """Run the command line in a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    command = [sys.executable, "-m", "neurograph", *map(str, args)]
    return subprocess.run(command, check=False, timeout=120, **options)


def test_the_real_thing():
    done = process("count", "lenet5", "--expect", "connections=340908")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{LENET5_COUNT}connections is 340,908 as expected\n"
    failed = process("count", "lenet5", "--json", "--expect", "connections=1")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["expectations"][0]["ok"] is False
    assert failed.stderr == "neurograph: expected connections=1, found 340908\n"
    wrong = process("count", "lenet6")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("neurograph: error: model 'lenet6' is unknown")


def test_help_and_version():
    done = process("--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout
    assert done.stdout.startswith("Usage: neurograph [OPTIONS] COMMAND")
    assert run("--version").stdout == f"neurograph {ng.__version__}\n"
    for command in main.commands:
        assert run(command, "--help").stdout.startswith("Usage: neurograph ")


def test_no_command_and_the_short_option_are_help():
    for args in ([], ["-h"]):
        result = run(*args)
        assert (result.stdout, result.stderr) == (run("--help").stdout, "")
    for command in main.commands:
        assert run(command, "-h").stdout == run(command, "--help").stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom neurograph.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = 'torch numba scipy.sparse matplotlib networkx tabulate tqdm'.split()\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or None)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Commands:" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes and signals")
@pytest.mark.parametrize("args", [["count", "lenet5"], ["--help"], ["count", "--help"]])
def test_a_reader_that_goes_away(args):
    read, write = os.pipe()
    os.close(read)
    done = process(*args, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX terminals")
@pytest.mark.parametrize("args", [["verify"], ["run", "--engine", "scipy"]])
def test_on_a_terminal(args):
    ours, theirs = os.openpty()
    done = process(*args, "mlp", "--json", stderr=theirs)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert json.loads(done.stdout)["model"] == "mlp"


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    from neurograph.cli import counts

    graph = ng.models.mlp((3, 2))
    for watched in (True, False):
        stream = io.StringIO()
        stream.isatty = lambda watched=watched: watched
        monkeypatch.setattr(sys, "stderr", stream)
        with counts._progress(graph, delay=0) as step:
            step(4)
        assert ("/8.00" in stream.getvalue()) is watched


COMMANDS = ["", "count -h", "count mlp", "neuron mlp 0", "run mlp --engine scipy"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full device")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(command):
    with Path("/dev/full").open("w") as full:
        done = process(*command.split(), stdout=full)
    assert done.returncode == 2
    assert done.stderr == "neurograph: error: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX descriptors")
@pytest.mark.parametrize("command", COMMANDS)
def test_closed_outputs(command):
    start = [sys.executable, "-m", "neurograph", *command.split()]
    shell = ["sh", "-c", '"$@" >&-', "sh", *start]
    done = subprocess.run(shell, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == "neurograph: error: the standard output is closed\n"
    shell[2] = '"$@" 2>&-'
    done = subprocess.run(shell, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, bool(done.stdout)) == (0, True)


def test_names_that_the_output_cannot_encode(tmp_path):
    graph = ng.Graph()
    graph.add(ng.Linear(2, name="Schicht_ä_層"), graph.add(ng.Input((3,))))
    ng.save(graph, tmp_path / "names.npz")
    for encoding, shown in (("latin-1", r"Schicht_ä_\u5c64"), ("ascii", None)):
        narrow = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        done = process("count", tmp_path / "names.npz", env=narrow, text=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert shown is None or shown.encode(encoding) in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="paths are bytes on Linux")
def test_paths_that_are_no_text(tmp_path):
    name = os.fsdecode(b"\xff.npz")
    for command in (["save", "mlp", tmp_path / name], ["count", tmp_path / name]):
        strict = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        done = process(*command, env=strict)
        assert (done.returncode, done.stderr) == (0, "")
    saved = process("save", "mlp", tmp_path / name, "--force", "--json")
    assert json.loads(saved.stdout)["file"].endswith("\udcff.npz")
    assert r"\udcff.npz: exists already" in process("save", "mlp", tmp_path / name).stderr
    assert "needed none with" in error("count", "a\0b")
    images = ["--images", tmp_path / os.fsdecode(b"\xfe")]
    assert "No such file" in error("run", "mlp", *images)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c():
    code = (
        "import time\nfrom neurograph.cli import counts, main\n"
        "def slow(graph):\n    print('counting', flush=True)\n    time.sleep(60)\n"
        "counts.counting.count = slow\nmain(['count', 'mlp'])"
    )
    # A background job is started with Ctrl-C ignored, and so would be its children.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        assert child.stdout.readline() == "counting\n"
        child.send_signal(signal.SIGINT)
        try:
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (child.returncode, out) == (130, "")
    assert err.strip() == "neurograph: error: interrupted"


# ---- parts --------------------------------------------------------------------------------------


def test_plain_values():
    value = {1: (np.float32(0.5), np.arange(2), float("inf")), "b": [True, None, "x"]}
    assert plain(value) == {"1": [0.5, [0, 1], None], "b": [True, None, "x"]}


def test_durations():
    assert [duration(s) for s in (0.00059, 0.9999, 75.2)] == ["0.59 ms", "1.0 s", "75.2 s"]


def test_a_command_can_be_called_without_ending_the_process():
    assert main(["count", "mlp", "--expect", "parameters=1"], standalone_mode=False) == 1
