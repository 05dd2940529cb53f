"""The whole table of figures: every benchmark, one after the other, each in processes of its own.

    python benchmarks/table.py            # all of them, about half an hour on two idle cores
    python benchmarks/table.py lenet5 training

Each prints the machine, versions and threads, medians and spreads, and checks outputs first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "graph": ["graph.py"],
    "startup": ["startup.py"],
    "lenet5": ["lenet5.py", "all"],
    "training": ["training.py"],
    "training_threads": ["training.py", "threads"],
    "irregular": ["irregular.py"],
    "imagenet": ["imagenet.py", "all"],
}


def main() -> None:
    """Run the benchmarks asked for; the exit code is 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(COMMANDS)}")
    names = parser.parse_args().names or list(COMMANDS)
    if wrong := [name for name in names if name not in COMMANDS]:
        parser.error(f"found {', '.join(wrong)}, needed some of {', '.join(COMMANDS)}")
    failed = []
    for name in names:
        script, *arguments = COMMANDS[name]
        print(f"\n## python benchmarks/{' '.join([script, *arguments])}", flush=True)
        start = time.perf_counter()
        command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        print(f"## {time.perf_counter() - start:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
