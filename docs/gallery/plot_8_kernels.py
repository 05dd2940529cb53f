"""
Kernels
=======

C3's, as far as its table has them.
"""

import neurograph as ng

ng.plot.kernels(ng.models.lenet5(weights="mnist"), "C3")
