"""The explorer's page in a browser, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neurograph as ng


class View:
    """A page on a file, and what a test asks of it."""

    def __init__(self, browser: Any, path: Path, *, size: tuple[int, int], theme: str) -> None:
        viewport = {"width": size[0], "height": size[1]}
        self.context = browser.new_context(viewport=viewport, color_scheme=theme)
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.address = path.as_uri()

    def open(self, link: str = "") -> View:
        self.page.goto("about:blank")
        self.page.goto(self.address + link)
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self

    def js(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def name(self) -> Any:
        """What the chosen neuron is called, or the weight; None if there is neither."""
        return self.js(
            """() => explorer.weight !== null ? explorer.network.weightName(explorer.weight)
               : explorer.neuron !== null ? explorer.network.name(explorer.neuron) : null"""
        )

    def find(self, name: str) -> None:
        box = self.page.locator(".search input")
        box.fill(name)
        box.press("Enter")

    def panel(self) -> str:
        return str(self.page.locator(".panel-body").inner_text())

    def totals(self) -> list[int]:
        """Parameters and connections, as they stand beside the picture."""
        texts = self.page.locator(".count.sum").all_inner_texts()
        return [int(text.replace(",", "")) for text in texts]

    def heading(self) -> str:
        return str(self.page.locator(".panel-body h2").inner_text())


class Views:
    """Pages of graphs, each graph's file written once."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.views: list[View] = []
        self.written: dict[int, tuple[ng.Graph, Path]] = {}

    def __call__(
        self,
        graph: ng.Graph,
        link: str = "",
        *,
        size: tuple[int, int] = (1440, 900),
        theme: str = "light",
        **given: Any,
    ) -> View:
        """Open a graph's page; `given` is for `explore`."""
        if id(graph) not in self.written:
            path = self.folder / f"{len(self.written)}.html"
            self.written[id(graph)] = graph, ng.explore(graph, path, **given)
        view = View(self.browser, self.written[id(graph)][1], size=size, theme=theme)
        self.views.append(view)
        return view.open(link)


@contextmanager
def opening(browser: Any, folder: Path) -> Iterator[Views]:
    """Views that are closed in the end, when none may have met an error."""
    views = Views(browser, folder)
    yield views
    for view in views.views:
        view.context.close()
    assert [view.errors for view in views.views if view.errors] == []
