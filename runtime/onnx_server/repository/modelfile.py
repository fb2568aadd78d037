"""Which file is the model, and whether its bytes are an ONNX model at all; without the `onnx` package.

Only the outermost layer of the protobuf is walked, seeking over the rest, so models of any size take no time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from onnx_server.failures import Failure, Reason

# onnx.proto3, message ModelProto and OperatorSetIdProto.
_IR_VERSION, _GRAPH, _OPSET_IMPORT = 1, 7, 8
_DOMAIN, _VERSION = 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_OPSET_LIMIT_BYTES = 4096


@dataclass(frozen=True)
class ModelHeader:
    """What a model says of itself: IR version and the operator-set version of each domain ("" is ONNX's own)."""

    ir_version: int
    opsets: dict[str, int]


def choose(paths: Iterable[str], shown: str) -> str:
    """Return which of the relative paths is the model: the only .onnx file, or `model.onnx` among several.

    Files at the top come first; only where there are none do those in sub-directories count.
    Raises Failure NotAnONNXModel; `shown` is the directory's name in its message.
    """
    models = sorted(path for path in paths if path.endswith(".onnx"))
    for candidates in ([path for path in models if "/" not in path], models):
        named = [path for path in candidates if path.rsplit("/", 1)[-1] == "model.onnx"]
        for choice in (candidates, named):
            if len(choice) == 1:
                return choice[0]
    if not models:
        raise Failure(Reason.NOT_AN_ONNX_MODEL, f"there is no file that ends in .onnx in {shown}")
    listed = ", ".join(models[:5]) + (" …" if len(models) > 5 else "")
    message = f"{shown} has {len(models)} .onnx files ({listed}) and not one model.onnx: name one file, or rename it"
    raise Failure(Reason.NOT_AN_ONNX_MODEL, message)


def read_header(path: Path, shown: str) -> ModelHeader:
    """Walk the file's outermost fields. Raises Failure NotAnONNXModel; `shown` is the file's name in its message."""
    try:
        with path.open("rb") as file:
            return _walk(file, path.stat().st_size)
    except _MalformedError as error:
        with path.open("rb") as file:
            start = file.read(64)
        message = f"{shown} is not an ONNX model ({error}){_looks_like(start)}"
        raise Failure(Reason.NOT_AN_ONNX_MODEL, message) from None


class _MalformedError(Exception):
    pass


def _walk(file: BinaryIO, size: int) -> ModelHeader:
    ir_version, opsets, has_graph = 0, {}, False
    if size == 0:
        raise _MalformedError("it is empty")
    while file.tell() < size:
        tag = _varint(file)
        field, wire = tag >> 3, tag & 7
        if field == 0:
            raise _MalformedError("its bytes are no protobuf message")
        if wire == _VARINT:
            value = _varint(file)
            ir_version = value if field == _IR_VERSION else ir_version
        elif wire == _LENGTH:
            length = _varint(file)
            if file.tell() + length > size:
                raise _MalformedError("it ends too early: perhaps it was cut off")
            if field == _OPSET_IMPORT and length <= _OPSET_LIMIT_BYTES:
                domain, version = _opset(file, file.tell() + length)
                opsets[domain] = version
            else:
                file.seek(length, 1)
            has_graph = has_graph or field == _GRAPH
        elif wire in {_FIXED32, _FIXED64}:
            file.seek(4 if wire == _FIXED32 else 8, 1)
        else:
            raise _MalformedError("its bytes are no protobuf message")
    if not has_graph or not ir_version:
        raise _MalformedError("it has no graph" if ir_version else "it has no IR version")
    return ModelHeader(ir_version, opsets)


def _opset(file: BinaryIO, end: int) -> tuple[str, int]:
    domain, version = "", 0
    while file.tell() < end:
        tag = _varint(file)
        if tag == _DOMAIN << 3 | _LENGTH:
            domain = file.read(_varint(file)).decode("utf-8", "replace")
        elif tag == _VERSION << 3 | _VARINT:
            version = _varint(file)
        else:
            raise _MalformedError("its operator sets cannot be read")
    return domain, version


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise _MalformedError("it ends too early: perhaps it was cut off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise _MalformedError("its bytes are no protobuf message")


def _looks_like(start: bytes) -> str:
    if start.lstrip()[:1] == b"<":
        return ": it looks like a web page or XML, perhaps a login or an error page"
    if start.startswith(b"version https://git-lfs"):
        return ": it is a Git LFS pointer, the model itself was not downloaded"
    if start.startswith(b"PK"):
        return ": it is a zip archive, perhaps a PyTorch model; export it to ONNX"
    return ""
