"""The table of an audit: every number with a line that says what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from neurograph import html
from neurograph.optional import pandas

_SHOWN = 12  # lines of dead weights in a printed table

# Each number of an audit in the order of the table: its heading, and what it counts.
MEANINGS: dict[str, tuple[str, str]] = {
    "declared": ("parameters declared", "numbers in all parameters by name, a tied one each time"),
    "distinct": ("distinct", "places in memory behind those names: a tied weight once"),
    "trainable": ("trainable", "of the distinct, those that require a gradient"),
    "used": ("used", "of the distinct, those that a connection uses"),
    "dead": ("dead", "of the distinct, those that nothing uses at this input size"),
    "cut": ("of which cut", "of the dead, those that a mask, or an edit, has cut"),
    "combined": ("combined", "of the distinct, those that only derived weights are made of"),
    "derived": ("derived", "weights computed from parameters, which are no parameters themselves"),
    "neurons": ("neurons", "inputs included, the bias unit and constants not"),
    "connections": ("connections", "triples (source, weight, target), every layer's"),
    "bias_connections": ("of which bias", "connections whose source is the bias unit"),
    "multiply_adds": ("multiply-adds", "weight connections of convolutions and linear layers"),
    "padding": ("padding", "slots of those layers whose weight is there, but falls off an edge"),
    "cut_slots": ("cut slots", "slots of those layers whose weight is cut"),
    "padded_multiply_adds": ("all slots", "multiply-adds, padding and cut slots included"),
    "flops": ("FLOPs", "twice all slots: a multiplication and an addition each"),
    "no_input": ("neurons without input", "no input leads to them"),
    "no_output": ("neurons without output", "no output depends on them"),
    "used_once": ("weights used once", "of the distinct, those of a single connection"),
    "most_uses": ("most uses", "connections that share the most used of the distinct"),
}


@dataclass(frozen=True)
class Dead:
    """Weights of an array that nothing uses: how many, of how many, and why."""

    array: str
    dead: int
    of: int
    why: str


@dataclass(frozen=True, repr=False)
class Audit:
    """What a model's numbers come to, counted on its graph. Printing it gives a table.

    distinct = used + dead + combined, and padded_multiply_adds = multiply_adds + padding +
    cut_slots; `MEANINGS` says what each counts. most_used is the name of the weight that most
    connections share; dead_weights says which arrays have dead ones, and why.

    >>> from neurograph.auditing import audit
    >>> from neurograph.models import mlp
    >>> found = audit(mlp((3, 2)))
    >>> found.used, found.connections, found.bias_connections
    (8, 8, 2)
    """

    name: str
    declared: int
    distinct: int
    trainable: int
    used: int
    dead: int
    cut: int
    combined: int
    derived: int
    neurons: int
    connections: int
    bias_connections: int
    multiply_adds: int
    padding: int
    cut_slots: int
    no_input: int
    no_output: int
    used_once: int
    most_uses: int
    most_used: str | None
    dead_weights: tuple[Dead, ...] = ()

    @property
    def padded_multiply_adds(self) -> int:
        """Multiply-adds with padding and cut slots, as tools that know layers only count them."""
        return self.multiply_adds + self.padding + self.cut_slots

    @property
    def flops(self) -> int:
        """Twice the padded multiply-adds."""
        return 2 * self.padded_multiply_adds

    @property
    def parameters(self) -> int:
        """The distinct parameters."""
        return self.distinct

    def to_dict(self) -> dict[str, Any]:
        """Return every number by name, and the dead weights, fit for JSON."""
        numbers = {name: getattr(self, name) for name in MEANINGS}
        dead = [asdict(entry) for entry in self.dead_weights]
        return {"name": self.name, **numbers, "most_used": self.most_used, "dead_weights": dead}

    def to_pandas(self) -> Any:
        """Return a pandas Series of the numbers by name. Raises MissingDependency without pandas.

        A table of the dead weights is `pandas.DataFrame(audit.to_dict()["dead_weights"])`.
        """
        found = pandas("audit.to_pandas")
        return found.Series({name: getattr(self, name) for name in MEANINGS}, name=self.name)

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = [[head, f"{getattr(self, name):,}"] for name, (head, _) in MEANINGS.items()]
        table = tabulate(rows, [self.name, ""], colalign=("left", "right"), disable_numparse=True)
        words = [f"{head}: {meaning}" for head, meaning in MEANINGS.values()]
        return "\n".join([table, *self._dead_lines(), "", *words])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the numbers, each with its meaning."""
        rows = [
            (head, meaning, f"{getattr(self, name):,}")
            for name, (head, meaning) in MEANINGS.items()
        ]
        table = html.table((self.name, "what it counts", ""), rows)
        return table + html.paragraph(*self._dead_lines())

    def _dead_lines(self) -> Iterator[str]:
        if self.most_used is not None:
            yield f"most used: {self.most_used}, by {self.most_uses:,} connections"
        if self.dead_weights:
            yield f"dead: {self.dead:,} of {self.distinct:,} ({self.dead / self.distinct:.1%})"
        for entry in self.dead_weights[:_SHOWN]:
            yield f"  {entry.array}: {entry.dead:,} of {entry.of:,}, {entry.why}"
        if len(self.dead_weights) > _SHOWN:
            yield f"  and {len(self.dead_weights) - _SHOWN} arrays more (dead_weights has all)"
