"""What the benchmarks measure is there: they are run by hand, and break unseen."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

PARTS = ("children.py", "closed_formulas.py", "fma_peak.py", "lenet5_peers.py", "side_by_side.py")
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
here = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks are not installed")


@here
@pytest.mark.parametrize("script", sorted(path.name for path in BENCHMARKS.glob("*.py")))
def test_every_benchmark_finds_what_it_imports(script: str) -> None:
    command = [sys.executable, str(BENCHMARKS / script), "--help"]
    if script in PARTS:
        code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); import {script[:-3]}"
        command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@here
def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    side_by_side = importlib.import_module("side_by_side")
    with pytest.raises(SystemExit, match="no-such-peer is not installed"):
        side_by_side.need("numpy", "no-such-peer")
    assert ", no no-such-peer" in side_by_side.machine("numpy", "no-such-peer")


@here
def test_the_machine_s_peak_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "fma_peak", raising=False)
    fma_peak = importlib.import_module("fma_peak")
    for run, operations in (fma_peak.multiply_adds(), fma_peak.tanhs()):
        run()
        assert operations > 1e6
