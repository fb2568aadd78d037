"""One request before the model: what is to be run, how urgent it is, and who hears the outcome."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onnx_server.engine.batching import Entry
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError


@dataclass(slots=True)
class Run:
    """What the model gave: the outputs in the order asked for, and how long the request waited and ran, in seconds.

    Outputs may be views of a larger batch's. `computed` is the time of the execution that the request was part of;
    `rows` and `elements` (of the inputs) are those of its batch, 0 where nothing was executed. `lead` is true of one
    request of each batch.
    """

    outputs: Sequence[Tensor]
    queued: float
    computed: float
    rows: int = 0
    elements: int = 0
    lead: bool = False


Outcome = Run | RequestError


@dataclass(slots=True, eq=False, kw_only=True)
class Work(Entry):
    """A request to a scheduler. `done` is called exactly once, on the event loop, perhaps before `submit` returns.

    `inputs` has every input of the model; `rows` is the largest first dimension of those that batch. `priority` is
    from 1, the most urgent; 0 is the lowest of requests, and -1, for what no client waits for, is below all. `deadline`
    is in seconds of time.monotonic(). The scheduler sets the rest, and empties `inputs` when it is done with them.
    """

    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    done: Callable[[Outcome], None]
