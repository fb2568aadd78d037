"""Type what ONNX Runtime says when it refuses a model."""

import re
from collections.abc import Sequence

from onnx_server.failures import Failure, Reason
from onnx_server.repository.modelfile import ModelHeader
from onnx_server.settings.providers import ExecutionProvider

_NEWER = (
    re.compile(r"(?P<what>Unsupported model IR version: \d+, max supported IR version: \d+)"),
    re.compile(
        r"(?P<what>Opset \d+ is under development).*?(?P<limit>Current official support for domain [^.]*)", re.S
    ),
    re.compile(r"(?P<what>No Op registered for \S+ with domain_version of \d+)"),
    re.compile(r"(?P<what>\S+ is not a registered function/op)"),
    re.compile(r"(?P<what>Could not find an implementation for \S+ node)"),
)


def failure(error: Exception, header: ModelHeader, asked: Sequence[ExecutionProvider], version: str) -> Failure:
    """Return the typed failure for an exception of the session's constructor. `version` is ONNX Runtime's."""
    text = str(error)
    if "fallback to CPU EP has been explicitly disabled" in text:
        message = (
            f"not all nodes of the model can run on {', '.join(asked)}: add CPU to spec.server.executionProviders to "
            "let the rest run on the CPU"
        )
        return Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message)
    for pattern in _NEWER:
        if found := pattern.search(text):
            what = ". ".join(group for group in found.groups() if group)
            message = (
                f"ONNX Runtime {version} cannot run the model: {what} (the model has IR version {header.ir_version}, "
                f"opsets {_opsets(header)}): export it with an older opset, or use a newer server image"
            )
            return Failure(Reason.UNSUPPORTED_OPSET, message)
    if type(error).__name__ == "InvalidProtobuf":
        message = "the file is not an ONNX model: ONNX Runtime cannot parse its protobuf; export or upload it again"
        return Failure(Reason.NOT_AN_ONNX_MODEL, message)
    hint = ""
    if "xternal data" in text or "xternal initializer" in text:
        hint = " (the weights are in files beside the model: name the directory, with '/' at the end)"
    return Failure(Reason.MODEL_LOAD_FAILED, f"ONNX Runtime {version} refused the model: {_words(text)}{hint}")


def _opsets(header: ModelHeader) -> str:
    return ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(header.opsets.items()))


def _words(text: str) -> str:
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    return " ".join(text.split())
