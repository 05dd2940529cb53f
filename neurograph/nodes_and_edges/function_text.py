"""Functions as text, for attributes that hold nothing else."""

from __future__ import annotations

import re

from neurograph.errors import GraphError
from neurograph.functions import Activation, Function

_FUNCTION = re.compile(r"\((\w+), (\w+)\) (\w+)(?:\(([^()]*)\))?")


def function_text(function: Function) -> str:
    """Return a function as text, its parameters to the last bit.

    >>> function_text(Function("multiply", "max", "leaky_relu"))
    '(multiply, max) leaky_relu(0.01)'
    """
    squash = function.activation
    numbers = ", ".join(map(repr, squash.parameters))
    parameters = f"({numbers})" if numbers else ""
    return f"({function.combine}, {function.reduce}) {squash.name}{parameters}"


def function_of(text: str) -> Function | None:
    """Return the function that `function_text` wrote; None for any other text.

    >>> function_of("(multiply, sum) tanh")
    Function(combine='multiply', reduce='sum', activation=Activation(name='tanh', parameters=()))
    """
    match = _FUNCTION.fullmatch(text.strip())
    if match is None:
        return None
    combine, reduce, name, numbers = match.groups()
    try:
        parameters = tuple(float(n) for n in numbers.split(",")) if numbers else ()
        return Function(combine, reduce, Activation(name, parameters))
    except (GraphError, ValueError):
        return None
