"""Settings of inputs that do not go with the model."""

from onnx_server.failures import Failure, Reason


def refused(name: str, field: str, expected: str, got: object) -> Failure:
    """Return the failure for `inputs.NAME.FIELD`; an empty `field` is the whole of the input's settings."""
    path = ".".join(part for part in ("inputs", name, field) if part)
    return Failure(Reason.INVALID_CONFIG, f"{path}: expected {expected}, got {got}")
