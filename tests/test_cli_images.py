"""The command run on images of one's own: which numbers it takes for grey levels, and pictures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import neurograph as ng
from neurograph.cli import main

DIGITS = ng.datasets.digits(6)
INPUTS = ng.datasets.normalize(DIGITS.images)


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ["run", *map(str, args), "--engine", "scipy"])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result


def document(*args):
    return json.loads(invoke(*args, "--dtype", "float64", "--json").stdout)


def outputs_of(found):
    return np.array([result["outputs"] for result in found["results"]])


@pytest.fixture(scope="module")
def expected():
    """What the package's own digits give."""
    simulator = ng.Simulator(ng.models.lenet5(weights="mnist"), engine="scipy", dtype="float64")
    return simulator(INPUTS)


@pytest.fixture
def given(tmp_path):
    """Run LeNet-5 on an array in a file."""

    def outputs(array, *options, model="lenet5"):
        np.save(tmp_path / "images.npy", array)
        return document(model, "--images", tmp_path / "images.npy", *options)

    return outputs


GREY = DIGITS.images
PADDED = np.pad(GREY, [(0, 0), (2, 2), (2, 2)])
INK = GREY > 127


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (GREY, []),
        (GREY[:, None], []),
        (GREY[..., None], []),
        (GREY.reshape(6, -1), []),
        (PADDED[:, None], []),
        (PADDED[:, None].astype(np.int64), []),
        (PADDED, []),
        (255 - GREY, []),
        (255 - GREY, ["--invert"]),
        (GREY.swapaxes(1, 2), ["--transpose"]),
        (GREY.swapaxes(1, 2).reshape(6, -1), ["--transpose"]),
        (INPUTS, []),
        (INPUTS.swapaxes(2, 3), ["--transpose"]),
        (np.asfortranarray(INPUTS), ["--raw"]),
    ],
    ids=str.lower("3d 4d channels_last flat ready ready_int64 larger inverted asked transposed "
                  "flat_transposed floats floats_transposed raw").split(),
)  # fmt: skip
def test_grey_levels_are_known_by_their_type_and_range(array, options, given, expected):
    np.testing.assert_allclose(outputs_of(given(array, *options)), expected, rtol=1e-12)


def test_ink_or_none(given):
    known = outputs_of(given(INK.astype(np.uint8) * 255))
    np.testing.assert_array_equal(outputs_of(given(INK)), known)
    np.testing.assert_array_equal(outputs_of(given(~INK)), known)


def test_what_was_done_is_said(given, tmp_path):
    scaled = "0 to 255 scaled to -0.1 to 1.175"
    placed = f"in the middle of 32x32, {scaled}"
    assert given(GREY)["read_as"] == f"grey levels 28x28, light on dark, {placed}"
    assert given(255 - GREY)["read_as"] == f"grey levels 28x28, dark on light: inverted, {placed}"
    assert given(255 - GREY, "--no-invert")["read_as"] == (
        f"grey levels 28x28, dark on light, {placed}"
    )
    assert given(INPUTS)["read_as"] == "numbers from -0.1 to 1.175, taken as they are"
    large = np.kron(GREY, np.ones((1, 2, 2), np.uint8))
    assert given(large)["read_as"] == (
        f"grey levels 56x56, light on dark, resized to 28x28, {placed}"
    )
    text = invoke("lenet5", "--images", tmp_path / "images.npy").stdout.splitlines()
    assert text[0] == f"lenet5 on the first 6 of the 6 images of {tmp_path / 'images.npy'}"
    assert text[2] == f"images: grey levels 56x56, light on dark, resized to 28x28, {placed}"


def test_large_images_are_reduced_as_pillow_does(given):
    large = np.kron(GREY, np.ones((1, 3, 3), np.uint8))
    resized = [
        np.asarray(Image.fromarray(x).resize((28, 28), Image.Resampling.BILINEAR)) for x in large
    ]
    ours, theirs = outputs_of(given(large)), outputs_of(given(np.array(resized)))
    np.testing.assert_allclose(ours, theirs, rtol=0.05, atol=1)


def test_flat_inputs(given):
    found = outputs_of(given(GREY, model="mlp"))
    simulator = ng.Simulator(ng.models.mlp(), engine="scipy", dtype="float64")
    expected = simulator(ng.datasets.normalize(GREY, size=784))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(outputs_of(given(GREY.reshape(6, 784), model="mlp")), expected)


def test_few_grey_levels_without_rows(given, tmp_path):
    ng.save(ng.models.mlp((3, 2)), tmp_path / "mlp.npz")
    levels = np.array([[0, 255, 0], [51, 0, 255]], np.uint8)
    found = given(levels, model=tmp_path / "mlp.npz")
    assert found["read_as"] == "3 grey levels, 0 to 255 scaled to -0.1 to 1.175"
    simulator = ng.Simulator(ng.models.mlp((3, 2)), engine="scipy", dtype="float64")
    scaled = -0.1 + 1.275 * levels / 255
    np.testing.assert_allclose(outputs_of(found), simulator(scaled), rtol=1e-12)
    raw = given(levels, "--raw", model=tmp_path / "mlp.npz")
    np.testing.assert_allclose(outputs_of(raw), simulator(levels), rtol=1e-12)


def test_zipcode1989_takes_digits_of_28x28():
    found = document("zipcode1989")
    assert found["read_as"].startswith("grey levels 28x28, light on dark, resized to 16x16, ")
    small = ng.datasets.resize(ng.datasets.digits(10).images, (16, 16))
    simulator = ng.Simulator(ng.models.zipcode1989(), engine="scipy", dtype="float64")
    expected = simulator(ng.datasets.normalize(small, size=(16, 16)))
    np.testing.assert_allclose(outputs_of(found), expected, rtol=1e-12)


def test_damaged_headers_are_named(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, GREY)
    whole, rng = path.read_bytes(), np.random.default_rng(1998)
    headers = [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (",
        "(",
        "'",
        "[" * 70,
        "\t x",
        "1 if",
    ]
    for text in headers:
        spoilt = text.ljust(117).encode() + b"\n"
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(spoilt).to_bytes(2, "little") + spoilt)
        assert "images.npy: cannot be read" in invoke("lenet5", "--images", path, code=2).stderr
    for _ in range(60):
        spoilt = bytearray(whole)
        for at in rng.integers(6, 128, size=2):
            spoilt[at] = int(rng.integers(256))
        path.write_bytes(spoilt)
        result = CliRunner().invoke(
            main, ["run", "lenet5", "--engine", "scipy", "--images", str(path)]
        )
        assert result.exit_code == 0 or "images.npy: " in result.stderr


# ---- pictures -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A directory of two pictures, and one beside it, dark on light."""
    (tmp_path / "folder").mkdir()
    for n in (0, 1):
        Image.fromarray(DIGITS.images[n]).save(tmp_path / "folder" / f"{n}.png")
    Image.fromarray(255 - DIGITS.images[2]).save(tmp_path / "two.png")
    return tmp_path


def test_pictures_and_directories(folder, expected):
    found = document("lenet5", "--images", folder / "two.png", folder / "folder")
    np.testing.assert_allclose(outputs_of(found), expected[[2, 0, 1]], rtol=1e-12)
    names = [folder / "two.png", folder / "folder" / "0.png", folder / "folder" / "1.png"]
    assert [result["file"] for result in found["results"]] == list(map(str, names))
    assert [result["changes"] for result in found["results"]] == [
        "28x28 L: dark on light: inverted",
        "28x28 L: as it is",
        "28x28 L: as it is",
    ]
    assert outputs_of(document("lenet5", folder / "two.png")).argmin() == 1
    np.save(folder / "labels.npy", [1, 7, 0])
    labels = ["--labels", folder / "labels.npy"]
    assert (
        document("lenet5", "--images", folder / "two.png", folder / "folder", *labels)["right"] == 2
    )


def test_what_was_done_to_each_picture_is_printed(folder):
    lines = invoke("lenet5", "--images", folder / "two.png", folder / "folder").stdout.splitlines()
    assert lines[0] == "lenet5 on 3 pictures"
    assert f"{folder / 'two.png'}: 28x28 L: dark on light: inverted" in lines
    one = f"lenet5 on {folder / 'two.png'}"
    assert invoke("lenet5", "--images", folder / "two.png").stdout.splitlines()[0] == one


def test_pictures_for_other_inputs(folder):
    two = document("mlp", "--images", folder / "two.png")
    simulator = ng.Simulator(ng.models.mlp(), engine="scipy", dtype="float64")
    expected = simulator(ng.datasets.normalize(DIGITS.images[2:3], size=784))
    np.testing.assert_allclose(outputs_of(two), expected, rtol=1e-12)
    small = document("zipcode1989", "--images", folder / "two.png")
    assert small["results"][0]["changes"].endswith("inverted, resized to 16x16")


def test_pictures_that_cannot_be_run(folder):
    def refused(*args):
        return invoke(*args, code=2).stderr

    (folder / "no.png").write_text("no picture")
    assert "no.png: cannot be read as a picture" in refused("lenet5", folder / "no.png")
    np.save(folder / "a.npy", GREY)
    both = refused("lenet5", "--images", folder / "two.png", folder / "a.npy")
    assert "a.npy: is no picture; needed pictures, or one IDX or .npy file" in both
    colour = refused("lenet5", "--seed", "0", "--input-shape", "2,32,32", folder / "two.png")
    assert "pictures, read as one map, do not make an input of 2x32x32" in colour
    assert "--raw is for arrays" in refused("lenet5", folder / "two.png", "--raw")
