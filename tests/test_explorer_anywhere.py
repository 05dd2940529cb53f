"""The explorer's page hinders nobody, obeys no name, and shows any graph."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from random_nets import net
from views import Views

import neurograph as ng

TABS = "neuron", "weight", "layer", "counts", "exercises", "help"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = f"""async (tab) => {{
  if (tab) explorer.openTab(tab);
  const where = tab ? document.querySelector(".panel") : document;
  const found = await axe.run(where, {{ runOnly: {json.dumps(STANDARD)} }});
  return found.violations.map((v) => [v.id, v.nodes.map((node) => node.html.slice(0, 200))]);
}}"""
HOSTILE = "</script><script>hit=1</script><img src=x onerror=hit=1>\"'&amp;{{title}} \u05d0\u05d1"


# ---- accessible, safe ---------------------------------------------------------------------------


def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="needs the extra browser")
    return files(package).joinpath("axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_panel_violates_wcag_and_what_is_planted_is_found(
    opened: Views, lenet5: ng.Graph, theme: str
):
    view = opened(lenet5, "#at=C1[0, 2, 3]&weight=C1.kernel[0, 0, 0, 0]", theme=theme)
    assert view.js("() => document.querySelector('.ng').dataset.theme") == theme
    view.js(axe())
    found = {tab: view.js(AXE, tab) for tab in TABS}
    found["page"] = view.js(AXE, None)
    assert {tab: violations for tab, violations in found.items() if violations} == {}
    view.js(
        """() => { const bad = document.createElement("button");
          document.querySelector(".panel-body").append(bad); }"""
    )
    assert [rule for rule, _ in view.js(AXE, "help")] == []  # drawn anew, without it
    view.js('() => document.querySelector(".panel-body").append(document.createElement("button"))')
    planted = view.js(AXE.replace("if (tab) explorer.openTab(tab);", ""), "help")
    assert [rule for rule, _ in planted] == ["button-name"]


def test_hostile_names_are_shown_and_do_nothing(opened: Views):
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 8, 8), name=HOSTILE))
    c = graph.add(ng.Conv2d(2, 3, name=f"C {HOSTILE}"), x)
    graph.add(ng.Linear(3, name=f"out {HOSTILE}"), c.reshape(-1))
    samples = np.zeros((1, 1, 8, 8))
    view = opened(graph, title=HOSTILE, samples=samples, labels=[HOSTILE])
    for script in ("choose(explorer.network.outputs[0])", "openLayer(1)", "pick(0)",
                   'openTab("counts")', "openLayer(0)"):  # fmt: skip
        view.js(f"() => {{ explorer.{script}; }}")
    view.find(HOSTILE)
    assert view.js("() => globalThis.hit ?? null") is None
    assert view.page.locator("img").count() == 0
    assert view.page.locator("h1").inner_text() == HOSTILE
    assert {url for url in view.asked if not url.startswith(("file:", "about:"))} == set()


# ---- any graph ----------------------------------------------------------------------------------

EVERYTHING = """() => {
  const { network, tabs, picture } = explorer;
  for (let i = 0; i < network.layers.length; i++) explorer.openLayer(i);
  for (let v = 0; v < network.size; v += 1 + (network.size >> 4)) {
    explorer.choose(v); explorer.show("fields"); explorer.show("terms");
  }
  for (let w = 0; w < network.weights; w += 1 + (network.weights >> 4)) explorer.pick(w);
  for (const tab of tabs) explorer.openTab(tab);
  const cells = Array.from({ length: network.size }, (_, v) => [v, picture.cell(v)])
    .filter(([v, cell]) => cell);
  const hit = ([v, [x, y, size]]) => picture.hit(x + size / 2, y + size / 2) === v;
  return [cells.length, cells.filter(hit).length, network.neurons];
}"""


@pytest.mark.parametrize("seed", [0, 4, 9, 12])
def test_any_graph_is_drawn_and_every_panel_shows_it(opened: Views, seed: int):
    view = opened(net(np.random.default_rng(seed)))
    assert len(set(view.js(EVERYTHING))) == 1


def test_several_inputs_are_drawn_one_at_a_time(opened: Views):
    graph = ng.Graph()
    colours = graph.add(ng.Input((3, 6, 6), name="colours"))
    vector = graph.add(ng.Input((4,), name="vector"))
    read = [graph.add(ng.Linear(2, activation="tanh"), x.reshape(-1)) for x in (colours, vector)]
    graph.add(ng.Linear(3, name="out"), np.concatenate(read))
    view = opened(graph)
    view.page.get_by_label("Colour of the pen").fill("#00ff00")
    view.page.get_by_role("button", name="Clear").click()
    view.page.locator("canvas.pad").click()
    drawn = np.reshape(view.js("() => Array.from(explorer.inputs[0])"), (3, 36))
    assert drawn[1].max() > drawn[0].max() == drawn[2].max() == drawn.min()
    view.page.locator(".input-part select").select_option("vector")
    view.page.get_by_role("button", name="Clear").click()
    view.page.get_by_role("button", name="Invert").click()
    inputs = view.js("() => explorer.inputs.map((values) => Array.from(values))")
    assert np.allclose(np.reshape(inputs[0], (3, 36)), drawn)
    given = [np.reshape(inputs[0], (1, 3, 6, 6)), np.reshape(inputs[1], (1, 4))]
    expected = ng.Simulator(graph, engine="scipy", dtype="float64")(*given)[0]
    outputs = view.js("() => Array.from(explorer.network.outputs, (v) => explorer.states[v])")
    assert np.allclose(outputs, expected, rtol=1e-9)
