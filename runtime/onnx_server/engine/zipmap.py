"""Outputs of the operator ZipMap, a sequence of maps from class to probability, as the matrix they were made from.

skl2onnx puts ZipMap after every classifier unless told not to, and the protocol has tensors only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import Tensor

SHAPE = (-1, -1)
"""What the signature says of such an output: rows and classes, neither of which the model declares."""

_TYPES = {"seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))"}


def converts(onnx_type: str) -> bool:
    """Whether ONNX Runtime's type is one that ZipMap gives."""
    return onnx_type in _TYPES


def matrix(maps: Sequence[Mapping[Any, float]]) -> Tensor:
    """Return FP32 [rows, classes]: a row a map, a column a key, in the order of the keys.

    That is the order of scikit-learn's `classes_`, so the matrix is what the model gives when exported without ZipMap.
    Of no rows there are no classes. Raises ValueError if the maps have different keys, which ZipMap never gives.
    """
    if not maps:
        return np.zeros((0, 0), dtype=np.float32)
    keys = sorted(maps[0])
    for index, row in enumerate(maps):
        if row.keys() != maps[0].keys():
            message = f"the map of row {index} has other keys ({sorted(row)}) than that of row 0 ({keys})"
            raise ValueError(message)
    return np.array([[row[key] for key in keys] for row in maps], dtype=np.float32)
