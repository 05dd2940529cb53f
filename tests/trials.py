"""Kinds of trials of the fuzz script: something is spoilt, and has to be refused or whole.

Each takes a generator, a folder to write in, and the seed of the whole run; whatever it raises is a
fault.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mutations
import numpy as np
import random_nets
from mutations import some
from onnx_trials import onnx_files
from whole import is_whole

import neurograph as ng
from neurograph.cli.images import read_array
from neurograph.convert import graph_challenge
from neurograph.errors import NeurographError
from neurograph.storage import checkpoints

Rng = np.random.Generator
REFUSED, WHOLE = "refused", "whole"


def _named(error: Exception, path: Path) -> str:
    """Return that a file was refused. Raises AssertionError where the error does not name it."""
    assert str(path) in str(error), error
    return REFUSED


@cache
def saved_graphs(seed: int) -> list[bytes]:
    """Files of small nets, some with values and some without."""
    found, rng = [], np.random.default_rng([seed, 99])
    with tempfile.TemporaryDirectory() as folder:
        while len(found) < 60:
            graph = random_nets.net(rng)
            if graph.table.fields.ids.size < 600:
                ng.save(graph, Path(folder, "net.npz"))
                found.append(Path(folder, "net.npz").read_bytes())
    return found


def graph_files(rng: Rng, folder: Path, seed: int) -> str:
    content = some(rng, mutations.FILE)(some(rng, saved_graphs(seed)), rng)
    path = folder / "graph.npz"
    path.write_bytes(content)
    try:
        graph = ng.load(path)
    except ng.ConversionError as error:
        return _named(error, path)
    is_whole(graph, rng, folder)
    return WHOLE


OPTIMIZERS: dict[str, Any] = {
    "momentum": ng.SGD(0.1, momentum=0.5),
    "adam": ng.Adam(0.01),
    "lm": ng.StochasticDiagonalLM(0.01, patterns=2),
}


def _fit(path: Path, name: str, passes: int, *, resume: bool) -> ng.Graph:
    graph = ng.models.mlp((3, 2), seed=0)
    images, labels = np.random.default_rng(0).uniform(-1, 1, (4, 3)), np.arange(4) % 2
    options = {"engine": "scipy", "progress": False, "checkpoint": path, "resume": resume}
    ng.fit(
        graph,
        images,
        labels,
        optimizer=OPTIMIZERS[name],
        passes=passes,
        loss="mean_squared_error",
        **options,
    )
    return graph


@cache
def saved_checkpoints() -> dict[str, bytes]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in OPTIMIZERS:
            _fit(Path(folder, "c.npz"), name, 1, resume=False)
            found[name] = Path(folder, "c.npz").read_bytes()
    return found


def checkpoint_files(rng: Rng, folder: Path, seed: int) -> str:
    name = some(rng, list(OPTIMIZERS))
    path = folder / "c.npz"
    path.write_bytes(some(rng, mutations.FILE)(saved_checkpoints()[name], rng))
    try:
        graph = _fit(path, name, 2, resume=True)
    except NeurographError:
        return REFUSED
    assert np.isfinite(graph.weights.value).all()
    checkpoints.read(path, graph)
    return WHOLE


def idx_files(rng: Rng, folder: Path, seed: int) -> str:
    code, dtype = some(rng, [(8, ">u1"), (9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4")])
    shape = tuple(int(n) for n in rng.integers(1, 4, int(rng.integers(1, 4))))
    sizes = b"".join(n.to_bytes(4, "big") for n in shape)
    array = rng.integers(0, 100, shape).astype(dtype)
    content = bytes([0, 0, code, len(shape)]) + sizes + array.tobytes()
    packed = rng.random() < 0.3
    if packed and rng.random() < 0.5:
        content, packed = gzip.compress(content), False
    content = mutations.spoil_bytes(content, rng)
    path = folder / "idx"
    path.write_bytes(gzip.compress(content) if packed else content)
    try:
        found = ng.datasets.read_idx(path)
    except ng.DataError as error:
        return _named(error, path)
    assert found.nbytes <= 2 * len(content) + 100 or packed
    return WHOLE


def npy_files(rng: Rng, folder: Path, seed: int) -> str:
    path = folder / "images.npy"
    np.save(path, rng.integers(0, 255, (2, 3, 3)).astype(some(rng, ["u1", "i4", "f8", "f2"])))
    content = path.read_bytes()
    head = content[:128] if rng.random() < 0.8 else content
    path.write_bytes(mutations.spoil_bytes(head, rng) + content[len(head) :])
    try:
        np.array(read_array(path))
    except ng.DataError:
        return REFUSED
    return WHOLE


def challenge_files(rng: Rng, folder: Path, seed: int) -> str:
    count = int(rng.integers(1, 6))
    lines = [f"{a}\t{b}\t{v}" for a, b, v in rng.integers(1, 5, (count, 3)).tolist()]
    path = folder / "n4-l1.tsv"
    path.write_bytes(mutations.spoil_text("\n".join(lines), rng))
    how = int(rng.integers(3))
    try:
        if how == 0:
            graph = graph_challenge.read_network(folder, neurons=4, layers=1, bias=-0.1)
            is_whole(graph, rng, folder)
        elif how == 1:
            images = graph_challenge.read_images(path, neurons=4, count=some(rng, [None, 4]))
            assert np.isfinite(images).all()
            assert images.shape[1] == 4
        else:
            path.write_bytes(mutations.spoil_text("1\n3\n2", rng))
            found = graph_challenge.read_categories(path)
            assert (np.diff(found) > 0).all()
            assert (found >= 0).all()
    except NeurographError as error:
        return REFUSED if isinstance(error, ng.GraphError) else _named(error, path)
    return WHOLE


VALUES = (*mutations.LEAVES, (0,), (1, 2), b"x", 1j, np.int64(1), np.float32(0.5), np.nan, object)


def networkx_graphs(rng: Rng, folder: Path, seed: int) -> str:
    graph = random_nets.of_triples(rng)
    if rng.random() < 0.3:
        graph = random_nets.layered(rng)
        graph = ng.subgraph(graph, ng.cone(graph, graph.outputs.reshape(-1)[:1]))
    G = ng.to_networkx(graph, view=some(rng, ["weights", "connections"]))
    for _ in range(int(rng.integers(1, 4))):
        _spoil_networkx(G, rng)
    total = _counted(G)
    try:
        found = ng.from_networkx(G)
    except NeurographError:
        # A graph that no longer says it is one of ours may have cycles, or no outputs.
        assert total is None or "neurograph" not in G.graph
        return REFUSED
    assert total == _counted(found)
    is_whole(found, rng, folder)
    return WHOLE


def _counted(graph: Any) -> tuple[int, ...] | None:
    """Return what is counted in a graph of either kind; None where that is refused."""
    try:
        row = ng.count(graph).total
    except NeurographError:
        return None
    return row.neurons, row.trainable, row.fixed, row.connections, row.bias_connections, row.dead


def _spoil_networkx(G: Any, rng: Rng) -> None:
    nodes, edges, how = list(G), list(G.edges(keys=True)), rng.random()
    if how < 0.15 and edges:
        G.remove_edge(*some(rng, edges))
    elif how < 0.25 and nodes:
        G.remove_node(some(rng, nodes))
    elif how < 0.3 and nodes:
        G.add_node(some(rng, ["new", 7, ("a", 1)]), **G.nodes[some(rng, nodes)])
    elif how < 0.35 and nodes:
        G.add_edge(
            some(rng, nodes), some(rng, nodes), **(G.edges[some(rng, edges)] if edges else {})
        )
    else:
        place = [G.graph]
        if how < 0.7 and nodes:
            place = [G.nodes[some(rng, nodes)]]
        elif how < 0.9 and edges:
            place = [G.edges[some(rng, edges)]]
        data = place[0]
        key = some(rng, [*data, "weight", "slot", "id"])
        if rng.random() < 0.15:
            data.pop(key, None)
        elif isinstance(data.get(key), list | dict) and rng.random() < 0.7:
            data[key] = mutations.spoil_json(data[key], rng)
        else:
            data[key] = some(rng, VALUES)


def random_graphs(rng: Rng, folder: Path, seed: int) -> str:
    is_whole(random_nets.net(rng), rng, folder)
    return WHOLE


# kind -> (a trial, how many of a hundred trials are of this kind)
KINDS: dict[str, tuple[Callable[[Rng, Path, int], str], int]] = {
    "graph files": (graph_files, 50),
    "checkpoints": (checkpoint_files, 10),
    "IDX files": (idx_files, 10),
    ".npy files": (npy_files, 8),
    "challenge files": (challenge_files, 8),
    "networkx graphs": (networkx_graphs, 6),
    "random nets": (random_graphs, 8),
    "ONNX files": (onnx_files, 20),
}
