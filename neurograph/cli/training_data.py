"""What the command train learns from: the MNIST digits, or pictures in a folder a class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurograph import datasets
from neurograph.cli.choosing import Model
from neurograph.cli.images import BOX, Reading, fitted, input_size
from neurograph.cli.output import shape_text
from neurograph.cli.training_options import Options
from neurograph.errors import DataError
from neurograph.graph import Graph

Array = NDArray[Any]
Shape = tuple[int, ...]

_HELD = 5  # of so many pictures one is held out, unless a number is given


@dataclass(frozen=True, eq=False)
class Data:
    """Images to learn, and images to measure the error on after each pass.

    `kind` is what they are, digits or pictures, `measured` what those held are, `said` what was
    done to them; `classes` are the names of pictures' labels.
    """

    images: Array
    labels: Array
    held: tuple[Array, Array]
    kind: str
    measured: str
    said: str
    classes: tuple[str, ...] = ()


def read(model: Model, options: Options, seed: int) -> Data:
    """Return what to learn from, as the network takes it. Raises DataError if it does not fit."""
    layers = model.graph.inputs
    if len(layers) != 1:
        raise DataError(f"train: {model.name} has {len(layers)} inputs, needed one for images")
    shape = layers[0].neurons.shape
    if options.images is not None:
        return _pictures(model, options, shape, seed)
    return _digits(options, shape, seed)


def named(graph: Graph, data: Data) -> Data:
    """Let the outputs be called as the classes of pictures, but for those that are their numbers.

    Return the data, which say whose names others have.
    """
    if not data.classes:
        return data
    ids, names = graph.outputs.tolist(), graph.neuron_names
    free = [names.fit(c) and names.labels.id_of(c) in (None, *ids) for c in data.classes]
    labels = [
        c if fit and c != str(i) else ""
        for i, (c, fit) in enumerate(zip(data.classes, free, strict=True))
    ]
    graph.label(ids, [*labels, *[""] * (len(ids) - len(labels))])
    lost = [c for c, fit in zip(data.classes, free, strict=True) if not fit]
    said = f"{data.said}; no name for an output, as others have it: {', '.join(lost)}"
    return replace(data, said=said) if lost else data


def _digits(options: Options, shape: Shape, seed: int) -> Data:
    training = _mnist(options, "train")
    images, said = _as_inputs(training.images[: options.limit], shape)
    labels = training.labels[: options.limit]
    # That they are scaled is nothing new.
    said = said if "resized" in said or "inverted" in said else ""
    if options.hold_out is not None:
        return _split(
            Data(images, labels, (images, labels), "digits", "held out", said), options, seed
        )
    test = _mnist(options, "test")
    held = _as_inputs(test.images, shape)[0], test.labels
    return Data(images, labels, held, "digits", "test", said)


def _mnist(options: Options, split: Literal["train", "test"]) -> datasets.Digits:
    return datasets.mnist(options.data, split=split, verify=not options.no_verify)


def _as_inputs(digits: Array, shape: Shape) -> tuple[Array, str]:
    images, said = fitted(digits, shape, "digits", Reading())
    return images.astype(np.float32), said


def _pictures(model: Model, options: Options, shape: Shape, seed: int) -> Data:
    """Return pictures in a folder a class, some of each class held out by the seed."""
    assert options.images is not None
    outputs = model.graph.outputs
    size = input_size(shape, (), "--images")
    found = datasets.class_folders(
        options.images, size=size, box=BOX, invert=options.invert, transpose=options.transpose
    )
    if outputs.ndim != 1 or len(found.classes) > outputs.size:
        raise DataError(
            f"train: found {len(found.classes)} classes in {options.images}, and outputs "
            f"{shape_text(outputs.shape)} of {model.name}; needed an output a class"
        )
    count = len(found) if options.limit is None else min(options.limit, len(found))
    some = np.arange(count) * len(found) // count
    inputs = datasets.normalize(found.images[some], size=size if len(shape) > 1 else shape[0])
    images, labels = inputs.astype(np.float32), found.labels[some]
    said = f"grey levels in the middle of {shape_text(size)}"
    held = images, labels
    whole = Data(images, labels, held, "pictures", "held out", said, found.classes)
    return _split(whole, options, seed)


def _split(whole: Data, options: Options, seed: int) -> Data:
    """Return the data with some images held out, drawn by the seed."""
    count = len(whole.labels)
    held = -(-count // _HELD) if options.hold_out is None else options.hold_out
    if held >= count:
        raise DataError(f"train: {held} of {count} {whole.kind} held out leave none to learn")
    order = np.random.default_rng([seed, count]).permutation(count)
    held_out, rest = np.sort(order[:held]), np.sort(order[held:])
    images, labels = whole.images, whole.labels
    return Data(
        images[rest],
        labels[rest],
        (images[held_out], labels[held_out]),
        whole.kind,
        whole.measured,
        whole.said,
        whole.classes,
    )
