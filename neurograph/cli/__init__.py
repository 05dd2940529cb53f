"""The command line: `neurograph count lenet5`, and so on.

Exit codes: 0 all is well; 1 a check failed (an expectation, a verification); 2 bad input or usage;
130 interrupted (Ctrl-C); 141 nobody reads the output any more. Errors are one line on the standard
error. With --json the standard output holds one JSON document and nothing else.
"""

from __future__ import annotations

import sys

import click

from neurograph.cli.application import Application
from neurograph.cli.auditing import audit
from neurograph.cli.converting import convert
from neurograph.cli.counts import count, verify
from neurograph.cli.derivation import derive
from neurograph.cli.exploring import explore_model
from neurograph.cli.inspection import neuron, weight
from neurograph.cli.keeping import save
from neurograph.cli.overview import info
from neurograph.cli.pictures import plot
from neurograph.cli.running import run
from neurograph.cli.symmetries import symmetry
from neurograph.cli.training import train
from neurograph.models import MODELS

_EPILOG = f"""
\b
To begin with:
  neurograph count lenet5                           60,000 parameters, 340,908 connections
  neurograph derive lenet5                          why so many, layer by layer
  neurograph run lenet5                             handwritten digits pushed through
  neurograph neuron lenet5 'output[7]' --digit 0    one neuron's sum, term by term
  neurograph weight lenet5 'C1.kernel[0,0,2,2]'     the 784 connections that share one weight
  neurograph plot overview lenet5 --out net.svg     the network in a drawing
  neurograph explore lenet5 --out lenet5.html       the network in a browser, to touch

MODEL is {", ".join(MODELS)}, or the path of a saved file (./lenet5 where a file has the name of a
built-in model) or of an ONNX file, or package:callable, which is called without arguments to make a
torch module: neurograph audit torchvision:resnet18 --input 1,3,32,32. It runs that package's code.

\b
The Tab key completes models, files, layers, neurons and weights after this line:
  bash, in ~/.bashrc     eval "$(_NEUROGRAPH_COMPLETE=bash_source neurograph)"
  zsh, in ~/.zshrc       eval "$(_NEUROGRAPH_COMPLETE=zsh_source neurograph)"
  fish, in config.fish   _NEUROGRAPH_COMPLETE=fish_source neurograph | source

Exit codes: 0 all is well; 1 a check failed; 2 bad input or usage; 130 interrupted; 141 nobody
reads the output any more.
"""


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        # The package is loaded, or this module could not be; it need not be installed.
        click.echo(f"neurograph {sys.modules['neurograph'].__version__}")
        context.exit()


# Where no command is given, what click itself does depends on its version.
@click.group(
    "neurograph",
    cls=Application,
    epilog=_EPILOG,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Convolutional networks as graphs of explicit neurons, weights and connections."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    *(count, audit, verify, derive, symmetry),
    *(run, info, neuron, weight, plot, explore_model, save, convert, train),
):
    main.add_command(_command)
