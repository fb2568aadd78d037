"""Read a tensor as ONNX's files have it (`TensorProto` of onnx.proto3), without the `onnx` package."""

from functools import cache
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import BY_ELEMENT_TYPE, Datatype, Tensor

# Name, number and type of the fields of TensorProto that are read; all but the name are repeated or numbers.
_REPEATED = {
    "dims": (1, "TYPE_INT64"),
    "float_data": (4, "TYPE_FLOAT"),
    "int32_data": (5, "TYPE_INT32"),
    "string_data": (6, "TYPE_BYTES"),
    "int64_data": (7, "TYPE_INT64"),
    "double_data": (10, "TYPE_DOUBLE"),
    "uint64_data": (11, "TYPE_UINT64"),
    # Of messages, which need not be looked into.
    "external_data": (13, "TYPE_BYTES"),
}
_SINGLE = {
    "data_type": (2, "TYPE_INT32"),
    "segment": (3, "TYPE_BYTES"),
    "name": (8, "TYPE_STRING"),
    "raw_data": (9, "TYPE_BYTES"),
    "data_location": (14, "TYPE_INT32"),
}
# TensorProto.DataType, by ONNX Runtime's names, and the field that has the elements where raw_data has not.
_TYPES = {
    1: ("float", "float_data"),
    2: ("uint8", "int32_data"),
    3: ("int8", "int32_data"),
    4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"),
    6: ("int32", "int32_data"),
    7: ("int64", "int64_data"),
    8: ("string", "string_data"),
    9: ("bool", "int32_data"),
    10: ("float16", "int32_data"),
    11: ("double", "double_data"),
    12: ("uint32", "uint64_data"),
    13: ("uint64", "uint64_data"),
    16: ("bfloat16", "int32_data"),
}
_BITS = {"float16", "bfloat16"}


class MalformedTensorError(Exception):
    """The bytes are no tensor that can be read; the message says why."""


def parse(content: bytes) -> tuple[str, Datatype, Tensor]:
    """Return a tensor's name (empty if it has none), datatype and elements, as protocol/datatypes.py has them.

    Raises MalformedTensorError.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415  see _message_class

    try:
        proto = _message_class().FromString(content)
    except DecodeError:
        raise MalformedTensorError("its bytes are no tensor (TensorProto)") from None
    if proto.data_type not in _TYPES:
        raise MalformedTensorError(f"its element type ({proto.data_type}) is none that the protocol carries")
    if proto.external_data or proto.data_location or proto.segment:
        raise MalformedTensorError("its elements are not in the file itself")
    element_type, field = _TYPES[proto.data_type]
    datatype = BY_ELEMENT_TYPE[element_type]
    try:
        elements = _raw(proto.raw_data, datatype) if proto.raw_data else _typed(getattr(proto, field), datatype)
        return proto.name, datatype, elements.reshape(_shape(proto.dims, elements.size))
    except (ValueError, OverflowError) as error:  # UnicodeDecodeError is a ValueError
        raise MalformedTensorError(str(error)) from None


def _shape(dims: Any, elements: int) -> tuple[int, ...]:
    shape = tuple(dims)
    expected = 1
    for size in shape:
        if size < 0:
            raise MalformedTensorError(f"it has the shape {list(shape)}")
        expected *= size
    if expected != elements:
        raise MalformedTensorError(f"it has {elements} elements, and the shape {list(shape)[:8]}")
    return shape


def _raw(data: bytes, datatype: Datatype) -> Tensor:
    if datatype.name == "BYTES":
        raise MalformedTensorError("its strings are in raw_data, where ONNX has none")
    if datatype.name == "BOOL":
        booleans: Tensor = np.frombuffer(data, np.uint8) != 0
        return booleans
    return np.frombuffer(data, datatype.dtype)


def _typed(values: Any, datatype: Datatype) -> Tensor:
    if datatype.name == "BYTES":
        return np.array([value.decode() for value in values], dtype=object)
    if datatype.element_type in _BITS:
        return np.fromiter(values, np.dtype("<u2"), len(values)).view(datatype.dtype)
    return np.fromiter(values, datatype.dtype, len(values))


@cache
def _message_class() -> Any:
    """Make the class when it is needed first: most models have no such files, and protobuf takes some MB.

    The pool is its own, for the `onnx` package registers the same names in protobuf's default one.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415  see above

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="tensor.proto", package="onnx_server.files", syntax="proto2")
    message = file.message_type.add(name="TensorProto")
    for fields, label in ((_REPEATED, field.LABEL_REPEATED), (_SINGLE, field.LABEL_OPTIONAL)):
        for name, (number, kind) in fields.items():
            message.field.add(name=name, number=number, type=getattr(field, kind), label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx_server.files.TensorProto"))
