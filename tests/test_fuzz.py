"""A short run of the fuzz script; a long one: `python tests/fuzz.py --seconds 600 --seed 1`."""

import pytest

from neurograph.storage import graphs

pytest.importorskip("numba")

import fuzz


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_what_is_spoilt_is_refused_or_whole(kind):
    report = fuzz.fuzz(0, trials=40, only=kind)
    assert not report.faults, str(report)
    assert report.outcomes[kind, fuzz.WHOLE] > 0
    assert report.outcomes[kind, fuzz.REFUSED] > 0 or kind == "random nets"


def test_a_missing_check_is_found(monkeypatch):
    monkeypatch.setattr(graphs, "problem", lambda graph: "")
    assert fuzz.fuzz(0, trials=60, only="graph files").faults
