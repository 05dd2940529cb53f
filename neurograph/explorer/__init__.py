"""The explorer: a graph as one HTML file that computes every state again in the reader's browser.

Reads graphs through their public columns and queries; what the page does is JavaScript in `js/`,
plain modules that Python joins into the file. Needs no package beyond the library's own.
"""

from neurograph.explorer.exploring import VALUES, explore

__all__ = ["VALUES", "explore"]
