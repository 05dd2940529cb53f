"""The explorer's page: edits, keys, links and exercises, as people use them."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import numpy as np
import pytest
from views import View, Views

import neurograph as ng

ROOM = files("neurograph.explorer")


# ---- edits --------------------------------------------------------------------------------------


def test_cutting_a_connection_changes_the_counts_beside_the_picture(fresh: View, lenet5: ng.Graph):
    fresh.find("F6[7]")
    assert fresh.totals() == [60_000, 340_908]
    fresh.page.get_by_label("Cut the connection from C5[3, 0, 0]").click()
    source, target = lenet5.neuron_id("C5[3, 0, 0]"), lenet5.neuron_id("F6[7]")
    cut = ng.count(ng.cut(lenet5, lambda some: (some.source == source) & (some.target == target)))
    assert fresh.totals() == [cut.total.parameters, cut.total.connections] == [60_000, 340_907]
    fresh.js('() => explorer.openTab("counts")')
    assert re.search(r"F6\s+84\s+10,164\s+10,163 −1\s+10,163 −1\s+1 \+1", fresh.panel())
    fresh.find("F6.kernel[7, 3]")
    assert "dead" in fresh.panel()
    assert fresh.page.locator(".weights .dead").count() == 1


def test_a_connection_table_is_edited_and_new_links_are_marked(fresh: View):
    fresh.find("C3")
    fresh.page.get_by_label("Map 0 reads S2[3]").check()
    assert fresh.totals() == [60_025, 343_408]
    fresh.find("C3[0, 4, 4]")
    assert fresh.page.locator(".kernels .new").count() == 25
    fresh.find("C3")
    fresh.page.get_by_label("Map 0 reads S2[3]").uncheck()
    fresh.page.get_by_label("Map 15 reads S2[5]").uncheck()
    assert fresh.totals() == [60_025, 338_408]
    assert "dead\n50" in fresh.panel()


def test_layers_are_unshared_and_tied(fresh: View, lenet5: ng.Graph):
    fresh.find("C1")
    fresh.page.get_by_role("button", name="Unshare").click()
    expected = ng.count(ng.unshare(lenet5, "C1")).total
    assert fresh.totals() == [expected.parameters, expected.connections]
    fresh.page.get_by_role("button", name="Tie").click()
    assert fresh.totals() == [60_000, 340_908]


# ---- by keys, by name, by link ------------------------------------------------------------------


def test_neurons_and_weights_are_walked_through_by_keys(fresh: View):
    over = fresh.page.locator(".over")
    over.focus()
    seen = []
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", ".", "PageDown", "End", "ArrowRight", "w"):
        over.press(key)
        seen.append(fresh.name())
    assert seen == [
        "input[0, 0, 0]", "input[0, 0, 1]", "input[0, 1, 1]", "C1[0, 0, 0]", "C1[1, 0, 0]",
        "C1[1, 0, 27]", "C1[1, 0, 27]", "C1.kernel[1, 0, 0, 0]",
    ]  # fmt: skip
    said = fresh.page.locator(".spoken").inner_text()
    assert "C1.kernel[1, 0, 0, 0]" in said
    assert "784 connections" in said
    over.press("Escape")
    assert fresh.name() is None


def test_every_control_is_reached_and_used_by_keys_alone(fresh: View):
    keyboard = fresh.page.keyboard
    fresh.find("C3")
    fresh.js("() => document.activeElement.blur()")
    here = """() => document.activeElement.getAttribute("aria-label")
                ?? document.activeElement.innerText"""
    met = []
    for _ in range(300):
        keyboard.press("Tab")
        met.append(fresh.js(here))
        if met[-1] == "Map 1 reads S2[0]":
            keyboard.press("Space")
            assert fresh.totals()[0] == 60_025
            assert fresh.js(here) == "Map 1 reads S2[0]"  # the keyboard stays there
        if (met[-1] or "").startswith("Weights of C3.kernel"):
            keyboard.press("ArrowRight")
            keyboard.press("Enter")
            break
    assert fresh.name() == "C3.kernel[0, 0, 0, 1]"
    for wanted in (
        "Go",
        "Copy link",
        "Layer C1, 6×28×28",
        "Clear",
        "Sample 3: 3",
        "Layer",
        "Unshare",
    ):
        assert wanted in met
    fresh.page.get_by_role("tab", name="Weight").focus()
    keyboard.press("ArrowRight")
    assert fresh.js("() => explorer.tab") == "layer"


def test_names_are_found_and_others_suggested(fresh: View):
    for name in ("C3[0, 2, 3]", "F6.kernel[3, 4]"):
        fresh.find(name)
        assert fresh.name() == name
    fresh.find("C33[0, 2, 3]")
    assert "Nothing is called C33[0, 2, 3]; is it C3" in fresh.page.locator(".search").inner_text()
    assert fresh.name() == "F6.kernel[3, 4]"


def test_a_link_reopens_the_same_view(fresh: View, opened: Views, lenet5: ng.Graph):
    fresh.js(
        """() => { const e = explorer; e.chooseSample(4);
          const edit = (name, source) => ({ op: "cut", connections: [{
            source: e.network.find(source).neuron, target: e.network.find(name).neuron,
            weight: e.network.incoming(e.network.find(name).neuron).weights[0] }] });
          e.edit(edit("F6[1]", "C5[0, 0, 0]"));
          e.edit({ op: "unshare", layer: 4 });
          const { reads } = e.network.layers[3].table;
          e.edit({ op: "table", layer: 3, reads: reads.map((row) => row.map(() => true)) });
          e.setValue(e.network.find("C3.kernel[0, 5, 1, 1]").weight, 0.5);
          const values = Float64Array.from(e.inputs[0]);
          values[500] = 1.175; e.feed(values);
          e.choose(e.network.find("C3[2, 3, 4]").neuron); e.show("fields"); }"""
    )
    look = """() => { const e = explorer; return [e.tab, e.view, e.layer, e.map,
      e.network.name(e.neuron), e.network.counts(), e.history.length,
      document.querySelector(".panel-body").innerText, Array.from(e.states)]; }"""
    expected = fresh.js(look)
    link = fresh.js(
        "async () => { await new Promise((r) => setTimeout(r, 400)); return location.hash }"
    )
    found = opened(lenet5, link).js(look)
    assert found[:7] == expected[:7]
    assert np.allclose(found[8], expected[8], atol=0.02)  # a drawing has 256 shades


@pytest.mark.parametrize(
    "link", ["#at=</script>&tab=x&map=99&sample=1e9", "#edits=[{]&input=%%", "#edits=[7]"]
)
def test_a_link_that_says_nonsense_is_harmless(fresh: View, link: str):
    fresh.open(link)
    assert fresh.totals() == [60_000, 340_908]
    assert fresh.page.locator(".verdict strong").inner_text() == "0"


# ---- exercises ----------------------------------------------------------------------------------

ANSWERS = {  # by the formulas of the book, not by the page
    "lenet.c1.parameters": 6 * 26, "lenet.c1.connections": 6 * 28 * 28 * 26,
    "lenet.c1.uses": 28 * 28, "lenet.corner": 6, "lenet.middle": 6 * 25,
    "lenet.s2.parameters": 6 * 2, "lenet.c3.sees": 14 * 14, "lenet.c3.parameters": 60 * 25 + 16,
    "lenet.c3.full": 16 * (6 * 25 + 1), "lenet.c1.unshared": 6 * 28 * 28 * 26,
    "lenet.c5.connections": 120 * (16 * 25 + 1),
    "concept.c1.parameters": 3 * 26, "concept.c1.uses": 24 * 24, "concept.s2.uses": 4 * 12 * 12,
    "concept.c3.parameters": 3 * (3 * 25 + 1), "concept.c3.sees": 14 * 14,
    "concept.n1.parameters": 30 * 49, "concept.c1.unshared": 3 * 24 * 24 * 26,
}  # fmt: skip


@pytest.mark.parametrize("model", ["lenet5", "concept"])
def test_exercises_are_checked_against_the_network(opened: Views, lenet5: ng.Graph, model: str):
    graph = lenet5 if model == "lenet5" else ng.models.concept()
    view = opened(graph, "#tab=exercises")
    sets = json.loads(ROOM.joinpath("exercises.json").read_text("utf-8"))
    (items,) = [s["items"] for s in sets if s["items"][0]["text"].startswith(model[:5])]
    given = np.reshape(view.js("() => Array.from(explorer.inputs[0])"), graph.inputs[0].ids.shape)
    assert view.page.locator(".exercises li").count() == len(items)
    for place, item in enumerate(items):
        right = ANSWERS.get(item["text"])
        if item["kind"] == "state":
            right = ng.explain(graph, item["neuron"], given).state
        field = view.page.locator(".exercises li").nth(place).locator("input")
        answer = view.page.locator(".exercises li").nth(place).locator(".answer")
        if place < 2:
            field.fill(str(right + 10))
            field.press("Enter")
            assert answer.inner_text() == "It is less than that"
        field.fill(f"{right:,}" if isinstance(right, int) else f"{right * 1.004:.5f}")
        field.press("Enter")
        assert "solved" in view.page.locator(".exercises li").nth(place).get_attribute("class")
    assert f"{len(items)} of {len(items)} solved" in view.panel()


def test_other_networks_have_no_exercises(opened: Views):
    graph = ng.models.mlp((4, 3, 2))
    view = opened(graph, "#tab=exercises")
    assert "There are exercises for" in view.panel()
