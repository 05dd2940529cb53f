import functools
import gzip
import hashlib
import math
import struct
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurograph import datasets
from neurograph.datasets import handwritten
from neurograph.errors import DataError, MissingDependency

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
IMAGE_SUM = 9905785
IMAGE_HASH = "2aaf598ec5c030c0f8c8ca8560a43018df18171edd410cca7517434a07c3c15e"
LABEL_HASH = "3f0c22351741dfa74a4bb2c7a2ec8178f1248f10053329f3489ac7fbcb7b9855"
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def idx_bytes(array):
    """An IDX file, written as the format is described: the reader's independent counterpart."""
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim])
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def small_set():
    rng = np.random.default_rng(1998)
    images = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    return images, np.array([3, 1, 4, 1, 5], dtype=np.uint8)


@pytest.fixture
def directory(tmp_path, small_set):
    images, labels = small_set
    (tmp_path / IMAGES).write_bytes(idx_bytes(images))
    (tmp_path / LABELS).write_bytes(idx_bytes(labels))
    return tmp_path


arrays = hnp.arrays(
    dtype=st.sampled_from(sorted(CODES)),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@settings(deadline=None)
@given(array=arrays, compressed=st.booleans())
def test_an_array_written_as_idx_is_read_back(tmp_path_factory, array, compressed):
    path = tmp_path_factory.mktemp("idx") / "array"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if compressed else content)
    found = datasets.read_idx(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_every_truncation_is_an_error_that_names_the_file(tmp_path, dtype, compressed):
    path = tmp_path / "cut-idx2"
    whole = idx_bytes(np.arange(6).reshape(2, 3).astype(dtype))
    for length in range(len(whole)):
        part = whole[:length]
        path.write_bytes(gzip.compress(part) if compressed else part)
        with pytest.raises(DataError, match=r"cut-idx2: found \d+ bytes; needed \d+ for"):
            datasets.read_idx(path)


def test_every_truncation_of_the_gzip_stream_is_an_error(tmp_path):
    path = tmp_path / "cut.gz"
    whole = gzip.compress(idx_bytes(np.arange(50, dtype=np.int32)))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.gz: (found|cannot be read)"):
            datasets.read_idx(path)


def test_damaged_gzip_is_an_error(tmp_path):
    path = tmp_path / "damaged.gz"
    whole = bytearray(gzip.compress(idx_bytes(np.arange(50, dtype=np.int32))))
    whole[-6] ^= 0xFF  # in the checksum at the end of the stream
    path.write_bytes(whole)
    with pytest.raises(DataError, match="cannot be read: CRC"):
        datasets.read_idx(path)
    path.write_bytes(b"\x1f\x8bnot gzip at all")
    with pytest.raises(DataError, match="cannot be read"):
        datasets.read_idx(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_trailing_data_is_an_error(tmp_path, compressed):
    path = tmp_path / "long-idx1"
    content = idx_bytes(np.arange(3, dtype=np.uint8)) + b"\0"
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(DataError, match=r"long-idx1: found more bytes after the 3 of \(3,\)"):
        datasets.read_idx(path)


@pytest.mark.parametrize(
    "magic", [b"\1\0\x08\1", b"\0\1\x08\1", b"\0\0\x0a\1", b"PK\3\4", b"\0\0\0\0"]
)
def test_a_wrong_magic_number_is_an_error(tmp_path, magic):
    path = tmp_path / "foreign"
    path.write_bytes(magic + bytes(8))
    with pytest.raises(
        DataError, match=f"foreign: found the magic number {magic.hex(' ')}; needed"
    ):
        datasets.read_idx(path)


def test_a_foreign_gzip_file_is_an_error(tmp_path):
    path = tmp_path / "letter.gz"
    path.write_bytes(gzip.compress(b"Dear reader, this is no IDX file."))
    with pytest.raises(DataError, match="found the magic number 44 65 61 72"):
        datasets.read_idx(path)


@pytest.mark.parametrize("rank", [3, 200])
def test_sizes_beyond_the_file_are_an_error_before_anything_is_allocated(tmp_path, rank):
    path = tmp_path / "huge"
    path.write_bytes(bytes([0, 0, 14, rank]) + b"\xff" * 4 * rank + bytes(16))
    needed = 8 * math.prod([2**32 - 1] * rank)
    with pytest.raises(DataError, match=f"found 16 bytes; needed {needed} for float64"):
        datasets.read_idx(path)


@pytest.mark.parametrize("sizes", [[1] * 100, [0, *[2**32 - 1] * 3]])
def test_a_shape_numpy_cannot_hold_is_an_error(tmp_path, sizes):
    path = tmp_path / "odd"
    content = bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    path.write_bytes(content + bytes(math.prod(sizes)))
    with pytest.raises(DataError, match=f"odd: found {len(sizes)} dimensions"):
        datasets.read_idx(path)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing: cannot be read: .*No such file"):
        datasets.read_idx(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot be read: "):
        datasets.read_idx(tmp_path)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_mnist_reads_a_directory(tmp_path, small_set, split, prefix, separator, ending):
    for array, kind in zip(small_set, ("images?idx3-ubyte", "labels?idx1-ubyte"), strict=True):
        content = idx_bytes(array)
        path = tmp_path / f"{prefix}-{kind.replace('?', separator)}{ending}"
        path.write_bytes(gzip.compress(content) if ending else content)
    found = datasets.mnist(str(tmp_path), split=split, verify=False)
    assert len(found) == 5
    np.testing.assert_array_equal(found.images, small_set[0])
    np.testing.assert_array_equal(found.labels, small_set[1])


def checksums(directory):
    """The table of checksums that this directory's files would have."""
    table = {}
    for name in (IMAGES, LABELS):
        content = (directory / name).read_bytes()
        archive = directory / f"{name}.gz"
        packed = archive.read_bytes() if archive.exists() else b""
        table[name] = hashlib.md5(content).hexdigest(), hashlib.md5(packed).hexdigest()
    return table


def test_mnist_compares_checksums(directory, monkeypatch):
    table = checksums(directory)
    needed, found = handwritten._CHECKSUMS[IMAGES][0], table[IMAGES][0]
    with pytest.raises(
        DataError, match=f"{IMAGES}: found the MD5 checksum {found}.*needed {needed}"
    ):
        datasets.mnist(directory, split="test")
    monkeypatch.setattr(handwritten, "_CHECKSUMS", table)
    assert len(datasets.mnist(directory, split="test")) == 5


def test_mnist_says_which_file_is_missing(directory):
    with pytest.raises(
        DataError, match="has no train-images-idx3-ubyte; needed that file"
    ) as caught:
        datasets.mnist(directory)
    assert str(directory) in str(caught.value)
    (directory / LABELS).unlink()
    with pytest.raises(DataError, match=f"has no {LABELS}"):
        datasets.mnist(directory, split="test", verify=False)
    with pytest.raises(DataError, match="split 'validation'; needed 'train' or 'test'"):
        datasets.mnist(directory, split="validation")


def test_a_mirror_is_text():
    for wrong in (None, 5, b"http://x"):
        with pytest.raises(DataError, match="as base_url, needed text"):
            datasets.mnist(base_url=wrong)


def test_mnist_needs_as_many_labels_as_images(directory):
    (directory / LABELS).write_bytes(idx_bytes(np.zeros(4, dtype=np.uint8)))
    with pytest.raises(DataError, match="found 5 images and 4 labels"):
        datasets.mnist(directory, split="test", verify=False)


@pytest.mark.parametrize("labels", [np.zeros((5, 1), np.uint8), np.zeros(5, np.int32)])
def test_mnist_needs_bytes_in_images_and_a_row_of_labels(directory, labels):
    (directory / LABELS).write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=r"found images \(5, 4, 3\) uint8 and labels .*; needed"):
        datasets.mnist(directory, split="test", verify=False)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def mirror(directory, monkeypatch, tmp_path_factory):
    """A mirror on this machine with the small set, and an empty cache."""
    for name in (IMAGES, LABELS):
        (directory / f"{name}.gz").write_bytes(gzip.compress((directory / name).read_bytes()))
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(pooch, "os_cache", lambda project: cache / project)
    handler = functools.partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_mnist_downloads_once(directory, mirror, small_set, monkeypatch):
    monkeypatch.setattr(handwritten, "_CHECKSUMS", checksums(directory))
    assert len(datasets.mnist(split="test", base_url=mirror)) == 5
    for path in directory.iterdir():
        path.unlink()
    again = datasets.mnist(split="test", base_url=mirror)
    np.testing.assert_array_equal(again.images, small_set[0])


def test_mnist_refuses_a_download_of_other_content(mirror):
    with pytest.raises(DataError, match=f"{IMAGES}.gz was not downloaded: .*hash"):
        datasets.mnist(split="test", base_url=mirror)
    assert len(datasets.mnist(split="test", base_url=mirror.rstrip("/"), verify=False)) == 5


def test_mnist_says_what_was_not_downloaded(mirror):
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz was not downloaded: .*404"):
        datasets.mnist(base_url=mirror)


def test_a_download_without_pooch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingDependency, match=r"needs pooch.*extra \"download\""):
        datasets.mnist()


def test_the_sample_is_the_first_40_of_each_class():
    sample = datasets.digits()
    assert sample.images.shape == (400, 28, 28)
    assert sample.images.dtype == sample.labels.dtype == np.uint8
    assert np.bincount(sample.labels).tolist() == [40] * 10
    assert int(sample.images.sum()) == IMAGE_SUM
    assert hashlib.sha256(sample.images.tobytes()).hexdigest() == IMAGE_HASH
    assert hashlib.sha256(sample.labels.tobytes()).hexdigest() == LABEL_HASH
    with np.load(files("neurograph.datasets") / "data" / "digits.npz") as carried:
        index = carried["index"]
    assert np.all(np.diff(index.astype(int)) > 0)
    # The first digits of the test set are all there, up to the 41st of the most frequent class.
    assert index[:100].tolist() == list(range(100))


def test_a_part_of_the_sample():
    whole, part = datasets.digits(), datasets.digits(17)
    np.testing.assert_array_equal(part.images, whole.images[:17])
    np.testing.assert_array_equal(part.labels, whole.labels[:17])
    assert len(datasets.digits(400)) == 400


@pytest.mark.parametrize("count", [0, -1, 401])
def test_the_sample_has_no_more_than_it_has(count):
    with pytest.raises(DataError, match=f"found count {count}; the sample has 1 to 400"):
        datasets.digits(count)


def test_normalize_gives_the_levels_of_the_formula():
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    x = datasets.normalize(image, size=(16, 16))
    assert x.dtype == np.float64
    assert x.flat[0] == -0.1
    assert x.flat[255] == 1.175
    expected = [-0.1 + 1.275 * p / 255 for p in range(256)]
    np.testing.assert_allclose(x.ravel(), expected, rtol=0, atol=1e-15)


def test_normalize_puts_the_image_in_the_middle_of_background():
    x = datasets.normalize(np.full((2, 28, 28), 255))
    assert x.shape == (2, 1, 32, 32)
    assert np.all(x[:, :, 2:30, 2:30] == 1.175)
    x[:, :, 2:30, 2:30] = -0.1
    assert np.all(x == -0.1)


def test_normalize_with_an_odd_margin_and_no_images():
    x = datasets.normalize(np.full((1, 2, 2), 255, dtype=np.int64), size=(5, 3))
    assert np.argwhere(x[0, 0] == 1.175).tolist() == [[1, 0], [1, 1], [2, 0], [2, 1]]
    assert datasets.normalize(np.zeros((0, 28, 28), np.uint8)).shape == (0, 1, 32, 32)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28), np.uint8), r"found images of shape \(28, 28\); needed"),
        (np.zeros((1, 1, 28, 28), np.uint8), r"found images of shape \(1, 1, 28, 28\)"),
        (np.zeros((1, 28, 28)), "found float64; needed integer grey levels"),
        (np.zeros((1, 28, 28), bool), "found bool"),
        (np.full((1, 28, 28), -1), "found grey levels -1 to -1; needed 0 to 255"),
        (np.full((1, 28, 28), 256), "found grey levels 256 to 256"),
        (np.zeros((1, 28, 33), np.uint8), "images of 28x33 do not fit the size 32x32"),
    ],
)
def test_normalize_says_what_it_needs(images, message):
    with pytest.raises(DataError, match=f"normalize: {message}"):
        datasets.normalize(images)


# ---- sizes before memory, and nothing that waits -------------------------------------------------


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path):
    import os

    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for path in (fifo, "/dev/zero"):
        with pytest.raises(DataError, match="cannot be read: it is no ordinary file"):
            datasets.read_idx(path)


def test_an_archive_that_unpacks_to_gigabytes_is_refused_at_its_header(tmp_path):
    path = tmp_path / "bomb.gz"
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 3 << 30)
    path.write_bytes(gzip.compress(header + bytes(1 << 20)))
    with pytest.raises(DataError, match=r"bomb.gz: its 1\.\d kB are said to unpack to 3\.2 GB"):
        datasets.read_idx(path)


def test_a_file_that_does_not_fit_in_memory_is_refused(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as stream:  # a file with a hole, which takes no room on the disk
        stream.write(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 14, 1 << 14, 1 << 14))
        stream.truncate(16 + (1 << 42))
    with pytest.raises(DataError, match=r"sparse: would take 4\.4 TB, the limit is"):
        datasets.read_idx(path)
