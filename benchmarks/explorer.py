"""How fast the explorer's page is, in the system's Chromium, headless.

    python benchmarks/explorer.py
    python benchmarks/explorer.py --model my-net.npz

Printed are the page's size, milliseconds from its first byte to its first picture, and for a
forward pass, for a click on a neuron and on a weight, and for a frame while a digit is drawn
(forward pass and picture), the median and the 95th percentile.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from side_by_side import limit_threads, machine, need

limit_threads(1)

# Each returns the milliseconds of every repetition; the first ones, not yet compiled, are dropped.
_TIMED = """
const timed = async (count, work) => {
  const found = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    work(i);
    // A style or layout that is left to be worked out belongs to the work.
    document.body.getBoundingClientRect();
    found.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return found.slice(count / 5);
};
"""
_WORK = {
    "forward pass": "(i) => explorer.network.forward(explorer.inputs)",
    "click on a neuron": "(i) => explorer.choose(units[(i * 7919) % units.length])",
    "click on a weight": "(i) => explorer.pick((i * 7919) % explorer.network.weights)",
    "frame of a drawing": """(i) => {
      const drawn = Float64Array.from(explorer.inputs[0]);
      drawn[(i * 37) % drawn.length] += 0.5;
      explorer.feed(drawn, 0);
    }""",
}
_LIMITS = {  # milliseconds: (of the median, of the 95th percentile)
    "forward pass": (2, None),
    "click on a neuron": (50, None),
    "click on a weight": (50, None),
    "frame of a drawing": (None, 20),
}


def measured(page: Any, repeats: int) -> dict[str, list[float]]:
    """Return the milliseconds of each kind of work."""
    units = """const { network } = explorer;
        const units = Array.from({ length: network.size }, (_, v) => v)
          .filter((v) => network.function[v] >= 0);"""
    return {
        name: page.evaluate(
            f"async (n) => {{ {_TIMED} {units} return timed(n, {work}); }}", repeats
        )
        for name, work in _WORK.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a saved graph; LeNet-5 as it is carried without")
    parser.add_argument("--repeats", type=int, default=250)
    given = parser.parse_args()
    need("playwright")
    from playwright.sync_api import sync_playwright

    import neurograph as ng

    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("Chromium is not installed (apt-get install chromium)")
    graph = ng.load(given.model) if given.model else ng.models.lenet5(weights="mnist")
    print(machine("playwright"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = ng.explore(graph, Path(folder) / "page.html", title="benchmark")
        print(f"{'page':<20}{path.stat().st_size / 1000:8.1f} kB")
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        ready = [_opened(chromium, path)[1] for _ in range(5)]
        print(f"{'ready':<20}{statistics.median(ready):8.1f} ms (bound 1000)")
        page, _ = _opened(chromium, path)
        for name, times in measured(page, given.repeats).items():
            middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            median, most = _LIMITS[name]
            bound = f"median {median}" if median else f"p95 {most}"
            print(f"{name:<20}{middle:8.2f} ms, p95 {high:.2f} ms (bound: {bound})")
        chromium.close()


def _opened(chromium: Any, path: Path) -> tuple[Any, float]:
    """Return a page and the milliseconds until it was ready, as it has measured them itself."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    return page, float(page.evaluate("document.documentElement.dataset.ready"))


if __name__ == "__main__":
    main()
