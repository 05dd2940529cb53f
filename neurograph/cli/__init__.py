"""The command line: `neurograph count lenet5`, and so on.

Exit codes: 0 all is well; 1 a check failed (an expectation, a verification); 2 bad input or usage;
130 interrupted (Ctrl-C); 141 nobody reads the output any more. Errors are one line on the standard
error. With --json the standard output holds one JSON document and nothing else.
"""

from __future__ import annotations

import sys

import click

from neurograph.cli.application import Application
from neurograph.cli.counts import count, verify
from neurograph.cli.inspection import info, neuron, weight
from neurograph.cli.keeping import save
from neurograph.cli.running import run
from neurograph.cli.training import train
from neurograph.models import MODELS

_EPILOG = f"""
MODEL is {", ".join(MODELS)}, or the path of a saved file (./lenet5 where a file has the name of a
built-in model).

Exit codes: 0 all is well; 1 a check failed; 2 bad input or usage; 130 interrupted; 141 nobody
reads the output any more.
"""


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        # The package is loaded, or this module could not be; it need not be installed.
        click.echo(f"neurograph {sys.modules['neurograph'].__version__}")
        context.exit()


@click.group(
    "neurograph", cls=Application, epilog=_EPILOG, context_settings={"max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Convolutional networks as graphs of explicit neurons, weights and connections."""


for _command in (count, verify, run, info, neuron, weight, save, train):
    main.add_command(_command)
