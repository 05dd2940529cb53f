"""What several test files share: one browser for all of them, and pages of the explorer in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # coverage begins after this file is read: what it measures is imported later
    from views import View, Views

    import neurograph as ng

_NAMES = "chromium", "chromium-browser", "google-chrome"

os.environ.pop("COLUMNS", None)  # which pytest-xdist sets: tables would fit themselves to it


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium of the system's, driven by Playwright; tests skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        # Without a sandbox, which needs rights that containers do not give.
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    """What opens a graph's page of the explorer."""
    from views import opening

    with opening(browser, tmp_path_factory.mktemp("pages")) as views:
        yield views


@pytest.fixture(scope="module")
def lenet5() -> ng.Graph:
    import neurograph as ng

    return ng.models.lenet5(weights="mnist")


@pytest.fixture(scope="module")
def page(opened: Views, lenet5: ng.Graph) -> View:
    """LeNet-5's page; a test leaves on it what it likes, and begins by saying what it needs."""
    return opened(lenet5)


@pytest.fixture
def fresh(page: View) -> View:
    page.js("() => { explorer.undoAll(); explorer.openLayer(0); explorer.chooseSample(0); }")
    return page
