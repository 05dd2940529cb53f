"""
The border effect
=================

How many connections leave each pixel: 6 in a corner, 150 in the middle.
"""

import neurograph as ng

ng.plot.degree(ng.models.lenet5())
