"""The copies that differed most, and their inputs if they are to be kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from onnx_server.protocol.datatypes import Tensor

MOST = 5
KEPT_BYTES = 8 * 1024 * 1024
"""The inputs that are kept are not larger, all together."""


@dataclass(frozen=True)
class Copy:
    """A copy: the digest of its inputs, the output that differed most and by how much, when, and perhaps the inputs."""

    digest: str
    output: str
    error: float
    at: float
    inputs: Mapping[str, Tensor] | None

    def describe(self) -> dict[str, object]:
        """Return the fields of docs/contract.md."""
        at = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"digest": self.digest, "output": self.output, "maxAbsoluteError": self.error, "at": at}


class Worst:
    """At most 5 copies of different inputs. `copies` is a new tuple after each change, so any thread may read it."""

    def __init__(self, keep_inputs: bool) -> None:
        self._keep = keep_inputs
        self.copies: tuple[Copy, ...] = ()

    def note(self, inputs: Mapping[str, Tensor], output: str, error: float, at: float) -> None:
        """Note how much a copy differed, if it is one of the worst."""
        if not error or (len(self.copies) == MOST and error <= self.copies[-1].error):
            return
        digest = digest_of(inputs)
        if any(copy.digest == digest and copy.error >= error for copy in self.copies):
            return
        others = [copy for copy in self.copies if copy.digest != digest]
        kept = sum(_bytes(copy.inputs) for copy in others[: MOST - 1] if copy.inputs is not None)
        room = self._keep and kept + _bytes(inputs) <= KEPT_BYTES
        # What a request came in may be larger than its tensors, which are views of it.
        own = {name: np.array(array) for name, array in inputs.items()} if room else None
        ranked = sorted([*others, Copy(digest, output, error, at, own)], key=lambda copy: -copy.error)
        self.copies = tuple(ranked[:MOST])


def digest_of(inputs: Mapping[str, Tensor]) -> str:
    """Return `sha256:` and the SHA-256, in hex, of all inputs: of each, sorted by name, name, dtype, shape and bytes.

    Every part is preceded by its length, so that no two inputs give the same bytes. Texts are UTF-8.
    """
    total = hashlib.sha256()
    for name in sorted(inputs):
        array = inputs[name]
        _add(total, name.encode("utf-8", "surrogatepass"))
        _add(total, (array.dtype.str if array.dtype.names is None else str(array.dtype)).encode())
        _add(total, str(array.shape).encode())
        if array.dtype.kind == "O":
            for value in np.ravel(array).tolist():
                _add(total, _text(value))
        else:
            _add(total, np.ascontiguousarray(array).tobytes())
    return f"sha256:{total.hexdigest()}"


def _add(total: "hashlib._Hash", part: bytes) -> None:
    total.update(len(part).to_bytes(8, "little"))
    total.update(part)


def _text(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _bytes(inputs: Mapping[str, Tensor]) -> int:
    return sum(
        sum(len(_text(value)) for value in np.ravel(array).tolist()) if array.dtype.kind == "O" else array.nbytes
        for array in inputs.values()
    )
