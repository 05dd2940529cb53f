"""What the README shows is what is printed; what it and the documents link to is there."""

import contextlib
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from click.testing import CliRunner

from neurograph.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
TIME = re.compile(r"[\d.]+ [mµu]?s\b")
NUMBER = re.compile(r"-?[\d.]+")


def output(command: str) -> list[str]:
    """Return the lines that one command of the README prints."""
    result = CliRunner().invoke(main, command.split(), env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def shown(text: str) -> Iterator[list[str]]:
    """Yield the runs of lines between the lines "..." that stand for what is left out."""
    for part in re.split(r"^\.\.\.\n", text, flags=re.MULTILINE):
        yield part.splitlines()


def agrees(printed: str, wanted: str) -> bool:
    """Return whether lines are the same but for times and last digits."""
    a, b = (TIME.sub("T", line).split() for line in (printed, wanted))
    if len(a) != len(b):
        return False
    for found, expected in zip(a, b, strict=True):
        if NUMBER.fullmatch(found) and NUMBER.fullmatch(expected):
            if abs(float(found) - float(expected)) > 2e-5 * max(1, abs(float(expected))):
                return False
        elif found != expected and set(found + expected) != {"-"}:
            return False
    return True


def assert_shown(printed: list[str], text: str) -> None:
    """Assert that each run of shown lines stands in what was printed, in order."""
    start = 0
    for lines in shown(text):
        places = range(start, len(printed) - len(lines) + 1)
        found = [p for p in places if all(map(agrees, printed[p : p + len(lines)], lines))]
        assert found, f"not printed: {lines}\nprinted: {printed[start:]}"
        start = found[0] + len(lines)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_first_command_prints_what_is_shown() -> None:
    assert [kind for kind, _ in BLOCKS[:2]] == ["sh", ""]
    commands = re.findall(r"bin/neurograph (\w+ \w+)", BLOCKS[0][1])
    assert len(commands) == 2
    commands[1] += " --engine scipy"  # as after the README's own installation, without numba
    assert_shown([line for command in commands for line in output(command)], BLOCKS[1][1])


def test_the_snippets_print_what_is_shown() -> None:
    names: dict[str, object] = {}
    pairs = [(a[1], b[1]) for a, b in pairwise(BLOCKS) if a[0] == "python"]
    assert len(pairs) >= 5
    for code, text in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)  # a constant, not what a user hands in
        assert_shown(printed.getvalue().splitlines(), text)


def test_every_file_that_is_linked_to_is_there() -> None:
    links = [
        (document.name, link, (document.parent / link).exists())
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)", document.read_text("utf-8"))
    ]
    assert {"README.md", "architecture.md"} <= {document for document, _, _ in links}
    assert [(document, link) for document, link, there in links if not there] == []
