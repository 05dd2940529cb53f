"""The explorer's page: what is seen of a network and its input, in a browser."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from views import View, Views

import neurograph as ng

ROOM = files("neurograph.explorer")
VIEW = Path(str(ROOM)) / "js" / "view"


# ---- texts --------------------------------------------------------------------------------------


def test_every_text_of_the_page_is_in_one_file():
    every = json.loads(ROOM.joinpath("texts.json").read_text("utf-8"))
    texts = {re.sub(r"\.(one|other)$", "", key) for key in every}
    sets = json.loads(ROOM.joinpath("exercises.json").read_text("utf-8"))
    source = "".join(path.read_text("utf-8") for path in sorted(VIEW.glob("*.js")))
    plain = set(re.findall(r'"([a-z]\w*(?:\.\w+)+)"', source))
    stems = set(re.findall(r"`([a-z]\w*\.(?:\w+\.)*)\$\{", source))
    told = {f"exercise.{item['text']}" for exercises in sets for item in exercises["items"]}
    told |= {f"{key}.why" for key in told}
    unknown = {key for key in plain | told if key not in texts and not key.endswith((".js",))}
    assert unknown == set()
    unused = {
        key
        for key in texts - plain - told - {"language"}
        if not any(key.startswith(stem) for stem in stems - {"exercise."})
    }
    assert unused == set()


def test_no_visible_text_stands_in_the_modules():
    """What textContent or a label is given comes from texts.json: no words in quotes."""
    for path in VIEW.glob("*.js"):
        words = re.findall(
            r'(?:textContent|aria-label)"?[:=] "([^"]*[a-z]{2}[^"]*)"', path.read_text()
        )
        assert words == [], path.name


# ---- the picture --------------------------------------------------------------------------------


def test_nothing_but_the_file_is_asked_for_and_it_is_small(page: View, lenet5: ng.Graph):
    assert {url.split("#")[0] for url in page.asked} <= {page.address, "about:blank"}
    assert Path(page.address.removeprefix("file://")).stat().st_size <= 400_000


def test_every_neuron_is_found_under_the_pointer(page: View, lenet5: ng.Graph):
    found = page.js(
        """() => { const { picture, network } = explorer; let right = 0;
          for (let v = 0; v < network.size; v++) {
            const cell = picture.cell(v);
            if (cell && picture.hit(cell[0] + cell[2] / 2, cell[1] + cell[2] / 2) === v) right++;
          } return right; }"""
    )
    assert found == ng.count(lenet5).total.neurons == 9118


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080), (420, 900), (1000, 700)])
def test_the_picture_fits_and_nothing_is_scrolled_sideways(
    opened: Views, lenet5: ng.Graph, size: tuple[int, int]
):
    view = opened(lenet5, "#at=output[3]", size=size)
    outside = view.js(
        """() => { const { picture, network } = explorer;
          return Array.from({ length: network.size }, (_, v) => picture.cell(v)).filter((c) => c
            && (c[0] < 0 || c[1] < 0 || c[0] + c[2] > picture.width
              || c[1] + c[2] > picture.height)).length; }"""
    )
    assert outside == 0
    assert view.js("() => document.documentElement.scrollWidth <= innerWidth")
    assert view.js(
        """() => [...document.querySelectorAll(".panel-body, .lower > section")]
             .every((part) => part.getBoundingClientRect().right <= innerWidth + 1)"""
    )
    if size[0] == 1440:  # the network fills its frame: of the width three quarters are maps
        used = view.js("() => explorer.picture.columns.reduce((sum, c) => sum + c.width, 0)")
        assert used > 0.65 * size[0]


def test_magnified_cells_are_targets_of_24_pixels_and_follow_the_choice(fresh: View):
    for name, at in (("C1[2, 27, 27]", 24), ("C3[5, 9, 0]", 24), ("output[9]", 24)):
        fresh.find(name)
        assert fresh.js("() => explorer.parts.find((p) => p.cell && p.frame).cell") >= at
        box, frame = fresh.js(
            """() => { const p = explorer.parts.find((part) => part.frame);
              const [, , columns] = p.shape();
              const at = explorer.network.locate(explorer.neuron).position - p.first();
              const box = p.canvas.getBoundingClientRect();
              const x = box.left + (at % columns + 0.5) * p.cell;
              const y = box.top + (Math.floor(at / columns) + 0.5) * p.cell;
              const f = p.frame.getBoundingClientRect();
              return [[x, y], [f.left, f.top, f.right, f.bottom]]; }"""
        )
        assert frame[0] < box[0] < frame[2]
        assert frame[1] < box[1] < frame[3]
        fresh.js("() => explorer.clear()")
        fresh.page.mouse.click(*box)
        assert fresh.name() == name


def test_a_click_in_the_picture_chooses_a_neuron_and_shows_its_terms(fresh: View, lenet5: ng.Graph):
    x, y, size = fresh.js(
        '() => explorer.picture.cell(explorer.network.find("S2[3, 4, 7]").neuron)'
    )
    box = fresh.page.locator(".over").bounding_box()
    fresh.page.mouse.click(box["x"] + x + size / 2, box["y"] + y + size / 2)
    assert (fresh.name(), fresh.heading()) == ("S2[3, 4, 7]", "S2[3, 4, 7]")
    rows = fresh.page.locator(".terms tbody tr").all_inner_texts()
    terms = [float(row.replace("−", "-").split("\t")[4]) for row in rows]
    total, state = fresh.page.locator(".terms tfoot tr").all_inner_texts()
    first = fresh.js("() => Array.from(explorer.inputs[0])")
    told = ng.explain(lenet5, "S2[3, 4, 7]", np.reshape(first, (1, 32, 32)))
    assert len(terms) == len(lenet5.incoming("S2[3, 4, 7]")) == 5
    assert sum(terms) == pytest.approx(told.net, abs=3e-4)
    assert float(total.replace("−", "-").split("\t")[1]) == pytest.approx(told.net, abs=1e-4)
    assert float(state.replace("−", "-").split("\t")[1]) == pytest.approx(told.state, abs=1e-4)


def test_a_legend_says_what_the_colours_stand_for(fresh: View):
    fresh.find("C3")
    low, zero, high = fresh.page.locator(".legend-ends span").all_inner_texts()
    largest = fresh.js(
        "() => Math.max(...Array.from(explorer.network.ids(3), (v) =>"
        " Math.abs(explorer.states[v])))"
    )
    assert (low, zero, high) == (f"−{largest:.2f}", "0", f"+{largest:.2f}")


def test_a_weight_shows_its_connections_and_follows_its_value(fresh: View, lenet5: ng.Graph):
    fresh.find("C1.kernel[0, 0, 2, 2]")
    assert "784 connections use it" in fresh.panel()
    assert fresh.page.locator(".weights button").count() == 25
    pressed = fresh.page.locator('.weights button[aria-pressed="true"]')
    assert pressed.get_attribute("title") == "C1.kernel[0, 0, 2, 2]"
    value = fresh.page.get_by_label("Value", exact=True)
    value.fill("0.25")
    value.press("Enter")
    changed = ng.models.lenet5(weights="mnist")
    changed.weights.set("C1.kernel[0, 0, 2, 2]", 0.25)
    given = np.reshape(fresh.js("() => Array.from(explorer.inputs[0])"), (1, 1, 32, 32))
    expected = ng.Simulator(changed, engine="scipy", dtype="float64")(given)[0]
    outputs = "() => Array.from(explorer.network.outputs, (v) => explorer.states[v])"
    assert np.allclose(fresh.js(outputs), expected, rtol=1e-9)
    before = ng.Simulator(lenet5, engine="scipy", dtype="float64")(given)[0]
    fresh.page.get_by_role("button", name="Undo").first.click()
    assert np.allclose(fresh.js(outputs), before, rtol=1e-9)


# ---- input --------------------------------------------------------------------------------------


def test_an_input_is_drawn_by_mouse_and_by_keys(fresh: View):
    pad = fresh.page.locator("canvas.pad")
    fresh.page.get_by_role("button", name="Clear").click()
    box = pad.bounding_box()
    middle = box["x"] + box["width"] / 2
    fresh.page.mouse.move(middle, box["y"] + 20)
    fresh.page.mouse.down()
    fresh.page.mouse.move(middle, box["y"] + box["height"] - 20, steps=4)
    fresh.page.mouse.up()
    said = fresh.page.locator(".verdict strong")
    assert said.inner_text() == "1"
    drawn = fresh.js("() => Array.from(explorer.inputs[0])")
    pad.focus()
    pad.press("Delete")
    assert len(set(fresh.js("() => Array.from(explorer.inputs[0])"))) == 1
    for key in ["ArrowUp"] * 9 + ["Space"] + ["ArrowDown"] * 18 + ["Space", "ArrowLeft"]:
        pad.press(key)
    assert said.inner_text() == "1"
    by_keys = fresh.js("() => Array.from(explorer.inputs[0])")
    assert max(by_keys) == pytest.approx(1.175)
    assert np.corrcoef(drawn, by_keys)[0, 1] > 0.8


def test_a_picture_is_loaded_and_what_is_none_is_refused(fresh: View, tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    picture = np.zeros((64, 64), np.uint8)
    picture[8:56, 28:36] = 255
    image.fromarray(picture).save(tmp_path / "one.png")
    fresh.page.get_by_label("Image…").set_input_files(tmp_path / "one.png")
    fresh.page.get_by_text("one.png is the input").wait_for()
    assert fresh.page.locator(".verdict strong").inner_text() == "1"
    (tmp_path / "none.png").write_text("no picture")
    fresh.page.get_by_label("Image…").set_input_files(tmp_path / "none.png")
    fresh.page.get_by_text("none.png is no image that this browser reads").wait_for()


def test_samples_are_chosen_and_an_input_is_set_by_number(fresh: View):
    fresh.page.get_by_label("Sample 7: 7").click()
    assert fresh.page.locator(".verdict strong").inner_text() == "7"
    fresh.find("input[0, 16, 16]")
    state = fresh.page.get_by_label("Set its state")
    state.fill("−0,5")
    state.press("Enter")
    assert fresh.js("() => explorer.states[explorer.neuron]") == -0.5
