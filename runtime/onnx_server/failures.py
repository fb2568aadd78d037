"""The reasons for which `fetch` and `serve` end: the constants that the operator shows to users.

docs/contract.md lists them; a new one is added there too.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a program ended. The value is what the termination message carries."""

    INVALID_URI = "InvalidURI"
    MODEL_NOT_FOUND = "ModelNotFound"
    ACCESS_DENIED = "AccessDenied"
    DIGEST_MISMATCH = "DigestMismatch"
    CONTENT_CHANGED = "ContentChanged"
    MODEL_TOO_LARGE = "ModelTooLarge"
    FETCH_TIMEOUT = "FetchTimeout"
    STORE_UNREACHABLE = "StoreUnreachable"
    NOT_AN_ONNX_MODEL = "NotAnONNXModel"
    UNSUPPORTED_OPSET = "UnsupportedOpset"
    UNSUPPORTED_MODEL = "UnsupportedModel"
    EXECUTION_PROVIDER_UNAVAILABLE = "ExecutionProviderUnavailable"
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    WARM_UP_FAILED = "WarmUpFailed"
    INVALID_CONFIG = "InvalidConfig"


class Failure(Exception):  # noqa: N818  it ends the program as docs/contract.md says; "result": "Failed"
    """A failure with a reason and one sentence that says what and the remedy. It ends the program with status 1."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
