"""The automorphism group of a graph of coloured nodes and arcs: its exact order, and generators.

Refine; leave out the arcs between two colours where every pair has one, of the same label: they
tell nothing. What falls apart then is permuted on its own, and k equal pieces in k! ways, which
nobody walks through. In a piece that stays whole one node is singled out: the order is the length
of its orbit times the order of its stabiliser.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neurograph.errors import GraphError
from neurograph.graph.refinement import Coloured, Numbers, refine
from neurograph.rows import groups_of

Move = tuple[Numbers, Numbers]  # nodes, and where each goes; all others stay
_DEPTH = 150  # nodes singled out one inside another; each takes a few of Python's frames
_CALL = 1000  # what a refinement costs besides its nodes and arcs, in the time of so many of them


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a graph: its nodes, and the graph they are, numbered from 0."""

    nodes: Numbers
    graph: Coloured


@dataclass
class Search:
    """A search that ends in a GraphError when it has refined more than `steps` nodes and arcs."""

    steps: int
    depth: int = 0

    def group(self, graph: Coloured) -> tuple[int, list[Move]]:
        """Return the order of the automorphism group, and generators.

        >>> ring = np.arange(6), (np.arange(6) + 1) % 6, np.zeros(6, int)
        >>> Search(10**6).group(Coloured(np.zeros(6, int), *ring))[0]
        6
        """
        order, moves = 1, []
        for one, *others in self._kinds(pieces(self._refined(graph))):
            within, found = self._within(one.graph)
            order *= within ** (1 + len(others)) * math.factorial(1 + len(others))
            moves += [(one.nodes[nodes], one.nodes[images]) for nodes, images in found]
            copies = [one.nodes, *(copy.nodes for copy in others)]
            for a, b in pairwise(copies):
                moves.append((np.concatenate([a, b]), np.concatenate([b, a])))
        return order, moves

    def _kinds(self, found: list[Piece]) -> Iterator[list[Piece]]:
        """Yield pieces that are isomorphic, the nodes of all in the order of the first's."""
        kinds: dict[tuple[bytes, int], list[list[Piece]]] = {}
        for piece in found:
            alike = kinds.setdefault(_looks(piece), [])
            for kind in alike:
                image = self._matched_whole(kind[0].graph, piece.graph)
                if image is not None:
                    kind.append(Piece(piece.nodes[image], kind[0].graph))
                    break
            else:
                alike.append([piece])
        for alike in kinds.values():
            yield from alike

    def _within(self, graph: Coloured) -> tuple[int, list[Move]]:
        """Return the group of a connected, refined piece by orbit and stabiliser."""
        cell = _smallest_cell(graph) if graph.size > 1 else None
        if cell is None:
            return 1, []
        one = single_out(graph, int(cell[0]))
        with self:
            order, moves = self.group(one)
            orbit = orbits(graph.size, moves)
            refused: set[int] = set()
            for node in cell[1:].tolist():
                if orbit[node] == orbit[cell[0]] or orbit[node] in refused:
                    continue
                image = self.isomorphism(one, single_out(graph, node))
                if image is None:
                    refused.add(int(orbit[node]))
                    continue
                moves.append((np.arange(graph.size), image))
                old, orbit = orbit, orbits(graph.size, moves)
                refused = {int(orbit[n]) for n in cell.tolist() if int(old[n]) in refused}
        return order * int((orbit == orbit[cell[0]]).sum()), moves

    def isomorphism(self, a: Coloured, b: Coloured) -> Numbers | None:
        """Return the node of `b` for each node of `a`, by the same colours; None if there is none.

        >>> zero, one = np.array([0]), np.array([1])
        >>> arc = Coloured(np.array([0, 1]), zero, one, zero)
        >>> back = Coloured(np.array([0, 1]), one, zero, zero)
        >>> Search(10**6).isomorphism(arc, arc).tolist(), Search(10**6).isomorphism(arc, back)
        ([0, 1], None)
        """
        if a.size != b.size or a.tail.size != b.tail.size:
            return None
        both = Coloured(
            np.concatenate([a.colour, b.colour]),
            np.concatenate([a.tail, b.tail + a.size]),
            np.concatenate([a.head, b.head + a.size]),
            np.concatenate([a.label, b.label]),
        )
        colour = self._refined(both).colour
        mine, theirs = colour[: a.size], colour[a.size :]
        if (np.sort(mine) != np.sort(theirs)).any():
            return None
        parts = pieces(Coloured(mine, a.tail, a.head, a.label))
        others = pieces(Coloured(theirs, b.tail, b.head, b.label))
        return self._matched(a.size, parts, others)

    def _matched(self, size: int, parts: list[Piece], others: list[Piece]) -> Numbers | None:
        """Match each part with one of the others; which of equal ones does not matter."""
        free: dict[tuple[bytes, int], list[Piece]] = {}
        for piece in others:
            free.setdefault(_looks(piece), []).append(piece)
        image = np.full(size, -1)
        for piece in parts:
            candidates = free.get(_looks(piece), [])
            for i, other in enumerate(candidates):
                found = self._matched_whole(piece.graph, other.graph)
                if found is not None:
                    image[piece.nodes] = other.nodes[found]
                    del candidates[i]
                    break
            else:
                return None
        return image

    def _matched_whole(self, a: Coloured, b: Coloured) -> Numbers | None:
        """Return an isomorphism of two connected pieces of the same refinement, or None."""
        cell = _smallest_cell(a)
        if cell is None:
            image = np.argsort(b.colour)[np.argsort(np.argsort(a.colour))]
            return image if _carries(a, b, image) else None
        one = single_out(a, int(cell[0]))
        with self:
            for node in np.flatnonzero(b.colour == a.colour[cell[0]]).tolist():
                found = self.isomorphism(one, single_out(b, node))
                if found is not None:
                    return found
        return None

    def _refined(self, graph: Coloured) -> Coloured:
        self.steps -= _CALL + graph.size + graph.tail.size
        if self.steps < 0:
            raise GraphError(
                "symmetry: found a graph of maps too regular for the search of its group, needed "
                "one that colour refinement tells more of apart; ask of one layer: layer=..."
            )
        return Coloured(refine(graph), graph.tail, graph.head, graph.label)

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise GraphError(
                f"symmetry: found more than {_DEPTH} maps to single out one after the other, needed"
                " a graph that colour refinement tells more of apart; ask of one layer: layer=..."
            )

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


def single_out(graph: Coloured, node: int) -> Coloured:
    """Return the graph with one node of a colour of its own, the same for whichever node."""
    colour = graph.colour.copy()
    colour[node] = -1 - int(colour[node])
    return Coloured(colour, graph.tail, graph.head, graph.label)


def pieces(graph: Coloured) -> list[Piece]:
    """Return what a refined graph falls into, without the arcs that tell nothing."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    kept = ~_implied(graph)
    tail, head, label = graph.tail[kept], graph.head[kept], graph.label[kept]
    n = graph.size
    matrix = coo_matrix((np.ones(tail.size), (tail, head)), shape=(n, n))
    part = connected_components(matrix, directed=False)[1]
    inside = np.empty(n, np.int64)
    arcs: dict[int, Numbers] = {int(part[tail[at[0]]]): at for at in groups_of(part[tail])}
    none, found = np.empty(0, np.int64), []
    for nodes in groups_of(part):
        inside[nodes] = np.arange(nodes.size)
        at = arcs.get(int(part[nodes[0]]), none)
        piece = Coloured(graph.colour[nodes], inside[tail[at]], inside[head[at]], label[at])
        found.append(Piece(nodes, piece))
    return found


def _implied(graph: Coloured) -> Numbers:
    """Return which arcs have a label that all pairs of their colours have."""
    _, colour, size = np.unique(graph.colour, return_inverse=True, return_counts=True)
    a, b = colour[graph.tail], colour[graph.head]
    _, label = np.unique(graph.label, return_inverse=True)
    key = (a * size.size + b) * (int(label.max(initial=0)) + 1) + label
    _, number, times = np.unique(key, return_inverse=True, return_counts=True)
    pairs = size[a] * (size[b] - (a == b))
    return np.asarray(times[number] == pairs)


def _looks(piece: Piece) -> tuple[bytes, int]:
    """Return what isomorphic pieces have in common: their colours, and how many arcs."""
    return np.sort(piece.graph.colour).tobytes(), piece.graph.tail.size


def _smallest_cell(graph: Coloured) -> Numbers | None:
    """Return the nodes of the least frequent colour of several; None where there is none."""
    colours, times = np.unique(graph.colour, return_counts=True)
    several = times > 1
    if not several.any():
        return None
    at = np.argmin(times[several])
    return np.flatnonzero(graph.colour == colours[several][at])


def _carries(a: Coloured, b: Coloured, image: Numbers) -> bool:
    """Return whether `image` carries the arcs of one graph to those of the other."""
    mine = image[a.tail], image[a.head], a.label
    both = [np.stack(arcs)[:, np.lexsort(arcs)] for arcs in (mine, (b.tail, b.head, b.label))]
    return bool((both[0] == both[1]).all())


def orbits(size: int, moves: list[Move]) -> Numbers:
    """Return the number of the orbit of each node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    nothing = [np.empty(0, np.int64)]
    nodes = np.concatenate([nodes for nodes, _ in moves] or nothing)
    images = np.concatenate([images for _, images in moves] or nothing)
    matrix = coo_matrix((np.ones(nodes.size), (nodes, images)), shape=(size, size))
    return np.asarray(connected_components(matrix, directed=False)[1], np.int64)
