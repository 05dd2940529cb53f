"""The commands count and verify."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from neurograph.cli.arguments import takes_json, takes_threads
from neurograph.cli.choosing import Model, hint, takes_model
from neurograph.cli.expectations import (
    Expectation,
    counts_document,
    counts_text,
    exit_with,
    failures,
    judge,
    read_from,
    takes_expectations,
    verdict,
)
from neurograph.cli.output import emit
from neurograph.cli.tables import wrapped
from neurograph.counting import counts as counting
from neurograph.counting import verification
from neurograph.graph import Graph


@click.command(short_help="Count neurons, weights and connections, layer by layer.")
@takes_model
@takes_expectations
@takes_json
def count(model: Model, expect: tuple[Expectation, ...], as_json: bool) -> None:
    """Count neurons, weights and connections, layer by layer, by enumerating the graph's rows.

    "parameters" are trainable weights; connections include those of the bias unit; slots are the
    places where connections can stand, empty ones too (what tools that count padding call
    multiply-adds); dead weights are those no connection uses. Why so many: neurograph derive MODEL.
    """
    counts = counting.count(model.graph)
    judged = judge(expect, read_from(counts))
    document = {"model": model.name, **counts_document(counts), "expectations": judged}
    why = hint(model, "derive", "why so many, layer by layer")
    text = f"{counts_text(counts)}{verdict(judged)}{why}"
    emit(document, lambda: text, as_json=as_json)
    exit_with(failures(judged))


@click.command(short_help="Expand every connection one by one and compare with count.")
@takes_model
@takes_expectations
@click.option(
    "--networkx",
    "by_networkx",
    is_flag=True,
    help="Also convert to a networkx graph and count its nodes and edges.",
)
@takes_threads
@takes_json
def verify(
    model: Model,
    expect: tuple[Expectation, ...],
    by_networkx: bool,
    threads: int,
    as_json: bool,
) -> None:
    """Expand every connection one by one, check it, and compare the tallies with count.

    Exits with 1 if anything is wrong: an id out of range, a name that leads elsewhere, a number
    that differs.
    """
    walked = _by_networkx(model) if by_networkx else None
    with _progress(model.graph) as step:
        found = verification.verify(model.graph, threads=threads, progress=step)
    judged = judge(expect, read_from(found.counts))
    document = {
        "model": model.name,
        "ok": found.ok,
        "triples": found.triples,
        "problems": list(found.problems),
        **counts_document(found.counts),
        "expectations": judged,
    }
    lines, failed = [counts_text(found.counts), *found.findings()], failures(judged)
    if not found.ok:
        failed.insert(0, f"verification found {len(found.problems)} problem(s)")
    if walked is not None:
        differ = _differences(walked.counts, found.counts)
        document["networkx"] = {
            "ok": not differ,
            "nodes": walked.nodes,
            "edges": walked.edges,
            **counts_document(walked.counts),
        }
        document["ok"] = found.ok and not differ
        lines.append(f"{walked}: {'differs' if differ else 'agrees'}")
        failed += differ
    text = "\n".join([lines[0], *(part for line in lines[1:] for part in wrapped(line))])
    emit(document, lambda: text + verdict(judged), as_json=as_json)
    exit_with(failed)


@dataclass(frozen=True)
class Walked:
    """A networkx graph's nodes and edges, and what walking them counts."""

    nodes: int
    edges: int
    counts: counting.Counts

    def __str__(self) -> str:
        total = self.counts.total
        return (
            f"networkx: {self.nodes:,} nodes and {self.edges:,} edges; walking them counts "
            f"{total.parameters:,} parameters and {total.connections:,} connections"
        )


def _by_networkx(model: Model) -> Walked:
    from neurograph.convert.networkx import to_networkx

    converted = to_networkx(model.graph)
    nodes, edges = converted.number_of_nodes(), converted.number_of_edges()
    return Walked(nodes, edges, counting.count(converted))


def _differences(walked: counting.Counts, counts: counting.Counts) -> list[str]:
    """Return a line for each number that differs; networkx has no slots but the live ones."""
    numbers = ("neurons", "trainable", "fixed", "connections", "bias_connections", "dead")
    rows = {row.name: row for row in walked.rows}
    return [
        f"{row.name}: {getattr(other, n):,} {n} counted on the networkx graph, "
        f"{getattr(row, n):,} on the graph"
        for row, other in [
            *((row, rows.get(row.name, counting.Row(row.name))) for row in counts.rows),
            (counts.total, walked.total),
        ]
        for n in numbers
        if getattr(other, n) != getattr(row, n)
    ]


@contextmanager
def _progress(graph: Graph, *, delay: float = 1.0) -> Iterator[Callable[[int], Any]]:
    """Show a bar on the standard error, on a terminal only, once it has taken `delay` s."""
    from tqdm import tqdm

    watched = sys.stderr.isatty()  # otherwise nobody needs to know how much there is
    with tqdm(
        total=counting.count(graph).total.connections if watched else None,
        unit=" connections",
        unit_scale=True,
        delay=delay,
        leave=False,
        disable=not watched,
        file=sys.stderr,
    ) as bar:
        yield bar.update
