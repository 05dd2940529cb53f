"""
How often weights are used
==========================

From 784 times in C1 to once in C5.
"""

import neurograph as ng

ng.plot.uses(ng.models.lenet5())
