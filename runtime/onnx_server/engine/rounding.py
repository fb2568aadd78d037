"""How far rounding alone may move a model's outputs: as a share of the output's largest value, by datatype.

Kernels for another batch size, another processor or another provider add up in another order. Float32 with sums of
thousands of terms through a hundred layers stays near 1e-5.
"""

ROUNDING = {"FP64": 1e-4, "FP32": 1e-4, "FP16": 2e-2, "BF16": 5e-2}
"""On the CPU."""

# TensorFloat-32, which GPUs compute float32 in, has a mantissa of 10 bits.
ROUNDING_TF32 = ROUNDING | {"FP64": 5e-3, "FP32": 5e-3}
"""On GPUs."""
