"""Names of classes and the preprocessing of pictures, kept on a graph."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError, GraphError

HOW = ng.Preprocessing((4, 6), mean=(0.5, 0.25, 0), std=(0.5, 1, 2), resize=8)
NAMES = ("0", "input", "a cat")  # a class may be called as a layer is


def net() -> ng.Graph:
    graph = ng.models.mlp((4, 5, 3), seed=0)
    graph.classes, graph.preprocessing = NAMES, HOW
    return graph


def test_they_survive_files_and_edits(tmp_path: Path) -> None:
    graph = net()
    ng.save(graph, tmp_path / "net.npz")
    plain = nx.parse_gml("\n".join(nx.generate_gml(ng.to_networkx(graph, plain=True))))
    for found in (
        graph,
        ng.load(tmp_path / "net.npz"),
        ng.from_networkx(ng.to_networkx(graph)),
        ng.from_networkx(ng.to_networkx(graph, view="neurons")),
        ng.from_networkx(plain),
        ng.cut(graph, lambda c: c.source == 1),
        ng.unshare(graph, "N1"),
        ng.freeze(graph, "N1"),
        ng.merge(graph, ng.models.mlp((2, 2)), prefix="b."),
    ):
        names = [found.pictures.classes[i] for i in found.layer("output").ids.tolist()]
        assert (tuple(names), found.preprocessing) == (NAMES, HOW)
    assert ng.from_networkx(plain).classes == NAMES


def test_a_part_keeps_those_that_it_has() -> None:
    graph = net()
    part = ng.subgraph(graph, [*graph.layer("N1").ids, *graph.layer("output").ids[1:]])
    assert part.classes == NAMES[1:]
    hidden = ng.subgraph(graph, graph.layer("N1").ids)
    assert hidden.classes == ()
    graph.outputs = graph.layer("output").ids[::-1]
    assert graph.classes == NAMES[::-1]
    graph.outputs = graph.layer("N1").ids
    assert graph.classes == ()


def test_no_names_are_taken_away() -> None:
    graph = net()
    graph.classes, graph.preprocessing = (), None
    assert (graph.classes, graph.preprocessing) == ((), None)


@pytest.mark.parametrize(
    "names", [["a"], "abc", None, 5, ["a", "b", 3], ["a", "b", "\n"], {"a": 1}, ["a", "b", ""]]
)
def test_what_are_no_names(names: Any) -> None:
    with pytest.raises(GraphError, match="classes"):
        net().classes = names


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 4},
        {"size": (0, 4)},
        {"size": (4, 4, 4)},
        {"size": (4, 4), "mean": (0, 0)},
        {"size": (4, 4), "mean": (0,), "std": (0,)},
        {"size": (4, 4), "mean": (0,), "std": (float("nan"),)},
        {"size": (4, 4), "mean": "abc"},
        {"size": (4, 4), "resize": 3},
        {"size": (4, 4), "resize": 4.5},
    ],
    ids=str,
)
def test_what_is_no_preprocessing(wrong: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match="preprocessing"):
        ng.Preprocessing(**wrong)
    with pytest.raises(GraphError, match="preprocessing"):
        net().preprocessing = wrong


def test_files_of_what_is_none(tmp_path: Path) -> None:
    from mutations import file_of, parts_of

    ng.save(net(), tmp_path / "net.npz")
    parts = parts_of((tmp_path / "net.npz").read_bytes())
    for key, wrong in (("classes", [[1, "a"], [1, "b"]]), ("classes", [[10**6, "a"]]),
                       ("preprocessing", {"size": [0, 1]}), ("preprocessing", 5),
                       ("preprocessing", {"size": [2, 2], "more": 1})):  # fmt: skip
        spoilt = {**parts, "header.json": {**parts["header.json"], key: wrong}}
        (tmp_path / "net.npz").write_bytes(file_of(spoilt))
        with pytest.raises(ConversionError):
            ng.load(tmp_path / "net.npz")


def torchvisions(**more: Any) -> Any:
    """Weights as torchvision has them: names in `meta`, numbers in their transforms."""
    said = SimpleNamespace(crop_size=[4], resize_size=[5], mean=[0.5] * 3, std=[0.25] * 3, **more)
    return SimpleNamespace(meta={"categories": ["a", "b", "a"]}, transforms=lambda: said)


def test_torchvisions_weights() -> None:
    graph = net()
    graph.classes = graph.preprocessing = torchvisions()
    assert graph.classes == ("a", "b", "a")  # names need not be different
    assert graph.preprocessing == ng.Preprocessing((4, 4), (0.5,) * 3, (0.25,) * 3, 5)
    graph.preprocessing = torchvisions().transforms()
    assert graph.preprocessing.resize == 5
    with pytest.raises(GraphError):
        graph.preprocessing = object()


def test_a_module_with_its_weights() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3))
    graph = ng.from_torch(module, torch.zeros(1, 3, 4, 4), weights=torchvisions())
    assert graph.classes == ("a", "b", "a")
    assert graph.preprocessing is not None
    assert graph.preprocessing.size == (4, 4)


def test_normalized() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype("u1")
    found = HOW.normalize(levels)
    assert (found.shape, found.dtype) == ((2, 3, 4, 6), np.float32)
    np.testing.assert_allclose(found[1, 0], (levels[1, :, :, 0] / 255 - 0.5) / 0.5, atol=1e-6)
    np.testing.assert_allclose(found[0, 2], levels[0, :, :, 2] / 510, atol=1e-6)
