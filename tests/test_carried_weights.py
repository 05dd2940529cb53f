"""Trained weights in the package: what they are, and what they do on the carried digits."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.models.carried import CARRIED


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_every_file_is_small_plain_float32_and_fits_its_model():
    for (model, name), file in CARRIED.items():
        path = files("neurograph.datasets") / "data" / file
        assert len(path.read_bytes()) < 1_000_000
        graph = getattr(ng.models, model)(weights=name)
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            named = {n: arrays[n] for n in arrays if n != "provenance"}
        covered = np.zeros(graph.weights.count, bool)
        for array, values in named.items():
            assert values.dtype == np.float32
            ids = graph.weights.names[array].ids
            covered[ids[ids >= 0]] = True
            np.testing.assert_array_equal(graph.weights[array], np.where(ids >= 0, values, 0))
        np.testing.assert_array_equal(covered, graph.weights.trainable)
        assert ng.models.provenance(model, name)["parameters"] == covered.sum()


def test_lenet5_reads_the_carried_digits():
    digits = ng.datasets.digits()
    images = ng.datasets.normalize(digits.images)
    sim = ng.Simulator(ng.models.lenet5(weights="mnist"), engine="scipy")
    assert ng.error_rate(sim, images, digits.labels) <= 0.03
    drawn = ng.Simulator(ng.models.lenet5(seed=1), engine="scipy")
    assert ng.error_rate(drawn, images, digits.labels) > 0.5


def test_the_same_weights_slide_over_a_larger_input():
    digits = ng.datasets.digits(2)
    small, large = (ng.datasets.normalize(digits.images, size=(s, s)) for s in (32, 36))
    once = ng.Simulator(ng.models.lenet5(weights="mnist"), engine="scipy")
    sliding = ng.models.lenet5(weights="mnist", input_shape=(1, 36, 36))
    outputs = ng.Simulator(sliding, engine="scipy")(large)
    assert outputs.shape == (2, 10, 2, 2)
    shifted = large[:, :, 4:, 4:]
    np.testing.assert_allclose(outputs[:, :, 1, 1], once(shifted), rtol=1e-4)
    assert small.shape == (2, 1, 32, 32)


def test_the_command_line_takes_them_to_run_and_says_how_good_they_are():
    how = ng.models.provenance("lenet5", "mnist")
    document = json.loads(run("run", "lenet5", "--engine", "scipy", "--json"))
    assert document["count"] == len(document["results"]) == 400
    wrong = 400 - document["right"]
    assert wrong <= 12
    shown = run("run", "lenet5", "--engine", "scipy")
    assert f"{400 - wrong} of 400 right ({wrong / 4:.2f} % wrong)" in shown
    assert "... and 390 more" in shown
    assert "3 of 3 right;" in run("run", "lenet5", "--engine", "scipy", "--count", 3)
    assert f"{how['test_error']:.2f} %" in document["weights"]
    drawn = json.loads(run("run", "lenet5", "--seed", 0, "--engine", "scipy", "--json"))
    assert drawn["weights"].startswith("drawn, seed 0")
    assert "mnist, trained" in run("info", "lenet5", "--weights", "mnist")
    assert "mnist, trained" in run("info", "lenet5")
    assert "drawn, seed 0" in run("info", "lenet5", "--seed", 0)
    assert "has no --weights" in run("info", "mlp", "--weights", "mnist", code=2)
    assert "not drawn" in run("info", "lenet5", "--weights", "mnist", "--seed", 1, code=2)
    text = run("train", "lenet5", "--weights", "mnist", "--initializer", "ones", code=2)
    assert "draw over" in text


def test_an_unknown_name_is_refused():
    with pytest.raises(ng.GraphError, match=r"weights 'mnisty' are unknown; did you mean mnist"):
        ng.models.lenet5(weights="mnisty")
    with pytest.raises(ng.GraphError, match="are unknown"):
        ng.models.provenance("vgg16", "imagenet")
