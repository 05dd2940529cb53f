"""The explorer in a notebook: the page's own modules as an anywidget.

Needs anywidget, the extra "widget".
"""

from __future__ import annotations

import html
import re
from typing import Any

from neurograph.errors import missing
from neurograph.explorer.exploring import prepared
from neurograph.explorer.joining import joined
from neurograph.explorer.page import page, shown, style
from neurograph.graph import Graph

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise missing("Explorer", "anywidget", "widget") from error

_HEIGHT = 760  # CSS pixels of a page in a notebook
_PAGE_RULES = re.compile(r"^(?:html|body)\b[^{]*\{[^}]*\}\s*", re.MULTILINE)


class Explorer(anywidget.AnyWidget):
    """A graph to look at, run and edit in a notebook; options as in `explore`.

    `height` is in CSS pixels. `to_iframe()` is the same as a page of its own, which a saved
    notebook keeps. Raises what `explore` does, MissingDependency without anywidget.

    >>> from neurograph.models import mlp
    >>> Explorer(mlp((4, 2)), title="a net").title
    'a net'
    """

    payload = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(_HEIGHT).tag(sync=True)
    contents = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        graph: Graph,
        *,
        samples: Any = None,
        labels: Any = None,
        title: str = "network",
        values: str = "exact",
        height: int = _HEIGHT,
    ) -> None:
        text = prepared(graph, samples=samples, labels=labels, title=title, values=values)
        self._esm = f"{joined('widget.js')}\nexport default modules['widget.js'].widget;\n"
        self._css = _PAGE_RULES.sub("", style())
        super().__init__(payload=text, title=title, height=height, contents=shown())

    def to_iframe(self) -> Frame:
        """Return the explorer as a page in a frame: static, for a saved or an exported notebook."""
        return Frame(page(title=self.title, payload=self.payload), self.height)


class Frame:
    """A page in a frame of its own, as a notebook shows it."""

    def __init__(self, text: str, height: int) -> None:
        self.text, self.height = text, height

    def _repr_html_(self) -> str:
        # Scripts of the page may run, in an origin of its own: it sees nothing of the notebook.
        return (
            f'<iframe title="explorer" sandbox="allow-scripts" width="100%" height="{self.height}" '
            f'style="border: 0" srcdoc="{html.escape(self.text)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Frame({len(self.text):,} characters of HTML)"
