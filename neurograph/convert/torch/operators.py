"""torch's operators as neurons: a function each, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurograph.convert.torch.calls import Call
from neurograph.convert.torch.comparisons import both, choose, compared, contrary, either, equal
from neurograph.convert.torch.elementwise import (
    divide,
    exponential,
    extremes,
    glu,
    multiply,
    negate,
    prelu,
    scaled,
    sum_of_two,
    truncate,
)
from neurograph.convert.torch.norms import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from neurograph.convert.torch.pools import (
    adaptive_average,
    adaptive_max,
    average_pool,
    fold,
    max_pool,
    resize,
)
from neurograph.convert.torch.products import (
    addmm,
    attention,
    bilinear,
    convolution,
    linear,
    product,
    transposed,
)
from neurograph.convert.torch.reductions import (
    accumulated,
    log_sum,
    norm,
    reduced,
    softmax,
    variance,
)
from neurograph.convert.values import Neurons

OPERATORS: dict[str, Callable[[Call], Any]] = {
    **dict.fromkeys(["conv1d", "conv2d", "conv3d"], convolution),
    **dict.fromkeys(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"], transposed),
    "linear": linear,
    "addmm": addmm,
    **dict.fromkeys(["matmul", "mm", "bmm", "mv", "dot"], product),
    **dict.fromkeys(["batch_norm", "_native_batch_norm_legit_no_training"], batch_norm),
    **dict.fromkeys(["layer_norm", "native_layer_norm"], layer_norm),
    **dict.fromkeys(["group_norm", "native_group_norm"], group_norm),
    "instance_norm": instance_norm,
    "rms_norm": rms_norm,
    **dict.fromkeys(
        ["max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices",
         "max_pool3d_with_indices", "max_pool1d_with_indices"],
        max_pool,
    ),
    **dict.fromkeys(["avg_pool1d", "avg_pool2d", "avg_pool3d"], average_pool),
    **dict.fromkeys(
        ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d",
         "adaptive_avg_pool3d", "_adaptive_avg_pool3d"],
        adaptive_average,
    ),
    **dict.fromkeys(
        ["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"], adaptive_max
    ),
    **dict.fromkeys(["mean", "sum", "amax", "amin", "prod", "max", "min", "any", "all"], reduced),
    **dict.fromkeys(
        ["maximum", "minimum", "fmax", "fmin"], lambda call: Neurons(extremes(call))
    ),
    **dict.fromkeys(["softmax", "softmax", "log_softmax", "_log_softmax"], softmax),
    **dict.fromkeys(["add", "sub", "rsub"], sum_of_two),
    "mul": multiply,
    "div": divide,
    "neg": negate,
    **dict.fromkeys(["prelu", "_prelu_kernel"], prelu),
    "glu": glu,
    **dict.fromkeys(["gt", "lt", "ge", "le"], compared),
    **dict.fromkeys(["eq", "ne"], equal),
    **dict.fromkeys(
        ["bitwise_and", "bitwise_or", "__and__", "__or__", "logical_and", "logical_or"], both
    ),
    **dict.fromkeys(["bitwise_xor", "__xor__", "logical_xor"], either),
    **dict.fromkeys(["bitwise_not", "logical_not"], contrary),
    "where": choose,
    "trunc": truncate,
    **dict.fromkeys(["pow", "exp2"], exponential),
    **dict.fromkeys(["log2", "log10", "erfc"], scaled),
    **dict.fromkeys(["var", "std"], variance),
    **dict.fromkeys(["cumsum", "cumprod", "cummax", "cummin"], accumulated),
    "logsumexp": log_sum,
    "linalg_vector_norm": norm,
    "bilinear": bilinear,
    "scaled_dot_product_attention": attention,
    "col2im": fold,
    **dict.fromkeys(
        ["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
         "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"],
        resize,
    ),
}  # fmt: skip  # fmt: skip
