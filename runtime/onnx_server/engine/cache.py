"""Kept answers of one model version: the outputs for inputs that come again are not computed again.

Pure: no clock, no locks; it belongs to the event loop. A version that is loaded anew starts with none.
"""

import hashlib
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from onnx_server.protocol.datatypes import Tensor

# No answer may push all others out.
LARGEST_SHARE = 8
# What the dictionary's entry, the key, the list and an array's header take beside the data; measured, rounded up.
_ENTRY_BYTES = 256
_ARRAY_BYTES = 128


def digest(inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> bytes:
    """Return what names a request: equal only for equal names, dtypes, shapes, bytes of all inputs, and `outputs`.

    The order of inputs is of no matter, that of outputs is. NaNs of other bits, or -0.0 for 0.0, are other inputs.
    """
    # Every part is fixed in size or has its length before it, so that no two requests run together to the same bytes.
    hashed = hashlib.blake2b(digest_size=32)
    for name in outputs:
        hashed.update(_framed(name))
    for name in sorted(inputs):
        array = inputs[name]
        head = f"{array.dtype.str} {array.shape}"
        hashed.update(b"\x00" + _framed(name) + _framed(head))
        if array.dtype.hasobject:
            for value in array.ravel():
                hashed.update(_framed(value))
        elif array.size:
            hashed.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return hashed.digest()


def _framed(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return b"\x01" + len(data).to_bytes(8, "little") + data


class ResponseCache:
    """At most `max_bytes` of outputs by their request's digest; the longest unused go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, tuple[list[Tensor], int]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> list[Tensor] | None:
        """Return the outputs kept for `key`, as read-only arrays, or None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return list(entry[0])

    def put(self, key: bytes, outputs: Sequence[Tensor]) -> None:
        """Keep `outputs`, unless they take more than the largest share.

        They are copied: the runner's arrays may be views of a whole batch, or used again for the next run.
        """
        size = _ENTRY_BYTES + sum(_size(array) for array in outputs)
        if size * LARGEST_SHARE > self._max_bytes or key in self._entries:
            return
        while self.size + size > self._max_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self.size -= freed
        self._entries[key] = [_read_only(array) for array in outputs], size
        self.size += size


def _size(array: Tensor) -> int:
    size = _ARRAY_BYTES + array.nbytes
    if array.dtype.hasobject:
        size += sum(sys.getsizeof(value) for value in array.ravel())
    return size


def _read_only(array: Tensor) -> Tensor:
    kept = array.copy()
    kept.flags.writeable = False
    return kept
