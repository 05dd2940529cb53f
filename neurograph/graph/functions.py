"""The functions of a graph: by number, each there once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

from neurograph.errors import GraphError
from neurograph.functions import Function
from neurograph.graph.triples import FUNCTIONS_MAX


class Functions(Sequence[Function]):
    """Functions, numbered in the order in which they were first asked for.

    >>> functions = Functions()
    >>> functions.number(Function()), functions.number(Function(reduce="max"))
    (0, 1)
    >>> functions.number(Function()), len(functions)
    (0, 2)
    """

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self._all = list(functions)
        self._numbers = {f: i for i, f in reversed([*enumerate(self._all)])}

    @overload
    def __getitem__(self, number: int) -> Function: ...
    @overload
    def __getitem__(self, number: slice) -> list[Function]: ...
    def __getitem__(self, number: int | slice) -> Function | list[Function]:
        return self._all[number]

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return list(self) == (list(other) if isinstance(other, Functions) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Functions({', '.join(map(str, self))})"

    def number(self, function: Function) -> int:
        """Return the number of `function`, adding it if it is new.

        Raises GraphError if there are as many as a graph can tell apart.
        """
        if function not in self._numbers:
            if len(self) > FUNCTIONS_MAX:
                raise GraphError(f"graph: more than {FUNCTIONS_MAX + 1:,} different functions")
            self._numbers[function] = len(self)
            self._all.append(function)
        return self._numbers[function]

    @property
    def extent(self) -> int:
        """How many there are, to `shrink` to."""
        return len(self)

    def shrink(self, extent: int) -> None:
        """Take back what was added since `extent` was read."""
        for function in self._all[extent:]:
            del self._numbers[function]
        del self._all[extent:]
