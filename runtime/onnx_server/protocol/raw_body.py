"""A body that is nothing but the bytes of a model's one input (Inference-Header-Content-Length: 0)."""

import math

from onnx_server.protocol import binary_tensor
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import bad_request
from onnx_server.protocol.signature import Signature


def decode(body: memoryview, signature: Signature) -> dict[str, Tensor]:
    """Return the input; its one dynamic dimension follows from the number of bytes. BYTES are one string, unprefixed.

    Raises RequestError 400 for models with more inputs, or whose shape leaves more open than that.
    """
    if len(signature.inputs) != 1:
        message = f"a raw binary body needs a model with one input, this one has {len(signature.inputs)}"
        raise bad_request(message)
    spec = signature.inputs[0]
    if spec.datatype.name == "BYTES":
        # As Triton does: the whole body is one element, without a length before it.
        body = memoryview(len(body).to_bytes(4, "little") + body.tobytes())
        shape = tuple(1 if size == -1 else size for size in spec.shape)
        return {spec.name: binary_tensor.decode(spec.name, spec.datatype, shape, body)}
    if spec.shape.count(-1) > 1 or not spec.shape:
        message = (
            f"a raw binary body needs an input with at most one dynamic dimension, '{spec.name}' has "
            f"{list(spec.shape)}: send a request with its shape"
        )
        raise bad_request(message)
    row = math.prod(size for size in spec.shape if size != -1) * spec.datatype.size
    dynamic = len(body) // row if row else 0
    shape = tuple(dynamic if size == -1 else size for size in spec.shape)
    return {spec.name: binary_tensor.decode(spec.name, spec.datatype, shape, body)}
