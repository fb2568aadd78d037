"""Who takes part in a forwarded request: the transport, the candidate, and a clock."""

from collections.abc import Callable
from typing import Protocol

from onnx_server.traffic.message import Answer
from onnx_server.traffic.outcome import Outcome


class Client(Protocol):
    """The transport's side of a request. Each is called on the event loop."""

    def run(self) -> None:
        """Begin to answer the request yourself, then call `Forward.own`. Called at most once."""

    def forwarded(self, answer: Answer) -> None:
        """Send this; it is over. What `run` began is to be dropped."""

    def unreachable(self, message: str) -> None:
        """Answer 502 or UNAVAILABLE with this message; it is over. Only for previews."""


class Timer(Protocol):
    """What can be cancelled."""

    def cancel(self) -> None:
        """Do not call."""


class Cancellable(Protocol):
    """A request to a candidate."""

    def cancel(self) -> None:
        """Let go of it."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Call something after so many seconds."""


class Nobody:
    """In the place of who heard the end: what refers to each other would keep the bodies for the garbage collector."""

    def run(self) -> None:
        """It is over."""

    def forwarded(self, answer: Answer) -> None:
        """It is over."""

    def unreachable(self, message: str) -> None:
        """It is over."""

    def tell(self, outcome: Outcome) -> None:
        """It was told."""


NOBODY = Nobody()
