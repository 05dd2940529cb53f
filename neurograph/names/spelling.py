"""How names of neurons and weights are written."""

from __future__ import annotations

import re
from typing import Any

from neurograph.errors import GraphError, shown

_NAME = re.compile(r"(?P<name>[^\[\]]+?)\s*(?:\[(?P<index>[-\d,\s]*)\])?")


def split(text: str, who: str) -> tuple[str, tuple[int, ...] | None]:
    """Split "C1[2, 10, 10]" into ("C1", (2, 10, 10)), and "C1" into ("C1", None).

    Raises GraphError for anything of another form.
    """
    match = _NAME.fullmatch(text.strip()) if isinstance(text, str) else None
    inside = (match["index"] or "").strip() if match else ""
    try:
        index = tuple(int(part) for part in inside.split(",")) if inside else ()
    except ValueError:
        match = None
    if match is None:
        raise GraphError(f'{who} name {shown(text)} is not of the form "C1[2, 10, 10]"')
    return match["name"], None if match["index"] is None else index


def written(name: str, index: tuple[int, ...]) -> str:
    """Return the text of a name and an index: "C1[2, 10, 10]", bare for a single unit."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def stem(text: str) -> str:
    """Return the name of the array that a text would be read as an entry of.

    >>> stem("C1[2, 10, 10]"), stem("C1")
    ('C1', 'C1')
    """
    return text.partition("[")[0].strip()


def printable(text: Any) -> bool:
    """Return whether this can be a name: text that shows, without space around it."""
    shows = isinstance(text, str) and text.isprintable() and text == text.strip()
    return shows and text != ""
