"""networkx's functions on a Graph: the backend that networkx finds by its entry point.

`networkx.ancestors(graph, "C3[0, 0, 0]")` and what else stands in `networkx.backends.native` runs
on ids; any other function of networkx sees the graph as `to_networkx(view="neurons")` converts it.
Needs networkx 3.4.
"""

from neurograph.networkx.backend import Backend

backend = Backend()

__all__ = ["Backend", "backend"]
