"""Auditing: what a model's numbers truly are, and why other tools say others.

A torch module, an ONNX file or a graph becomes a graph, which is counted. Imports converters and
counting.
"""

from neurograph.auditing.accounts import audit
from neurograph.auditing.estimation import Estimate, estimate
from neurograph.auditing.reconciling import Reconciliation, Term, reconcile
from neurograph.auditing.reports import Audit, Dead

__all__ = [
    "Audit",
    "Dead",
    "Estimate",
    "Reconciliation",
    "Term",
    "audit",
    "estimate",
    "reconcile",
]
