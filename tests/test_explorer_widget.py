"""The explorer in a notebook: the widget's module as anywidget runs it, and the page in a frame."""

from __future__ import annotations

import html
import re
import sys
from typing import Any

import pytest

import neurograph as ng

pytest.importorskip("anywidget")

_HOST = '<!doctype html><body data-jp-theme-light="false"><div id="cell"></div></body>'
_TRAITS = "payload", "title", "height", "contents"
_RENDER = """async ([esm, css, traits]) => {
  const style = document.head.appendChild(document.createElement("style"));
  style.textContent = css;
  const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  const listeners = {};
  globalThis.model = { get: (name) => traits[name], on: (event, f) => (listeners[event] = f) };
  globalThis.change = (name, value) => { traits[name] = value; listeners[`change:${name}`](); };
  await widget.render({ model, el: document.getElementById("cell") });
}"""


def rendered(page: Any, widget: Any) -> None:
    traits = {name: getattr(widget, name) for name in _TRAITS}
    page.evaluate(_RENDER, [widget._esm, widget._css, traits])


def test_a_cell_shows_the_network(browser: Any) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(_HOST)
    rendered(page, ng.Explorer(ng.models.lenet5(), height=600))
    root = page.locator("#cell .ng")
    assert root.bounding_box()["height"] == 600
    assert root.get_attribute("data-theme") == "dark"  # as the notebook around it
    assert "340,908" in root.inner_text()
    page.evaluate("change('height', 500)")
    assert root.bounding_box()["height"] == 500
    assert page.evaluate("getComputedStyle(document.body).marginTop") != "0px"  # the page's own
    assert errors == []
    page.close()


def test_two_cells_are_apart(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(_HOST)
    for sizes in ((4, 2), (3, 2)):
        rendered(page, ng.Explorer(ng.models.mlp(sizes)))
    assert page.locator("#cell .ng").count() == 2
    page.close()


def test_a_frame_is_the_page_itself(browser: Any) -> None:
    shown = ng.Explorer(ng.models.mlp((4, 2)), title='a "net" </iframe>').to_iframe()
    text = shown._repr_html_()
    assert text.count("<") == 2  # the frame's own tags
    assert 'sandbox="allow-scripts"' in text
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', text)[1]) == shown.text
    assert repr(shown) == f"Frame({len(shown.text):,} characters of HTML)"
    page = browser.new_page()
    page.set_content(text)
    frame = page.frames[-1]
    frame.wait_for_selector("html[data-ready]", state="attached")
    assert frame.locator("h1").inner_text() == 'a "net" </iframe>'
    page.close()


def test_options_are_those_of_explore() -> None:
    with pytest.raises(ng.GraphError, match="found values 'double'"):
        ng.Explorer(ng.models.mlp((2, 1)), values="double")
    with pytest.raises(ng.GraphError, match="needed a Graph"):
        ng.Explorer("lenet5")  # type: ignore[arg-type]


def test_without_anywidget_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "neurograph.explorer.widget", raising=False)
    with pytest.raises(ng.MissingDependency, match=r'Explorer needs anywidget.*extra "widget"'):
        _ = ng.Explorer
