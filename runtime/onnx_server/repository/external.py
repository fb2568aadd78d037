"""Which files beside a model hold its weights, without the `onnx` package."""

import mmap
import re
from pathlib import Path

# An entry of TensorProto.external_data in onnx.proto3: the key "location" (field 1), then the value (field 2) with its
# length as a varint. Bytes that look so by chance name no file.
_LOCATION = re.compile(rb"\x0a\x08location\x12(?:([\x01-\x7f])|([\x80-\xff][\x01-\x1f]))")


def external_files(model: Path) -> list[Path]:
    """Return the files that the model at `model` names as its external data, sorted. Reads all of the model's file."""
    named: set[str] = set()
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for found in _LOCATION.finditer(content):
            short, long = found.groups()
            length = short[0] if short else long[0] & 0x7F | long[1] << 7
            named.add(content[found.end() : found.end() + length].decode("utf-8", "replace"))
    # ONNX holds locations to the model's own directory.
    files = (model.parent / name for name in named if "\x00" not in name and ".." not in Path(name).parts)
    return sorted(file for file in files if file.is_file())
