"""A plugin for pytest: the fixture `assert_counts`, for tests of a model's numbers.

It imports the rest only where a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def assert_counts() -> Callable[..., Any]:
    """The function of this name in neurograph.testing: (model, input, parameters=60_000)."""
    from neurograph.testing import assert_counts as found

    return found
