"""ES modules joined into one script, each in a function of its own, without a bundler.

The modules of the explorer keep to a few forms, and any other is an error here:

    import { a, b as c } from "./other.js";     import * as other from "./other.js";
    export function f ...   export async function f ...   export class C ...   export const x = ...
"""

from __future__ import annotations

import re
from importlib.resources import files
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import\s+(?:\*\s+as\s+(\w+)|\{([^}]*)\})\s+from\s+"([^"]+)";[ \t]*$', re.M)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const)\s+(\w+))", re.M)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.M)


def source(name: str) -> str:
    """Return the text of a module, "network.js" or "view/main.js"."""
    text = files("neurograph.explorer").joinpath("js", *name.split("/")).read_text("utf-8")
    return text.replace("\r\n", "\n")


def joined(*entries: str) -> str:
    """Return a script that defines modules and all that they import, in order of dependency.

    Afterwards `modules["network.js"]` holds the exports of that one.
    """
    order: dict[str, str] = {}
    for entry in entries:
        _visit(entry, order, ())
    return "\n".join(["const modules = {};", *(_wrapped(n, t) for n, t in order.items())])


def _visit(name: str, order: dict[str, str], path: tuple[str, ...]) -> None:
    if name in path:
        raise ValueError(f"{' -> '.join([*path, name])}: modules import each other in a circle")
    if name in order:
        return
    text = source(name)
    for _, _, wanted in _IMPORT.findall(text):
        _visit(_absolute(name, wanted), order, (*path, name))
    order[name] = text


def _absolute(name: str, wanted: str) -> str:
    return normpath(join(dirname(name), wanted))


def _wrapped(name: str, text: str) -> str:
    """Return a module as a function that is called at once and returns what it exports."""

    def imported(match: re.Match[str]) -> str:
        whole, names, wanted = match.groups()
        target = f'modules["{_absolute(name, wanted)}"]'
        if whole:
            return f"const {whole} = {target};"
        pairs = ", ".join(
            re.sub(r"\s+as\s+", ": ", n.strip()) for n in names.split(",") if n.strip()
        )
        return f"const {{ {pairs} }} = {target};"

    exports = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    left = _OTHER.search(body)
    if left:
        raise ValueError(f"{name}: {left[0]!r} is not among the forms that can be joined")
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {", ".join(exports)} }};\n}})();'
