"""Requests and answers of the Open Inference Protocol over HTTP, in binary and as JSON. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.models import INPUT, OUTPUT, Array

HEADER_LENGTH: Final = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Message:
    """What is sent: headers and body."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def binary(rows: Array) -> Message:
    """Return a request with its tensor, FP32 [N, ...], behind the JSON, that asks for the answer likewise."""
    data = rows.astype("<f4").tobytes()
    described = {**_described(rows), "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    return Message(head + data, {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))})


def as_json(rows: Array) -> Message:
    """Return a request with its tensor as JSON numbers: as many digits as a float32 needs."""
    data = [float(str(value)) for value in rows.ravel()]
    body = json.dumps({"inputs": [{**_described(rows), "data": data}]}).encode()
    return Message(body, {"Content-Type": "application/json"})


def answer(headers: Mapping[str, str], body: bytes) -> Array:
    """Return the output's values, FP32 [n]; `headers` are by lower-case names.

    Raises BenchmarkError if the output is not there.
    """
    length = headers.get(HEADER_LENGTH.lower())
    head, rest = (body, b"") if length is None else (body[: int(length)], body[int(length) :])
    try:
        (found,) = json.loads(head)["outputs"]
        if found["name"] != OUTPUT or found["datatype"] != "FP32":
            raise BenchmarkError(f"expected {OUTPUT} of FP32, got {found['name']} of {found['datatype']}")
        if "data" in found:
            return np.asarray(found["data"], np.float32).ravel()
        return np.frombuffer(rest, "<f4", count=found["parameters"]["binary_data_size"] // 4)
    except (ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"not an answer of the protocol ({error!r}): {head[:300]!r}") from error


def _described(rows: Array) -> dict[str, object]:
    return {"name": INPUT, "shape": list(rows.shape), "datatype": "FP32"}
