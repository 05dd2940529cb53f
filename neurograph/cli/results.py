"""What run prints: a table of outputs and classes, or the same for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.cli.choosing import Model, hint
from neurograph.cli.images import SHOWN, Images
from neurograph.cli.output import duration
from neurograph.cli.tables import fits, table, wrapped
from neurograph.names.spelling import written
from neurograph.simulator import Simulator

_WIDE = 12  # outputs that a table has columns for; of more, the best few are shown
_BEST = 5, 3, 2, 1  # how many, as they fit

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gave, and how long it took in seconds."""

    simulator: Simulator
    outputs: Array
    classes: Array
    prepared: float
    ran: float


def document_of(
    model: Model, given: Images, outcome: Outcome, options: dict[str, Any]
) -> dict[str, Any]:
    """Return what a run gave, for JSON."""
    found: dict[str, Any] = {
        "model": model.name,
        "weights": model.weights,
        "images": given.origin,
        "read_as": given.said or None,
        "engine": outcome.simulator.engine,
        "dtype": options["dtype"],
        "threads": options["threads"],
        "smallest_wins": outcome.simulator.program.penalties,
        "count": len(given.images),
        "seconds": outcome.ran,
        "seconds_to_prepare": outcome.prepared,
    }
    known = model.graph.labels or model.graph.classes
    if known and outcome.classes.ndim == 1:
        found["classes"] = _names(outcome)
    if given.labels is not None and outcome.classes.ndim == 1:
        found["right"] = int((outcome.classes == given.labels).sum())
    found["results"] = [
        {
            "image": i,
            **({} if given.names is None else {"file": given.names[i]}),
            **({} if given.changes is None else {"changes": given.changes[i]}),
            "label": None if given.labels is None else given.labels[i],
            "class": outcome.classes[i],
            "outputs": outcome.outputs[i],
        }
        for i in range(len(given.images))
    ]
    return found


def text_of(given: Images, outcome: Outcome, found: dict[str, Any], shown: int) -> str:
    """Return what a run gave as text: what ran, on what, a table, and the time."""
    count, threads = len(given.images), found["threads"]
    wins = "smallest" if found["smallest_wins"] else "largest"
    lines = [
        f"{found['model']} on {given.origin}",
        f"weights: {found['weights']}",
        *([f"images: {given.said}"] if given.said else []),
        f"engine: {found['engine']}, {found['dtype']}, "
        f"{threads} thread{'s' if threads > 1 else ''}; the {wins} output wins",
    ]
    if given.changes is not None:
        pairs = zip(given.names or (), given.changes, strict=True)
        lines += [f"{name}: {change}" for name, change in list(pairs)[:SHOWN]]
        lines += [f"... and {count - SHOWN} more (--json has them)"] if count > SHOWN else []
    lines = [part for line in lines for part in wrapped(line)]
    more = f"\n... and {count - shown:,} more" if shown < count else ""
    smallest = found["smallest_wins"]
    lines += ["", _results(given, outcome, shown, smallest=smallest) + more, ""]
    return "\n".join([*lines, *wrapped(_summary(outcome, found, whole=shown == count))])


def why(model: Model, given: Images, outcome: Outcome) -> str:
    """Return the command that explains the winning output of the first digit of the package."""
    graph, ids = model.graph, model.graph.outputs
    if not given.package or ids.ndim != 1:
        return ""
    # By its place: a label may be a number, as a digit's is, and is no id.
    winner = written(*graph.neuron_names.locate(int(ids[outcome.classes[0]]))).replace(" ", "")
    return hint(model, "neuron", "why, term by term", winner, "--digit", "0")


def _summary(outcome: Outcome, found: dict[str, Any], *, whole: bool) -> str:
    count, ran = found["count"], outcome.ran
    took = (
        f"{count} image{'s' if count > 1 else ''} in {duration(ran)} "
        f"({duration(ran / count)} each), after {duration(outcome.prepared)} to compile"
    )
    if "right" not in found:
        return took
    right = found["right"]
    wrong = "" if whole else f" ({100 * (1 - right / count):.2f} % wrong)"
    return f"{right} of {count} right{wrong}; {took}"


def _results(given: Images, outcome: Outcome, shown: int, *, smallest: bool) -> str:
    names, labels = given.names or range(len(given.images)), given.labels
    head = ["image", *([] if labels is None else ["label"]), "class"]
    before = [[names[i], *([] if labels is None else [labels[i]])] for i in range(shown)]
    if outcome.classes.ndim > 1:
        # One class a place: the map of classes, row by row.
        rows = [
            [*start, _grid(classes)]
            for start, classes in zip(before, outcome.classes[:shown], strict=True)
        ]
        return table(head, rows, left=len(head))
    classes = _names(outcome)
    rows = [
        [first, *(classes[label] for label in rest), classes[outcome.classes[i]]]
        for i, (first, *rest) in enumerate(before)
    ]
    return _with_outputs(head, rows, outcome.outputs, classes, smallest=smallest)


def _names(outcome: Outcome) -> list[str]:
    """Return what each output is called: its class, its label, else its number."""
    graph = outcome.simulator.graph
    if graph.classes:
        return list(graph.classes)
    ids = graph.outputs.reshape(-1).tolist()
    return [graph.labels.get(identity, str(i)) for i, identity in enumerate(ids)]


def _with_outputs(
    head: list[str], rows: list[list[Any]], outputs: Array, classes: list[str], *, smallest: bool
) -> str:
    """Return a table with a column for each output, or with the best few where that is too wide."""
    if outputs.shape[1] <= _WIDE:
        titles = [*head, *classes]
        whole = [[*row, *(f"{o:.4g}" for o in outputs[i])] for i, row in enumerate(rows)]
        if fits(titles, whole):
            return table(titles, whole)
    for count in _BEST:
        best = [[*row, _best(outputs[i], classes, count, smallest)] for i, row in enumerate(rows)]
        if fits([*head, "best outputs"], best):
            break
    return table([*head, "best outputs"], best)


def _grid(classes: Array) -> str:
    rows = classes.reshape(-1, classes.shape[-1])
    return "\n".join(" ".join(map(str, row)) for row in rows)


def _best(outputs: Array, classes: list[str], count: int, smallest: bool) -> str:
    order = np.argsort(outputs if smallest else -outputs, kind="stable")[:count]
    return ", ".join(f"{classes[c]}: {outputs[c]:.4g}" for c in order)
