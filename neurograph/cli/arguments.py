"""Arguments and options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from neurograph.errors import GraphError

Command = Callable[..., Any]


def sizes_given(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Return whole numbers joined by commas or by "x", 1,64,64 or 1x64x64, as a tuple."""
    if text is None:
        return None
    parts = re.split("[x,]", text)
    if not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise click.BadParameter(
            f"found {text!r}, needed whole numbers such as 1,64,64", param=parameter
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


def identity(text: str, name_to_id: Callable[[str], int]) -> int:
    """Return the id that `text` is, or that is called so; two are an error."""
    if not re.fullmatch(r"\d{1,10}", text):
        return name_to_id(text)
    with suppress(GraphError):  # few are called by a number
        called = name_to_id(text)
        if called != int(text):
            raise click.UsageError(
                f"{text} is the id of one and the name of another, whose id is {called}; "
                'needed a layer and an index, such as "output[0]"'
            )
    return int(text)
