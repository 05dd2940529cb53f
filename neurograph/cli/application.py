"""The outermost command: what goes wrong becomes one line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from neurograph.errors import NeurographError, suggestion

CHECK_FAILED, BAD_INPUT, INTERRUPTED, NO_READER = 1, 2, 130, 141


class Application(click.Group):
    """A group of commands whose errors are one line each, "neurograph: error: ..."."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; unless `standalone_mode` is off, end the process with its code."""
        prog_name = prog_name or "neurograph"
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            _check_output()
            for given in args or ():
                if "\0" in given:  # no path and no name can hold it
                    raise click.UsageError(f"found the argument {given!r}, needed none with \\0")
            code = super().main(args, prog_name, complete_var, False, **extra) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            code = NO_READER
        except (click.Abort, KeyboardInterrupt):
            code = _failed("interrupted", INTERRUPTED)
        except click.ClickException as error:
            code = _failed(error.format_message(), BAD_INPUT)
        except NeurographError as error:
            code = _failed(str(error), BAD_INPUT)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = _failed(f"{where}{error.strerror or error}", BAD_INPUT)
        except MemoryError:
            code = _failed("there is not enough memory", BAD_INPUT)
        _settle()
        sys.exit(code)

    # click would give a broken pipe the exit code of a failed check.

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line; a broken pipe, as `--help` may meet, has an exit code."""
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError:
            raise click.exceptions.Exit(NO_READER) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a broken pipe has an exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(NO_READER) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; of an unknown one, say which are nearest."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = suggestion(args[0], self.list_commands(ctx))
            raise click.UsageError(f"command {args[0]!r} is unknown{near}", ctx)
        return super().resolve_command(ctx, args)


def _check_output() -> None:
    """Let what the output's encoding has not be escaped. Raises OSError if the output is closed."""
    if sys.stderr is None:  # what is opened next would get its number, and what is said
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        raise OSError(errno.EBADF, "the standard output is closed")
    if sys.stdout.errors == "strict" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _failed(message: str, code: int) -> int:
    line = " ".join(message.split())
    with suppress(OSError):
        click.echo(f"neurograph: error: {line}", err=True)
    return code


def _settle() -> None:
    """Let the interpreter end in silence where what is still buffered cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
