"""Storage: graphs and checkpoints in files that are written whole or not at all, without pickle.

Imports graphs, and nothing that uses them.
"""

from neurograph.storage.graphs import load, save

__all__ = ["load", "save"]
