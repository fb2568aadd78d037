"""The termination message: the JSON that a container leaves for whoever asks why it ended.

Kubernetes keeps at most 4,096 bytes of it, and the operator needs no other access to the pod.
"""

from pathlib import Path

import orjson

from onnx_server.failures import Failure

DEFAULT_PATH = Path("/dev/termination-log")
LIMIT_BYTES = 4096


def failed(failure: Failure) -> dict[str, object]:
    """Return the termination message of a failure."""
    return {"result": "Failed", "reason": failure.reason.value, "message": failure.message}


def leave(path: Path, payload: dict[str, object]) -> None:
    """Write `payload` to `path` as JSON of at most 4,096 bytes; its `message` is shortened where it must be.

    The default path is written only where it exists (in a container). A path that cannot be written is no error:
    the same words went to the log.
    """
    if path == DEFAULT_PATH and not path.exists():
        return
    try:
        path.write_bytes(encode(payload))
    except OSError:
        return


def encode(payload: dict[str, object]) -> bytes:
    """Return `payload` as JSON of at most 4,096 bytes, its `message` cut from the end where needed."""
    encoded = orjson.dumps(payload)
    message = payload.get("message")
    while len(encoded) > LIMIT_BYTES and isinstance(message, str) and message:
        # A character may take up to six bytes of JSON: cut by the excess, at least one, until it fits.
        message = message[: -max(1, (len(encoded) - LIMIT_BYTES) // 6)]
        encoded = orjson.dumps(payload | {"message": message + "…"})
    return encoded
