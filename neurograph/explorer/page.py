"""The page: page.html with the style, the texts, the graph and the script put in.

Nothing that a user named reaches it but escaped: the title as HTML, texts as JSON in which no "<"
stands, the graph as base64. The policy lets nothing run but the page's own script, by its hash. The
script is deflated, a quarter of its size, and put in by a loader of a few lines: under the policy,
which names the hashes of both, as it stands.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from importlib.resources import files
from typing import Any

from neurograph.explorer.joining import joined

ENTRY = "view/main.js"
_START = 'modules["view/main.js"].start(document);'
_LOADER = """
const text = atob(document.getElementById("program").textContent);
const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
const program = document.createElement("script");
program.type = "module";
program.textContent = await new Response(inflated).text();
document.body.append(program);
"""
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(*, title: str, payload: str) -> str:
    """Return the whole page as HTML."""
    look, said = style(), shown()
    script = f"{joined(ENTRY)}\n{_START}\n"
    return filled(
        _file("page.html"),
        {
            "title": html.escape(title),
            "policy": html.escape(policy([_LOADER, script], look)),
            "style": look,
            **{name: in_script(part) for name, part in said.items()},
            "payload": payload,
            "program": base64.b64encode(zlib.compress(script.encode(), 9)).decode(),
            "loader": _LOADER,
        },
    )


def style() -> str:
    """Return the style of the explorer."""
    return _file("page.css")


def shown() -> dict[str, Any]:
    """Return what is shown besides the graph: texts by name, and exercises."""
    return {name: json.loads(_file(f"{name}.json")) for name in ("texts", "exercises")}


def filled(template: str, parts: dict[str, str]) -> str:
    """Return the template with its places filled, and what fills them left as it is.

    >>> filled("<b>{{title}}</b>", {"title": "{{script}}"})
    '<b>{{script}}</b>'
    """
    return _PLACE.sub(lambda match: parts[match[1]], template)


def policy(scripts: list[str], style: str) -> str:
    """Return the content security policy under which these run, and nothing else does."""
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def in_script(value: Any) -> str:
    """Return JSON that ends no <script>, whatever texts it holds.

    >>> "<" in in_script({"name": "</script>"})
    False
    """
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _file(name: str) -> str:
    text = files("neurograph.explorer").joinpath(name).read_text("utf-8")
    return text.replace("\r\n", "\n")
