"""What commands print: tables, or one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import click
import numpy as np


def emit(document: dict[str, Any], text: Callable[[], str], *, as_json: bool) -> None:
    """Print the document as JSON, or the text."""
    if as_json:
        click.echo(json.dumps(plain(document), indent=2, allow_nan=False))
    else:
        click.echo(text())


def plain(value: Any) -> Any:
    """Return `value` in JSON's types; numbers that JSON has not (NaN, infinities) become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def first(count: int, total: int, every: bool) -> tuple[int, str]:
    """Return how many of `total` rows to show, and a closing line where some are left out."""
    if every or total <= count:
        return total, ""
    return count, f"\n... and {total - count:,} more (--all shows them)"


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as it is said: "6x28x28", "single" for no dimension."""
    return "x".join(map(str, shape)) or "single"


def duration(seconds: float) -> str:
    """Return a time as text.

    >>> duration(0.00059), duration(11.08), duration(75.2)
    ('0.59 ms', '11.1 s', '75.2 s')
    """
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.1f} s"
