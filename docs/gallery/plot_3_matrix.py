"""
Sharing made visible
====================

A layer as a matrix, one colour a weight.
"""

import neurograph as ng

ng.plot.matrix(ng.models.lenet5(), "C1")
