"""What the README shows is what is printed."""

import contextlib
import io
import re
from pathlib import Path

from click.testing import CliRunner

from neurograph.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> str:
    """Return the first block of this language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return next(text for kind, text in blocks if kind == language)


def output(command: str) -> str:
    """Return what one command of the README prints."""
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_first_command_prints_what_is_shown() -> None:
    commands = re.findall(r"bin/neurograph (.*?)(?= &&|$)", fenced("sh").strip())
    assert len(commands) == 2
    commands[1] += " --engine scipy"  # as after the README's own installation, without numba
    printed = "".join(map(output, commands)).splitlines()
    shown = fenced("").splitlines()
    assert len(printed) == len(shown)
    rows = slice(-14, -3)  # the images; above them and below, all is as shown but the time
    assert printed[:-14] == shown[:-14]
    for a, b in zip(printed[rows], shown[rows], strict=True):
        for found, wanted in zip(a.split(), b.split(), strict=True):
            number = re.fullmatch(r"[\d.]+", wanted)  # the last digit may be rounded otherwise
            assert abs(float(found) - float(wanted)) < 0.02 if number else set(found) == set(wanted)
    timeless = re.compile(r"[\d.]+ [mµu]?s")
    assert timeless.sub("T", printed[-1]) == timeless.sub("T", shown[-1])


def test_the_ten_lines_run() -> None:
    code = fenced("python")
    assert len(code.splitlines()) == 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    lines = printed.getvalue().splitlines()
    assert lines[0] == "784 connections share C1.kernel[0, 0, 2, 2]"
    assert lines[1] == str([f"C1[{i}, 0, 0]" for i in range(6)])
    assert lines[2] == "[7 2 1 0 4]"
    assert lines[3] == "122304 parameters in C1, each used once"


def test_every_file_it_names_is_there() -> None:
    root = Path(__file__).parents[1]
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (root / link).exists()] == []


def test_the_dead_weights_of_resnet18() -> None:
    found = re.search(r"([\d,]+) weights\s+without any connection: `neurograph (.*?)`", README)
    assert found is not None
    dead = found[1].replace(",", "")
    output(f"{found[2]} --expect dead={dead}")
