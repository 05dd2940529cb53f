"""
The whole network
=================

Maps, neurons and connections, drawn from the graph itself.
"""

import neurograph as ng

ng.plot.overview(ng.models.lenet5())
