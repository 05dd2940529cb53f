"""Packages that need not be installed, imported where they are asked for."""

from __future__ import annotations

from typing import Any

from neurograph.errors import missing


def pandas(who: str) -> Any:
    """Return the module pandas. Raises MissingDependency, for `who`, where it is not installed."""
    try:
        import pandas as found
    except ImportError as error:
        raise missing(who, "pandas", "pandas") from error
    return found
