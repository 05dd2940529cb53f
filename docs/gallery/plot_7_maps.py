"""
Every map's state
=================

A digit on its way through LeNet-5.
"""

import neurograph as ng

image = ng.datasets.normalize(ng.datasets.digits(1).images)[0]
ng.plot.maps(ng.models.lenet5(weights="mnist"), image)
