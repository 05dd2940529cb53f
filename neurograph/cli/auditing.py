"""The command audit."""

from __future__ import annotations

import click

from neurograph.auditing.accounts import account
from neurograph.auditing.reports import MEANINGS
from neurograph.auditing.subjects import Subject
from neurograph.cli.arguments import takes_json
from neurograph.cli.choosing import Model, takes_model
from neurograph.cli.expectations import Expectation, exit_with, expecting, failures, judge, verdict
from neurograph.cli.output import emit


@click.command(short_help="Say what the numbers of a torch module, an ONNX file or a graph are.")
@takes_model
@expecting(tuple(MEANINGS))
@takes_json
def audit(model: Model, expect: tuple[Expectation, ...], as_json: bool) -> None:
    """Say what a model's numbers come to: parameters, connections, multiply-adds, dead weights.

    Of a torch module the parameters are its own: declared by name, distinct by their place.
    """
    name = model.name if model.file is None else model.file.name
    found = account(Subject(name, model.graph, model.module))
    judged = judge(expect, lambda e: int(getattr(found, e.number)))
    document = {"model": model.name, **found.to_dict(), "expectations": judged}
    emit(document, lambda: f"{found}{verdict(judged)}", as_json=as_json)
    exit_with(failures(judged))
