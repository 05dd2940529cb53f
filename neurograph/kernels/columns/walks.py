"""Walks over the ids of a program in compiled code, for planning: one pass, no copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.kernels.compiling import jit


@jit(nogil=True)
def tally_reads(sources: Any, reads: Any) -> None:
    """Add one to `reads[source]` for each live source (any shape, C order), up to 2."""
    for source in sources.flat:
        if source >= 0 and reads[source] < 2:
            reads[source] += 1


@jit(nogil=True)
def mark_readers(sources: Any, owner: Any, last: Any, number: int) -> None:
    """Set `last[owner[source]] = number` for each live source that has an owner."""
    for source in sources.flat:
        if source >= 0 and owner[source] >= 0:
            last[owner[source]] = number


@jit(nogil=True)
def live_counts(sources: Any) -> Any:
    """Return the number of live sources of each field, sources (fields, slots)."""
    found = np.zeros(sources.shape[0], np.int64)
    for f in range(sources.shape[0]):
        for k in range(sources.shape[1]):
            found[f] += sources[f, k] >= 0
    return found


@jit(nogil=True)
def breaks(sources: Any, chosen: Any, order: Any, places: Any) -> Any:
    """Return, per slot in `order`, whether it begins a run.

    A run is a stretch of slots in which, for every chosen field, each state lies behind the one
    before, or all are dead. sources (fields, slots); places[-1] is not asked for.
    """
    begins = np.zeros(order.size, np.bool_)
    begins[:1] = True
    for f in chosen:
        before = np.int64(-2)
        for i in range(order.size):
            source = sources[f, order[i]]
            here = np.int64(places[source]) if source >= 0 else np.int64(-1)
            follows = (here < 0 and before < 0) or (here >= 0 and here == before + 1)
            if not follows:
                begins[i] = True
            before = here
    return begins


@jit(nogil=True)
def pack(values: Any, weights: Any, order: Any, scale: Any, width: int, out: Any) -> None:
    """Write panels of weights (panel, slot, map) to `out`.

    weights (maps, slots) are ids, `order` the order of slots, `scale` a factor a map; a panel is
    `width` maps, zeros beyond the last.
    """
    maps, slots = weights.shape[0], order.size
    for first in range(0, maps, width):
        for m in range(first, min(first + width, maps)):
            at = first * slots + m - first
            for k in range(slots):
                out[at] = values[weights[m, order[k]]] * scale[m]
                at += width


@jit(nogil=True)
def steady(sources: Any, places: Any, piece: Any) -> None:
    """Set `piece[lane]` where a strip breaks: sources (lanes, strips, slots).

    A strip goes on at a lane if, in every strip and slot, its state lies behind the one of the lane
    before, or both are dead.
    """
    lanes, strips, slots = sources.shape
    for lane in range(1, lanes):
        for s in range(strips):
            for k in range(slots):
                a, b = sources[lane - 1, s, k], sources[lane, s, k]
                if a < 0 or b < 0:
                    if a >= 0 or b >= 0:
                        piece[lane] = True
                elif places[b] != places[a] + 1:
                    piece[lane] = True
            if piece[lane]:
                break


@jit(nogil=True)
def cuts(sources: Any, order: Any, places: Any) -> Any:
    """Return, per neuron in `order`, whether a strip begins there; sources (neurons, slots)."""
    found = np.zeros(order.size, np.bool_)
    found[:1] = True
    for i in range(1, order.size):
        for k in range(sources.shape[1]):
            a, b = sources[order[i - 1], k], sources[order[i], k]
            if a < 0 or b < 0:
                if a >= 0 or b >= 0:
                    found[i] = True
            elif places[b] != places[a] + 1:
                found[i] = True
    return found


@jit(nogil=True)
def highest(sources: Any, places: Any) -> Any:
    """Return the highest place that each neuron reads; sources (neurons, slots)."""
    found = np.zeros(sources.shape[0], np.int64)
    for n in range(sources.shape[0]):
        for k in range(sources.shape[1]):
            if sources[n, k] >= 0:
                found[n] = max(found[n], np.int64(places[sources[n, k]]))
    return found
