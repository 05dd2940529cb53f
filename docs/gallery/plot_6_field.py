"""
What a neuron sees and feeds
============================

Its receptive field over a digit, and what it reaches.
"""

import neurograph as ng

image = ng.datasets.normalize(ng.datasets.digits(1).images)[0]
ng.plot.field(ng.models.lenet5(weights="mnist"), "C3[0, 2, 3]", image)
