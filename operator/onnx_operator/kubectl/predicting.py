"""Ask a model through the API server's proxy to its Service: no port-forward, the rights of kubectl."""

import json
from typing import Any
from urllib.parse import quote

from onnx_operator.kube.connection import Answer
from onnx_operator.kubectl.cluster import Cluster
from onnx_operator.kubectl.problems import RIGHTS, ProblemError

Object = dict[str, Any]


async def signature(cluster: Cluster, service: str, model: str) -> Object:
    """Return the metadata of the model that a Service's pods serve: its inputs and outputs."""
    return _parsed(await cluster.through_service(service, f"v2/models/{quote(model)}"), service)


async def infer(cluster: Cluster, service: str, model: str, request: Object) -> Object:
    """Return the model's answer to an Open Inference Protocol request."""
    body = json.dumps(request).encode()
    return _parsed(await cluster.through_service(service, f"v2/models/{quote(model)}/infer", body), service)


def _parsed(answer: Answer, service: str) -> Object:
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = {}
    if answer.status == 200 and isinstance(said, dict):
        return said
    if isinstance(said, dict) and said.get("kind") == "Status":  # the API server's own words, not the model's
        raise _of_the_proxy(answer.status, str(said.get("message", "")), service)
    text = said.get("error") if isinstance(said, dict) else None
    raise ProblemError(f"The model answers {answer.status}: {text or answer.body.decode(errors='replace')[:500]}")


def _of_the_proxy(status: int, message: str, service: str) -> ProblemError:
    match status:
        case 403:
            return ProblemError(f"You may not use the proxy to Services: {message}", RIGHTS)
        case 404:
            return ProblemError(
                f"There is no Service {service!r}: {message}", "kubectl onnx history NAME shows revisions."
            )
        case 503:
            return ProblemError(
                f"No pod answers behind the Service {service!r}: {message}", "kubectl onnx status NAME shows its pods."
            )
    return ProblemError(f"The API server's proxy answers {status}: {message}")
