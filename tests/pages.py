"""The explorer's modules in a browser's page, without its view: what Python is compared with."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

import neurograph as ng
from neurograph.explorer.joining import joined
from neurograph.explorer.payload import payload
from neurograph.explorer.samples import Samples

_SCRIPT = """
globalThis.modules = modules;
globalThis.load = async (text) => {
  const { Network } = modules["network.js"];
  globalThis.network = new Network(await modules["payload.js"].readPayload(text));
};
"""


class Page:
    """A page that holds one network at a time, as the JavaScript variable `network`."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page()
        entries = joined("payload.js", "network.js", "edits.js")
        self.page.add_script_tag(content=f"{{{entries}{_SCRIPT}}}")

    def load(self, graph: ng.Graph, *, values: str = "exact", samples: Any = ()) -> None:
        given = Samples.of(graph, samples)
        text = payload(graph, title="a graph", values=values, samples=given)
        self.page.evaluate("load", text)

    def ask(self, script: str, argument: Any = None) -> Any:
        """What a function of JavaScript returns, by way of JSON: many times faster for much."""
        text = self.page.evaluate(f"argument => JSON.stringify(({script})(argument))", argument)
        return None if text is None else json.loads(text)

    def states(self, inputs: list[np.ndarray], of: str = "network") -> np.ndarray:
        """The states of every id for one sample, an array an input."""
        given = [np.asarray(one, float).reshape(-1).tolist() for one in inputs]
        self.ask("inputs => { globalThis.given = inputs.map((x) => Float64Array.from(x)); }", given)
        return self.arrays(f"states.push(...{of}.forward(given));", "states")[0]

    def arrays(self, script: str, *names: str) -> list[np.ndarray]:
        """The lists of numbers, by these names, that a script (a function's body) fills."""
        start = "".join(f"const {name} = [];" for name in names)
        found = self.page.evaluate(
            f"""() => {{ {start} {script}
                return [{", ".join(names)}].map((list) => {{
                  const bytes = new Uint8Array(Float64Array.from(list).buffer);
                  let text = "";
                  for (let i = 0; i < bytes.length; i += 32768) {{
                    text += String.fromCharCode(...bytes.subarray(i, i + 32768));
                  }}
                  return btoa(text);
                }}); }}"""
        )
        return [np.frombuffer(base64.b64decode(text)) for text in found]

    def triples(self, of: str = "network") -> np.ndarray:
        """Every connection, rows of (source, weight, target), sorted."""
        columns = self.arrays(
            f"""for (let v = 0; v < {of}.size; v++) {of}.eachIncoming(v, (a, b, c) => {{
                  source.push(a); weight.push(b); target.push(c); }});""",
            "source",
            "weight",
            "target",
        )
        return in_order(*columns)


def in_order(*columns: np.ndarray) -> np.ndarray:
    """Columns as whole numbers in rows, sorted."""
    rows = np.stack(columns, axis=1).astype(np.int64)
    return rows[np.lexsort(rows.T)]
