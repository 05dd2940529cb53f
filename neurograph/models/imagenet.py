"""Networks of the ImageNet era, with torchvision's layers, names and parameters.

Batch norm is not folded: each unit has a normalized neuron with fixed weights (its statistics) and
a scaled one with trainable weights, so parameters are torchvision's. A residual sum is connections
with a fixed weight 1. Dropout, inactive in inference, is left out. Weight values are drawn only
when asked for; `load_state` takes them from a trained model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, shown
from neurograph.graph import Graph
from neurograph.layers import Add, AvgPool2d, BatchNorm2d, Conv2d, Input, Linear, MaxPool2d

Ids = NDArray[np.int32]
Shape = tuple[int, int, int]
_HE = "he_normal"


def _start(input_shape: Shape, who: str) -> tuple[Graph, Ids]:
    given: Any = input_shape
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != 3:
        raise GraphError(
            f"{who}: found input shape {shown(given)}, needed (channels, height, width)"
        )
    graph = Graph()
    return graph, graph.add(Input(input_shape, name="input"))


def alexnet(*, input_shape: Shape = (3, 224, 224), classes: int = 1000) -> Graph:
    """Return AlexNet as in torchvision: 61,100,840 parameters.

    A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014. The
    input must leave 6x6 maps before the classifier (224x224 does): nothing pools adaptively.
    """
    graph, x = _start(input_shape, "alexnet")
    for number, maps, size, stride, pad, pool in (
        (0, 64, 11, 4, 2, True),
        (3, 192, 5, 1, 2, True),
        (6, 384, 3, 1, 1, False),
        (8, 256, 3, 1, 1, False),
        (10, 256, 3, 1, 1, True),
    ):
        conv = Conv2d(
            maps,
            size,
            stride=stride,
            padding=pad,
            activation="relu",
            initializer=_HE,
            name=f"features.{number}",
        )
        x = graph.add(conv, x)
        if pool:
            x = graph.add(MaxPool2d(3, stride=2, name=f"features.{number}.pool"), x)
    return _classifier(graph, x, ("1", "4", "6"), (4096, 4096, classes), (6, 6), "alexnet")


def _classifier(
    graph: Graph,
    x: Ids,
    numbers: Sequence[str],
    sizes: Sequence[int],
    needed: tuple[int, int],
    who: str,
) -> Graph:
    if x.shape[1:] != needed:
        raise GraphError(
            f"{who}: found {x.shape[1]}x{x.shape[2]} maps before the classifier, "
            f"needed {needed[0]}x{needed[1]} (input 224x224)"
        )
    for number, size in zip(numbers, sizes, strict=True):
        squash = None if number == numbers[-1] else "relu"
        name = f"classifier.{number}"
        x = graph.add(Linear(size, activation=squash, initializer=_HE, name=name), x)
    return graph


def vgg16(*, input_shape: Shape = (3, 224, 224), classes: int = 1000) -> Graph:
    """Return VGG-16: 138,357,544 parameters; 14,969,824,000 connections by convolution and matrix.

    K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    2015 (configuration D). The input must leave 7x7 maps before the classifier (224x224 does).
    """
    graph, x = _start(input_shape, "vgg16")
    number = 0
    for repeats, maps in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(repeats):
            name = f"features.{number}"
            conv = Conv2d(maps, 3, padding=1, activation="relu", initializer=_HE, name=name)
            x = graph.add(conv, x)
            number += 2
        x = graph.add(MaxPool2d(2, name=f"features.{number}"), x)
        number += 1
    return _classifier(graph, x, ("0", "3", "6"), (4096, 4096, classes), (7, 7), "vgg16")


def _conv_norm(
    graph: Graph,
    x: Ids,
    maps: int,
    names: tuple[str, str],
    *,
    size: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: str | None = "relu",
) -> Ids:
    """Add a convolution without bias, padded to keep its place, and its batch norm."""
    conv = Conv2d(
        maps,
        size,
        stride=stride,
        padding=size // 2,
        groups=groups,
        bias=None,
        initializer=_HE,
        name=names[0],
    )
    return graph.add(BatchNorm2d(activation=activation, name=names[1]), graph.add(conv, x))


def _residual(
    graph: Graph, x: Ids, name: str, plan: Sequence[tuple[int, int, int]], stride: int
) -> Ids:
    """Add a residual block; the plan gives (maps, window, stride) of each convolution."""
    inner = x
    for number, (maps, size, step) in enumerate(plan, 1):
        squash = "relu" if number < len(plan) else None
        names = f"{name}.conv{number}", f"{name}.bn{number}"
        inner = _conv_norm(graph, inner, maps, names, size=size, stride=step, activation=squash)
    if stride != 1 or x.shape[0] != inner.shape[0]:
        names = f"{name}.downsample.0", f"{name}.downsample.1"
        x = _conv_norm(graph, x, inner.shape[0], names, stride=stride, activation=None)
    return graph.add(Add(activation="relu", name=f"{name}.add"), inner, x)


def _resnet(
    who: str, input_shape: Shape, classes: int, repeats: Sequence[int], bottleneck: bool
) -> Graph:
    graph, x = _start(input_shape, who)
    x = _conv_norm(graph, x, 64, ("conv1", "bn1"), size=7, stride=2)
    x = graph.add(MaxPool2d(3, stride=2, padding=1, name="maxpool"), x)
    for stage, count in enumerate(repeats, 1):
        maps = 64 * 2 ** (stage - 1)
        for number in range(count):
            stride = 2 if stage > 1 and number == 0 else 1
            plan = [(maps, 3, stride), (maps, 3, 1)]
            if bottleneck:
                plan = [(maps, 1, 1), (maps, 3, stride), (4 * maps, 1, 1)]
            x = _residual(graph, x, f"layer{stage}.{number}", plan, stride)
    x = graph.add(AvgPool2d((x.shape[1], x.shape[2]), name="avgpool"), x)
    graph.add(Linear(classes, initializer=_HE, name="fc"), x)
    return graph


def resnet18(*, input_shape: Shape = (3, 224, 224), classes: int = 1000) -> Graph:
    """Return ResNet-18: 11,689,512 parameters.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2016. On 32x32
    images 6,946,816 of its convolution weights have no connection at all.
    """
    return _resnet("resnet18", input_shape, classes, (2, 2, 2, 2), bottleneck=False)


def resnet50(*, input_shape: Shape = (3, 224, 224), classes: int = 1000) -> Graph:
    """Return ResNet-50 with the stride in the 3x3 convolutions: 25,557,032 parameters.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2016.
    """
    return _resnet("resnet50", input_shape, classes, (3, 4, 6, 3), bottleneck=True)


def mobilenet_v2(*, input_shape: Shape = (3, 224, 224), classes: int = 1000) -> Graph:
    """Return MobileNetV2: 3,504,872 parameters.

    M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
    """
    graph, x = _start(input_shape, "mobilenet_v2")
    first = ("features.0.0", "features.0.1")
    x = _conv_norm(graph, x, 32, first, size=3, stride=2, activation="relu6")
    number = 1
    for expand, maps, count, step in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for repeat in range(count):
            stride = step if repeat == 0 else 1
            x = _inverted(graph, x, f"features.{number}", expand, maps, stride)
            number += 1
    last = (f"features.{number}.0", f"features.{number}.1")
    x = _conv_norm(graph, x, 1280, last, activation="relu6")
    x = graph.add(AvgPool2d((x.shape[1], x.shape[2]), name="avgpool"), x)
    graph.add(Linear(classes, initializer=_HE, name="classifier.1"), x)
    return graph


def _inverted(graph: Graph, x: Ids, name: str, expand: int, maps: int, stride: int) -> Ids:
    """Add an inverted residual block: widen, filter each map alone, narrow, and add the input."""
    inner, wide, part = x, x.shape[0] * expand, 0
    if expand != 1:
        names = f"{name}.conv.0.0", f"{name}.conv.0.1"
        inner = _conv_norm(graph, inner, wide, names, activation="relu6")
        part = 1
    names = f"{name}.conv.{part}.0", f"{name}.conv.{part}.1"
    inner = _conv_norm(
        graph, inner, wide, names, size=3, stride=stride, groups=wide, activation="relu6"
    )
    names = f"{name}.conv.{part + 1}", f"{name}.conv.{part + 2}"
    inner = _conv_norm(graph, inner, maps, names, activation=None)
    if stride != 1 or x.shape[0] != maps:
        return inner
    return graph.add(Add(name=f"{name}.add"), inner, x)
