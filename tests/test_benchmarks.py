"""What the benchmarks measure is there: they are run by hand, and break unseen."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks are not installed")
def test_the_machine_s_peak_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "fma_peak", raising=False)
    fma_peak = importlib.import_module("fma_peak")
    for run, operations in (fma_peak.multiply_adds(), fma_peak.tanhs()):
        run()
        assert operations > 1e6
