"""The ways in which requests come: protocol, encoding, and the tool that sends them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.server import checks, wrk
from benchmarks.server.loads import Load
from benchmarks.server.messages import Message, as_json, binary
from benchmarks.server.models import Array
from benchmarks.server.places import HOST, HTTP_PORT
from benchmarks.server.subject import Subject


class Way(Protocol):
    """One way: it checks answers, and it measures."""

    @property
    def name(self) -> str:
        """What results call it."""

    def check(self, subject: Subject) -> None:
        """Compare the answers to different requests with the raw ones. Raises BenchmarkError."""

    def load(self, subject: Subject, connections: int, seconds: int) -> Load:
        """Send one request again and again, each connection when its last one was answered."""


@dataclass(frozen=True)
class OverHttp:
    """HTTP/1.1 with kept connections, by wrk."""

    name: str
    encode: Callable[[Array], Message]

    def check(self, subject: Subject) -> None:
        """Compare over HTTP."""
        checks.over_http(_path(subject), self.encode, subject.inputs, subject.expected)

    def load(self, subject: Subject, connections: int, seconds: int) -> Load:
        """Measure by wrk."""
        message = self.encode(subject.inputs[:1])
        return wrk.load(f"http://{HOST}:{HTTP_PORT}{_path(subject)}", message, connections, seconds, subject.folder)


def _path(subject: Subject) -> str:
    return f"/v2/models/{subject.model.name}/infer"


BINARY, JSON = OverHttp("http binary", binary), OverHttp("http json", as_json)

WAYS: Final[dict[str, tuple[Way, ...]]] = {
    "tiny": (BINARY,),
    "middle": (BINARY,),
    "image": (BINARY,),
    "wide": (BINARY, JSON),
}
"""By model: in which ways it is asked."""
