"""Decode requests to one model version, quickly where they repeat.

With binary tensors a client sends the same JSON again and again, and only the tensors' bytes differ. What that JSON
says is checked once and kept, and so is the JSON of the answers: for tiny models parsing costs more than running them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onnx_server.protocol import request
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.request import InferRequest
from onnx_server.protocol.signature import Signature

_LARGEST_HEADER = 2048
_TEMPLATES_LIMIT = 256


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where an input lies in the `size` bytes after the JSON."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int


class _Template:
    """What a JSON header says: all of a request but its tensors."""

    __slots__ = ("_layouts", "_request", "size")

    def __init__(self, layouts: list[_Layout], size: int, decoded: InferRequest) -> None:
        self.size = size
        self._layouts = layouts
        self._request = decoded

    def decode(self, body: bytes, start: int) -> InferRequest:
        """Return the request with this JSON whose tensors, `size` bytes, begin at `start` of `body`.

        They may lie at any address; the engine aligns what it does not copy into a batch anyway.
        """
        inputs: dict[str, Tensor] = {}
        for layout in self._layouts:
            inputs[layout.name] = np.ndarray(layout.shape, layout.dtype, body, start + layout.offset)
        said = self._request
        return InferRequest(None, inputs, said.outputs, said.rows, said.priority, said.timeout, said.heads)


class Decoder:
    """Decodes the requests to one model version; only the event loop uses it."""

    def __init__(self, signature: Signature, max_batch_size: int | None) -> None:
        self._signature = signature
        self._max_batch_size = max_batch_size
        self._templates: dict[bytes, _Template] = {}

    def decode(self, body: bytes, header_length: int | None) -> InferRequest:
        """Decode as `request.decode` does, with the same errors."""
        if not header_length or header_length > _LARGEST_HEADER:
            return request.decode(body, header_length, self._signature, self._max_batch_size)
        header = body[:header_length]
        template = self._templates.get(header)
        if template is not None and len(body) - header_length == template.size:
            return template.decode(body, header_length)
        decoded = request.decode(body, header_length, self._signature, self._max_batch_size)
        if template is None:
            self._keep(header, decoded, len(body) - header_length)
        return decoded

    def _keep(self, header: bytes, decoded: InferRequest, size: int) -> None:
        """Keep what the JSON says, if it says all: an id seldom comes twice, and strings and booleans are checked."""
        layouts, offset = [], 0
        for name, array in decoded.inputs.items():
            if array.dtype.kind in "Ob":
                return
            layouts.append(_Layout(name, array.dtype, array.shape, offset))
            offset += array.nbytes
        # A tensor in the JSON itself makes the sum larger than the bytes that came.
        if decoded.id is not None or offset != size:
            return
        if len(self._templates) >= _TEMPLATES_LIMIT:
            self._templates.clear()
        outputs = decoded.outputs
        alike = all(output.binary and not output.classes and output.spec.datatype.size for output in outputs)
        said = replace(decoded, inputs={}, heads={} if alike else None)
        self._templates[header] = _Template(layouts, size, said)
