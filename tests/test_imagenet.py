"""ImageNet-sized graphs: exact counts by enumeration, and agreement with torch."""

from __future__ import annotations

import pytest

import neurograph as ng
from neurograph.models import imagenet

WINDOWED = ("Conv2d", "Linear")


def products(graph: ng.Graph, counts: ng.Counts) -> tuple[int, int]:
    """Return (slots, live connections) of convolutions and linear layers, biases left out."""
    rows = [counts[x.name] for x in graph.layers.values() if x.kind in WINDOWED]
    padded = sum(r.slots - r.bias_connections for r in rows)
    return padded, sum(r.connections - r.bias_connections for r in rows)


def convolution_kernels(graph: ng.Graph) -> list[str]:
    return [f"{x.name}.kernel" for x in graph.layers.values() if x.kind == "Conv2d"]


# ---- counts -------------------------------------------------------------------------------------


def test_vgg16_has_its_published_parameters_and_fewer_connections_than_padded_macs() -> None:
    graph = imagenet.vgg16()
    counts = ng.count(graph)
    assert counts.total.parameters == 138_357_544
    assert products(graph, counts) == (15_470_264_320, 14_969_824_000)
    assert counts.total.bias_connections == 13_556_712
    assert counts.total.dead == 0
    assert not graph.weights.allocated


@pytest.mark.parametrize(
    ("model", "parameters", "padded", "real"),
    [
        ("alexnet", 61_100_840, 714_188_480, 657_918_720),
        ("mobilenet_v2", 3_504_872, 300_774_272, 299_676_304),
    ],
)
def test_networks_at_224(model: str, parameters: int, padded: int, real: int) -> None:
    graph = getattr(imagenet, model)()
    counts = ng.count(graph)
    assert counts.total.parameters == parameters
    assert products(graph, counts) == (padded, real)


@pytest.mark.parametrize(
    ("model", "parameters"), [("resnet18", 11_689_512), ("resnet50", 25_557_032)]
)
def test_resnet_parameters_do_not_depend_on_the_image(model: str, parameters: int) -> None:
    graph = getattr(imagenet, model)(input_shape=(3, 32, 32))
    assert ng.count(graph).total.parameters == parameters


def test_resnet18_at_32_has_dead_weights() -> None:
    graph = imagenet.resnet18(input_shape=(3, 32, 32))
    counts = ng.count(graph)
    assert products(graph, counts) == (37_523_456, 22_174_464)
    assert counts.total.dead == 6_946_816
    dead = [r.name for r in counts if r.dead]
    assert all(graph.layer(name).kind == "Conv2d" for name in dead)
    assert ng.verify(graph).ok


@pytest.mark.parametrize(
    ("model", "side", "dead"),
    [("mobilenet_v2", 32, 25_920), ("mobilenet_v2", 64, 0), ("resnet18", 64, 0)],
)
def test_dead_weights_of_small_images(model: str, side: int, dead: int) -> None:
    graph = getattr(imagenet, model)(input_shape=(3, side, side))
    assert ng.count(graph).total.dead == dead


def test_what_is_too_large_says_so_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.memory.physical", lambda: 1_000_000)
    graph = imagenet.resnet18(input_shape=(3, 32, 32))
    with pytest.raises(
        ng.EngineError, match=r"scipy engine: would take 6\d\d\.\d MB, the limit is"
    ):
        ng.Simulator(graph, engine="scipy")
    with pytest.raises(ng.GraphError, match=r"matrix of conv1: would take 38\.5 MB, the limit is"):
        ng.compile(graph).matrix("conv1")
