"""The site lists every public name, and asks no other host for anything."""

import re
import subprocess
import sys
from pathlib import Path

import neurograph as ng

DOCS = Path(__file__).parents[1] / "docs"


def test_the_reference_has_every_public_name() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    listed = re.findall(r"^   ([\w.]+)$", text, re.MULTILINE)
    assert len(set(listed)) == len(listed)
    assert set(ng.__all__) <= set(listed)


def test_requests_elsewhere_are_found(tmp_path: Path) -> None:
    command = [sys.executable, str(DOCS / "requests.py"), str(tmp_path)]
    (tmp_path / "a.html").write_text('<a href="https://example.org">x</a><script src="a.js">')
    (tmp_path / "a.css").write_text("body { background: url(a.png) }")
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    (tmp_path / "b.html").write_text('<script src="https://example.org/x.js"></script>')
    (tmp_path / "b.css").write_text("@import '//example.org/x.css'; p { src: url(http://e.org/f) }")
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "b.html: https://example.org/x.js",
        "b.css: //example.org/x.css",
        "b.css: http://e.org/f",
    ]
