"""Requests of the model repository extension: what their optional parameters may be."""

from collections.abc import Mapping
from typing import Any

import orjson

from onnx_server.protocol.errors import bad_request


def ready_only(body: bytes) -> bool:
    """Return whether an index request asks for what serves only: {"ready": true}. Raises RequestError 400."""
    ready = _object(body, "the index request").get("ready", False)
    if not isinstance(ready, bool):
        raise bad_request(f"'ready' must be true or false, got {_shown(ready)}")
    return ready


def check_load(body: bytes) -> None:
    """Accept a load request that asks for nothing but the load. Raises RequestError 400 that names the parameter."""
    check_load_parameters(_parameters(body, "the load request"))


def check_unload(body: bytes) -> None:
    """Accept an unload request. Raises RequestError 400 that names the parameter."""
    check_unload_parameters(_parameters(body, "the unload request"))


def check_load_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise RequestError 400 for any parameter: none of those that Triton has is supported."""
    for name in parameters:
        if name == "config":
            raise bad_request(
                "parameter 'config' is not supported: settings of a model are `models: {NAME: ...}` in server.yaml, "
                "read when the server starts"
            )
        if name.startswith("file:"):
            raise bad_request(
                f"parameter '{name}' is not supported: put the file into the repository, then load the model"
            )
        raise bad_request(f"parameter '{name}' of a load request is unknown: it takes none")


def check_unload_parameters(parameters: Mapping[str, Any]) -> None:
    """Accept `unload_dependents`, a bool: no model here depends on another. Raises RequestError 400 for all else."""
    for name, value in parameters.items():
        if name != "unload_dependents":
            raise bad_request(f"parameter '{name}' of an unload request is unknown: it takes 'unload_dependents'")
        if not isinstance(value, bool):
            raise bad_request(f"parameter 'unload_dependents' must be true or false, got {_shown(value)}")


def _parameters(body: bytes, what: str) -> dict[str, Any]:
    parameters = _object(body, what).get("parameters", {})
    if not isinstance(parameters, dict):
        raise bad_request(f"'parameters' must be an object, got {_shown(parameters)}")
    return parameters


def _object(body: bytes, what: str) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"{what} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise bad_request(f"{what} must be a JSON object, got {_shown(document)}")
    return document


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else text[:40] + "…"
