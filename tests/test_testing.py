"""What we hand out for other people's tests."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import neurograph as ng
from neurograph.errors import ConversionError
from neurograph.testing import assert_counts


def test_numbers_that_are_right() -> None:
    found = assert_counts(ng.models.mlp((3, 2)), parameters=8, connections=8, dead=0)
    assert found.multiply_adds == 6


def test_every_number_that_is_wrong_is_listed() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_counts(ng.models.mlp((3, 2)), parameters=9, neurons=5, connections=7)
    assert "parameters: expected 9, found 8\nconnections: expected 7, found 8" in str(raised.value)
    assert "neurons" not in str(raised.value)


@pytest.mark.parametrize("expected", [{}, {"params": 8}, {"dead": "none"}, {"dead": -1}])
def test_what_is_no_expectation(expected: dict[str, int]) -> None:
    with pytest.raises(ConversionError):
        assert_counts(ng.models.mlp((3, 2)), **expected)


def test_the_plugin_in_a_run_of_its_own(tmp_path: Path) -> None:
    text = "import neurograph as ng\n"
    for number in (8, 9):
        text += f"def test_{number}(assert_counts):\n"
        text += f"    assert_counts(ng.models.mlp((3, 2)), connections={number})\n"
    (tmp_path / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    if not any(entry.name == "neurograph" for entry in entry_points(group="pytest11")):
        command += ["-p", "neurograph.testing.plugin"]  # where the project is not installed
    others = "PYTEST", "COV_"  # options and coverage of the run around it
    environment = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    run = subprocess.run(
        [*command, f"--rootdir={tmp_path}", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(ng.__file__).parents[1],
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 failed, 1 passed" in run.stdout
    assert "connections: expected 9, found 8" in run.stdout
