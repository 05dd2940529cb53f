"""
Codes
=====

F6's states beside the pictures of 7 x 12 pixels that stand for the digits.
"""

import neurograph as ng

image = ng.datasets.normalize(ng.datasets.digits(1).images)[0]
ng.plot.codes(ng.models.lenet5(weights="mnist"), image)
