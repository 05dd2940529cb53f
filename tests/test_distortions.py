"""Distortions against scipy.ndimage and against known maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from neurograph.errors import DataError
from neurograph.training.distortions import Distortion, transform

RNG = np.random.default_rng


def test_a_map_is_the_one_scipy_makes():
    rng = RNG(0)
    images = rng.random((300, 9, 7))
    matrices = np.eye(2) + rng.uniform(-0.4, 0.4, (300, 2, 2))
    shifts = rng.uniform(-2, 2, (300, 2))
    found = transform(images, matrices, shifts, background=-0.5)
    middle = np.array([4.0, 3.0])
    for image, matrix, shift, got in zip(images, matrices, shifts, found, strict=True):
        # scipy takes the map back: where a pixel of the result came from. A border of background
        # makes its edge fade as ours does.
        back = np.linalg.inv(matrix)
        padded = np.pad(image, 3, constant_values=-0.5)
        offset = middle + 3 - back @ (middle + 3 + shift)
        wanted = ndimage.affine_transform(padded, back, offset, order=1, cval=-0.5)
        np.testing.assert_allclose(got, wanted[3:-3, 3:-3], atol=1e-12)


def test_whole_shifts_move_pixels():
    image = np.arange(12.0).reshape(1, 3, 4)
    moved = transform(image, np.eye(2)[None], [[1, -2]], background=-1)
    np.testing.assert_array_equal(moved[0, 1:, :2], image[0, :2, 2:])
    np.testing.assert_array_equal(moved[0, 0], -1)
    np.testing.assert_array_equal(moved[0, :, 2:], -1)
    far = transform(image, np.eye(2)[None], [[100, 1e6]], background=-1)
    np.testing.assert_array_equal(far, -1)


def test_a_quarter_turn_and_a_mirror():
    image = RNG(1).random((1, 5, 5))
    turned = transform(image, [[[0, 1], [-1, 0]]], [[0, 0]])
    np.testing.assert_allclose(turned[0], np.rot90(image[0], -1), atol=1e-12)
    mirrored = transform(image, [[[1, 0], [0, -1]]], [[0, 0]])
    np.testing.assert_allclose(mirrored[0], image[0, :, ::-1], atol=1e-12)


def test_what_is_drawn_is_the_formula_with_numbers_in_range():
    distortion = Distortion(shift=2, scale=0.2, squeeze=0.1, shear=0.3)
    matrices, shifts = distortion.draw(4000, RNG(0))
    assert np.abs(shifts).max() <= 2
    assert np.abs(shifts).max() > 1.9
    down, across = matrices[:, 0, 0], matrices[:, 1, 1]
    np.testing.assert_array_equal(matrices[:, 0, 1], 0)  # the shear is horizontal
    for found, largest in (
        (np.log(down * across) / 2, 0.2),
        (np.log(across / down) / 2, 0.1),
        (matrices[:, 1, 0] / across, 0.3),
    ):
        assert np.abs(found).max() <= largest + 1e-12
        assert np.abs(found).max() > 0.95 * largest
        assert abs(found.mean()) < 0.05 * largest


def test_one_seed_one_stream():
    images = RNG(3).random((5, 1, 8, 8)).astype(np.float32)
    distortion = Distortion()
    first, again, other = (distortion(images, RNG(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first.shape, first.dtype) == (images.shape, images.dtype)
    assert (first != images).any()


def test_maps_of_an_image_move_together_and_grey_levels_become_numbers():
    image = RNG(0).random((2, 1, 6, 6))
    both = Distortion()(np.concatenate([image, image], axis=1), RNG(0))
    np.testing.assert_array_equal(both[:, 0], both[:, 1])
    grey = np.full((1, 4, 4), 200, np.uint8)
    assert transform(grey, np.eye(2)[None], [[0.5, 0]], background=0)[0, 0, 0] == 100.0


def test_bad_input():
    with pytest.raises(DataError, match="shear"):
        Distortion(shear=-1)
    with pytest.raises(DataError, match="no inverse"):
        transform(np.zeros((1, 3, 3)), np.zeros((1, 2, 2)), np.zeros((1, 2)))
    with pytest.raises(DataError, match="needed"):
        transform(np.zeros((2, 3, 3)), np.eye(2)[None], np.zeros((2, 2)))
    assert Distortion()(np.zeros((0, 1, 4, 4)), RNG(0)).shape == (0, 1, 4, 4)
