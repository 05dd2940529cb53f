"""explore: what it refuses, what it writes, and the pieces that a page is put together from."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.cli import main
from neurograph.explorer import exploring, joining
from neurograph.explorer.exploring import require_small
from neurograph.explorer.packing import smallest
from neurograph.explorer.samples import Samples

HOSTILE = "</script><script>alert(1)</script>\"'<!--\u202e{{payload}}"


def test_lenet5_is_small(tmp_path: Path) -> None:
    path = ng.explore(ng.models.lenet5(weights="mnist"), tmp_path / "lenet5.html")
    assert path == tmp_path / "lenet5.html"
    assert path.stat().st_size <= 400_000


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,), name="</script><b>"))
    graph.add(ng.Linear(2, name="<!--<script>"), x)
    graph.label([1], ["\"'</script>"])
    plain = ng.explore(ng.models.mlp((2, 2)), tmp_path / "a.html", title="a").read_text("utf-8")
    title = HOSTILE.replace("\u202e", "")
    text = ng.explore(graph, tmp_path / "b.html", title=title).read_text("utf-8")
    assert "<b>" not in text
    assert "alert(1)</script>" not in text
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text
    for mark in ("<script", "</script", "<!--", "<"):
        assert text.count(mark) == plain.count(mark), mark


def test_the_policy_lets_nothing_in(tmp_path: Path) -> None:
    text = ng.explore(ng.models.mlp((2, 2)), tmp_path / "a.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    parts = {p.split()[0]: p.split()[1:] for p in html.unescape(policy[1]).split(";")}
    assert parts["default-src"] == ["'none'"]
    for kind in ("script-src", "style-src"):
        assert all(re.fullmatch(r"'sha256-[\w+/=]+'", s) for s in parts[kind]), kind
    assert not {"connect-src", "object-src", "frame-src"} & set(parts)
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)


def test_a_graph_too_large_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = ng.models.lenet5()
    monkeypatch.setattr(exploring, "TEXT_MAX", 200_000)
    monkeypatch.setattr(exploring, "payload", None)  # would be called
    with pytest.raises(ng.GraphError, match=r'60,840 weights.*drop_dead.*values="half"'):
        ng.explore(graph, tmp_path / "a.html")
    assert not list(tmp_path.iterdir())
    require_small(graph, "half")
    monkeypatch.setattr(exploring, "TEXT_MAX", 400_000)
    require_small(ng.models.lenet5(weights="mnist"), "exact")  # float32, half as much as drawn ones
    with pytest.raises(ng.GraphError, match="60,840 weights"):
        require_small(ng.models.lenet5(), "exact")
    monkeypatch.setattr(exploring, "HELD_MAX", 1000)
    with pytest.raises(
        ng.GraphError, match=r"drop_dead.*subgraph\(graph, neurons\) takes a part of it$"
    ):
        require_small(graph, "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": "double"}, "found values 'double', needed exact, half, none"),
        ({"values": 3}, "needed exact, half, none"),
        ({"samples": np.zeros((2, 3))}, r"found samples of shape \(2, 3\), needed \(samples, 4\)"),
        ({"samples": np.full((1, 4), np.nan)}, "not finite"),
        ({"samples": (np.zeros((1, 4)), np.zeros((1, 4)))}, "for 2 inputs, needed a tuple for 1"),
        ({"samples": np.zeros((2, 4)), "labels": ["a"]}, "found 2 samples and 1 labels"),
        ({"samples": ng.datasets.digits(1)}, "28x28 do not fit the size 2x2"),
        ({"samples": "digits"}, "input"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    graph = ng.models.mlp((4, 2))
    with pytest.raises(ng.NeurographError, match=message):
        ng.explore(graph, tmp_path / "a.html", **options)
    assert not list(tmp_path.iterdir())


def test_a_cycle_or_no_graph_is_refused(tmp_path: Path) -> None:
    cycle = ng.Graph.from_connections([(1, 0, 2), (3, 0, 2), (2, 0, 3)], inputs=[1])
    with pytest.raises(ng.GraphError, match="cycle"):
        ng.explore(cycle, tmp_path / "a.html")
    with pytest.raises(ng.GraphError, match="explore: found str, needed a Graph"):
        ng.explore("lenet5", tmp_path / "a.html")  # type: ignore[arg-type]
    with pytest.raises(ng.GraphError, match="explore: found int, needed a path"):
        ng.explore(ng.models.mlp((2, 1)), 5)  # type: ignore[arg-type]


def test_digits_are_offered_where_they_fit() -> None:
    for shape in ((1, 28, 28), (1, 32, 32), (32, 32), (784,), (1024,)):
        graph = ng.Graph()
        graph.add(ng.Linear(1), graph.add(ng.Input(shape)))
        samples = Samples.of(graph)
        assert samples.labels == tuple("0123456789")
        assert samples.inputs[0].shape == (10, *shape)
        assert (samples.inputs[0].min(), samples.inputs[0].max()) == (-0.1, 1.175)
    for shape in ((3, 32, 32), (1, 8, 8), (10,), ()):
        graph = ng.Graph()
        graph.add(ng.Linear(1), graph.add(ng.Input(shape)))
        assert Samples.of(graph).labels == ()


def test_the_smallest_type_loses_nothing() -> None:
    for value, kind in ((0.5, "f2"), (65504.0, "f2"), (65536.0, "f4"), (0.1, "f8"), (2**-25, "f4")):
        assert smallest(np.array([1.0, value])) == kind
    assert smallest(np.array([np.nan, np.inf, -0.0])) == "f2"
    assert smallest(np.array([float(np.float32(0.1))])) == "f4"


def test_modules_that_cannot_be_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {
        "a.js": 'import { b as c } from "./in/b.js";\nexport const a = c;\n',
        "in/b.js": 'import * as all from "../c.js";\nexport function b() {}\n',
        "c.js": "export default 3;\n",
        "d.js": 'import { e } from "./e.js";\n',
        "e.js": 'import { d } from "./d.js";\n',
    }
    monkeypatch.setattr(joining, "source", modules.__getitem__)
    with pytest.raises(ValueError, match=r"c.js: 'export default 3;' is not among the forms"):
        joining.joined("a.js")
    with pytest.raises(ValueError, match=r"d.js -> e.js -> d.js: modules import each other"):
        joining.joined("d.js")
    modules["c.js"] = "export class C {}\nexport async function f() {}\n"
    text = joining.joined("a.js")
    assert 'const { b: c } = modules["in/b.js"];' in text
    assert "return { C, f };" in text
    order = re.findall(r'^modules\["(.*?)"\]', text, re.MULTILINE)
    assert order == ["c.js", "in/b.js", "a.js"]


def test_command(tmp_path: Path) -> None:
    out = tmp_path / "net.html"
    run = CliRunner().invoke(main, ["explore", "mlp", "--sizes", "4,2", "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert f"mlp written to {out} (" in run.output
    assert "<title>mlp</title>" in out.read_text("utf-8")
    asked = ["explore", "lenet5", "--out", str(out), "--values", "none", "--json"]
    document = json.loads(CliRunner().invoke(main, asked).output)
    assert document == {
        "model": "lenet5",
        "file": str(out),
        "bytes": out.stat().st_size,
        "weights": "none",
    }
    wrong = CliRunner().invoke(main, ["explore", "mlp"])
    assert wrong.exit_code == 2


def test_texts_are_one_level_of_text() -> None:
    """So that they can be translated line by line."""
    folder = Path(exploring.__file__).parent
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    assert texts
    assert all(isinstance(text, str) for text in texts.values())
