"""What a command is called with: a graph, and where it and its weights came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurograph.graph import Graph
from neurograph.models import provenance


@dataclass(frozen=True, eq=False)
class Model:
    """A graph and where it came from; `module` is the torch module it was made from, if any."""

    name: str
    graph: Graph
    file: Path | None = None
    seed: int | None = None
    carried: str | None = None
    origin: str | None = None  # of the weights of an imported model, in words
    module: Any = None
    options: tuple[str, ...] = ()  # as they were typed

    @property
    def weights(self) -> str:
        """Where its weights' values are from, in words."""
        if self.origin is not None:
            return self.origin
        if self.carried is not None:
            how = provenance(self.name, self.carried)
            return f"{self.carried}, trained ({how['test_error']:.2f} % of {how['test']} wrong)"
        if self.seed is not None:
            return f"drawn, seed {self.seed} (not trained: the classes are chance)"
        if self.graph.weights.allocated:
            return f"as saved in {self.file}"
        return f"drawn, seed {self.graph.weights.seed} ({self.file} holds none)"
