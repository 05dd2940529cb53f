"""Pictures sorted into folders, a folder a class."""

from __future__ import annotations

import numpy as np
import pytest

from neurograph import datasets
from neurograph.errors import DataError

pytest.importorskip("PIL")


def picture(path, level):
    """Write a 4x4 picture of one grey level, in the plainest of formats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P5 4 4 255 " + bytes([level] * 16))


def test_labels_are_the_places_of_the_names_and_each_picture_is_its_own(tmp_path):
    for name, levels in (("cat", (10, 20)), ("ant", (30,)), ("dog", (40, 50, 60))):
        for number, level in enumerate(levels):
            picture(tmp_path / name / f"{number}.pgm", level)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    found = datasets.class_folders(tmp_path, size=(4, 4))
    assert found.classes == ("ant", "cat", "dog")
    assert found.labels.tolist() == [0, 1, 1, 2, 2, 2]
    assert found.images[:, 0, 0].tolist() == [30, 10, 20, 40, 50, 60]
    assert [path.parent.name for path in found.paths] == ["ant", "cat", "cat", "dog", "dog", "dog"]
    assert len(found) == len(found.changes) == 6


def test_numbers_are_in_the_order_of_numbers(tmp_path):
    for name in ("10", "9", "0", "2"):
        picture(tmp_path / name / "a.pgm", int(name))
    found = datasets.class_folders(tmp_path, size=(4, 4))
    assert found.classes == ("0", "2", "9", "10")
    np.testing.assert_array_equal(found.images[:, 0, 0], [0, 2, 9, 10])


def test_what_is_no_folder_a_class_is_refused(tmp_path):
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        datasets.class_folders(tmp_path / "nowhere")
    picture(tmp_path / "one" / "a.pgm", 1)
    with pytest.raises(DataError, match="found 1 folders, needed one for each class"):
        datasets.class_folders(tmp_path)
    with pytest.raises(DataError, match=r"a\.pgm: is in the folder of no class"):
        datasets.class_folders(tmp_path / "one")
    (tmp_path / "two").mkdir()
    with pytest.raises(DataError, match="two: holds no picture"):
        datasets.class_folders(tmp_path)
    (tmp_path / "two" / "bad.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"bad\.png: cannot be read as a picture"):
        datasets.class_folders(tmp_path)
    for wrong in (None, 5, b"x", [1]):
        with pytest.raises(DataError, match="needed a path"):
            datasets.class_folders(wrong)
