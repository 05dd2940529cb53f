"""Spoiled files and random nets: an error with a name, or a graph that is whole - nothing else.

Each trial has a generator of its own, of the seed, its kind and its number; a fault is found again
by `python tests/fuzz.py --seed 0 --only "graph files" --first 123 --trials 1`. All of it:
`python tests/fuzz.py --seconds 60 --seed 0`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mutations import some
from trials import KINDS, REFUSED, WHOLE

__all__ = ["KINDS", "REFUSED", "WHOLE", "Report", "fuzz"]


@dataclass
class Report:
    """How many trials of each kind came out how, and every fault."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = []
        for kind in KINDS:
            found = {o: n for (k, o), n in self.outcomes.items() if k == kind}
            if found:
                told = ", ".join(f"{n:,} {o}" for o, n in sorted(found.items()))
                lines.append(f"{kind}: {sum(found.values()):,} ({told})")
        return "\n".join([*lines, f"{len(self.faults):,} faults", *self.faults[:40]])


def trial(kind: str, number: int, seed: int, folder: Path, report: Report) -> None:
    """Run one trial and report how it came out; whatever it raises is a fault."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    begun = time.perf_counter()
    try:
        outcome = KINDS[kind][0](rng, folder, seed)
        if time.perf_counter() - begun > 120:  # kernels may have to be compiled
            report.faults.append(f"{kind} {number}: took {time.perf_counter() - begun:.0f} s")
    except Exception as error:
        outcome = "fault"
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if "neurograph" in f.filename
        ]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        said = " ".join(str(error).split())[:160]
        report.faults.append(f"{kind} {number}: {type(error).__name__} at {place}: {said}")
    report.outcomes[kind, outcome] += 1


def fuzz(
    seed: int,
    *,
    seconds: float = np.inf,
    trials: float = np.inf,
    only: str | None = None,
    first: int = 0,
) -> Report:
    """Run trials of all kinds, or of one, until time or number is up."""
    report, numbers, rng = Report(), Counter(), np.random.default_rng([seed, 98])
    kinds = [only] if only else [kind for kind, (_, share) in KINDS.items() for _ in range(share)]
    end = time.perf_counter() + seconds
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # every file is flushed to the disk
    # Ctrl-C ends it as time does: what was found is shown.
    with (
        suppress(KeyboardInterrupt),
        warnings.catch_warnings(),
        tempfile.TemporaryDirectory(dir=memory) as folder,
    ):
        warnings.simplefilter("ignore")
        while sum(report.outcomes.values()) < trials and time.perf_counter() < end:
            kind = some(rng, kinds)
            trial(kind, first + numbers[kind], seed, Path(folder), report)
            numbers[kind] += 1
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--trials", type=float, default=np.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    if np.isinf(given.seconds) and np.isinf(given.trials):
        given.seconds = 60
    report = fuzz(
        given.seed,
        seconds=given.seconds,
        trials=given.trials,
        only=given.only,
        first=given.first,
    )
    print(report)
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
