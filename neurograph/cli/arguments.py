"""Arguments and options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from neurograph.errors import GraphError, shown
from neurograph.names import Names

Command = Callable[..., Any]


def sizes_given(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Return whole numbers joined by commas or by "x", 1,64,64 or 1x64x64, as a tuple."""
    if text is None:
        return None
    parts = re.split("[x,]", text)
    if not all(re.fullmatch(r"\s*\d+\s*", part) for part in parts):
        raise click.BadParameter(
            f"found {shown(text)}, needed whole numbers such as 1,64,64", param=parameter
        )
    large = next((part.strip() for part in parts if len(part.strip()) > 9), None)
    if large is not None:
        raise click.BadParameter(
            f"found {shown(large)} in {shown(text)}, needed sizes below 1,000,000,000",
            param=parameter,
        )
    return tuple(int(part) for part in parts)


def takes_json(command: Command) -> Command:
    """Give a command the option --json, as `as_json`."""
    flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    return flag(command)


def takes_threads(command: Command) -> Command:
    """Give a command the option --threads; far more of them than processors are refused."""
    option = click.option(
        "--threads",
        type=int,
        callback=_threads_given,
        default=1,
        show_default=True,
        metavar="N",
        help="Threads to use.",
    )
    return option(command)


def _threads_given(_: click.Context, parameter: click.Parameter, threads: int) -> int:
    processors = os.cpu_count() or 1
    most = max(16, 4 * processors)
    if not 1 <= threads <= most:
        raise click.BadParameter(
            f"found {threads}, needed 1 to {most}: this machine has {processors} processors",
            param=parameter,
        )
    return threads


def identity(text: str, names: Names, size: int) -> int:
    """Return the id below `size` that `text` is, or that is called so; two are an error."""
    if not text.isdecimal():
        return names.id_of(text)
    with suppress(GraphError):  # few are called by a number
        called = names.id_of(text)
        if called != int(text):
            raise click.UsageError(
                f"{text} is the id of one and the name of another, whose id is {called}; "
                'needed a layer and an index, such as "output[0]"'
            )
    if len(text) > 10 or int(text) >= size:
        there = f"ids go from 0 to {size - 1:,}" if size else "there are none"
        raise GraphError(f"{names.what} {text[:40]} does not exist; {there}")
    return int(text)
