"""torch modules as graphs: torch itself is the oracle, for states and for counts."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.nn.utils import parametrizations, prune  # noqa: E402


class Of(nn.Module):
    """A module of a function, and of modules that it uses."""

    def __init__(self, function: Any, *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for number, part in enumerate(parts):
            setattr(self, f"part{number}", part)

    def forward(self, *x: torch.Tensor) -> Any:
        return self.function(self, *x)


def shaken(module: nn.Module) -> nn.Module:
    """Give every parameter and statistic a value of its own."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point() and not name.endswith("mask"):
            noise = torch.rand(tensor.shape, generator=generator)
            tensor.data = (0.5 + noise if "var" in name else noise - 0.4).to(tensor.dtype)
    return module


def outputs_of(module: nn.Module, *shapes: tuple[int, ...]) -> tuple[ng.Graph, Any, Any]:
    """Return the graph, its outputs and the module's, for three samples, in float64."""
    module = module.double()
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn((3, *s), generator=generator, dtype=torch.float64) for s in shapes]
    graph = ng.from_torch(module, tuple(x[:1] for x in inputs))
    with torch.no_grad():
        wanted = module.eval()(*inputs).numpy()
    found = ng.Simulator(graph, engine="scipy", dtype="float64")(*(x.numpy() for x in inputs))
    assert ng.verify(graph).ok
    return graph, found.reshape(wanted.shape), wanted


def assert_same(module: nn.Module, *shapes: tuple[int, ...], atol: float = 1e-9) -> ng.Graph:
    """Compare the graph's outputs with the module's, for three samples, in float64."""
    graph, found, wanted = outputs_of(module, *shapes)
    np.testing.assert_allclose(found, wanted, atol=atol, rtol=1e-8)
    return graph


MODULES = {
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (4, 9)),
    "conv2d": (lambda: nn.Conv2d(2, 3, (3, 2), padding=(2, 1), dilation=(2, 1)), (2, 6, 7)),
    "conv2d same": (lambda: nn.Conv2d(2, 3, 4, padding="same"), (2, 6, 7)),
    "conv2d circular": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 5, 5)),
    "conv2d reflect": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 5, 5)),
    "conv2d replicate": (
        lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="replicate"), (2, 5, 5)
    ),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, padding=1), (2, 3, 4, 3)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(2, 4, 3, stride=2, groups=2), (2, 5)),
    "transposed 2d": (
        lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 4)
    ),
    "transposed 3d": (lambda: nn.ConvTranspose3d(2, 1, 2, stride=2), (2, 2, 3, 2)),
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "linear over positions": (lambda: nn.Linear(4, 3, bias=False), (2, 4)),
    "batch norm": (lambda: nn.BatchNorm2d(3), (3, 4, 4)),
    "batch norm without weights": (lambda: nn.BatchNorm1d(3, affine=False), (3, 4)),
    "layer norm": (lambda: nn.LayerNorm((4, 3)), (2, 4, 3)),
    "layer norm without weights": (lambda: nn.LayerNorm(3, elementwise_affine=False), (4, 3)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (4, 3, 3)),
    "instance norm": (lambda: nn.InstanceNorm2d(3, affine=True), (3, 4, 4)),
    "rms norm": (lambda: nn.RMSNorm(4, eps=1e-5), (3, 4)),
    "local response": (lambda: nn.LocalResponseNorm(3), (5, 3, 3)),
    "max pool": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 6, 7)),
    "max pool dilated": (lambda: nn.MaxPool2d(2, 1, dilation=2), (2, 6, 7)),
    "max pool 1d": (lambda: nn.MaxPool1d(2), (2, 6)),
    "max pool 3d": (lambda: nn.MaxPool3d(2), (2, 4, 4, 4)),
    "average pool": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), (2, 6, 7)),
    "average pool, real": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 6, 7)),
    "average pool by five": (lambda: nn.AvgPool2d(2, divisor_override=5), (2, 6, 6)),
    "adaptive average": (lambda: nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    "adaptive max": (lambda: nn.AdaptiveMaxPool2d((3, 2)), (2, 7, 5)),
    "lp pool": (lambda: nn.LPPool2d(2, 2), (2, 4, 4)),
    "nearest": (lambda: nn.Upsample(scale_factor=2), (2, 3, 4)),
    "bilinear": (lambda: nn.Upsample(size=(5, 9), mode="bilinear"), (2, 3, 4)),
    "bilinear aligned": (
        lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), (2, 3, 4)
    ),
    "bicubic": (lambda: nn.Upsample(scale_factor=1.7, mode="bicubic"), (2, 5, 4)),
    "trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), (2, 2, 3, 2)),
    "pixel shuffle": (lambda: nn.PixelShuffle(2), (8, 2, 3)),
    "unfold": (lambda: nn.Unfold(2), (2, 4, 4)),
    "pad by a value": (lambda: nn.ConstantPad2d(1, 3.5), (2, 3, 3)),
    "pad, then the largest": (
        lambda: nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(2)), (2, 4, 4)
    ),
    "channel shuffle": (lambda: nn.ChannelShuffle(2), (4, 2, 2)),
    "prelu": (lambda: nn.PReLU(3), (3, 4, 4)),
    "glu": (lambda: nn.GLU(1), (4, 3)),
    "softmax": (lambda: nn.Softmax(1), (4, 3)),
    "log softmax": (lambda: nn.LogSoftmax(-1), (4, 3)),
    "dropout": (lambda: nn.Sequential(nn.Linear(3, 2), nn.Dropout()), (3,)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module(name: str) -> None:
    make, shape = MODULES[name]
    assert_same(shaken(make()), shape)


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.SELU(), nn.CELU(0.6), nn.GELU(),
    nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Sigmoid(), nn.LogSigmoid(), nn.Tanh(), nn.Softplus(),
    nn.Softsign(), nn.Hardtanh(-0.3, 0.4), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardshrink(0.3),
    nn.Softshrink(0.3), nn.Tanhshrink(), nn.Threshold(0.1, 0.7),
]  # fmt: skip


def test_activations_alone_and_behind_a_sum() -> None:
    # All in one module: it is the export that takes its time.
    sums = [nn.Linear(4, 4) for _ in ACTIVATIONS]

    def every(m: Any, x: torch.Tensor) -> torch.Tensor:
        behind = [a(s(x)) for a, s in zip(ACTIVATIONS, sums, strict=True)]
        return torch.stack([*(a(x) for a in ACTIVATIONS), *behind], 1)

    _, found, wanted = outputs_of(shaken(Of(every, *sums)), (4,))
    close = np.isclose(found, wanted, atol=1e-9, rtol=1e-8).all((0, 2))
    assert [str(a) for a, well in zip(2 * ACTIVATIONS, close, strict=True) if not well] == []


def test_two_activations_are_both_applied() -> None:
    net = shaken(nn.Sequential(nn.Linear(4, 5), nn.Softplus(), nn.Tanh()))
    graph = assert_same(net, (4,))
    assert len(graph.layers) == 3  # the input, the sum with softplus, tanh


def test_an_activation_with_two_readers_is_no_part_of_the_sum() -> None:
    def twice(m: Any, x: torch.Tensor) -> torch.Tensor:
        h = m.part0(x)
        return h + torch.relu(h)

    assert_same(Of(twice, shaken(nn.Linear(4, 4))), (4,))


FUNCTIONS = {
    "residual": lambda m, x: x + 2 * x.flip(-1),
    "minus": lambda m, x: torch.sub(x, x.roll(1, -1), alpha=0.5),
    "one minus": lambda m, x: 1 - x,
    "rsub": lambda m, x: torch.rsub(x, 3.0, alpha=2.0),
    "gates": lambda m, x: x * torch.sigmoid(x).flip(1),
    "by a constant": lambda m, x: x * torch.arange(12.0, dtype=torch.float64).reshape(3, 4),
    "over a constant": lambda m, x: x / torch.tensor([1.0, 2.0, 4.0, 8.0]).double(),
    "over neurons": lambda m, x: x / (2 + x.abs()),
    "one over neurons": lambda m, x: 3.0 / (2 + x * x),
    "power": lambda m, x: (x.abs() + 1) ** 1.5,
    "clamp": lambda m, x: x.clamp(-0.2, 0.3) + x.clamp(min=0.1) + x.clamp(max=0.2),
    "mean": lambda m, x: x.mean((1, 2)),
    "sum, kept": lambda m, x: x.sum(2, keepdim=True),
    "largest": lambda m, x: x.amax(2) + x.max(1).values.sum(1, keepdim=True),
    "smallest": lambda m, x: x.amin(1),
    "product": lambda m, x: x.prod(2),
    "variance": lambda m, x: x.var(2) + x.std((1, 2), keepdim=True).squeeze(2),
    "maximum": lambda m, x: torch.maximum(x, x.flip(1)) + torch.minimum(x, x.flip(2)),
    "cat": lambda m, x: torch.cat([x, x.relu(), torch.ones(x.shape[0], 1, 4).double()], 1),
    "split": lambda m, x: torch.stack(x.unbind(1), 2).split(1, 1)[2],
    "attention": lambda m, x: torch.softmax(x @ x.transpose(1, 2), -1) @ x,
    "where": lambda m, x: torch.where(torch.eye(4)[:3].bool(), x, 0.5),
    "masked": lambda m, x: x.masked_fill(torch.eye(4)[:3].bool(), -2.0),
    "triangle": lambda m, x: x.tril(),
    "rotated": lambda m, x: torch.rot90(x, 1, (1, 2)),
    "scattered": lambda m, x: x.select_scatter(x[:, 0] * 2, 1, 1),
    "in place": lambda m, x: x.clone().relu_().add_(1).mul_(2),
    "a slice in place": lambda m, x: _sliced(x),
    "shapes": lambda m, x: x.reshape(x.shape[0], -1).view(-1, x.shape[2], x.shape[1]),
    "compared": lambda m, x: (x > 0.1) * x + (x <= 0.3) + (x < x.flip(1)) * 2.0 + (x >= -1),
    "chosen": lambda m, x: torch.where(x > 0, x, x.exp()),
    "gathered": lambda m, x: x[:, torch.tensor([2, 0, 0])],
}


def _sliced(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, 1:] = x[:, :-1] * 3
    return y + 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(name: str) -> None:
    assert_same(Of(FUNCTIONS[name]), (3, 4))


def test_several_inputs_by_their_names() -> None:
    graph = assert_same(Of(lambda m, x, y: m.part0(x) * y, shaken(nn.Linear(4, 3))), (4,), (3,))
    assert len(graph.inputs) == 2


# ---- which weights there are -----------------------------------------------------------------


def weights_of(module: nn.Module, *shapes: tuple[int, ...]) -> tuple[int, ng.Graph]:
    graph = assert_same(module, *shapes)
    return ng.count(graph).total.trainable, graph


def test_names_are_those_of_the_state_dictionary() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    _, graph = weights_of(shaken(net), (1, 4, 4))
    parameters = {name for name, _ in net.named_parameters()}
    assert parameters <= set(graph.weights)
    for name, tensor in net.named_parameters():
        np.testing.assert_array_equal(graph.weights[name], tensor.detach().numpy())
    assert ng.count(graph)["0"].trainable == 20
    assert ng.count(graph)["1"].trainable == 4


def test_tied_by_object() -> None:
    first, second = nn.Conv2d(8, 8, 3, bias=False), nn.Conv2d(8, 8, 3, bias=False)
    second.weight = first.weight
    assert weights_of(shaken(nn.Sequential(first, second)), (8, 5, 5))[0] == 576


def test_tied_by_data() -> None:
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    shaken(nn.Sequential(first, second)).double()
    second.weight.data = first.weight.data
    assert weights_of(nn.Sequential(first, second), (4,))[0] == 16


def test_tied_by_a_slice() -> None:
    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.all = nn.Parameter(torch.randn(6, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.linear(F.linear(x, self.all[:, :4]), self.all[:4, 2:])

    assert weights_of(Sliced(), (4,))[0] == 48


def test_tied_by_expanding_and_by_transposing() -> None:
    class Expanded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.row = nn.Parameter(torch.randn(1, 6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.linear(F.linear(x, self.row.expand(4, 6)), self.row.expand(4, 6).t())

    assert weights_of(Expanded(), (6,))[0] == 6


def test_used_under_three_parents() -> None:
    shared = shaken(nn.Linear(100, 100))
    net = nn.Sequential(*(nn.Sequential(shared) for _ in range(3)))
    trainable, graph = weights_of(net, (100,))
    total = ng.count(graph).total
    assert (trainable, total.connections, total.bias_connections) == (10_100, 30_300, 300)


def test_a_pruned_layer_is_cut() -> None:
    layer = shaken(nn.Conv2d(6, 16, 5))
    table = torch.zeros(16, 6, 1, 1)
    for out, maps in enumerate(ng.models.LENET5_C3):
        table[out, list(maps)] = 1
    prune.custom_from_mask(layer, "weight", table.expand(16, 6, 5, 5).clone())
    graph = assert_same(layer, (6, 14, 14))
    total = ng.count(graph).total
    assert total.connections == 151_600
    assert total.dead == 900
    assert total.trainable - total.dead == 1_516


def test_a_weight_norm_is_derived_and_right() -> None:
    assert_same(parametrizations.weight_norm(shaken(nn.Linear(4, 3))), (4,))


def test_frozen_weights_are_fixed() -> None:
    net = shaken(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))
    net[0].weight.requires_grad_(False)
    assert weights_of(net, (4,))[0] == 3 + 8


def test_a_head_that_nobody_uses_is_dead() -> None:
    net = Of(lambda m, x: m.part0(x), shaken(nn.Linear(4, 3)), shaken(nn.Linear(4, 2)))
    trainable, graph = weights_of(net, (4,))
    # torch leaves out what the module does not use; what it exports is there
    assert trainable - ng.count(graph).total.dead == 15


def test_a_batch_is_one_sample() -> None:
    net = nn.Conv2d(1, 2, 3)
    one = ng.count(ng.from_torch(net, torch.zeros(1, 1, 5, 5))).total.connections
    assert one == ng.count(ng.from_torch(net, torch.zeros(7, 1, 5, 5))).total.connections == 180


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train()
    net[1].eval()
    ng.from_torch(net, torch.zeros(1, 2))
    assert net.training
    assert net[0].training
    assert not net[1].training


# ---- what cannot be said ---------------------------------------------------------------------


def test_every_unknown_operator_is_listed() -> None:
    net = Of(lambda m, x: x.sort(1).values + x.topk(4).values + x.argmax(1, keepdim=True))
    with pytest.raises(ConversionError, match=r"(?s)sort.*topk.*argmax"):
        ng.from_torch(net, torch.zeros(1, 4))


@pytest.mark.parametrize("example", [None, 5, "text", [1.0], ()])
def test_an_example_that_is_no_tensor(example: Any) -> None:
    with pytest.raises(ConversionError, match="needed tensors"):
        ng.from_torch(nn.Linear(2, 2), example)


@pytest.mark.parametrize("module", [None, 5, nn.Linear, lambda x: x])
def test_what_is_no_module(module: Any) -> None:
    with pytest.raises(ConversionError, match=r"needed a torch\.nn\.Module"):
        ng.from_torch(module, torch.zeros(1, 2))


def test_a_module_that_does_not_run() -> None:
    with pytest.raises(ConversionError, match="Linear cannot be exported"):
        ng.from_torch(nn.Linear(2, 2), torch.zeros(1, 3))


def test_control_flow_by_data_is_refused() -> None:
    net = Of(lambda m, x: x + 1 if x.sum() > 0 else x - 1)
    with pytest.raises(ConversionError):
        ng.from_torch(net, torch.zeros(1, 3))


MIXING = {
    "less the mean of all": lambda m, x: x - x.mean(0, keepdim=True),
    "a softmax over samples": lambda m, x: torch.softmax(x, 0),
    "over their number": lambda m, x: x / x.shape[0],
}


@pytest.mark.parametrize("name", MIXING)
def test_a_module_that_mixes_samples_is_refused(name: str) -> None:
    with pytest.raises(ConversionError, match="mixes the samples of a batch"):
        ng.from_torch(Of(MIXING[name]), torch.randn(4, 3))


def test_tensors_without_values_are_refused() -> None:
    with pytest.raises(ConversionError, match="device meta, needed values"):
        ng.from_torch(nn.Linear(10, 10, device="meta"), torch.randn(1, 10, device="meta"))
    with pytest.raises(ConversionError, match=r"shape \(0, 3, 8, 8\), needed one sample"):
        ng.from_torch(nn.Conv2d(3, 4, 3), torch.randn(0, 3, 8, 8))


def test_derived_weights_are_no_parameters() -> None:
    graph = assert_same(parametrizations.weight_norm(shaken(nn.Linear(6, 4))), (6,))
    total = ng.count(graph).total
    assert (total.parameters, total.fixed) == (32, 24)
