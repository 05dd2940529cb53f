"""Other tools that count a torch module's multiply-adds: how each is asked, and what it adds."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from neurograph.errors import ConversionError, missing


@dataclass(frozen=True)
class Measure:
    """A tool's number, its version, and the operators that it says it leaves out."""

    number: int
    version: str
    unseen: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tool:
    """How to ask a tool, (number, unseen) of a module and its inputs, and which terms it has."""

    package: str
    ask: Callable[[Any, tuple[Any, ...]], tuple[int, dict[str, int]]]
    terms: tuple[str, ...]


def measured(tool: str, module: Any, example: Any) -> Measure:
    """Ask a tool for a module's multiply-adds, of one sample, in evaluation.

    Raises MissingDependency where it is not installed, ConversionError where it fails.
    """
    import torch

    from neurograph.convert.torch.exporting import evaluating, one_sample

    chosen = TOOLS[tool]
    inputs = example if isinstance(example, tuple) else (example,)
    with evaluating(module), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other tools are warned of is theirs
        try:
            importlib.import_module(chosen.package)
        except ImportError as error:
            raise missing(f'reconcile(tool="{tool}")', chosen.package, "audit") from error
        except Exception as error:  # of the packages that it imports in turn
            raise ConversionError(f"reconcile: {tool} cannot be imported: {error}") from error
        try:
            number, unseen = chosen.ask(module, tuple(one_sample(x) for x in inputs))
        except Exception as error:  # whatever another tool does not take
            raise ConversionError(
                f"reconcile: {tool} fails on {type(module).__name__}: "
                f"{type(error).__name__}: {error}"
            ) from error
    return Measure(number, version(chosen.package), unseen)


def _flop_counter_mode(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as mode:
        module(*inputs)
    return mode.get_total_flops() // 2, {}


def _fvcore(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from fvcore.nn import FlopCountAnalysis

    with _quiet("fvcore.nn.jit_analysis"):
        found = FlopCountAnalysis(module, inputs).unsupported_ops_warnings(False)
        found = found.uncalled_modules_warnings(False)
        return int(found.total()), dict(found.unsupported_ops())


def _torchinfo(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from torchinfo import summary

    return int(summary(module, input_data=list(inputs), verbose=0).total_mult_adds), {}


def _thop(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from thop import profile

    number, _ = profile(module, inputs, verbose=False)
    for part in module.modules():  # it leaves them in modules that stand there twice
        for name in ("total_ops", "total_params"):
            part._buffers.pop(name, None)
    return int(number), {}


def _ptflops(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from ptflops.aten_engine import FlopCounterMode

    # Of no module: what it hangs onto the parts of one stays there.
    counter = FlopCounterMode(output_params={"print_params": {}, "serialize_params": {}})
    with counter:
        module(*inputs)
    return int(counter.complexity), {}


def _calflops(module: Any, inputs: tuple[Any, ...]) -> tuple[int, dict[str, int]]:
    from calflops import calculate_flops

    _, number, _ = calculate_flops(
        module, args=list(inputs), print_results=False, output_as_string=False
    )
    for part in module.modules():  # the numbers it leaves there
        for name in ("__flops__", "__macs__", "__params__"):
            part.__dict__.pop(name, None)
    return int(number), {}


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Let a logger say errors only."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


TOOLS: dict[str, Tool] = {
    "fvcore": Tool("fvcore", _fvcore, ("batch norm", "adaptive pooling")),
    "torchinfo": Tool(
        "torchinfo",
        _torchinfo,
        ("masks honoured", "bias", "by parameter", "one position", "transposed"),
    ),
    "thop": Tool(
        "thop", _thop, ("batch norm x 2", "adaptive pooling x 2", "transposed", "repeated use")
    ),
    "ptflops": Tool("ptflops", _ptflops, ("bias",)),
    "calflops": Tool("calflops", _calflops, ("repeated name",)),
    "FlopCounterMode": Tool("torch", _flop_counter_mode, ()),
}
