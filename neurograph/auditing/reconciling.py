"""Other tools' numbers of multiply-adds, term by term from ours."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from neurograph.auditing.slots import contracting, slots_of
from neurograph.auditing.subjects import is_module, subject_of
from neurograph.auditing.terms import TERMS
from neurograph.auditing.tools import TOOLS, measured
from neurograph.errors import ConversionError, kind_of, shown, suggestion


@dataclass(frozen=True)
class Term:
    """A part of the difference: its name, how many, and what they are."""

    name: str
    amount: int
    meaning: str


@dataclass(frozen=True, repr=False)
class Reconciliation:
    """A tool's number of multiply-adds as ours and terms, which sum exactly.

    ours are the weight connections of convolutions and linear layers. unseen are the operators that
    the tool says it leaves out, with how many of each. Printing it gives a table.

    >>> found = Reconciliation("tool", "1.0", 12, 10, (Term("bias", 2, "bias connections"),))
    >>> found.unexplained
    0
    """

    tool: str
    version: str
    theirs: int
    ours: int
    terms: tuple[Term, ...]
    unseen: dict[str, int] = field(default_factory=dict)

    @property
    def unexplained(self) -> int:
        """What no term accounts for."""
        return self.theirs - self.ours - sum(term.amount for term in self.terms)

    def __getitem__(self, name: str) -> int:
        """Return the amount of a term; 0 where there is none."""
        return sum(term.amount for term in self.terms if term.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, fit for JSON."""
        return {**asdict(self), "unexplained": self.unexplained}

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = [["ours", f"{self.ours:,}", "weight connections of convolutions and linear layers"]]
        rows += [[term.name, f"{term.amount:+,}", term.meaning] for term in self.terms]
        if self.unexplained:
            rows.append(["unexplained", f"{self.unexplained:+,}", "nothing here accounts for it"])
        rows.append([f"{self.tool} {self.version}", f"{self.theirs:,}", "its multiply-adds"])
        align = "left", "right", "left"
        lines = [tabulate(rows, colalign=align, tablefmt="plain", disable_numparse=True)]
        if self.unseen:
            names = ", ".join(f"{name} ({count} x)" for name, count in self.unseen.items())
            lines.append(f"left out by {self.tool}: {names}")
        return "\n".join(lines)

    __repr__ = __str__


def reconcile(module: Any, example_input: Any, tool: str = "fvcore") -> Reconciliation:
    """Return what a tool says a torch module's multiply-adds are, and why that is not ours.

    `tool` is "fvcore", "torchinfo", "thop", "ptflops" (by its backend aten), "calflops" or
    "FlopCounterMode" (torch's own; half its FLOPs).
    `example_input` is a tensor or a tuple of them, of which one sample is looked at. Terms are
    counted on the graph of the module; what they do not account for is `unexplained`. Raises
    ConversionError for an unknown tool and what cannot be imported as a graph, MissingDependency
    where the tool is not installed.

    >>> import pytest; torch = pytest.importorskip("torch")
    >>> layer = torch.nn.Conv2d(1, 2, 3, padding=1)
    >>> found = reconcile(layer, torch.zeros(1, 1, 4, 4), tool="FlopCounterMode")
    >>> found.theirs, found.ours, found["padding"], found.unexplained
    (288, 200, 88, 0)
    """
    if not isinstance(tool, str) or tool not in TOOLS:
        raise ConversionError(f"reconcile: tool {shown(tool)} is unknown{suggestion(tool, TOOLS)}")
    if not is_module(module):
        raise ConversionError(f"reconcile: found {kind_of(module)}, needed a torch.nn.Module")
    if example_input is None:
        raise ConversionError("reconcile: found no example_input, needed a tensor")
    graph = subject_of(module, example_input).graph
    measure = measured(tool, module, example_input)
    live, _, _ = slots_of(graph, contracting(graph))
    found = [
        Term(name, TERMS[name].amount(graph, module), TERMS[name].meaning)
        for name in ("padding", "cut slots", *TOOLS[tool].terms)
    ]
    terms = tuple(term for term in found if term.amount)
    return Reconciliation(tool, measure.version, measure.number, live, terms, measure.unseen)
