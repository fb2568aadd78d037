"""Decode requests to one model version, quickly where they repeat.

With binary tensors a client sends the same JSON again and again, and only the tensors' bytes differ. What that JSON
says is checked once and kept, and so is the JSON of the answers: for tiny models parsing costs more than running them.
The same holds for JSON with one list of floats, once the list is cut out of it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from onnx_server.protocol import json_list, request
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

    __slots__ = ("_layouts", "_said", "size")

    def __init__(self, layouts: list[_Layout], size: int, said: InferRequest) -> None:
        self.size = size
        self._layouts = layouts
        self._said = said

    def decode(self, body: bytes | memoryview, start: int) -> InferRequest:
        """Return the request with this JSON whose tensors, `size` bytes, begin at `start` of `body`.

        They may lie at any address; the engine aligns what it does not copy into a batch anyway.
        """
        inputs: dict[str, Tensor] = {}
        for layout in self._layouts:
            inputs[layout.name] = np.ndarray(layout.shape, layout.dtype, body, start + layout.offset)
        said = self._said
        return _with(said, inputs)


@dataclass(frozen=True, slots=True)
class _ListTemplate:
    """What a JSON request says whose only tensor is a flat list of floats: all but these."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int
    said: InferRequest

    def decode(self, text: bytes) -> InferRequest | None:
        """Return the request with the list `text`; None where that has to be looked at more closely."""
        values = json_list.floats(text, self.dtype)
        if values is None or values.size != self.size:
            return None
        said = self.said
        inputs: dict[str, Tensor] = {self.name: values.reshape(self.shape)}
        return _with(said, inputs)


class Decoder:
    """Decodes the requests to one model version; only the event loop uses it."""

    def __init__(self, signature: Signature, max_batch_size: int | None) -> None:
        self._signature = signature
        self._max_batch_size = max_batch_size
        self._templates: dict[bytes, _Template] = {}
        self._lists: dict[bytes, _ListTemplate] = {}

    def decode(self, body: bytes | memoryview, header_length: int | None) -> InferRequest:
        """Decode as `request.decode` does, with the same errors."""
        if header_length is None:
            return self._decode_json(bytes(body))
        if not header_length or header_length > _LARGEST_HEADER:
            return request.decode(body, header_length, self._signature, self._max_batch_size)
        header = bytes(body[:header_length])
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
        self._templates[header] = _Template(layouts, size, _said(decoded))

    def _decode_json(self, body: bytes) -> InferRequest:
        place = json_list.place(body)
        if place is None or len(body) - (place[1] - place[0]) > _LARGEST_HEADER:
            return request.decode(body, None, self._signature, self._max_batch_size)
        start, end = place
        # Of two bodies with the same rest, the list stands at the same place: it is found by what is before it.
        rest = body[: start + 1] + body[end - 1 :]
        template = self._lists.get(rest)
        if template is not None:
            repeated = template.decode(body[start:end])
            if repeated is not None:
                return repeated
        decoded = request.decode(body, None, self._signature, self._max_batch_size)
        if template is None and decoded.id is None:
            self._keep_list(rest, start + 1, decoded)
        return decoded

    def _keep_list(self, rest: bytes, place: int, decoded: InferRequest) -> None:
        """Keep what a request says but for the list that stands at `place` of `rest`, if that is its only tensor."""
        if len(decoded.inputs) != 1:
            return
        ((name, array),) = decoded.inputs.items()
        if array.dtype.kind != "f" or not _is_data(rest, place):
            return
        if len(self._lists) >= _TEMPLATES_LIMIT:
            self._lists.clear()
        self._lists[rest] = _ListTemplate(name, array.dtype, array.shape, array.size, _said(decoded))


def _with(said: InferRequest, inputs: dict[str, Tensor]) -> InferRequest:
    return InferRequest(
        None, inputs, said.outputs, said.rows, said.priority, said.timeout, said.heads, said.pieces, said.names
    )


def _said(decoded: InferRequest) -> InferRequest:
    """Return the request without its tensors, with room for what its answers have in common."""
    outputs = decoded.outputs
    alike = all(not output.classes and output.spec.datatype.size for output in outputs)
    heads: dict[Any, Any] | None = {} if alike and all(output.binary for output in outputs) else None
    pieces: dict[Any, Any] | None = {} if alike and not any(output.binary for output in outputs) else None
    names = tuple([output.spec.name for output in outputs])
    return replace(decoded, inputs={}, heads=heads, pieces=pieces, names=names)


def _is_data(rest: bytes, place: int) -> bool:
    """Whether what stands at `place` of `rest` is the `data` of the only input, and nothing in a name or elsewhere."""
    try:
        for text, values in ((b"", []), (b"0", [0])):
            if orjson.loads(rest[:place] + text + rest[place:])["inputs"][0]["data"] != values:
                return False
    except (ValueError, LookupError, TypeError):  # what was cut out was not even one value
        return False
    return True
