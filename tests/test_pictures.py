"""Pictures from files: what Pillow reads, in every mode, becomes grey levels or a named error."""

import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurograph import datasets
from neurograph.errors import DataError, MissingDependency

DIGITS = datasets.digits(4).images


@pytest.fixture
def save(tmp_path):
    """Save a picture under a name and return its path."""

    def saved(picture, name="picture.png", **options) -> Path:
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return saved


def read(path, **options):
    """Return the grey levels of one picture and what was done to it."""
    found = datasets.pictures(path, **({"size": (28, 28)} | options))
    assert found.images.dtype == np.uint8
    return found.images[0], found.changes[0]


# ---- resizing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (9, 40), (56, 31), (1, 1), (28, 27)])
def test_resizing_is_pillow_s_antialiased_bilinear(size):
    ours = datasets.resize(DIGITS, size).astype(int)
    for image, theirs in zip(ours, DIGITS, strict=True):
        known = Image.fromarray(theirs).resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(image - np.asarray(known)).max() <= 1


def test_resizing_to_its_own_size_changes_nothing():
    np.testing.assert_array_equal(datasets.resize(DIGITS, (28, 28)), DIGITS)


def test_what_cannot_be_resized():
    for size in ((0, 3), (2,), 5, None, (2.5, 3), (10**9, 3)):
        with pytest.raises(DataError, match="needed two whole numbers"):
            datasets.resize(DIGITS, size)
    with pytest.raises(DataError, match="resize: found float64"):
        datasets.resize(DIGITS / 255, (2, 2))
    with pytest.raises(DataError, match="one pixel or more"):
        datasets.resize(np.zeros((2, 0, 3), int), (2, 2))
    huge = np.broadcast_to(np.uint8(0), (10**6, 1, 2))
    with pytest.raises(DataError, match="resize: would take"):
        datasets.resize(huge, (60_000, 60_000))


# ---- polarity, places, directories --------------------------------------------------------------


def test_a_digit_as_it_is(save):
    image, said = read(save(DIGITS[0]))
    np.testing.assert_array_equal(image, DIGITS[0])
    assert said == "28x28 L: as it is"


def test_dark_on_light_is_inverted_and_said(save):
    path = save(255 - DIGITS[0])
    image, said = read(path)
    np.testing.assert_array_equal(image, DIGITS[0])
    assert said == "28x28 L: dark on light: inverted"
    np.testing.assert_array_equal(read(path, invert=False)[0], 255 - DIGITS[0])
    np.testing.assert_array_equal(read(save(DIGITS[0]), invert=True)[0], 255 - DIGITS[0])


def test_no_pixel_is_no_light_edge():
    assert datasets.dark_on_light(np.zeros((2, 0, 3), int)) is False
    assert datasets.dark_on_light(255 - DIGITS) is True


def test_transposed_digits(save):
    image, said = read(save(DIGITS[0].T), transpose=True)
    np.testing.assert_array_equal(image, DIGITS[0])
    assert said == "28x28 L: transposed"


def test_the_place_in_a_larger_image(save):
    image, _ = read(save(DIGITS[0]), size=(32, 32))
    np.testing.assert_array_equal(image, np.pad(DIGITS[0], 2))
    whole = np.pad(DIGITS[0], 2)
    np.testing.assert_array_equal(read(save(whole), size=(32, 32))[0], whole)  # it fits


def test_larger_and_smaller_pictures_are_resized_with_their_proportions(save):
    big = np.kron(DIGITS[0][:, :14], np.ones((10, 10), np.uint8))
    image, said = read(save(big), size=(32, 32))
    assert said == "140x280 L: resized to 14x28"
    expected = np.zeros((32, 32), int)
    expected[2:30, 9:23] = datasets.resize(big[None], (28, 14))[0]
    np.testing.assert_array_equal(image, expected)
    assert read(save(DIGITS[0]), size=(16, 16))[1] == "28x28 L: resized to 16x16"
    assert read(save(DIGITS[0][8:22, 4:18]), size=(32, 32))[1] == "14x14 L: resized to 28x28"
    assert read(save(np.zeros((1, 3000), np.uint8)))[1].endswith("resized to 28x1")


def test_files_and_directories_in_order(save, tmp_path):
    for n, name in enumerate(("b.png", "a.bmp", "c.jpg")):
        save(DIGITS[n], name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    found = datasets.pictures([tmp_path / "b.png", tmp_path], size=(28, 28))
    assert [path.name for path in found.paths] == ["b.png", "a.bmp", "b.png", "c.jpg"]
    assert len(found) == len(found.images) == len(found.changes) == 4
    np.testing.assert_array_equal(found.images[1], DIGITS[1])
    assert datasets.pictures(str(tmp_path / "b.png")).images.shape == (1, 32, 32)


# ---- modes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "YCbCr", "P", "LA", "1"])
def test_modes_that_hold_the_same_grey(mode, save):
    digit = Image.fromarray(np.where(DIGITS[0] > 127, np.uint8(255), np.uint8(0)))
    name = {"CMYK": "picture.tif", "YCbCr": "picture.jpg"}.get(mode, "picture.png")
    rgb = mode in ("CMYK", "YCbCr")
    image, said = read(save((digit.convert("RGB") if rgb else digit).convert(mode), name))
    loss = 48 if name.endswith("jpg") else 1  # of what JPEG writes
    assert np.abs(image.astype(int) - np.asarray(digit)).max() <= loss
    assert ("greyscale" in said) is (mode not in ("1", "LA"))


def test_colours_weigh_as_they_are_seen(save):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    image, _ = read(save(colours), size=(1, 3), box=(1, 3), invert=False)
    np.testing.assert_allclose(image[0], [0.299 * 255, 0.587 * 255, 0.114 * 255], atol=1)


def test_sixteen_bits(save):
    deep = DIGITS[0].astype(np.uint16) * 257
    for name in ("deep.png", "deep.tif"):
        image, said = read(save(deep, name))
        np.testing.assert_array_equal(image, DIGITS[0])
        assert said.endswith(": 16 bits reduced to 8")


@pytest.mark.parametrize(("ink", "ground"), [(0, "white"), (255, "black")])
def test_transparent_pictures_are_laid_on_what_shows_their_ink(ink, ground, save):
    alpha = np.full((28, 28, 4), ink, np.uint8)
    alpha[..., 3] = DIGITS[0]
    image, said = read(save(alpha))
    assert f"laid on {ground}" in said
    assert ("inverted" in said) is (ink == 0)
    np.testing.assert_array_equal(image, DIGITS[0])


def test_a_transparent_colour_of_a_palette(save):
    picture = Image.fromarray((DIGITS[0] > 127).astype(np.uint8), "L").convert("P")
    picture.putpalette([90, 90, 90, 0, 0, 0])
    image, said = read(save(picture, transparency=0))
    np.testing.assert_array_equal(image, np.where(DIGITS[0] > 127, 255, 0))
    assert "laid on white" in said


def test_animations_give_their_first_frame(save):
    frames = [Image.fromarray(d) for d in DIGITS[:3]]
    path = save(frames[0], "moving.gif", save_all=True, append_images=frames[1:])
    image, said = read(path)
    np.testing.assert_array_equal(image, DIGITS[0])
    assert "the first of its frames" in said


def test_the_camera_s_orientation(save):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = Image.fromarray(np.rot90(DIGITS[0]).copy())
    image, said = read(save(turned, exif=exif))
    np.testing.assert_array_equal(image, DIGITS[0])
    assert "turned as the camera says" in said


# ---- what is refused ----------------------------------------------------------------------------


def refused(paths, **options) -> str:
    with pytest.raises(DataError) as caught:
        datasets.pictures(paths, **options)
    return str(caught.value)


def test_what_is_no_picture(tmp_path, save):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    assert "text.png: cannot be read as a picture" in refused(tmp_path / "text.png")
    assert "empty.png: cannot be read as a picture" in refused(tmp_path / "empty.png")
    assert "none.png: no such file" in refused(tmp_path / "none.png")
    for path in (5, None, [None], [tmp_path, 3.5]):
        assert "needed a path" in refused(path)
    assert "found no path" in refused([])
    assert "needed a path" in refused("a\0b.png")
    (tmp_path / "bare").mkdir()
    assert "bare: holds no picture; needed files .bmp" in refused(tmp_path / "bare")
    floats = save(Image.fromarray(np.zeros((3, 3), np.float32)), "floats.tif")
    assert "floats.tif: has 32 bits a pixel (mode F); needed 8 or 16" in refused(floats)
    assert "found size (0, 3)" in refused(save(DIGITS[0]), size=(0, 3))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "is no ordinary file" in refused(tmp_path / "pipe.png")


def png_of(width: int, height: int, data: bytes) -> bytes:
    """A grey PNG whose header says this size, whatever its data hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(30_000, 30_000), (10_000, 10_000)])
def test_a_bomb_is_refused_by_its_header(size, tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(*size, zlib.compress(bytes(1000))))
    assert "bomb.png: is a picture of more than 89,478,485 pixels" in refused(tmp_path / "bomb.png")


def test_a_line_without_end_is_refused(tmp_path):
    (tmp_path / "line.png").write_bytes(png_of(70_000, 1, zlib.compress(bytes(70_001))))
    assert "line.png: is 70000x1, needed at most 65535" in refused(tmp_path / "line.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tif", "a.bmp", "a.webp", "a.pgm"])
def test_damaged_pictures_are_named_or_read(name, save):
    path = save(DIGITS[0], name)
    whole, rng = path.read_bytes(), np.random.default_rng(1998)
    outcomes = set()
    for round_ in range(150):
        spoilt = bytearray(whole)
        if round_ % 3 == 0:
            del spoilt[int(rng.integers(len(spoilt))) :]
        else:
            for at in rng.integers(len(spoilt), size=3):
                spoilt[at] = int(rng.integers(256))
        path.write_bytes(spoilt)
        try:
            found = datasets.pictures(path)
        except DataError as error:
            outcomes.add(str(error).partition(":")[0])
        else:
            assert found.images.shape == (1, 32, 32)
    assert outcomes == {str(path)}


def test_without_pillow(save, monkeypatch):
    path = save(DIGITS[0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingDependency, match=r"needs Pillow.*images"):
        datasets.pictures(path)
