"""
A table of connections
======================

Which maps of S2 each map of C3 reads.
"""

import neurograph as ng

ng.plot.table(ng.models.lenet5(), "C3")
