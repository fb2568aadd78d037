"""Encode a ModelInferResponse.

A protobuf message is the concatenation of its fields, and two answers of a model differ in their id and tensors only:
the rest is made once for each set of outputs and shapes, and tensors are not copied.
"""

from collections.abc import Sequence

from onnx_server.grpc.messages import message
from onnx_server.protocol import binary_tensor
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.request import InferRequest
from onnx_server.protocol.response import answered

_ModelInferResponse = message("inference.ModelInferResponse")
_ID = _ModelInferResponse.ID_FIELD_NUMBER
_RAW = _ModelInferResponse.RAW_OUTPUT_CONTENTS_FIELD_NUMBER
_LENGTH_DELIMITED = 2
_HEADS_LIMIT = 256

Parts = list[bytes | memoryview]


class Encoder:
    """Encodes the answers of one model version."""

    def __init__(self, name: str, version: str) -> None:
        self._name = name
        self._version = version
        self._heads: dict[tuple[tuple[str, str, tuple[int, ...]], ...], bytes] = {}

    def encode(self, request: InferRequest, results: Sequence[Tensor]) -> Parts:
        """Return the message of `results`, in the order of `request.outputs`, in parts. All outputs are raw."""
        outputs = []
        parts: Parts = [b""]
        if request.id is not None:
            text = request.id.encode()
            parts.append(length_delimited(_ID, len(text)) + text)
        for output, array in zip(request.outputs, results, strict=True):
            datatype, tensor = answered(output, array)
            data = binary_tensor.encode(datatype, tensor)
            parts += (length_delimited(_RAW, len(data)), data)
            outputs.append((output.spec.name, datatype.name, tensor.shape))
        parts[0] = self._head(tuple(outputs))
        return parts

    def _head(self, outputs: tuple[tuple[str, str, tuple[int, ...]], ...]) -> bytes:
        head = self._heads.get(outputs)
        if head is None:
            response = _ModelInferResponse(model_name=self._name, model_version=self._version)
            for name, datatype, shape in outputs:
                response.outputs.add(name=name, datatype=datatype, shape=shape)
            head = bytes(response.SerializeToString())
            if len(self._heads) < _HEADS_LIMIT:
                self._heads[outputs] = head
        return head


def length_delimited(field: int, length: int) -> bytes:
    """Return what stands before the bytes of a string, bytes or message field with a number below 16."""
    return bytes((field << 3 | _LENGTH_DELIMITED,)) + _varint(length)


def _varint(value: int) -> bytes:
    """Return `value` as protobuf writes unsigned numbers: seven bits a byte, the lowest first."""
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
