"""What the pages of a built site would ask of other hosts: nothing, or it is listed.

python docs/requests.py docs/_build
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_IN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class _Page(HTMLParser):
    """Collects the addresses that a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get(_FETCHED.get(tag, "")) or ""
        loads = tag != "link" or "stylesheet" in (found.get("rel") or "") or "icon" in str(found)
        if loads and re.match(r"(https?:)?//", address):
            self.addresses.append(address)


def main(site: Path) -> int:
    """Print a line for each address, and return how many there are."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: {address}" for address in page.addresses]
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(site)}: {a}" for a in _IN_STYLE.findall(text)]
    print("\n".join(found) or f"{sum(1 for _ in site.rglob('*.html'))} pages, no request elsewhere")
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
