"""For other people's tests: a model's numbers are what they should be."""

from __future__ import annotations

from typing import Any

from neurograph.auditing import Audit, audit
from neurograph.auditing.reports import MEANINGS
from neurograph.checks import whole
from neurograph.errors import ConversionError, suggestion


def assert_counts(
    model: Any,
    example_input: Any = None,
    *,
    input_shapes: Any = None,
    zeros: str = "keep",
    **expected: int,
) -> Audit:
    """Assert that a model's numbers are these, and return its audit.

    `expected` are any of `Audit`'s numbers by name - connections, multiply_adds, dead - and
    parameters, which are the distinct ones; the rest is as in `audit`. Raises AssertionError that
    lists every number that differs, ConversionError for an unknown name, or for none.

    >>> from neurograph.models import lenet5
    >>> _ = assert_counts(lenet5(), parameters=60_000, connections=340_908, dead=0)
    """
    known = {"parameters", *MEANINGS}
    if not expected:
        raise ConversionError("assert_counts: found no number, needed one, as connections=340908")
    for name, value in expected.items():
        if name not in known:
            raise ConversionError(f"assert_counts: {name!r} is unknown{suggestion(name, known)}")
        whole(f"assert_counts: {name}", value, error=ConversionError)
    found = audit(model, example_input, input_shapes=input_shapes, zeros=zeros)
    wrong = [
        f"{name}: expected {value:,}, found {getattr(found, name):,}"
        for name, value in expected.items()
        if getattr(found, name) != value
    ]
    if wrong:
        raise AssertionError("\n".join([f"{found.name}: {len(wrong)} number(s) differ", *wrong]))
    return found
