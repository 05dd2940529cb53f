"""Pictures in colour, of any size, through networks that take them; names of classes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.errors import DataError

Image = pytest.importorskip("PIL.Image")

SIZE = 4, 6
HOW = ng.Preprocessing(SIZE, mean=(0.5, 0.25, 0.125), std=(0.5, 0.25, 2), resize=7)


def net() -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((3, *SIZE)))
    graph.add(ng.Linear(3, name="output"), graph.add(ng.Conv2d(2, 3), x))
    graph.weights.initialize(seed=0)
    return graph


def run(*args: str, code: int = 0) -> str:
    engine = ("--engine", "scipy") if args[0] == "run" else ()
    result = CliRunner().invoke(main, [*args, *engine])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def picture(path: Path, size: tuple[int, int], mode: str = "RGB") -> Any:
    """Save a picture of this width and height, and return it."""
    levels = np.random.default_rng(3).integers(0, 256, (*size[::-1], 3)).astype("u1")
    made = Image.fromarray(levels).convert(mode)
    made.save(path)
    return made


def wanted(made: Any, how: ng.Preprocessing) -> Any:
    """What torchvision's transforms do: the shorter side, the middle, levels, mean, deviation."""
    width, height = made.size
    short, rows, columns = how.resize or min(how.size), *how.size
    scale = short / min(width, height)
    wide, high = int(width * scale + 1e-9), int(height * scale + 1e-9)
    resized = made.convert("RGB").resize((wide, high), Image.BILINEAR)
    top, left = round((high - rows) / 2), round((wide - columns) / 2)
    levels = np.asarray(resized)[top : top + rows, left : left + columns] / 255
    return ((levels - how.mean) / how.std).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(20, 9), (9, 20), (7, 7), (8, 7), (3, 2)])
def test_pictures_become_inputs_by_the_preprocessing(tmp_path: Path, size: Any) -> None:
    graph = net()
    graph.classes, graph.preprocessing = ("cat", "dog", "dog"), HOW
    ng.save(graph, tmp_path / "net.npz")
    made = picture(tmp_path / "a.png", size)
    args = str(tmp_path / "net.npz"), "--images", str(tmp_path / "a.png"), "--dtype", "float64"
    found = json.loads(run("run", *args, "--json"))
    expected = ng.Simulator(graph, engine="scipy", dtype="float64")(wanted(made, HOW)[None])
    np.testing.assert_allclose(found["results"][0]["outputs"], expected[0], rtol=1e-5)
    assert found["classes"] == ["cat", "dog", "dog"]
    assert "the middle 4x6" in found["read_as"]
    assert ("cat" in run("run", *args)) or ("dog" in run("run", *args))


def test_what_the_user_says(tmp_path: Path) -> None:
    ng.save(net(), tmp_path / "net.npz")
    (tmp_path / "names.txt").write_text("a\nb\n\nc\n")
    made = picture(tmp_path / "a.png", (12, 10))
    said = ("--mean", "0.5,0.25,0.125", "--std", "0.5,0.25,2", "--resize", "7",
            "--classes", str(tmp_path / "names.txt"))  # fmt: skip
    file, pictured = str(tmp_path / "net.npz"), ("--images", str(tmp_path / "a.png"))
    found = json.loads(run("run", file, *pictured, *said, "--json"))
    expected = ng.Simulator(net(), engine="scipy")(wanted(made, HOW)[None].astype("f4"))
    np.testing.assert_allclose(found["results"][0]["outputs"], expected[0], rtol=1e-4)
    assert found["classes"] == ["a", "b", "c"]
    run("save", file, str(tmp_path / "more.npz"), *said)
    more = ng.load(tmp_path / "more.npz")
    assert (more.classes, more.preprocessing) == (("a", "b", "c"), HOW)
    for wrong in (("--mean", "x"), ("--std", "0,0,0"), ("--mean", "1"), ("--resize", "2")):
        run("run", file, *pictured, *wrong, code=2)


def test_colours_without_a_word_on_them(tmp_path: Path) -> None:
    """Levels from 0 to 1 of the middle; grey and transparent pictures are colours too."""
    ng.save(net(), tmp_path / "net.npz")
    plain = ng.Preprocessing(SIZE)
    for mode, name in (("RGB", "a.png"), ("L", "b.png"), ("RGBA", "c.png"), ("P", "d.png")):
        made = picture(tmp_path / name, SIZE[::-1], mode)
        args = str(tmp_path / "net.npz"), "--images", str(tmp_path / name), "--json"
        found = json.loads(run("run", *args))
        levels = np.asarray(made.convert("RGB"))[None]
        expected = ng.Simulator(net(), engine="scipy")(plain.normalize(levels))
        np.testing.assert_allclose(found["results"][0]["outputs"], expected[0], rtol=1e-4)
    file = str(tmp_path / "net.npz")
    assert "--images" in run("run", file, code=2)
    assert "inverted" in run("run", file, "--images", str(tmp_path / "a.png"), "--invert", code=2)


def test_digits_by_a_preprocessing_of_grey_levels(tmp_path: Path) -> None:
    graph = ng.models.lenet5_modern(seed=0)
    rows, columns = graph.inputs[0].ids.shape[1:]
    graph.preprocessing = ng.Preprocessing((rows, columns), mean=(0.1307,), std=(0.3081,))
    ng.save(graph, tmp_path / "net.npz")
    file = str(tmp_path / "net.npz")
    found = json.loads(run("run", file, "--count", "2", "--json"))
    digits = Image.fromarray(ng.datasets.digits().images[1])
    resized = np.asarray(digits.resize((columns, rows), Image.BILINEAR), "f4")
    image = ((resized / 255 - 0.1307) / 0.3081)[None, None]
    wanted = ng.Simulator(graph, engine="scipy")(image)[0]
    np.testing.assert_allclose(found["results"][1]["outputs"], wanted, rtol=1e-3, atol=1e-5)
    why = json.loads(run("neuron", file, "output[3]", "--digit", "1", "--json"))
    assert why["state"] == pytest.approx(wanted[3], rel=1e-3)


@pytest.mark.parametrize("first", [False, True])
def test_arrays_of_colours(tmp_path: Path, first: bool) -> None:
    graph = net()
    graph.preprocessing = ng.Preprocessing(SIZE, HOW.mean, HOW.std)
    ng.save(graph, tmp_path / "net.npz")
    levels = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3)).astype("u1")
    np.save(tmp_path / "x.npy", levels.transpose(0, 3, 1, 2) if first else levels)
    args = str(tmp_path / "net.npz"), "--images", str(tmp_path / "x.npy"), "--json"
    found = json.loads(run("run", *args))
    expected = ng.Simulator(graph, engine="scipy")(graph.preprocessing.normalize(levels))
    np.testing.assert_allclose([r["outputs"] for r in found["results"]], expected, rtol=1e-4)
    np.save(tmp_path / "x.npy", np.zeros((2, 5)))
    assert "needed levels" in run("run", *args, code=2)


def test_the_middle_of_large_arrays_is_that_of_pictures(tmp_path: Path) -> None:
    made = picture(tmp_path / "a.png", (30, 21))
    one = ng.datasets.center_crops(tmp_path / "a.png", size=SIZE, resize=8).images
    other = ng.datasets.crops_of(np.asarray(made)[None], size=SIZE, resize=8)
    np.testing.assert_array_equal(one, other)
    for wrong in (np.zeros((2, 3, 4), "u1"), np.zeros((1, 3, 3, 2), "u1"), np.zeros((0, 2, 2, 3))):
        with pytest.raises(DataError):
            ng.datasets.crops_of(wrong, size=SIZE)
    with pytest.raises(DataError):
        ng.datasets.center_crops(tmp_path / "a.png", size=SIZE, maps=2)
