"""The site: `python -m sphinx -W docs docs/_build`, with the extra `docs`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # a clone's own package, installed or not

import neurograph as ng  # noqa: E402

project = "neurograph"
author = "the neurograph authors"
copyright = author
release = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["version"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "pictures/*.ipynb", "jupyter_execute"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}

# Nothing is asked of another host: no script of widgets or formulas from elsewhere.
nb_ipywidgets_js: dict[str, Any] = {}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autodoc_typehints = "none"  # signatures have them
autodoc_member_order = "bysource"

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "pictures",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 10**6,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "neurograph"
html_static_path = ["style"]
html_css_files = ["outputs.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
html_sidebars = {"reference": [], "explorer": []}


def plain_docstring(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Turn docstrings, plain text with `code` in it, into reStructuredText."""
    for i, line in enumerate(lines):
        if re.match(r"\s*(>>>|\.\.\.)", line):
            continue
        parts = re.split(r"(`[^`]+`)", line)
        lines[i] = "".join(
            f"`{part}`" if part.startswith("`") else re.sub(r"([*_|\\])", r"\\\1", part)
            for part in parts
        )


def spoken_language(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Say in which language a page is written: readers, hyphens and fonts go by it."""
    context["language"] = "zh-CN" if page.endswith("_zh") else "en"


def write_explorer(app: Any, error: Exception | None) -> None:
    """Put LeNet-5's page of the explorer beside the others."""
    if error is None and app.builder.format == "html":
        graph = ng.models.lenet5(weights="mnist")
        ng.explore(graph, Path(app.outdir) / "lenet5.html", samples=samples())


def samples() -> Any:
    """Return ten digits as LeNet-5 takes them."""
    return ng.datasets.normalize(ng.datasets.digits(10).images)


def setup(app: Any) -> None:
    """Connect what is above to Sphinx."""
    app.connect("autodoc-process-docstring", plain_docstring)
    app.connect("html-page-context", spoken_language)
    app.connect("build-finished", write_explorer)
