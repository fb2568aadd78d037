"""Answers are compared with those of raw ONNX Runtime, requests sent at once so that servers may batch them."""

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.messages import Message, answer
from benchmarks.server.models import Array
from benchmarks.server.places import HOST, HTTP_PORT

RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far an answer may be from the raw one: in a batch, sums are added up in another order."""


def over_http(path: str, encode: Callable[[Array], Message], inputs: Array, expected: Array) -> None:
    """Send each input as a request of its own, all at once. Raises BenchmarkError for an answer that is not right."""

    def ask(row: Array) -> Array:
        message = encode(row[np.newaxis])
        connection = http.client.HTTPConnection(HOST, HTTP_PORT, timeout=60)
        try:
            connection.request("POST", path, message.body, dict(message.headers))
            response = connection.getresponse()
            body = response.read()
            if response.status != http.client.OK:
                raise BenchmarkError(f"{path} answered {response.status}: {body[:500]!r}")
            return answer({name.lower(): value for name, value in response.getheaders()}, body)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(inputs)) as threads:
        compare(list(threads.map(ask, inputs)), expected)


def compare(answers: list[Array], expected: Array) -> None:
    """Raise BenchmarkError unless each answer is the expected one. Pure."""
    for index, (got, wanted) in enumerate(zip(answers, expected, strict=True)):
        if got.shape != wanted.shape or not np.allclose(got, wanted, RELATIVE, ABSOLUTE):
            raise BenchmarkError(f"answer {index} is wrong: expected {wanted[:4]}…, got {got[:4]}…")
