"""Tensors as the binary extension has them: little-endian, row-major; BYTES as length-prefixed elements."""

import math
import struct

import numpy as np

from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import bad_request

_LENGTH = struct.Struct("<I")


def decode(name: str, datatype: Datatype, shape: tuple[int, ...], data: memoryview) -> Tensor:
    """Return the tensor of `shape` whose bytes are `data`, without a copy where alignment allows.

    Raises RequestError 400 when the number of bytes, or a BYTES element, does not fit.
    """
    count = math.prod(shape)
    if datatype.name == "BYTES":
        return _decode_elements(name, count, data, text=not datatype.opaque).reshape(shape)
    expected = count * datatype.size
    if len(data) != expected:
        message = f"input '{name}': {datatype.name} of shape {list(shape)} has {expected} bytes, got {len(data)}"
        raise bad_request(message)
    if datatype.name == "BOOL" and bytes(data).strip(b"\x00\x01"):
        raise bad_request(f"input '{name}': a BOOL is one byte, 0 or 1")
    array = np.frombuffer(data, dtype=datatype.dtype).reshape(shape)
    # The tensor starts wherever the JSON before it ended. Kernels may rely on alignment.
    return array if array.flags.aligned else array.copy()


def encode(datatype: Datatype, array: Tensor) -> memoryview:
    """Return the bytes of an output; a view of the array itself where it is contiguous."""
    if datatype.name == "BYTES":
        parts = []
        for value in array.ravel():
            element = value.encode("utf-8") if isinstance(value, str) else bytes(value)
            parts += [_LENGTH.pack(len(element)), element]
        return memoryview(b"".join(parts))
    if array.size == 0:
        return memoryview(b"")
    if array.dtype is datatype.dtype and array.flags.c_contiguous:
        return array.data.cast("B")
    contiguous = np.ascontiguousarray(array, dtype=datatype.dtype)
    return contiguous.reshape(-1).view(np.uint8).data


def _decode_elements(name: str, count: int, data: memoryview, *, text: bool) -> Tensor:
    # A hostile shape must not allocate more than its data could fill.
    if count * _LENGTH.size > len(data):
        raise bad_request(f"input '{name}': {count} BYTES elements need at least {count * 4} bytes, got {len(data)}")
    array = np.empty(count, dtype=object)
    offset = 0
    for index in range(count):
        if offset + _LENGTH.size > len(data):
            raise bad_request(f"input '{name}': the data ends before BYTES element {index} of {count}")
        (length,) = _LENGTH.unpack_from(data, offset)
        offset += _LENGTH.size
        if offset + length > len(data):
            message = f"input '{name}': BYTES element {index} has {length} bytes, but {len(data) - offset} are left"
            raise bad_request(message)
        try:
            element = data[offset : offset + length]
            array[index] = str(element, "utf-8") if text else bytes(element)
        except UnicodeDecodeError as error:
            message = f"input '{name}': BYTES element {index} is not UTF-8, which ONNX strings are"
            raise bad_request(message) from error
        offset += length
    if offset != len(data):
        raise bad_request(f"input '{name}': {len(data) - offset} bytes are left after {count} BYTES elements")
    return array
