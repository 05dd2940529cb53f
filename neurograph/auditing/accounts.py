"""audit: every number that is quoted of a model, from its graph's own rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.auditing.parameters import parameters_of, usage_of
from neurograph.auditing.reports import Audit
from neurograph.auditing.slots import contracting, slots_of
from neurograph.auditing.subjects import Shapes, Subject, subject_of
from neurograph.counting import count
from neurograph.graph.levels import fed_by_inputs


def audit(
    model: Any, example_input: Any = None, *, input_shapes: Shapes = None, zeros: str = "keep"
) -> Audit:
    """Return what a model's numbers come to: parameters, connections, multiply-adds, dead weights.

    `model` is a torch module, with an `example_input` as it is called with, an ONNX file (its path
    or bytes), a saved graph's path, or a Graph. `input_shapes` fixes an ONNX file's open sizes, by
    name, or stands for an example: {"x": (1, 3, 32, 32)}, or one shape. Nothing is computed by a
    formula: the model becomes a graph, and its connections and slots are counted. With zeros="cut"
    a parameter that is 0 has no connections, as where an exporter has written a mask as zeros.

    Raises ConversionError for what cannot become a graph, and says why.

    >>> from neurograph.models import lenet5
    >>> found = audit(lenet5())
    >>> found.distinct, found.connections, found.multiply_adds
    (60000, 340908, 325680)
    """
    return account(subject_of(model, example_input, input_shapes=input_shapes, zeros=zeros))


def account(subject: Subject) -> Audit:
    """Return the audit of a graph and the module it came from."""
    graph, weights = subject.graph, subject.graph.weights
    parameters = parameters_of(graph, subject.module)
    usage, total = usage_of(graph, parameters), count(graph).total
    live, padding, cut = slots_of(graph, contracting(graph))
    derived = [weights.names[name].present.size for name in weights.origins.derived]
    return Audit(
        name=subject.name,
        declared=parameters.declared,
        distinct=parameters.distinct,
        trainable=parameters.trainable,
        used=usage.used,
        dead=sum(entry.dead for entry in usage.dead),
        cut=usage.cut,
        combined=usage.combined,
        derived=sum(derived),
        neurons=total.neurons,
        connections=total.connections,
        bias_connections=total.bias_connections,
        multiply_adds=live,
        padding=padding,
        cut_slots=cut,
        no_input=int(np.count_nonzero(~fed_by_inputs(graph)[graph.neurons])),
        no_output=total.unread,
        used_once=usage.once,
        most_uses=usage.most[1],
        most_used=usage.most[0],
        dead_weights=usage.dead,
    )
