"""What notebooks show: HTML that is right, small and inert."""

from __future__ import annotations

import base64
import re
import sys
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from networks import build

import neurograph as ng
from neurograph import html
from neurograph.models import lenet5, mlp
from neurograph.training.history import History, Pass

HOSTILE = "</td><script>alert(1)</script>א\"'&"


class Parsed(HTMLParser):
    """The tags, attributes and texts of a piece of HTML, which closes what it opens."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.cells: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


def shown(what: Any) -> Parsed:
    return Parsed(what._repr_html_())


def objects() -> dict[str, Any]:
    graph = lenet5()
    x = np.random.default_rng(0).uniform(0, 1, (2, 1, 32, 32))
    return {
        "graph": graph,
        "layer": graph["C3"],
        "weights": graph.weights,
        "counts": ng.count(graph),
        "verification": ng.verify(graph),
        "one neuron": graph.incoming("C3[0, 0, 0]"),
        "one weight": graph.sharing("C1.kernel[0, 0, 2, 2]"),
        "all connections": graph.connections,
        "explanation": ng.explain(graph, "C3[0, 0, 0]", x[:1]),
        "program": ng.compile(graph),
        "states": ng.Simulator(graph, engine="scipy").states(x),
        "audit": ng.audit(graph),
        "history": History([Pass(0.5, 0.1, 0.08, None, 2.0)] * 500),
    }


FOUND = objects()


@pytest.mark.parametrize("what", FOUND)
def test_everything_shown_is_small_and_plain(what: str) -> None:
    found = FOUND[what]._repr_html_()
    parsed = Parsed(found)
    assert len(found) <= (60_000 if what == "states" else 20_000)  # pictures of noise
    assert "table" in parsed.tags
    allowed = "div table thead tbody tr th td p br bdi details summary img"
    assert set(parsed.tags) <= set(allowed.split())
    assert parsed.attributes <= {"style", "alt", "src", "width", "height", "colspan", "cellpadding"}
    assert "color:" not in found  # a theme's own
    assert len(repr(FOUND[what])) < 3000


def test_tables_hold_what_was_counted() -> None:
    cells = shown(FOUND["graph"]).cells
    assert [cells[4][i] for i in (0, 1, 2, 4)] == ["C3", "Conv2d", "16x10x10", "151,600"]
    assert shown(FOUND["counts"]).cells[-1][:4] == ["total", "", "9,118", "60,000"]
    weight = shown(FOUND["one weight"]).cells
    assert weight[1][:3] == ["input[0, 2, 2]", "C1.kernel[0, 0, 2, 2]", "C1[0, 0, 0]"]
    assert weight[-1] == ["\u2026 774 more"]
    assert shown(FOUND["all connections"]).cells[-1] == ["\u2026 340,898 more"]


def test_terms_come_to_the_state() -> None:
    found = FOUND["explanation"]
    rows = shown(found).cells[1:]
    assert len(rows) == html.MOST_ROWS + 1
    assert [float(row[4]) for row in rows[:3]] == pytest.approx(found.terms[:3], rel=1e-5)
    assert rows[-1][0] == "bias unit"


def test_long_tables_keep_their_ends() -> None:
    cells = shown(FOUND["history"]).cells
    assert len(cells) == 2 + html.MOST_ROWS
    assert cells[-1][0] == "500"
    assert ["\u2026 470 more"] in cells


def test_names_are_inert() -> None:
    graph = build(ng.Linear(2, name=HOSTILE), shape=(1, 2, 2))
    x = np.zeros((1, 1, 2, 2))
    for what in (
        graph,
        graph[HOSTILE],
        ng.count(graph),
        ng.verify(graph),
        graph.incoming(int(graph[HOSTILE].ids[0])),
        ng.explain(graph, int(graph[HOSTILE].ids[0]), x),
        ng.Simulator(graph, engine="scipy").states(x),
    ):
        found = what._repr_html_()
        assert "<script" not in found
        assert "script" not in Parsed(found).tags
        assert HOSTILE in "".join(text for row in Parsed(found).cells for text in row)


def test_a_picture_has_the_values() -> None:
    values = np.array([[1.0, -1.0, 0.0], [0.5, np.nan, -0.5]])
    found = html.picture(values, alt='"<x>')
    data = base64.b64decode(re.search(r"base64,([^\"]+)", found)[1])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert Parsed(found).tags == ["img"]
    image = pytest.importorskip("PIL.Image")
    import io

    pixels = np.asarray(image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert pixels.shape == (2, 3, 3)
    (red, blue, white), (pink, grey, pale) = pixels
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80
    assert white.tolist() == [255] * 3
    assert grey.tolist() == [128] * 3
    assert (abs(pink - (255 + red) / 2) <= 1).all()
    assert (abs(pale - (255 + blue) / 2) <= 1).all()
    assert zlib.crc32(data[12:29]) == int.from_bytes(data[29:33], "big")


def test_a_broken_graph_still_shows_what_is_wrong() -> None:
    graph = mlp((4, 3, 2))
    graph.table._field.put(np.array([5]), np.array([99]))
    assert "field 99 does not exist" in ng.verify(graph)._repr_html_()


def test_a_run_has_one_bar_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    from tqdm import auto

    made: list[Any] = []

    class Bar(auto.tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(self)
            super().__init__(*args, **kwargs)

    kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: kernel))
    monkeypatch.setattr(auto, "tqdm", Bar)
    x, y = np.random.default_rng(0).uniform(-1, 1, (20, 4)), np.arange(20) % 2
    ng.fit(mlp((4, 3, 2)), x, y, passes=3, engine="scipy", progress=True)
    assert len(made) == 1
    assert made[0].n == pytest.approx(3)
    assert made[0].total == 3
