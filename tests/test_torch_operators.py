"""A zoo of single torch operators: each is right, by torch itself, or one named error."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

SHAPES = {"lines": (3, 4), "simpler": (3, 4), "maps": (3, 6, 6)}
SIZES = {"w34": (3, 4), "w43": (4, 3), "w4": (4,), "w3": (3,), "b3": (3,), "b344": (3, 4, 4),
         "k1": (3, 3, 2), "k2": (2, 3, 3, 3), "k3": (2, 3, 2, 2, 2), "t2": (3, 2, 2, 2),
         "bi": (2, 4, 4)}  # fmt: skip
D = torch.float64


def full(value: float) -> Any:
    return torch.full((3,), value, dtype=D)


def pos(x: Any) -> Any:
    return x.abs() + 0.5


# Operators of x (n, 3, 4), y being x from bottom to top, and of weights w.
LINES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "abs": lambda x, y, w: x.abs(),
    "acos": lambda x, y, w: torch.acos(x * 0.2),
    "acosh": lambda x, y, w: torch.acosh(pos(x) + 1),
    "asin": lambda x, y, w: torch.asin(x * 0.2),
    "asinh": lambda x, y, w: torch.asinh(x),
    "atan": lambda x, y, w: torch.atan(x),
    "atanh": lambda x, y, w: torch.atanh(x * 0.2),
    "ceil": lambda x, y, w: torch.ceil(x),
    "cos": lambda x, y, w: torch.cos(x),
    "cosh": lambda x, y, w: torch.cosh(x),
    "erf": lambda x, y, w: torch.erf(x),
    "erfc": lambda x, y, w: torch.erfc(x),
    "exp": lambda x, y, w: torch.exp(x),
    "exp2": lambda x, y, w: torch.exp2(x),
    "expm1": lambda x, y, w: torch.expm1(x),
    "floor": lambda x, y, w: torch.floor(x),
    "log": lambda x, y, w: torch.log(pos(x)),
    "log10": lambda x, y, w: torch.log10(pos(x)),
    "log1p": lambda x, y, w: torch.log1p(x.abs()),
    "log2": lambda x, y, w: torch.log2(pos(x)),
    "neg": lambda x, y, w: -x,
    "reciprocal": lambda x, y, w: torch.reciprocal(pos(x)),
    "round": lambda x, y, w: torch.round(x),
    "rsqrt": lambda x, y, w: torch.rsqrt(pos(x)),
    "sigmoid": lambda x, y, w: torch.sigmoid(x),
    "sign": lambda x, y, w: torch.sign(x) + torch.sgn(y),
    "sin": lambda x, y, w: torch.sin(x),
    "sinh": lambda x, y, w: torch.sinh(x),
    "sqrt": lambda x, y, w: torch.sqrt(pos(x)),
    "square": lambda x, y, w: torch.square(x),
    "tan": lambda x, y, w: torch.tan(x * 0.2),
    "tanh": lambda x, y, w: torch.tanh(x),
    "trunc": lambda x, y, w: torch.trunc(2 * x),
    "to integers": lambda x, y, w: (3 * x).int().to(D) + (3 * y).long(),
    "to truth": lambda x, y, w: F.relu(x).bool().to(D),
    # of two
    "add": lambda x, y, w: torch.add(x, y, alpha=0.3),
    "div": lambda x, y, w: x / pos(y),
    "div, down": lambda x, y, w: torch.div(x, 0.7, rounding_mode="floor"),
    "div, towards zero": lambda x, y, w: torch.div(x, pos(y), rounding_mode="trunc"),
    "maximum": lambda x, y, w: torch.maximum(x, y),
    "minimum": lambda x, y, w: torch.minimum(x, y),
    "mul": lambda x, y, w: x * y,
    "pow": lambda x, y, w: pos(x) ** 1.7,
    "pow 3": lambda x, y, w: x**3,
    "pow, base": lambda x, y, w: 0.4**x,
    "rsub": lambda x, y, w: torch.rsub(x, 2, alpha=3),
    "sub": lambda x, y, w: x - y,
    # comparisons
    "gt": lambda x, y, w: (x > 0.1) * x,
    "lt": lambda x, y, w: (x < y) * x,
    "ge": lambda x, y, w: (x.round() >= 0) * x,
    "le": lambda x, y, w: (x.round() <= 1) * x,
    "eq": lambda x, y, w: (x.round() == 1) * x,
    "ne": lambda x, y, w: (x.round() != y.round()) * x,
    "and": lambda x, y, w: ((x > 0) & (y > 0)).to(D),
    "or": lambda x, y, w: torch.logical_or(x > 0, y > 0).to(D),
    "xor": lambda x, y, w: ((x > 0) ^ (y > 0)).to(D),
    "not": lambda x, y, w: (~(x > 0)).to(D),
    "any": lambda x, y, w: (x > 0.5).any(2).to(D),
    "all": lambda x, y, w: (x > -1).all(2).to(D),
    "where": lambda x, y, w: torch.where(x > 0, x, y.exp()),
    "masked_fill by states": lambda x, y, w: x.masked_fill(x > 0, 0.3),
    # activations
    "celu": lambda x, y, w: F.celu(x, 0.6),
    "elu": lambda x, y, w: F.elu(x, 0.7),
    "gelu": lambda x, y, w: F.gelu(x) + F.gelu(y, approximate="tanh"),
    "glu": lambda x, y, w: F.glu(x, 2),
    "hardshrink": lambda x, y, w: F.hardshrink(x),
    "hardsigmoid": lambda x, y, w: F.hardsigmoid(x),
    "hardswish": lambda x, y, w: F.hardswish(x),
    "hardtanh": lambda x, y, w: F.hardtanh(x, -0.3, 0.4),
    "leaky_relu": lambda x, y, w: F.leaky_relu(x, 0.2),
    "log_softmax": lambda x, y, w: F.log_softmax(x, 2),
    "logsigmoid": lambda x, y, w: F.logsigmoid(x),
    "mish": lambda x, y, w: F.mish(x),
    "prelu": lambda x, y, w: F.prelu(x, w["w3"]),
    "relu6": lambda x, y, w: F.relu6(5 * x),
    "rrelu": lambda x, y, w: F.rrelu(x, 0.1, 0.3),
    "selu": lambda x, y, w: F.selu(x),
    "silu": lambda x, y, w: F.silu(x),
    "softmax": lambda x, y, w: F.softmax(x, 1),
    "softmin": lambda x, y, w: F.softmin(x, 2),
    "softshrink": lambda x, y, w: F.softshrink(x),
    "softsign": lambda x, y, w: F.softsign(x),
    "tanhshrink": lambda x, y, w: F.tanhshrink(x),
    "threshold": lambda x, y, w: F.threshold(x, 0.1, 0.7),
    # reductions
    "amax": lambda x, y, w: x.amax(1),
    "amin": lambda x, y, w: x.amin((1, 2)),
    "cummax": lambda x, y, w: x.cummax(2).values,
    "cumprod": lambda x, y, w: x.cumprod(2),
    "cumsum": lambda x, y, w: x.cumsum(2) + F.pad(y, (1, 0))[:, :, :4].cumsum(1),
    "logsumexp": lambda x, y, w: x.logsumexp((1, 2)),
    "max": lambda x, y, w: x.max(1).values,
    "mean": lambda x, y, w: x.mean((1, 2)),
    "min": lambda x, y, w: x.min(2).values,
    "norm": lambda x, y, w: x.norm(dim=2),
    "norm 1": lambda x, y, w: x.norm(p=1, dim=2),
    "norm 3": lambda x, y, w: x.norm(p=3, dim=2),
    "norm, largest": lambda x, y, w: x.norm(p=float("inf"), dim=2),
    "normalize": lambda x, y, w: F.normalize(x, dim=1) + F.normalize(x, p=1, dim=2),
    "prod": lambda x, y, w: x.prod(2),
    "sum": lambda x, y, w: x.sum(1),
    # products
    "attention": lambda x, y, w: F.scaled_dot_product_attention(x[:, None], y[:, None], x[:, None]),
    "bilinear": lambda x, y, w: F.bilinear(x, y, w["bi"]),
    "causal attention": lambda x, y, w: F.scaled_dot_product_attention(x, y, x, is_causal=True),
    "masked attention": lambda x, y, w: F.scaled_dot_product_attention(x, y, x, torch.eye(3) > 0),
    "linear": lambda x, y, w: F.linear(x, w["w34"], w["w3"]),
    "matmul": lambda x, y, w: x @ w["w43"] + w["w34"] @ y.transpose(1, 2),
    "matmul in batches": lambda x, y, w: x[:, :, None] @ w["b344"],
    "matmul in batches, left": lambda x, y, w: w["b344"] @ x[..., None],
    "mv": lambda x, y, w: x @ w["w4"],
    # moves
    "cat": lambda x, y, w: torch.cat([x, y.relu(), w["w34"][None].expand_as(x)], 1),
    "diag_embed": lambda x, y, w: torch.diag_embed(x),
    "diagonal": lambda x, y, w: x.diagonal(dim1=1, dim2=2),
    "diagonal_scatter": lambda x, y, w: x.diagonal_scatter(y[:, :, 0], 0, 1, 2),
    "flip": lambda x, y, w: x.flip(2),
    "gather": lambda x, y, w: x.gather(2, torch.tensor([[[3, 0], [1, 1], [2, 0]]])),
    "index": lambda x, y, w: x[:, [2, 0]],
    "index_copy": lambda x, y, w: x.index_copy(2, torch.tensor([1, 0]), y[:, :, 2:]),
    "index_put": lambda x, y, w: x.index_put(
        (torch.tensor([[0]]), torch.tensor([[0, 2]])), y[:, :2]
    ),
    "index_select": lambda x, y, w: x.index_select(2, torch.tensor([3, 0])),
    "masked_fill": lambda x, y, w: x.masked_fill(torch.eye(3, 4) > 0, -2.0),
    "masked_scatter": lambda x, y, w: x.masked_scatter(torch.eye(3, 4) > 0, y),
    "repeat_interleave": lambda x, y, w: x.repeat_interleave(2, 1),
    "roll": lambda x, y, w: x.roll(1, 2),
    "rot90": lambda x, y, w: torch.rot90(x, 1, (1, 2)),
    "scatter": lambda x, y, w: x.scatter(2, torch.tensor([[[1], [0], [3]]]), y[:, :, :1]),
    "scatter a number": lambda x, y, w: x.scatter(2, torch.tensor([[[1], [0], [3]]]), 0.7),
    "select_scatter": lambda x, y, w: x.select_scatter(y[:, 0], 1, 1),
    "slice_scatter": lambda x, y, w: x.slice_scatter(y[:, :1], 1, 1, 2),
    "split": lambda x, y, w: x.split(2, 2)[1],
    "stack": lambda x, y, w: torch.stack([x, y], 1),
    "take_along_dim": lambda x, y, w: x.take_along_dim(torch.tensor([[[1], [0], [2]]]), 2),
    "tile": lambda x, y, w: x.tile(1, 1, 2),
    "triu": lambda x, y, w: x.triu(1),
    "unfold": lambda x, y, w: x.unfold(2, 2, 1),
    # layers in one dimension
    "adaptive_avg_pool1d": lambda x, y, w: F.adaptive_avg_pool1d(x, 3),
    "adaptive_max_pool1d": lambda x, y, w: F.adaptive_max_pool1d(x, 3),
    "avg_pool1d": lambda x, y, w: F.avg_pool1d(x, 2),
    "batch_norm": lambda x, y, w: F.batch_norm(x, full(0.1), full(2.0), w["w3"], w["b3"]),
    "conv1d": lambda x, y, w: F.conv1d(x, w["k1"]),
    "conv_transpose1d": lambda x, y, w: F.conv_transpose1d(x, w["k1"], stride=2),
    "instance_norm by statistics": lambda x, y, w: F.instance_norm(
        x, full(0.1), full(2.0), w["w3"], w["b3"], use_input_stats=False
    ),
    "layer_norm": lambda x, y, w: F.layer_norm(x, (4,), w["w4"]),
    "linear interpolation": lambda x, y, w: F.interpolate(x, 7, mode="linear"),
    "lp_pool1d": lambda x, y, w: F.lp_pool1d(x, 2, 2),
    "max_pool1d": lambda x, y, w: F.max_pool1d(x, 2),
    "rms_norm": lambda x, y, w: F.rms_norm(x, (4,)),
}

# Likewise, those that torch says by simpler ones.
SIMPLER: dict[str, Callable[[Any, Any, Any], Any]] = {
    "deg2rad": lambda x, y, w: torch.deg2rad(x),
    "frac": lambda x, y, w: torch.frac(x),
    "logit": lambda x, y, w: torch.logit(torch.sigmoid(x)),
    "addcdiv": lambda x, y, w: torch.addcdiv(x, y, pos(x), value=0.5),
    "addcmul": lambda x, y, w: torch.addcmul(x, y, x.roll(1, 2), value=0.5),
    "floor_divide": lambda x, y, w: torch.floor_divide(x, 0.7),
    "lerp": lambda x, y, w: torch.lerp(x, y, 0.3),
    "clamp": lambda x, y, w: x.clamp(-0.2, 0.3) + x.clip(max=0.1),
    "clamp by tensors": lambda x, y, w: torch.clamp(x, y, y + 1),
    "l1": lambda x, y, w: F.l1_loss(x, y, reduction="none"),
    "mse": lambda x, y, w: F.mse_loss(x, y, reduction="none"),
    "huber": lambda x, y, w: F.huber_loss(x, y, reduction="none"),
    "softplus": lambda x, y, w: F.softplus(x, 2.0) + F.softplus(y, 1.0, 0.5),
    "aminmax": lambda x, y, w: sum(torch.aminmax(x, dim=2)),
    "cosine_similarity": lambda x, y, w: F.cosine_similarity(x, y, dim=2),
    "diff": lambda x, y, w: x.diff(dim=2),
    "pairwise_distance": lambda x, y, w: F.pairwise_distance(x, y + 1),
    "std_mean": lambda x, y, w: sum(torch.std_mean(x, 2)),
    "var_mean": lambda x, y, w: sum(torch.var_mean(x, 2)),
    "addmm": lambda x, y, w: torch.addmm(w["w3"], x[:, 0], w["w43"], beta=0.5, alpha=2),
    "baddbmm": lambda x, y, w: torch.baddbmm(x[:, :, :3], x, x.transpose(1, 2)),
    "einsum": lambda x, y, w: torch.einsum("nij,jk->nik", x, w["w43"]),
    "einsum a map": lambda x, y, w: torch.einsum("nij,ijk->nik", x, w["b344"]),
    "einsum of states": lambda x, y, w: torch.einsum("nij,nkj->nik", x, y),
    "inner": lambda x, y, w: torch.inner(x, w["w34"]),
    "tensordot": lambda x, y, w: torch.tensordot(x, w["w43"], dims=1),
    "index_fill": lambda x, y, w: x.index_fill(2, torch.tensor([1]), 0.5),
    "full_like": lambda x, y, w: x + torch.full_like(x, 0.3) + x.new_zeros(4),
}

# Operators of x (n, 3, 6, 6).
MAPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "adaptive_avg_pool2d": lambda x, y, w: F.adaptive_avg_pool2d(x, (4, 5)),
    "adaptive_max_pool2d": lambda x, y, w: F.adaptive_max_pool2d(x, (4, 5)),
    "area": lambda x, y, w: F.interpolate(x, (4, 3), mode="area"),
    "avg_pool2d": lambda x, y, w: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "bicubic": lambda x, y, w: F.interpolate(x, (5, 9), mode="bicubic"),
    "bicubic, antialiased": lambda x, y, w: F.interpolate(
        x, (4, 3), mode="bicubic", antialias=True
    ),
    "bilinear": lambda x, y, w: F.interpolate(x, (5, 9), mode="bilinear", align_corners=True),
    "bilinear, antialiased": lambda x, y, w: F.interpolate(
        x, (4, 3), mode="bilinear", antialias=True
    ),
    "channel_shuffle": lambda x, y, w: F.channel_shuffle(x, 3),
    "conv2d": lambda x, y, w: F.conv2d(x, w["k2"], w["w3"][:2], padding=1, stride=2),
    "conv3d": lambda x, y, w: F.conv3d(x.reshape(-1, 3, 3, 3, 4), w["k3"]),
    "conv_transpose2d": lambda x, y, w: F.conv_transpose2d(x, w["t2"], stride=2),
    "fold": lambda x, y, w: F.fold(F.unfold(x, 3, padding=1), (6, 6), 3, padding=1),
    "group_norm": lambda x, y, w: F.group_norm(x, 3, w["w3"], w["b3"]),
    "instance_norm": lambda x, y, w: F.instance_norm(x),
    "local_response_norm": lambda x, y, w: F.local_response_norm(x, 2),
    "lp_pool2d": lambda x, y, w: F.lp_pool2d(x, 2, 2),
    "max_pool2d": lambda x, y, w: F.max_pool2d(x, 3, 2, 1),
    "max_pool3d": lambda x, y, w: F.max_pool3d(x.reshape(-1, 3, 3, 3, 4), 2),
    "nearest": lambda x, y, w: F.interpolate(x, (4, 9), mode="nearest-exact"),
    "pad": lambda x, y, w: F.pad(x, (1, -2, 0, 1), value=0.5),
    "pad, circular": lambda x, y, w: F.pad(x, (1, 2, 1, 0), mode="circular"),
    "pad, reflected": lambda x, y, w: F.pad(x, (1, 2, 1, 0), mode="reflect"),
    "pad, replicated": lambda x, y, w: F.pad(x, (1, 2, 1, 0), mode="replicate"),
    "pixel_shuffle": lambda x, y, w: F.pixel_shuffle(torch.cat([x, y, x, y], 1), 2),
    "pixel_unshuffle": lambda x, y, w: F.pixel_unshuffle(x, 2),
    "unfold": lambda x, y, w: F.unfold(x, 2, stride=2),
}

# What no graph of a fixed shape says, by the name that the error has to tell.
REFUSED: dict[str, Callable[[Any], Any]] = {
    "argmax": lambda x: x.argmax(2),
    "argsort": lambda x: x.argsort(2),
    "atan2": lambda x: torch.atan2(x, x.flip(1)),
    "bucketize": lambda x: torch.bucketize(x, torch.arange(3.0, dtype=D)),
    "fmod": lambda x: torch.fmod(x, 0.7),
    "gather": lambda x: x.gather(2, x.abs().long()),
    "histc": torch.histc,
    "index": lambda x: x[:, :, x[0, 0].abs().long()],
    "kthvalue": lambda x: x.kthvalue(2, 2).values,
    "lgamma": torch.lgamma,
    "linalg_inv": lambda x: torch.linalg.inv(x[:, :, :3]),
    "linalg_svdvals": torch.linalg.svdvals,
    "max_unpool2d": lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2),
    "median": lambda x: x.median(2).values,
    "one_hot": lambda x: F.one_hot(x.argmax(2), 4),
    "remainder": lambda x: torch.remainder(x, 0.7),
    "scatter_add": lambda x: x.scatter_add(2, torch.tensor([[[0, 0]]]), x[:, :1, 1:3]),
    "sort": lambda x: x.sort(2).values,
    "topk": lambda x: x.topk(2).values,
}


class Zoo(nn.Module):
    """All of some operators, side by side: one export for all of them."""

    def __init__(self, operators: list[Callable[..., Any]]) -> None:
        super().__init__()
        self.operators = operators
        generator = torch.Generator().manual_seed(5)
        for name, shape in SIZES.items():
            value = torch.rand(shape, generator=generator, dtype=D) - 0.4
            setattr(self, name, nn.Parameter(value))

    def forward(self, x: Any) -> Any:
        weights = {name: getattr(self, name) for name in SIZES}
        return tuple(operator(x, x.flip(1), weights) for operator in self.operators)


@cache
def states(kind: str) -> dict[str, tuple[Any, Any]]:
    """Return of each operator the states of its neurons, and what torch says."""
    operators = {"lines": LINES, "simpler": SIMPLER, "maps": MAPS}[kind]
    zoo = Zoo(list(operators.values()))
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((2, *SHAPES[kind]), generator=generator, dtype=D)
    graph = ng.from_torch(zoo, x[:1])
    found = ng.Simulator(graph, engine="scipy", dtype="float64")(x.numpy()).reshape(2, -1)
    with torch.no_grad():
        wanted = [[t.double().numpy() for t in zoo(x[i : i + 1])] for i in range(2)]
    ends = np.cumsum([t.size for t in wanted[0]])
    parts = np.split(found, ends[:-1], axis=1)
    pairs = zip(parts, *wanted, strict=True)
    return {
        name: (part, np.stack([a.reshape(-1), b.reshape(-1)]))
        for name, (part, a, b) in zip(operators, pairs, strict=True)
    }


CASES = [
    (kind, name)
    for kind, operators in (("lines", LINES), ("simpler", SIMPLER), ("maps", MAPS))
    for name in operators
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_an_operator(kind: str, name: str) -> None:
    found, wanted = states(kind)[name]
    np.testing.assert_allclose(found, wanted, atol=1e-9, rtol=1e-9)


@cache
def refusal() -> str:
    """Return the one error for all that is refused."""
    zoo = Zoo([lambda x, y, w, f=f: f(x) for f in REFUSED.values()])  # type: ignore[misc]
    with pytest.raises(ConversionError, match="cannot be said as neurons") as caught:
        ng.from_torch(zoo, torch.randn(1, 3, 4, dtype=D))
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_an_operator_that_is_refused_by_name(name: str) -> None:
    assert f"aten.{name}." in refusal()
