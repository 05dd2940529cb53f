"""Tables of connections, Parquet and CSV: read by pyarrow, pandas and csv, and read back."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import loose_graphs, triples_of
from hypothesis import given, settings

import neurograph as ng
from neurograph import memory

pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
SOME = settings(deadline=None, max_examples=20)
TABLES = [(ng.to_parquet, ng.from_parquet, "parquet"), (ng.to_csv, ng.from_csv, "csv")]
Read = Any


def networks() -> list[ng.Graph]:
    """A border, a table and an RBF; a pruned and a labelled network; and ids in any order."""
    border = ng.Graph()
    x = border.add(ng.Input((2, 4, 4), name="x"))
    x = border.add(ng.Conv2d(2, 3, padding=1, table=[[0], [0, 1]], border=-1.0, name="C"), x)
    border.add(ng.RBF(np.ones((3, 32)), name="out"), x)
    pruned = ng.cut(ng.models.mlp((4, 3, 2)), lambda links: links.weight % 3 == 0)
    pruned.weights.value = np.where(ng.uses(pruned) > 0, pruned.weights.value, 0)
    pruned.label("output", ["cat", "dog"])
    loose = ng.Graph.from_connections(
        [(5, 0, 3), (5, 0, 3), (0, 1, 3), (0, 1, 3), (3, 2, 2), (0, 2, 2)],
        inputs=[5, 1],
        functions={3: ng.Function("multiply", "max"), 2: ng.Function(activation="leaky_relu")},
        values=[0.1, -2.5, 1e-300],
        trainable=[True, False, True],
        outputs=[2, 3],
    )
    return [border, pruned, loose]


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("graph", networks())
def test_parquet_gives_the_network_back(graph: ng.Graph, by: str, tmp_path: Path) -> None:
    ng.to_parquet(graph, tmp_path / "net.parquet", by=by)
    found = ng.from_parquet(tmp_path / "net.parquet")
    assert not ng.diff(graph, found)
    assert dict(found.labels) == dict(graph.labels)
    assert found.weights.trainable.tolist() == graph.weights.trainable.tolist()
    assert found.outputs.tolist() == graph.outputs.tolist()
    images = np.random.default_rng(0).uniform(-1, 1, (2, *graph.inputs[0].ids.shape))
    if graph.outputs.ndim == 1 and len(graph.inputs) == 1:
        a, b = (ng.Simulator(g, engine="scipy", dtype="float64")(images) for g in (graph, found))
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("graph", networks())
def test_the_files_say_what_the_graph_does(graph: ng.Graph, tmp_path: Path) -> None:
    every = graph.incoming(np.arange(graph.size))
    for by, sides in (("id", list(every)), ("name", every.names())):
        ng.to_parquet(graph, tmp_path / "net.parquet", by=by)
        ng.to_csv(graph, tmp_path / "net.csv", by=by)
        table = pq.read_table(tmp_path / "net.parquet").to_pydict()
        rows = list(zip(table["source"], table["weight"], table["target"], strict=True))
        assert rows == sides
        assert table["value"] == graph.weights.value[every.weight].tolist()
        with open(tmp_path / "net.csv", newline="") as stream:
            read = list(csv.DictReader(stream))
        assert [(r["source"], r["weight"], r["target"]) for r in read] == [
            tuple(map(str, side)) for side in sides
        ]
        assert [float(r["value"]) for r in read] == table["value"]
        assert [r["trainable"] == "True" for r in read] == table["trainable"]


@SOME
@given(loose_graphs())
def test_a_csv_file_gives_the_connections_back(graph: ng.Graph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_connections_come_back(graph, Path(folder, "net.csv"))


def assert_connections_come_back(graph: ng.Graph, path: Path) -> None:
    inputs = graph.inputs[0].ids
    ng.to_csv(graph, path)
    found = ng.from_csv(path, inputs=inputs, outputs=graph.outputs)
    assert Counter(triples_of(found)) == Counter(triples_of(graph))
    used = np.unique(graph.connections.all().weight)
    assert found.weights.value[used].tolist() == graph.weights.value[used].tolist()
    ng.to_csv(graph, path, by="name")
    found = ng.from_csv(path)  # its neurons are numbered anew, and called as they were
    named = [(s, t) for s, _, t in graph.connections.all().names()]
    assert Counter((s, t) for s, _, t in found.connections.all().names()) == Counter(named)


def test_lenet_takes_two_and_a_half_bytes_a_connection_at_most(tmp_path: Path) -> None:
    graph = ng.models.lenet5(weights="mnist")
    ng.to_parquet(graph, tmp_path / "ids.parquet")
    assert (tmp_path / "ids.parquet").stat().st_size < 1.1 * 340_908
    assert not ng.diff(graph, ng.from_parquet(tmp_path / "ids.parquet"))


@pytest.mark.parametrize(("_write", "read", "kind"), TABLES)
def test_tables_of_others(_write: Any, read: Read, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{kind}"
    write(path, {"source": ["a", "b", "bias unit"], "target": ["sum"] * 3, "extra": [1, 2, 3]})
    graph = read(path, functions={"sum": ng.Function(activation="relu")}, outputs="sum")
    assert graph.incoming("sum").names() == [
        ("a", "weight[0]", "sum"),
        ("b", "weight[1]", "sum"),
        ("bias unit", "weight[2]", "sum"),
    ]
    assert str(graph.function("sum").activation) == "relu"
    write(path, {"source": [1, 2], "weight": ["w", "w"], "target": [3, 3], "value": [2, 2]})
    graph = read(path)
    assert (graph.weights.count, graph.weights.value.tolist()) == (1, [2.0])
    assert [*graph.layer("input").ids] == [1, 2]
    write(path, {"source": ["input[0]", "neuron[1]"], "target": ["neuron[1]", "neuron[9]"]})
    assert read(path).incoming("neuron[9]").names() == [("neuron[1]", "weight[1]", "neuron[9]")]


def write(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write a table as others do."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
        return
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


WRONG = [
    ({"source": [1], "weight": [0]}, "needs one column 'target'"),
    ({"source": [1, 2], "target": [2, 1]}, "cycle: neuron"),
    ({"source": ["a", "b"], "target": ["b", "a"]}, "cycle: b -> a -> b"),
    ({"source": [1], "target": [0]}, "target ids go from 1"),
    ({"source": [-1], "target": [2]}, "source ids go from 0"),
    ({"source": [1], "target": [2**31 + 5]}, "target ids go from 1"),
    ({"source": [1], "target": [2**31 - 2]}, "would take"),
    ({"source": [1], "weight": [2**31 - 2], "target": [2]}, "would take"),
    ({"source": [1], "weight": [-1], "target": [2]}, "weight ids go from 0"),
    ({"source": [1, 1], "weight": [0, 0], "target": [2, 3], "value": [1.0, 2.0]}, "two values"),
    ({"source": [1], "target": [2], "value": [float("nan")]}, "finite"),
    ({"source": [1], "target": [2], "value": ["x"]}, "value"),
    ({"source": [1], "target": [2], "trainable": ["perhaps"]}, "trainable"),
    ({"source": [1.5], "target": ["a"]}, "column source holds double"),
]


@pytest.mark.parametrize(("_write", "read", "kind"), TABLES)
@pytest.mark.parametrize(("columns", "said"), WRONG)
def test_wrong_tables(
    _write: Any,
    read: Read,
    kind: str,
    columns: Any,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "physical", lambda: 10**9)
    write(tmp_path / f"net.{kind}", columns)
    if kind == "csv" and "double" in said:
        return  # in a CSV file 1.5 is a name
    with pytest.raises(ng.ConversionError, match=said) as caught:
        read(tmp_path / f"net.{kind}")
    assert f"net.{kind}" in str(caught.value)


@pytest.mark.parametrize(("to", "read", "kind"), TABLES)
def test_wrong_names_and_paths(to: Any, read: Read, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{kind}"
    write(path, {"source": ["a"], "target": ["b"]})
    for options in ({"inputs": ["c"]}, {"outputs": "c"}, {"functions": {"c": ng.Function()}}):
        with pytest.raises(ng.ConversionError, match="'c' is in no row"):
            read(path, **options)
    with pytest.raises(ng.ConversionError, match="is an input"):
        read(path, inputs=["b"])
    for wrong in (tmp_path / "none", tmp_path):
        with pytest.raises(ng.ConversionError):
            read(wrong)
    with pytest.raises(ng.ConversionError, match="by='index'"):
        to(ng.models.mlp((2, 1)), path, by="index")
    with pytest.raises(ng.ConversionError, match="written"):
        to(ng.models.mlp((2, 1)), tmp_path / "no" / "where")


@pytest.mark.parametrize("text", ["", "\x00", '"', "source,target\n1\n", "source,target\n\xff"])
def test_wrong_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ng.ConversionError, match=r"net\.csv"):
        ng.from_csv(tmp_path / "net.csv")


def test_a_parquet_file_of_too_many_rows_is_not_read(tmp_path: Path) -> None:
    """A few hundred kB of runs can stand for any number of rows."""
    rows = pa.array(np.zeros(10**6, np.int32))
    with pq.ParquetWriter(tmp_path / "net.parquet", pa.schema({"source": pa.int32()})) as writer:
        for _ in range(20):
            writer.write_table(pa.table({"source": rows}))
    size = (tmp_path / "net.parquet").stat().st_size
    assert size < 10**5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "physical", lambda: 10**9)
        with pytest.raises(ng.ConversionError, match="would take"):
            ng.from_parquet(tmp_path / "net.parquet")


@pytest.mark.parametrize(("to", "_read", "kind"), TABLES)
def test_what_does_not_fit_is_not_begun(to: Any, _read: Any, kind: str, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "physical", lambda: 3000)
        to(ng.models.mlp((4, 3, 2)), tmp_path / f"ids.{kind}")
        with pytest.raises(ng.ConversionError, match="would take"):
            to(ng.models.mlp((4, 3, 2)), tmp_path / f"names.{kind}", by="name")
    assert [path.stem for path in tmp_path.iterdir()] == ["ids"]


def described(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """A small file of to_parquet, and its description."""
    ng.to_parquet(ng.models.mlp((2, 2, 1)), path)
    table = pq.read_table(path)
    return table, json.loads(table.schema.metadata[b"neurograph"])


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"layers": []},
        {"layers": None},
        {"inputs": ["nobody"]},
        {"outputs": [[1], [[99, 100]]]},
        {"outputs": [[2], [[3, 4]]]},
        {"functions": [["import os", [[3, 6]]]]},
        {"functions": [["(multiply, sum) tanh", [[0, 2_000_000_000]]]]},
        {"arrays": [["N1.kernel", [2_000_000_000], [[0, 2_000_000_000]]]]},
        {"arrays": [["N1.kernel", [2], [[0, 2]]]]},
        {"constants": [[0, "bias unit", 2.0]]},
        {"constants": []},
        {"labels": [[99, "x"]]},
        {"labels": [[3, "output"]]},
    ],
)
def test_a_description_that_contradicts_the_rows(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.parquet"
    table, said = described(path)
    pq.write_table(table.replace_schema_metadata({"neurograph": json.dumps(said | change)}), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "physical", lambda: 10**9)
        with pytest.raises(ng.ConversionError, match=r"net\.parquet"):
            ng.from_parquet(path)


def test_a_description_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "net.parquet"
    table, _ = described(path)
    with pytest.raises(ng.ConversionError, match="says itself"):
        ng.from_parquet(path, inputs=[1])
    pq.write_table(table.slice(1), path)  # rows may be taken away
    assert len(ng.from_parquet(path).connections) == table.num_rows - 1
    for text in ("[" * 100_000, "{", "7", "[]"):
        pq.write_table(table.replace_schema_metadata({"neurograph": text}), path)
        with pytest.raises(ng.ConversionError):
            ng.from_parquet(path)
    named = pa.table({"source": ["input[0]"], "target": ["nobody"], "weight": ["N1.kernel[0, 0]"]})
    pq.write_table(named.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(ng.ConversionError, match="nobody"):
        ng.from_parquet(path)


def test_damaged_parquet_files_are_named_errors(tmp_path: Path) -> None:
    path, rng = tmp_path / "net.parquet", np.random.default_rng(0)
    ng.to_parquet(ng.models.mlp((3, 2)), path)
    whole = path.read_bytes()
    for at in range(150):
        broken = bytearray(whole[: rng.integers(len(whole))] if at % 5 == 0 else whole)
        for place in rng.integers(0, max(len(broken), 1), 3):
            if broken:
                broken[place % len(broken)] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(ng.NeurographError):  # anything else fails
            ng.from_parquet(path)
