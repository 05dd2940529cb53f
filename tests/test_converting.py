"""neurograph convert: every format that is written is read again, and nothing is half written."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import neurograph as ng
from neurograph.cli import main
from neurograph.convert import formats
from neurograph.convert.formats import FORMATS

NEEDS = {".onnx": "onnx", ".parquet": "pyarrow"}
WRITTEN = [suffix for suffix in FORMATS if find_spec(NEEDS.get(suffix, "json"))]


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], standalone_mode=False)


def totals(path: Path) -> tuple[int, ...]:
    total = ng.count(formats.read(path)).total
    return total.neurons, total.connections, total.bias_connections, total.used


@pytest.mark.parametrize("suffix", WRITTEN)
def test_a_model_there_and_back(suffix: str, tmp_path: Path) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 5, 5), name="image"))
    x = graph.add(ng.Conv2d(2, 3, activation="relu", name="C1"), x)
    graph.add(ng.Linear(3, name="out"), x)
    first, second = tmp_path / "net.npz", tmp_path / f"net{suffix.upper()}"
    ng.save(graph, first)
    found = run("convert", first, second, "--json", *(["--force"] if suffix == ".npz" else []))
    assert found.exception is None
    said = json.loads(found.output)
    assert said["bytes"] == second.stat().st_size
    assert said["format"] == FORMATS[suffix].what
    assert totals(second) == totals(first)
    if "functions" in FORMATS[suffix].loses:
        assert "functions" in said["not_kept"]
        return
    back = tmp_path / "back.npz"
    assert run("convert", second, back).exception is None
    again = ng.load(back)
    image = np.random.default_rng(0).random((2, 1, 5, 5))
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(image)
    states = ng.Simulator(again, engine="scipy", dtype="float64")(image)
    np.testing.assert_allclose(states.reshape(2, -1), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(find_spec("onnx") is None, reason="needs onnx")
def test_a_built_in_model_with_the_weights_it_carries(tmp_path: Path) -> None:
    file = tmp_path / "lenet5.onnx"
    found = run("convert", "lenet5", file)
    assert "weights: mnist, trained" in found.output
    assert "not kept: which weights are trainable" in found.output
    import onnx

    arrays = {a.name: onnx.numpy_helper.to_array(a) for a in onnx.load(file).graph.initializer}
    wanted = ng.models.lenet5(weights="mnist").weights["C1.kernel"]
    np.testing.assert_allclose(arrays["C1.kernel"], wanted, rtol=1e-6)


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / "net.gml"
    file.write_text("mine")
    found = run("convert", "mlp", file, "--sizes", "3,2")
    assert str(found.exception) == f"{file}: exists already; --force replaces it"
    assert file.read_text() == "mine"
    assert run("convert", "mlp", file, "--sizes", "3,2", "--force").exception is None
    assert totals(file) == (5, 8, 2, 8)


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import networkx as nx

    file = tmp_path / "net.gexf"
    file.write_text("mine")

    def fails(_: object, stream: object) -> None:
        stream.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nx, "write_gexf", fails)
    found = run("convert", "mlp", file, "--sizes", "3,2", "--force")
    assert str(found.exception) == f"{file}: cannot be written: No space left on device"
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["net.gexf"]


def test_a_suffix_that_is_unknown_is_named_before_the_model_is_opened(tmp_path: Path) -> None:
    found = run("convert", "there-is-none.npz", tmp_path / "net.txt")
    assert "suffix '.txt', needed one of .npz, .onnx" in str(found.exception)


@pytest.mark.parametrize("suffix", [".graphml", ".gexf", ".gml", ".json"])
@pytest.mark.parametrize("text", ["", "{}", "<x/>", "graph [ node [ id 0 ] ]", '{"nodes": [3]}'])
def test_damaged_files_are_named_errors(suffix: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / f"net{suffix}"
    file.write_text(text)
    with pytest.raises((ng.ConversionError, ng.GraphError)):
        formats.read(file)


def test_a_directory_of_the_graph_challenge_is_a_model(tmp_path: Path) -> None:
    for layer in (1, 2):
        lines = "".join(f"{i}\t{i % 1024 + 1}\t0.5\n" for i in range(1, 1025))
        (tmp_path / f"n1024-l{layer}.tsv").write_text(lines)
    found = run("convert", tmp_path, tmp_path / "net.npz", "--json")
    assert found.exception is None
    assert totals(tmp_path / "net.npz")[:3] == (3 * 1024, 4 * 1024, 2 * 1024)
    (tmp_path / "n16-l1.tsv").write_text("1\t1\t0.5\n")
    assert "networks of 16, 1024 neurons" in str(run("count", tmp_path).exception)
