"""What several test files share: one browser for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

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
