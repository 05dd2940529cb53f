"""The command train, on a directory of small digits."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main

BARS = ("--sizes", "36,8,2", "--engine", "scipy", "--no-verify", "--quiet", "--seed", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Bars, upright or level, in the files of MNIST."""
    directory = tmp_path_factory.mktemp("bars")
    rng = np.random.default_rng(0)
    for split, count in (("train", 80), ("t10k", 30)):
        labels = rng.integers(0, 2, count).astype(np.uint8)
        images = rng.integers(0, 60, (count, 6, 6)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            (image.T if label else image)[rng.integers(2, 4)] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (directory / f"{split}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return directory


def run(*arguments, code=0, command="train"):
    result = CliRunner().invoke(main, [command, *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_it_trains_measures_and_saves(data, tmp_path):
    out, again = tmp_path / "mlp.npz", tmp_path / "again.npz"
    options = ("mlp", "--data", data, *BARS, "--passes", 8, "--rate", "0.02,0.01", "--batch", 8)
    text = run(*options, "--out", out)
    assert "mlp, 80 digits, seed 1" in text
    assert "error, 30 test digits" in text
    assert f"saved to {out}" in text
    document = json.loads(run(*options, "--out", again, "--json"))
    last = document["passes"][-1]
    assert last["training_error"] <= 0.05
    assert last["validation_error"] <= 0.2
    assert last["loss"] < document["passes"][0]["loss"]
    assert f"{100 * last['validation_error']:.2f} %" in text.splitlines()[-2]
    assert "Adam(rate=(0.02, 0.01)" in document["optimizer"]
    one, other = ng.load(out), ng.load(again)
    np.testing.assert_array_equal(one.weights.value, other.weights.value)
    assert "exists already" in run(*options, "--out", out, code=2)
    run(*options, "--passes", 0, "--out", out, "--force")
    assert (ng.load(out).weights.value != one.weights.value).any()


def test_digits_held_out_are_neither_learnt_nor_test_digits(data):
    document = json.loads(run("mlp", "--data", data, *BARS, "--hold-out", 20, "--json"))
    assert document["digits"] == 60
    assert document["measured_on"] == "20 held out digits"
    limited = json.loads(run("mlp", "--data", data, *BARS, "--limit", 50, "--passes", 1, "--json"))
    assert limited["digits"] == 50
    assert "leave none" in run("mlp", "--data", data, *BARS, "--hold-out", 80, code=2)


def test_an_rbf_output_is_trained_by_the_paper(data, tmp_path):
    graph = ng.Graph()
    x = graph.add(ng.Linear(4, activation="scaled_tanh"), graph.add(ng.Input((1, 6, 6))))
    graph.add(ng.RBF(np.array([[1, 1, -1, -1], [-1, 1, -1, 1.0]])), x)
    path = tmp_path / "rbf.npz"
    ng.save(graph, path)
    options = ("--data", data, *BARS[2:6], "--passes", 3, "--json")
    given = (
        "--scale",
        4,
        "--rubbish",
        1,
        "--mu",
        0.05,
        "--estimates",
        2,
        "--initializer",
        "uniform_fan_in",
    )
    document = json.loads(run(path, *options, *given, "--distort"))
    assert document["loss"] == "DiscriminativePenalty(rubbish=1.0, scale=4.0)"
    assert "StochasticDiagonalLM" in document["optimizer"]
    assert "mu=0.05" in document["optimizer"]
    assert "estimates=2" in document["optimizer"]
    assert document["passes"][-1]["loss"] < document["passes"][0]["loss"]


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Some of the digits in the package, in the files of MNIST."""
    directory = tmp_path_factory.mktemp("digits")
    some = ng.datasets.digits(12)
    for split in ("train", "t10k"):
        for kind, array in (("images-idx3", some.images), ("labels-idx1", some.labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (directory / f"{split}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return directory


def test_without_options_it_is_what_was_measured(big, tmp_path):
    """The README's table: the weights too begin as they did there."""
    out = tmp_path / "lenet5.npz"
    options = ("--data", big, "--no-verify", "--engine", "scipy", "--seed", 2, "--passes", 0)
    document = json.loads(run("lenet5", *options, "--out", out, "--quiet", "--json"))
    assert document["loss"] == "DiscriminativePenalty(rubbish=1.0, scale=25.0)"
    assert document["optimizer"] == str(ng.StochasticDiagonalLM())
    assert document["initializer"] == "uniform_fan_in"
    wanted = ng.models.lenet5()
    wanted.weights.initialize(seed=2, initializer="uniform_fan_in")
    np.testing.assert_array_equal(ng.load(out).weights.value, wanted.weights.value)


def drawn(initializer=None):
    graph = ng.models.lenet5()
    graph.weights.initialize(initializer=initializer)
    return graph


@pytest.mark.parametrize(
    ("arguments", "said", "begin"),
    [
        (("lenet5",), "drawn by uniform_fan_in", lambda: drawn("uniform_fan_in")),
        (("lenet5", "--initializer", "he_normal"), "drawn by he_n", lambda: drawn("he_normal")),
        (("lenet5", "--weights", "mnist"), "mnist, tr", lambda: ng.models.lenet5(weights="mnist")),
        (("lenet5_modern",), "drawn by each layer's own initializer", ng.models.lenet5_modern),
        (("given.npz",), "as saved in given.npz", drawn),
    ],
)
def test_what_the_weights_begin_with_is_said_as_it_starts(
    big, arguments, said, begin, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ng.save(drawn(), "given.npz")
    given = ("--data", big, "--no-verify", "--engine", "scipy", "--passes", 0, "--out", "out.npz")
    result = CliRunner().invoke(main, ["train", *arguments, *map(str, given)])
    assert result.exit_code == 0, result.output
    for shown in (result.stderr, result.stdout):
        assert f"\nweights: {said}" in shown
    np.testing.assert_array_equal(ng.load("out.npz").weights.value, begin().weights.value)


def test_a_checkpoint_is_gone_on_from(data, tmp_path):
    path = tmp_path / "c.npz"
    options = ("mlp", "--data", data, *BARS, "--checkpoint", path, "--json")
    straight = json.loads(run("mlp", "--data", data, *BARS, "--passes", 4, "--json"))
    run(*options, "--passes", 2)
    resumed = json.loads(run(*options, "--passes", 4, "--resume"))
    losses = [[p["loss"] for p in found["passes"]] for found in (straight, resumed)]
    assert losses[0] == losses[1]
    assert resumed["weights"] == f"those of {path}"
    assert "with order" in run(*options, "--order", "shuffled", "--resume", code=2)
    path.write_bytes(b"nonsense")
    assert str(path) in run(*options, "--resume", code=2)
    assert "exists already; --resume goes on from it" in run(*options, code=2)
    assert path.read_bytes() == b"nonsense"
    assert "are the same file" in run(*options, "--out", path, "--force", code=2)
    run(*options, "--passes", 1, "--force")
    assert path.read_bytes() != b"nonsense"


def test_a_rate_may_fall_along_a_cosine(data):
    options = ("mlp", "--data", data, *BARS, "--rate", "0.02", "--cosine", "--json")
    document = json.loads(run(*options, "--passes", 2))
    assert "Adam(rate=(0.02, 0.01)" in document["optimizer"]
    assert json.loads(run(*options, "--passes", 0))["passes"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "--resume needs --checkpoint"),
        (("--scale", "3"), "--loss cross_entropy has no --scale"),
        (("--mu", "3"), "--optimizer adam has no --mu"),
        (("--estimates", "3"), "--optimizer adam has no --estimates"),
        (("--optimizer", "sgd", "--rate", "a"), "found 'a', needed numbers"),
        (("--optimizer", "sgd", "--rate", "-1"), "needed numbers above 0"),
        (("--cosine", "--rate", "2e-3,1e-3"), "--cosine needs one --rate, found 2"),
        (("--loss", "correct_penalty", "--scale", "0"), "found scale 0"),
        (("--loss", "discriminative_penalty", "--rubbish=-inf"), "found rubbish -inf"),
        (("--optimizer", "lm"), "diagonal_lm"),
    ],
)
def test_options_that_make_no_sense(data, options, message):
    assert message in run("mlp", "--data", data, *BARS, *options, code=2)


def test_a_network_of_two_inputs_is_refused(data, tmp_path):
    graph = ng.Graph()
    sources = [graph.add(ng.Input((3,))), graph.add(ng.Input((3,)))]
    graph.add(ng.Linear(2), np.concatenate(sources))
    ng.save(graph, tmp_path / "two.npz")
    assert "has 2 inputs" in run(tmp_path / "two.npz", "--data", data, "--no-verify", code=2)


def test_missing_and_damaged_files_are_named(data, tmp_path):
    assert "train-images-idx3-ubyte" in run("mlp", "--data", tmp_path, *BARS, code=2)
    checked = [option for option in BARS if option != "--no-verify"]
    assert "MD5 checksum" in run("mlp", "--data", data, *checked, code=2)


def test_ctrl_c_has_an_exit_code_and_keeps_the_pass(data, tmp_path, monkeypatch):
    from neurograph.training.loop import Loop

    begin = Loop._order

    def interrupted(self, number):
        if number == 1:
            raise KeyboardInterrupt
        return begin(self, number)

    monkeypatch.setattr(Loop, "_order", interrupted)
    out = tmp_path / "kept.npz"
    text = run("mlp", "--data", data, *BARS, "--out", out, code=130)
    assert "interrupted: the weights are those of the last finished pass" in text
    assert ng.load(out).weights.allocated


# ---- other inputs, other pictures ---------------------------------------------------------------


def test_digits_are_resized_to_what_the_network_takes(big, tmp_path):
    """And the network that is saved takes them so too."""
    out = tmp_path / "zip.npz"
    options = ("--data", big, "--no-verify", "--engine", "scipy", "--passes", 12)
    given = ("--batch", 4, "--rate", "0.01", "--out", out)
    document = json.loads(run("zipcode1989", *options, *given, "--quiet", "--json"))
    assert document["passes"][-1]["training_error"] == 0
    result = CliRunner().invoke(main, ["run", str(out), "--count", "12", "--json"])
    assert json.loads(result.stdout)["right"] == 12
    result = CliRunner().invoke(main, ["train", "zipcode1989", *map(str, options[:-1]), "0"])
    assert "resized to 16x16" in result.stderr


def test_the_concept_network_learns_from_where_it_begins():
    """Drawn as in 1998 its sigmoids stood still: 90 % wrong after as many passes."""
    digits = ng.datasets.digits()
    images = ng.datasets.normalize(digits.images, size=(28, 28))
    history = ng.fit(
        ng.models.concept(), images, digits.labels, optimizer=ng.Adam(0.005), batch=8, passes=6,
        progress=False, engine="scipy",
    )  # fmt: skip
    assert history.passes[-1].training_error < 0.4


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenet_v2", "radixnet"])
def test_a_model_that_would_not_learn_digits_is_refused_with_the_reason(name, big, monkeypatch):
    graph = ng.models.mlp((784, 10))
    monkeypatch.setitem(ng.models.MODELS, name, lambda *, input_shape=(1, 28, 28): graph)
    text = run(name, "--data", big, "--no-verify", code=2)
    assert f"train: {name} is " in text
    assert "needed lenet5, lenet5_modern, concept, zipcode1989, mlp or a saved file" in text


@pytest.mark.parametrize(
    ("names", "called", "said"),
    [
        (("0", "1"), ["output[0]", "output[1]"], None),  # names that say no more than numbers
        (("1", "2"), ["1", "2"], None),
        (("cat", "input"), ["cat", "output[1]"], "as others have it: input"),
        (("cat", "mine"), ["cat", "output[1]"], "as others have it: mine"),
    ],
)
def test_outputs_are_called_as_the_classes(names, called, said, tmp_path):
    pytest.importorskip("PIL")
    for name in names:
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "pictures" / name / f"{number}.pgm"
            path.write_bytes(b"P5 6 6 255 " + bytes(36 * [50 * number]))
    graph = ng.models.mlp((36, 3))
    graph.label(["input[0]", "output[2]", "output[1]"], ["mine", "old", "older"])
    ng.save(graph, tmp_path / "old.npz")
    given = ("--images", tmp_path / "pictures", "--passes", 1, "--out", tmp_path / "new.npz")
    text = run(tmp_path / "old.npz", *given, "--engine", "scipy", "--quiet")
    assert ("no name for an output" in text) == (said is not None)
    assert said is None or said in text
    new = ng.load(tmp_path / "new.npz")
    assert [new.neuron_name(i) for i in new.outputs] == [*called, "output[2]"]
    assert new.neuron_name(1) == "mine"


def test_run_shows_the_names_of_outputs(tmp_path):
    graph = ng.models.mlp((4, 3))
    graph.label(["output[0]", "output[2]"], ["cat", "great ape"])
    graph.weights.value = np.zeros(15)
    graph.weights.set("output.bias", [1.0, 2.0, 3.0])
    ng.save(graph, tmp_path / "pets.npz")
    np.save(tmp_path / "one.npy", np.zeros((1, 4)))
    given = (tmp_path / "pets.npz", "--images", tmp_path / "one.npy")
    seen = json.loads(run(*given, "--json", command="run"))
    assert (seen["classes"], seen["results"][0]["class"]) == (["cat", "1", "great ape"], 2)
    head, _, row, *_ = run(*given, command="run").partition("image ")[2].splitlines()
    assert head.split() == ["class", "cat", "1", "great", "ape"]
    assert row.split() == ["0", "great", "ape", "1", "2", "3"]
    assert run(tmp_path / "pets.npz", "great ape", command="neuron").startswith("great ape: neuron")
    np.save(tmp_path / "labels.npy", np.array([1]))
    rows = run(*given, "--labels", tmp_path / "labels.npy", command="run").splitlines()
    assert ["0", "1", "great", "ape", "1", "2", "3"] in [row.split() for row in rows]


def test_a_number_that_is_an_id_and_a_name(tmp_path):
    graph = ng.models.mlp((4, 3))
    graph.label("output", ["6", "5", "7"])  # ids 5, 6 and 7
    ng.save(graph, tmp_path / "net.npz")
    for name, code in (("7", 0), ("4", 0), ("output[1]", 0), ("5", 2), ("6", 2)):
        text = run(tmp_path / "net.npz", name, command="neuron", code=code)
        assert ("the name of another" in text) == bool(code)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Bars as pictures, in a folder a class."""
    pytest.importorskip("PIL")
    directory = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(60):
        image = rng.integers(0, 60, (6, 6)).astype(np.uint8)
        name = ("level", "upright")[number % 2]
        (image.T if name == "upright" else image)[rng.integers(2, 4)] = 255
        (directory / name).mkdir(exist_ok=True)
        header = b"P5 6 6 255 "
        (directory / name / f"{number:02}.pgm").write_bytes(header + image.tobytes())
    return directory


def test_pictures_in_a_folder_a_class_are_learnt(folders, tmp_path):
    options = ("mlp", "--images", folders, "--sizes", "36,8,2", "--engine", "scipy", "--seed", 1)
    given = ("--passes", 30, "--batch", 4, "--rate", "0.02", "--out", tmp_path / "bars.npz")
    document = json.loads(run(*options, *given, "--quiet", "--json"))
    assert document["pictures"] == 48
    assert document["measured_on"] == "12 held out pictures"
    assert document["classes"] == ["level", "upright"]
    trained = ng.load(tmp_path / "bars.npz")  # the outputs are called as the classes
    assert [trained.neuron_name(i) for i in trained.outputs] == ["level", "upright"]
    last = document["passes"][-1]
    assert last["training_error"] <= 0.05
    assert last["validation_error"] <= 0.2
    text = run(*options, "--passes", 1, "--limit", 20, "--hold-out", 4)
    assert "mlp, 16 pictures, seed 1" in text
    assert "classes: 0 level, 1 upright" in text
    again = json.loads(run(*options, *given[:-2], "--quiet", "--json"))
    assert [p["loss"] for p in again["passes"]] == [p["loss"] for p in document["passes"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "x"), "--data is for digits, not for --images"),
        (("--no-verify",), "--no-verify is for digits, not for --images"),
        (("--sizes", "36,1"), "found 2 classes in"),
        (("--sizes", "35,2"), "do not make an input of 35"),
        (("--hold-out", "60"), "60 of 60 pictures held out leave none to learn"),
    ],
)
def test_options_of_pictures_that_make_no_sense(folders, options, message):
    sizes = () if "--sizes" in options else ("--sizes", "36,2")
    assert message in run("mlp", "--images", folders, *sizes, *options, code=2)


def test_options_of_pictures_need_pictures(data):
    for option in ("--transpose", "--invert", "--no-invert"):
        assert "needs --images" in run("mlp", "--data", data, *BARS, option, code=2)
