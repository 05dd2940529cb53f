"""The connections of a graph as a view: nothing here ever holds all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import whole
from neurograph.errors import GraphError
from neurograph.graph.connections import BLOCK, Connections, Described, as_html, blocks, join
from neurograph.graph.index import Index
from neurograph.graph.table import Table, live_slots
from neurograph.memory import require

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix


class Connected(Described, Protocol):
    """What has connections, and a way to look them up: a Graph."""

    @property
    def table(self) -> Table:
        """The connections, in normal form."""

    @property
    def index(self) -> Index:
        """Who uses what."""


def _among(ids: NDArray[Any], chosen: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which ids are among the chosen, which ascend; at the cost of the ids, not of both."""
    if not chosen.size:
        return np.zeros(ids.size, bool)
    at = np.minimum(np.searchsorted(chosen, ids), chosen.size - 1)
    return np.asarray(chosen[at] == ids)


class View:
    """Connections of a graph, not expanded: made by `graph.connections` and `graph.select`.

    `len` counts them; iterating yields `Connections` blocks of bounded size.
    """

    def __init__(
        self,
        graph: Connected,
        *,
        targets: NDArray[Any] | None = None,
        sources: NDArray[Any] | None = None,
        weights: NDArray[Any] | None = None,
    ) -> None:
        self._graph, self._table, self._index = graph, graph.table, graph.index
        self._targets, self._sources, self._weights = targets, sources, weights

    def narrowed(
        self,
        *,
        targets: NDArray[Any] | None = None,
        sources: NDArray[Any] | None = None,
        weights: NDArray[Any] | None = None,
    ) -> View:
        """Return the view of those that also have one of these targets, sources and weights."""

        def both(old: NDArray[Any] | None, new: NDArray[Any] | None) -> NDArray[Any] | None:
            if old is None or new is None:
                return old if new is None else np.unique(new)
            return np.intersect1d(old, new)

        return View(
            self._graph,
            targets=both(self._targets, targets),
            sources=both(self._sources, sources),
            weights=both(self._weights, weights),
        )

    def __repr__(self) -> str:
        return f"View({len(self):,} connections of {self._graph!r})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: how many connections, and the first of them."""
        none = np.empty(0, np.int32)
        return as_html(next(iter(self), Connections(none, none, none)), len(self))

    def __len__(self) -> int:
        if self._sources is None and self._weights is None:
            neurons = self._neurons()
            biased = int((self._table.bias[neurons] >= 0).sum())
            return int(live_slots(self._table, neurons).sum()) + biased
        return sum(len(block) for block in self.blocks())

    def _neurons(self) -> NDArray[Any]:
        return np.arange(self._table.size) if self._targets is None else self._targets

    def __iter__(self) -> Iterator[Connections]:
        return self.blocks()

    def blocks(self, size: int = BLOCK) -> Iterator[Connections]:
        """Yield the connections in blocks of at most `size`.

        Unfiltered blocks hold whole neurons, so that one with more connections makes a longer block
        of its own. Raises GraphError for a size below 1.
        """
        whole("connections: size of blocks", size, least=1)
        return (replace(block, graph=self._graph) for block in self._blocks(size))

    def _blocks(self, size: int) -> Iterator[Connections]:
        if self._sources is None and self._weights is None:
            for _, block in blocks(self._table, self._neurons(), size):
                if len(block):
                    yield block
            return
        # A filter by source or weight starts from that side's index, so its cost is the answer's.
        by_weight = self._weights is not None
        ids = self._weights if by_weight else self._sources
        look_up = self._index.sharing if by_weight else self._index.outgoing
        assert ids is not None
        for a in range(0, ids.size, 64):
            block = look_up(ids[a : a + 64])
            if by_weight and self._sources is not None:
                block = block.keep(_among(block.source, self._sources))
            if self._targets is not None:
                block = block.keep(_among(block.target, self._targets))
            for b in range(0, len(block), size):
                yield block.keep(slice(b, b + size))

    def all(self) -> Connections:
        """Return all of them at once. Raises GraphError if they would not fit in memory."""
        if self._sources is None and self._weights is None:
            # 12 bytes each, twice while the blocks are joined.
            require(24 * len(self), "all connections", GraphError, advice="read them in blocks")
        return replace(join(list(self.blocks())), graph=self._graph)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all of them as an array (connections, 3): source, weight, target.

        Raises ValueError for `copy=False`, and GraphError if they would not fit in memory.
        """
        if copy is False:
            raise ValueError("connections: they are no array, needed leave to make one")
        found = self.all()
        columns = found.source, found.weight, found.target
        return np.stack(columns, axis=1).astype(dtype or np.int32, copy=False)

    def to_pandas(self) -> Any:
        """Return all of them as a pandas DataFrame; as `Connections.to_pandas`."""
        return self.all().to_pandas()

    def to_coo(self) -> coo_matrix:
        """Return all of them as a scipy COO matrix; as `Connections.to_coo`."""
        return self.all().to_coo()
