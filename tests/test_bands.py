"""Rows cut into bands of sources: every entry once, every sum started and ended once."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.kernels.bands import Band, Cuts, bands, whole
from neurograph.kernels.runner import Runner


def rows_of(lengths: list[int], places: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    ptr = np.concatenate([[0], np.cumsum(lengths)])
    return ptr, np.random.default_rng(seed).integers(0, places, ptr[-1])


def check(found: list[Band], ptr: np.ndarray) -> None:
    """Every entry is its own row's, once; rows start in their first band, end in their last."""
    row_of = np.repeat(np.arange(ptr.size - 1), np.diff(ptr))
    seen: list[np.ndarray] = []
    began, ended = np.zeros(ptr.size - 1, bool), np.zeros(ptr.size - 1, bool)
    for band in found:
        assert len(np.unique(band.rows)) == len(band.rows) == band.ptr.size - 1
        np.testing.assert_array_equal(row_of[band.entries], np.repeat(band.rows, np.diff(band.ptr)))
        assert (began[band.rows] != band.starts).all()
        assert not ended[band.rows].any()
        began[band.rows] = True
        ended[band.rows] = band.ends
        seen.append(band.entries)
    assert began.all()
    assert ended.all()
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(ptr[-1]))


@pytest.fixture(autouse=True)
def caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of the same sizes on any machine."""
    monkeypatch.setattr("neurograph.kernels.bands.cache_bytes", {1: 48 << 10, 2: 1 << 20}.get)


@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=30),
    st.sampled_from([1, 100, 3000]),
    st.sampled_from([4, 256, 1 << 14]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 3, 1000]),
    st.integers(0, 99),
)
@settings(deadline=None)
def test_bands_hold_every_entry_once(
    lengths: list[int], places: int, size: int, vectors: int, together: int, seed: int
) -> None:
    ptr, read = rows_of(lengths, places, seed)
    check(bands(ptr, read, size, vectors), ptr)
    check([whole(ptr)], ptr)
    if read.size:
        check(list(Cuts.of(np.diff(ptr), read, 16).bands(together)), ptr)


def test_a_band_stays_near_and_its_rows_grow() -> None:
    ptr, read = rows_of([0, *[400] * 50], 4096, 0)
    found = bands(ptr, read, 256, 4)
    assert len(found) > 10
    for band in found:
        inside = read[band.entries]
        assert not inside.size or np.ptp(inside) * 256 < 48 << 10
        assert (np.diff(np.diff(band.ptr)) >= 0).all()
    check(found, ptr)


def test_the_sums_of_a_block_of_rows_stay_in_the_next_cache() -> None:
    ptr, read = rows_of([400] * 4100, 4096, 0)
    found = bands(ptr, read, 256, 4)
    assert max(np.ptp(band.rows) * 256 for band in found) < 1 << 18
    blocks = [int(band.rows.min()) // 1024 for band in found]
    assert blocks == sorted(blocks)
    assert len(set(blocks)) == 5
    check(found, ptr)


def test_blocks_of_few_rows_a_band_are_not_worth_their_start() -> None:
    windows = np.random.default_rng(0).integers(0, 30_000, (4100, 3, 1)) + np.arange(16)
    ptr = np.arange(4101) * 48
    found = bands(ptr, windows.reshape(-1), 256, 4)
    assert max(np.ptp(band.rows) for band in found) > 2048
    assert 100 < len(found) < 4 * 200
    check(found, ptr)


def test_states_that_are_near_are_not_cut() -> None:
    ptr, read = rows_of([50] * 20, 100, 0)
    assert len(bands(ptr, read, 256, 4)) == 1


def test_few_entries_are_not_cut() -> None:
    ptr, read = rows_of([5] * 200, 1 << 20, 0)
    assert len(bands(ptr, read, 256, 4)) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [1, 16, 64, 81])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "gelu"])
@pytest.mark.parametrize("blocks", [False, True])
def test_engine_runs_bands(
    dtype: str, batch: int, activation: str, blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocks:  # of few rows, whatever they cost
        monkeypatch.setattr("neurograph.kernels.bands.cache_bytes", {1: 48 << 10, 2: 1 << 14}.get)
        monkeypatch.setattr("neurograph.kernels.bands._OP", 0.0)
    rng = np.random.default_rng(0)
    links = np.argwhere(rng.random((3000, 60)) < 0.3)
    links = links[links[:, 1] != 7]  # a neuron without a slot
    graph = ng.Graph()
    x = graph.add(ng.Input((3000,)))
    graph.add(ng.Sparse(60, links, activation=activation), x)
    graph.weights.initialize(seed=0, initializer="uniform_fan_in")
    images = rng.normal(size=(batch, 3000)).astype(dtype)
    expected = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    found = ng.Simulator(graph, engine="numba", dtype=dtype)(images)
    close = 2e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(found, expected, rtol=close, atol=close)
    plan = Runner(ng.compile(graph), np.dtype(dtype), 1)._plan(4, keep=False).plan
    assert len(plan.ops) > (50 if blocks else 5)  # it was cut
