"""Edits: each returns a new Graph and leaves the old one as it was.

Neurons keep their ids unless an edit removes some, and always their names; weights keep their
values, how they are drawn, and whether they are trainable. A weight that loses its last connection
stays, reported as dead, until `drop_dead`.
"""

from neurograph.edit.connecting import connect
from neurograph.edit.cutting import cut
from neurograph.edit.difference import Difference, diff
from neurograph.edit.freezing import freeze, unfreeze
from neurograph.edit.merging import merge
from neurograph.edit.parts import drop_dead, subgraph
from neurograph.edit.pruning import prune
from neurograph.edit.rewiring import rewire
from neurograph.edit.tying import tie
from neurograph.edit.unsharing import unshare

__all__ = [
    "Difference",
    "connect",
    "cut",
    "diff",
    "drop_dead",
    "freeze",
    "merge",
    "prune",
    "rewire",
    "subgraph",
    "tie",
    "unfreeze",
    "unshare",
]
