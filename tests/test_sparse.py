"""Networks without feature maps: any links, RadiX-Net, the Graph Challenge, regrouped rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.convert import graph_challenge
from neurograph.functions import Function
from neurograph.program import Blocks, Rows
from neurograph.program.regrouping import regroup


def sparse(links: object, out: int = 3, sources: int = 4, **options: object) -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((sources,), name="input"))
    graph.add(ng.Sparse(out, links, name="y", **options), x)  # type: ignore[arg-type]
    return graph


# ---- Sparse ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1), st.integers(0, 99))
def test_sparse_is_the_matrix_of_its_links(links: list[tuple[int, int]], seed: int) -> None:
    graph = sparse(links)
    graph.weights.initialize(seed=seed)
    matrix = np.zeros((3, 4))
    for (source, unit), value in zip(links, graph.weights["y.kernel"], strict=True):
        matrix[unit, source] += value
    images = np.random.default_rng(seed).normal(size=(5, 4))
    expected = images @ matrix.T + graph.weights["y.bias"]
    found = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert ng.count(graph).total.connections == len(links) + 3
    assert ng.count(graph).total.parameters == len(links) + 3
    assert ng.verify(graph).ok


def test_sparse_takes_values_and_divides_by_the_fan_in() -> None:
    graph = sparse([(0, 0), (1, 0), (2, 1)], initializer=np.array([1.0, 2.0, 3.0]), bias=None)
    assert graph.weights["y.kernel"].tolist() == [1, 2, 3]
    drawn = sparse([(i % 4, 0) for i in range(4000)] + [(0, 1)], sources=4)
    kernel = drawn.weights["y.kernel"]
    assert np.abs(kernel[:4000]).max() <= 2.4 / 4000 < np.abs(kernel[4000:]).max()


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ([(0, 3)], r"y: link 0 is \(0, 3\), needed a unit from 0 to 2"),
        ([(0, 0), (4, 0)], r"y: link 1 is \(4, 0\), needed a source from 0 to 3"),
        ([(-1, 0)], "needed a source"),
        ([(0.0, 1.0)], "whole numbers"),
        ([0, 1, 2], r"shape \(3,\)"),
    ],
)
def test_sparse_refuses_bad_links(links: object, message: str) -> None:
    with pytest.raises(ng.GraphError, match=message):
        sparse(links)


# ---- RadiX-Net ---------------------------------------------------------------------------------


def test_radixnet_has_radix_connections_in_and_out_of_each_neuron() -> None:
    graph = ng.models.radixnet(neurons=64, layers=3, radix=8)
    for layer in ("L1", "L2", "L3"):
        some = graph.select(layer=layer).all()
        slots = some.keep(some.source != 0)
        assert set(np.unique(slots.target, return_counts=True)[1].tolist()) == {8}
        assert set(np.unique(slots.source, return_counts=True)[1].tolist()) == {8}
    # 8 x 8 = 64: two layers connect every input with every unit.
    first, second = graph.layer("input").ids, graph.layer("L2").ids
    assert ng.receptive_field(graph, second[5]).tolist() == first.tolist()


def test_radixnet_of_1024_neurons_and_120_layers() -> None:
    total = ng.count(ng.models.radixnet()).total
    assert (total.connections, total.bias_connections) == (120 * 1024 * 33, 120 * 1024)


def test_radixnet_refuses_a_radix_above_its_neurons() -> None:
    with pytest.raises(ng.GraphError, match="radix 9"):
        ng.models.radixnet(neurons=8, radix=9)


@pytest.mark.parametrize("batch", [1, 9, 17, 33, 64])
def test_radixnet_runs_alike_on_every_engine(batch: int) -> None:
    pytest.importorskip("numba")
    graph = ng.models.radixnet(neurons=64, layers=4, radix=8, weight=0.1, bias=-0.05)
    images = np.random.default_rng(batch).uniform(0, 1, (batch, 64))
    expected = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    assert (expected > 0).all()
    for dtype, close in (("float32", 1e-5), ("float64", 1e-12)):
        found = ng.Simulator(graph, engine="numba", dtype=dtype)(images)
        np.testing.assert_allclose(found, expected, atol=close)


# ---- regrouping --------------------------------------------------------------------------------


def as_sets(step: Blocks | Rows) -> dict[int, tuple[list[tuple[int, int]], int]]:
    rows = step.rows()
    return {
        int(target): (
            sorted(
                zip(
                    rows.sources[rows.ptr[i] : rows.ptr[i + 1]].tolist(),
                    rows.weights[rows.ptr[i] : rows.ptr[i + 1]].tolist(),
                    strict=True,
                )
            ),
            int(rows.bias[i]),
        )
        for i, target in enumerate(rows.targets)
    }


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 7))
def test_regrouping_keeps_every_connection(seed: int, sets: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    choices = [rng.integers(1, 12, int(rng.integers(0, width + 1))) for _ in range(sets)]
    rows = [rng.permutation(choices[i]) for i in rng.integers(0, sets, 15)]
    ptr = np.cumsum([0, *(len(r) for r in rows)]).astype(np.int64)
    sources = np.concatenate(rows).astype(np.int32)
    step = Rows(
        1,
        Function(),
        np.arange(100, 115, dtype=np.int32),
        ptr,
        sources,
        rng.integers(0, 30, sources.size).astype(np.int32),
        rng.integers(-1, 5, 15).astype(np.int32),
    )
    found: dict[int, tuple[list[tuple[int, int]], int]] = {}
    for part in regroup(step):
        assert not set(as_sets(part)) & set(found)
        found.update(as_sets(part))
    assert found == as_sets(step)


def test_rows_over_the_same_sources_become_a_block() -> None:
    rng = np.random.default_rng(0)
    links = [(int(s), unit) for unit in range(5) for s in rng.permutation(6)]
    graph = sparse(links, out=5, sources=6)
    (step,) = ng.compile(graph).steps
    assert isinstance(step, Blocks)
    assert step.targets.shape == (1, 5, 1)


# ---- the Graph Challenge's files ---------------------------------------------------------------


def write_challenge(folder: Path, *, neurons: int = 16, layers: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    matrices = []
    for number in range(1, layers + 1):
        matrix = np.where(rng.random((neurons, neurons)) < 0.4, 0.25, 0.0)
        lines = [f"{i + 1}\t{j + 1}\t{matrix[i, j]}" for i, j in np.argwhere(matrix)]
        (folder / f"n{neurons}-l{number}.tsv").write_text("\n".join(lines) + "\n")
        matrices.append(matrix)
    return matrices


def test_challenge_network_images_and_categories(tmp_path: Path) -> None:
    matrices = write_challenge(tmp_path)
    rng = np.random.default_rng(4)
    pixels = rng.random((20, 16)) < np.linspace(0, 0.6, 20)[:, None]
    lines = [f"{i + 1}\t{j + 1}\t1" for i, j in np.argwhere(pixels)]
    (tmp_path / "images.tsv").write_text("\n".join(lines))
    state = pixels.astype(float)
    for matrix in matrices:
        state = np.clip(state @ matrix - 0.3, 0, 32)
    truth = np.flatnonzero(state.any(axis=1))
    assert 0 < truth.size < 20
    (tmp_path / "categories.tsv").write_text("".join(f"{i + 1}\n" for i in truth))

    layers: list[int] = []
    graph = graph_challenge.read_network(
        tmp_path, neurons=16, layers=3, bias=-0.3, progress=layers.append
    )
    images = graph_challenge.read_images(tmp_path / "images.tsv", neurons=16, count=20)
    outputs = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    np.testing.assert_allclose(outputs, state, atol=1e-12)
    expected = graph_challenge.read_categories(tmp_path / "categories.tsv")
    assert graph_challenge.categories(outputs).tolist() == expected.tolist() == truth.tolist()
    assert ng.count(graph).total.connections == sum(int((m > 0).sum()) for m in matrices) + 48
    assert layers == [1, 1, 1]
    assert len(graph_challenge.read_images(tmp_path / "images.tsv", neurons=16)) == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t1\n", r"n4-l1.tsv: line 1 holds 2 number\(s\); needed lines of 3"),
        ("1\t1\t1\n\n1\t1\n", r"line 3 holds 2 number\(s\); needed lines of 3"),
        ("1\t1\t1\t9\n", r"line 1 holds 4 number\(s\); needed lines of 3"),
        ("\n1\t9\t1\n", r"line 2 names unit 9, needed 1 to 4"),
        ("2147483648\t1\t1\n", "line 1 names source 2147483648"),
        ("\n \n1\t1\tnan\n", "line 3 holds a value that is not finite"),
        ("1\t5\t1\n", r"line 1 names unit 5, needed 1 to 4"),
        ("1\t1\t1\n0\t1\t1\n", r"line 2 names source 0, needed 1 to 4"),
        ("1.5\t1\t1\n", "source 1.5"),
        ("nan\t1\t1\n", "source nan"),
        ("1\t1\tinf\n", "not finite"),
        ("1\t1\tx\n", "line 1 holds 'x'"),
    ],
)
def test_challenge_refuses_a_bad_layer(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "n4-l1.tsv").write_text(text)
    with pytest.raises(ng.ConversionError, match=message):
        graph_challenge.read_network(tmp_path, neurons=4, layers=1, bias=0.0)


def test_challenge_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ng.ConversionError, match=r"n1024-l1\.tsv: cannot be read"):
        graph_challenge.read_network(tmp_path, neurons=1024, layers=1)
    with pytest.raises(ng.ConversionError, match="no bias is known for 5 neurons"):
        graph_challenge.read_network(tmp_path, neurons=5, layers=1)
    with pytest.raises(ng.ConversionError, match="found int as progress, needed a function"):
        graph_challenge.read_network(tmp_path, neurons=4, layers=1, bias=0.0, progress=5)
    with pytest.raises(ng.ConversionError, match="found 0 layers, needed a whole number from 1"):
        graph_challenge.read_network(tmp_path, neurons=1024, layers=0)
    (tmp_path / "images.tsv").write_text("2000000000\t1\t1\n")
    with pytest.raises(ng.ConversionError, match="would take"):
        graph_challenge.read_images(tmp_path / "images.tsv", neurons=65536)


def test_challenge_skips_lines_without_numbers(tmp_path: Path) -> None:
    (tmp_path / "n4-l1.tsv").write_text("\ufeff\n  \n1\t2\t0.5\n\n2\t2\t1\n", encoding="utf-8")
    graph = graph_challenge.read_network(tmp_path, neurons=4, layers=1, bias=0.0)
    assert graph.weights["L1.kernel"].tolist() == [0.5, 1.0]
    (tmp_path / "list.tsv").write_text("\n3\n\n1\n")
    assert graph_challenge.read_categories(tmp_path / "list.tsv").tolist() == [0, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (graph_challenge.read_categories, r"line 1 holds 3 number\(s\)"),
        (lambda p: graph_challenge.read_categories(5), "found int, needed a path"),
        (lambda p: graph_challenge.read_images(p, neurons=4), "pixel 2 of image 1 is too large"),
        (lambda p: graph_challenge.read_images(p, neurons=4, count=0), "found 0 images"),
        (lambda p: graph_challenge.read_images(p, neurons="4"), "found '4' neurons"),
        (lambda p: graph_challenge.read_images(p.parent, neurons=4), "cannot be read"),
        (
            lambda p: graph_challenge.read_network(p.parent, neurons=4, layers=1.5, bias=0.0),
            "found 1.5 layers",
        ),
        (
            lambda p: graph_challenge.read_network(p, neurons=4, layers=1, bias=0.0, clip=-1),
            "found clip -1",
        ),
        (lambda p: graph_challenge.categories([1, 2]), r"found outputs of shape \(2,\)"),
        (lambda p: graph_challenge.categories([[1], [2, 3]]), "outputs of different shapes"),
        (lambda p: graph_challenge.categories([[np.nan]]), "the value nan"),
        (lambda p: graph_challenge.read_categories("a\0b"), "needed a path"),
        (lambda p: graph_challenge.read_categories("/dev/zero"), "no ordinary file|No such"),
        (lambda p: graph_challenge.read_images(p, neurons=10**400), "needed a whole number from 1"),
        (
            lambda p: graph_challenge.read_network(p, neurons=4, layers=1, bias=np.nan),
            "bias is nan",
        ),
        (
            lambda p: graph_challenge.read_network(p, neurons=4, layers=1, bias="-0.3"),
            "bias is '-0.3'",
        ),
        (
            lambda p: graph_challenge.read_network(p, neurons=10**9, layers=10**5, bias=0.0),
            "would take",
        ),
    ],
)
def test_challenge_says_what_was_found(tmp_path: Path, call: Any, message: str) -> None:
    path = tmp_path / "given.tsv"
    path.write_text("1\t2\t1e300\n")
    with pytest.raises(ng.ConversionError, match=message):
        call(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes to name")
def test_challenge_waits_for_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "n4-l1.tsv")
    with pytest.raises(ng.ConversionError, match=r"n4-l1\.tsv: cannot be read: it is no ordinary"):
        graph_challenge.read_network(tmp_path, neurons=4, layers=1, bias=0.0)


def test_challenge_checks_a_files_size_before_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "large.tsv").open("wb") as stream:
        stream.truncate(10**13)  # a hole, that takes no room
    with pytest.raises(ng.ConversionError, match=r"large\.tsv: would take 160\.0 TB"):
        graph_challenge.read_categories(tmp_path / "large.tsv")


def test_challenge_reads_an_empty_layer(tmp_path: Path) -> None:
    (tmp_path / "n4-l1.tsv").write_text("")
    graph = graph_challenge.read_network(tmp_path, neurons=4, layers=1, bias=-0.5)
    assert ng.count(graph).total.connections == 4
