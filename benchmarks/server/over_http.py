"""HTTP/1.1 with kept connections: answers checked by the standard library, load by wrk."""

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.server import wrk
from benchmarks.server.answers import compare
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.messages import Message, answer
from benchmarks.server.models import Array
from benchmarks.server.places import HOST, HTTP_PORT
from benchmarks.server.subject import Subject


@dataclass(frozen=True)
class OverHttp:
    """One encoding of requests and answers."""

    name: str
    encode: Callable[[Array], Message]

    def install(self) -> None:
        """Do nothing: wrk is a tool of all runs."""

    def check(self, subject: Subject) -> int:
        """Send each input as a request of its own, all at once, so that servers may batch them."""
        path = _path(subject)

        def ask(row: Array) -> tuple[Array, int]:
            message = self.encode(row[np.newaxis])
            connection = http.client.HTTPConnection(HOST, HTTP_PORT, timeout=60)
            try:
                connection.request("POST", path, message.body, dict(message.headers))
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise BenchmarkError(f"{path} gave no answer: {error!r}") from error
            finally:
                connection.close()
            if response.status != http.client.OK:
                raise BenchmarkError(f"{path} answered {response.status}: {body[:500]!r}")
            return answer({name.lower(): value for name, value in response.getheaders()}, body), len(body)

        with ThreadPoolExecutor(len(subject.inputs)) as threads:
            asked = list(threads.map(ask, subject.inputs))
        compare([values for values, _ in asked], subject.expected)
        return max(size for _, size in asked)

    def load(self, subject: Subject, answer_bytes: int, connections: int, seconds: int) -> Load:
        """Measure by wrk, which counts every status but 2xx and 3xx as a failure."""
        message = self.encode(subject.inputs[:1])
        return wrk.load(f"http://{HOST}:{HTTP_PORT}{_path(subject)}", message, connections, seconds, subject.folder)


def _path(subject: Subject) -> str:
    return f"/v2/models/{subject.model.name}/infer"
