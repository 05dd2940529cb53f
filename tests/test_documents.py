"""The documents for contributors name files and rooms that are there, and every room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "neurograph"


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_files_and_rooms_that_are_named_are_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    tops = ("neurograph", "tests", "benchmarks", "docs", "examples")
    paths = [path for top in tops for path in [ROOT / top, *(ROOT / top).rglob("*")]]
    there = {f"{p.relative_to(ROOT).as_posix()}{'/' if p.is_dir() else ''}" for p in paths}
    tails = {"/".join(path.split("/")[i:]) for path in there for i in range(path.count("/") + 1)}
    assert sorted(named - tails) == []


def test_the_table_of_rooms_has_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Where things live") : text.index("## 1.")]
    rooms = {p.name for p in PACKAGE.iterdir() if p.suffix == ".py" and p.name[0] != "_"}
    rooms |= {f"{p.name}/" for p in PACKAGE.iterdir() if (p / "__init__.py").exists()}
    assert sorted(rooms - set(re.findall(r"`([\w/.]+)`", table))) == []
