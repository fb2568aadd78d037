"""Answers are compared with those of raw ONNX Runtime. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.models import Array

RELATIVE: Final = 1e-3
ABSOLUTE: Final = 1e-4
"""How far an answer may be from the raw one: in a batch, sums are added up in another order."""


def compare(answers: Sequence[Array], expected: Array) -> None:
    """Raise BenchmarkError unless each answer is the expected one; `expected` is FP32 [n, width]."""
    for index, (got, wanted) in enumerate(zip(answers, expected, strict=True)):
        if got.shape != wanted.shape or not np.allclose(got, wanted, RELATIVE, ABSOLUTE):
            raise BenchmarkError(f"answer {index} is wrong: expected {wanted[:4]}…, got {got[:4]}…")
