"""One request before the model: what is to be run, how urgent it is, and who hears the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError


@dataclass(frozen=True, slots=True)
class Run:
    """What the model gave: the outputs in the order asked for, and how long the request waited and ran, in seconds.

    `computed` is the time of the execution that the request was part of; where `cached`, there was none.
    """

    outputs: list[Tensor]
    queued: float
    computed: float
    cached: bool = False


Outcome = Run | RequestError


@dataclass(slots=True, eq=False)
class Work:
    """A request to a scheduler. `done` is called exactly once, on the event loop, perhaps before `submit` returns.

    `priority` is from 1, the most urgent; 0 is the lowest of all. `deadline` is in seconds of time.monotonic().
    """

    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    rows: int
    done: Callable[[Outcome], None]
    priority: int = 0
    deadline: float | None = None
