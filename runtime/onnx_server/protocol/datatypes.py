"""The protocol's tensor datatypes, as numpy arrays hold them here."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]


@dataclass(frozen=True)
class Datatype:
    """One datatype: the protocol's name, the dtype of our arrays, and ONNX Runtime's name of the element type.

    BYTES are object arrays of str; BF16, which numpy lacks, are uint16 arrays of the same bits.
    `in_json` says whether the protocol allows its values in JSON. Elements of BYTES that are `opaque` need not be text:
    from binary data they are bytes.
    """

    name: str
    dtype: np.dtype[Any]
    element_type: str
    in_json: bool = True
    opaque: bool = False

    @property
    def size(self) -> int:
        """Bytes an element in binary form; 0 for BYTES, whose elements differ."""
        return 0 if self.name == "BYTES" else self.dtype.itemsize


_ALL = (
    Datatype("BOOL", np.dtype(np.bool_), "bool"),
    Datatype("UINT8", np.dtype("<u1"), "uint8"),
    Datatype("UINT16", np.dtype("<u2"), "uint16"),
    Datatype("UINT32", np.dtype("<u4"), "uint32"),
    Datatype("UINT64", np.dtype("<u8"), "uint64"),
    Datatype("INT8", np.dtype("<i1"), "int8"),
    Datatype("INT16", np.dtype("<i2"), "int16"),
    Datatype("INT32", np.dtype("<i4"), "int32"),
    Datatype("INT64", np.dtype("<i8"), "int64"),
    Datatype("FP16", np.dtype("<f2"), "float16", in_json=False),
    Datatype("BF16", np.dtype("<u2"), "bfloat16", in_json=False),
    Datatype("FP32", np.dtype("<f4"), "float"),
    Datatype("FP64", np.dtype("<f8"), "double"),
    Datatype("BYTES", np.dtype(object), "string"),
)
BY_NAME = {datatype.name: datatype for datatype in _ALL}
BY_ELEMENT_TYPE = {datatype.element_type: datatype for datatype in _ALL}
