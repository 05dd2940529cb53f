"""Processes of their own for what is measured: copies of this one, which has everything loaded."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any


def in_a_child(task: Callable[..., dict[str, Any]], *given: Any, timeout: float) -> dict[str, Any]:
    """Return what a task returns, or {"error": why it did not}."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_told, args=(theirs, task, given))
    child.start()
    theirs.close()
    try:
        if not ours.poll(timeout):
            return {"error": f"not within {timeout:.0f} s"}
        return dict(ours.recv())
    except EOFError:
        child.join()
        return {"error": f"the process ended with {child.exitcode}"}
    finally:
        child.kill()
        child.join()


def _told(to: Any, task: Callable[..., dict[str, Any]], given: tuple[Any, ...]) -> None:
    try:
        found = task(*given)
    except Exception as error:  # whatever it is, it is the result
        found = {"error": f"{type(error).__name__}: {error}"}
    to.send(found)


def peak() -> float:
    """Return the peak memory of this process so far, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if x.startswith("VmHWM")).split()[1]) * 1024 / 1e9
