"""Pictures of a graph, for matplotlib (the extra `plot`): one function a picture.

Each takes a graph, draws on `ax` or on a new figure, and returns the Axes, an array of them where
there are several; none calls `show`. What they draw comes from the graph's public queries. Colours
can be told apart by colour-blind readers, and what is written follows matplotlib's style, light or
dark.
"""

from neurograph.plot.degrees import degree, uses
from neurograph.plot.fields import field
from neurograph.plot.histories import learning
from neurograph.plot.matrices import matrix
from neurograph.plot.overviews import overview
from neurograph.plot.states import codes, maps
from neurograph.plot.tables import table
from neurograph.plot.values import kernels

__all__ = [
    "codes",
    "degree",
    "field",
    "kernels",
    "learning",
    "maps",
    "matrix",
    "overview",
    "table",
    "uses",
]
