"""The errors neurograph raises on bad input: each says who, what was found and what was needed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NeurographError(Exception):
    """Base of every error this library raises on purpose."""


class GraphError(NeurographError, ValueError):
    """The graph, a layer or a query on them cannot be what was asked for."""


class ConversionError(NeurographError, ValueError):
    """Something foreign (a networkx graph, a file, a model) does not describe a graph."""


class DataError(NeurographError, ValueError):
    """Images, labels or a data file are not in the form that is needed."""


class EngineError(NeurographError, RuntimeError):
    """An engine cannot run this program."""


class TrainingError(NeurographError, ArithmeticError):
    """Training has left the finite numbers; what was learnt before the pass is kept."""


class MissingDependency(NeurographError, ImportError):
    """A feature needs a package that is not installed; the message names the extra with it."""


def missing(who: str, package: str, extra: str) -> MissingDependency:
    """Return the error that `who` needs a package; it names the extra and how to install it.

    >>> str(missing("save", "numba", "fast"))[:65]
    'save needs numba, which was not found; the extra "fast" brings it'
    """
    return MissingDependency(
        f'{who} needs {package}, which was not found; the extra "{extra}" brings it: '
        f"{installing(extra)}"
    )


def installing(extra: str) -> str:
    """Return how an extra is installed; the project is on no index, so it is from a clone.

    >>> installing("fast")
    "in a clone of neurograph, pip install '.[fast]'"
    """
    return f"in a clone of neurograph, pip install '.[{extra}]'"


def kind_of(found: object) -> str:
    """Return what something of the wrong type is, for an error message.

    >>> kind_of(5), kind_of(None), kind_of(GraphError)
    ('int', 'None', 'the class GraphError')
    """
    if isinstance(found, type):
        return f"the class {found.__name__}"
    return "None" if found is None else type(found).__name__


def shown(found: object) -> str:
    """Return what was found, written out for an error message, and short however long it is.

    >>> shown("C1"), shown(10**99)
    ("'C1'", '1000000000...0000000000')
    """
    try:
        text = repr(found)
    except Exception:  # a number of more digits than Python writes, or a foreign repr
        return f"a value of type {type(found).__name__}"
    text = " ".join(text.split())
    if len(text) <= 80:
        return text
    return f"{text[:10]}...{text[-10:]}" if text[1:].isdigit() else f"{text[:77]}..."


def suggestion(found: object, known: Iterable[str]) -> str:
    """Return the names in `known` nearest to `found`, as the end of an error message.

    >>> suggestion("C2", ["C1", "C3", "F6"])
    '; did you mean C3, C1?'
    >>> suggestion("c1", ["C3", "C1"])
    '; did you mean C1?'
    """
    names = list(known)
    text = (found if isinstance(found, str) else shown(found))[:80]
    # Of what differs in case alone, that comes first.
    near = [name for name in names[:10_000] if name.casefold() == text.casefold()]
    near += difflib.get_close_matches(text, names[:10_000], n=3, cutoff=0.4)
    if near := list(dict.fromkeys(near))[:3]:
        return f"; did you mean {', '.join(near)}?"
    return (
        f"; there are {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}" if names else ""
    )
